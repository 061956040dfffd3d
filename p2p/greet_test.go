package p2p_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
)

const helloProtocol = "/allegro/hello/1"

func TestHelloTellsWhoIsWho(t *testing.T) {
	play(t, 2, func(s *scene) {
		all := s.startAll()
		client := s.start("c0", -1)
		s.ready(client)
		for i, v := range all {
			p := client.peer(v.ID())
			if p.State != p2p.PeerReady || p.Role != p2p.RoleValidator || p.Name != validator(i) || !p.Member.Equal(s.world.Now.Key(i)) || !p.Outbound {
				s.Errorf("the client knows %s as %+v", v.host.Name(), p)
			}
			if p.Committee != s.world.Now.ID() || p.Transport != "quic-v1" || len(p.Addrs) != 1 || p.Addrs[0] != v.host.Listen() || p.Version != "v0.0.0-test" {
				s.Errorf("the client knows %s as %+v", v.host.Name(), p)
			}
			q := v.peer(client.ID())
			if q.State != p2p.PeerReady || q.Role != p2p.RoleClient || q.Member != nil || q.Outbound {
				s.Errorf("%s knows the client as %+v", v.host.Name(), q)
			}
			if n := v.count("allegro_peers", "role", "client"); n != 1 {
				s.Errorf("%s counts %v clients", v.host.Name(), n)
			}
			if n := v.count("libp2p_swarm_connections_opened_total"); n == 0 {
				s.Errorf("%s has no metrics of libp2p", v.host.Name())
			}
		}
		for i, m := range all[0].Members(s.world.Now.ID()) {
			if m.Index != i || m.Self != (i == 0) || !m.Reached() || m.Peer != all[i].ID() || m.Name != validator(i) || m.Problem != "" {
				s.Errorf("member %d is %+v", i, m)
			}
		}
	})
}

// TestAnotherNetwork: a peer with another network file is disconnected, told why, and
// left alone for a while.
func TestAnotherNetwork(t *testing.T) {
	play(t, 1, func(s *scene) {
		v := s.startAll()[0]
		client := s.start("c0", -1, func(c *p2p.Config) { c.NetworkDigest = common.Hash{0xaa} })
		s.until("disconnected", 2*time.Second, func() bool { return client.peer(v.ID()).State == p2p.PeerRefused && client.ConnCount(v.ID()) == 0 })
		for _, p := range []p2p.PeerInfo{client.peer(v.ID()), v.peer(client.ID())} {
			if p.State != p2p.PeerRefused || !strings.Contains(p.Problem, "another network file") || !strings.Contains(p.Problem, "aa000000") {
				s.Errorf("a peer of the other network is %s: %q", p.State, p.Problem)
			}
		}
		if n := client.count("allegro_hello_total", "result", "wrong_network") + v.count("allegro_hello_total", "result", "wrong_network"); n == 0 {
			s.Error("no hello counts as of a wrong network")
		}
		r := client.Readiness(s.world.Now.ID())
		if !r.Ready || r.QuorumReachable() || len(r.Missing) != 1 || !strings.Contains(r.Missing[0], "another network file") {
			s.Errorf("the client's readiness is %+v", r)
		}
		dials := client.count("allegro_dials_total")
		time.Sleep(25 * time.Second)
		if n := client.count("allegro_dials_total"); n != dials {
			s.Errorf("the refused peer is dialed %v times within 25 s", n-dials)
		}
		time.Sleep(10 * time.Second)
		if n := client.count("allegro_dials_total"); n == dials {
			s.Error("the refused peer is never dialed again")
		}
	})
}

// TestForgedMembership: whoever claims a member's place without its key is refused.
func TestForgedMembership(t *testing.T) {
	play(t, 2, func(s *scene) {
		v0 := s.start("v0", 0)
		impostor := s.start("v1", 1, func(c *p2p.Config) { c.SignHello = s.world.SignHello(0) })
		s.until("refused", 2*time.Second, func() bool { return v0.peer(impostor.ID()).State == p2p.PeerRefused })
		if p := v0.peer(impostor.ID()); !strings.Contains(p.Problem, "without that member's signature") {
			s.Errorf("the impostor's problem is %q", p.Problem)
		}
		s.until("disconnected", time.Second, func() bool { return v0.ConnCount(impostor.ID()) == 0 })
		if n := v0.count("allegro_hello_total", "result", "forged_member"); n == 0 {
			s.Error("no forged hello is counted")
		}
		if m := v0.Members(s.world.Now.ID())[1]; m.Reached() || !strings.Contains(m.Problem, "without that member's signature") {
			s.Errorf("member 1 is %+v", m)
		}
	})
}

// TestReplayedHello: a recorded signature does not bind a peer again.
func TestReplayedHello(t *testing.T) {
	play(t, 1, func(s *scene) {
		var mu sync.Mutex
		recorded := make(map[int][]byte)
		replay := func(ctx context.Context, committee common.Hash, requester, responder []byte, nonce [32]byte) (_ []byte, err error) {
			mu.Lock()
			defer mu.Unlock()
			if recorded[0] == nil {
				recorded[0], err = s.world.SignHello(0)(ctx, committee, requester, responder, nonce)
			}
			return recorded[0], err
		}
		v := s.start("v0", 0, func(c *p2p.Config) { c.SignHello = replay })
		client := s.start("c0", -1)
		s.ready(client)
		if err := client.Disconnect(v.ID()); err != nil {
			s.Fatal(err)
		}
		s.until("refused", 5*time.Second, func() bool { return client.peer(v.ID()).State == p2p.PeerRefused })
	})
}

// TestTwins: two peers that prove one validator's key both speak for it, the newer one
// first, and one is enough.
func TestTwins(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := s.start("v0", 0), s.start("c0", -1)
		s.ready(client)
		twin := s.start("twin", 0, func(c *p2p.Config) { c.Peers = []string{client.host.Addr()} })
		speaker := func() p2p.PeerID { return client.Members(s.world.Now.ID())[0].Peer }
		s.until("greeted", 5*time.Second, func() bool { return speaker() == twin.ID() })
		if err := twin.stop(); err != nil {
			s.Fatal(err)
		}
		s.until("replaced", time.Second, func() bool { return speaker() == v.ID() })
	})
}

// TestSinceWhen: of each member it is known since when it is reached, or since when not.
func TestSinceWhen(t *testing.T) {
	play(t, 2, func(s *scene) {
		client := s.start("c0", -1)
		members := func() []p2p.MemberInfo { return client.Members(s.world.Now.ID()) }
		time.Sleep(time.Minute)
		began := time.Now()
		for _, m := range members() {
			if !m.Since.IsZero() {
				s.Errorf("member %d was never reached, since %s", m.Index, m.Since)
			}
		}
		all := s.startAll()
		s.ready(client)
		for i, m := range members() {
			if p := client.peer(all[i].ID()); !m.Since.Equal(p.Since) || m.Since.Before(began) {
				s.Errorf("member %d is reached since %s, its peer is connected since %s", i, m.Since, p.Since)
			}
		}
		time.Sleep(time.Hour)
		stopped := time.Now()
		if err := all[1].stop(); err != nil {
			s.Fatal(err)
		}
		s.until("lost", time.Second, func() bool { return members()[1].Peer == "" })
		if m := members()[1]; m.Since.Before(stopped) || m.Since.After(time.Now()) {
			s.Errorf("member 1 is lost since %s, it stopped at %s", m.Since, stopped)
		}
		if m := members()[0]; !m.Since.Equal(client.peer(all[0].ID()).Since) {
			s.Errorf("member 0 is reached since %s", m.Since)
		}
	})
}

// TestNoAllegroPeer: a peer that does not speak hello is turned away.
func TestNoAllegroPeer(t *testing.T) {
	play(t, 1, func(s *scene) {
		v := s.startAll()[0]
		v.AnswerRaw(helloProtocol, nil)
		client := s.start("c0", -1)
		s.until("turned away", 5*time.Second, func() bool { return client.count("allegro_hello_total", "result", "unsupported") > 0 })
		s.until("disconnected", time.Second, func() bool { return client.ConnCount(v.ID()) == 0 })
		if m := client.Members(s.world.Now.ID())[0]; !strings.Contains(m.Problem, "does not speak the protocol") {
			s.Errorf("member 0 is %+v", m)
		}
	})
}

// TestHangingHello: a peer that accepts connections and says nothing is tried three
// times, then disconnected; readiness does not wait for it.
func TestHangingHello(t *testing.T) {
	play(t, 1, func(s *scene) {
		v := s.startAll()[0]
		v.AnswerRaw(helloProtocol, hang)
		began := time.Now()
		client := s.start("c0", -1)
		r, err := client.WaitReady(s.Context(), s.world.Now.ID())
		if err != nil || len(r.Missing) != 1 {
			s.Fatalf("readiness %+v: %v", r, err)
		}
		if d := time.Since(began); d < 15*time.Second || d > 20*time.Second {
			s.Errorf("giving up takes %s, want three timeouts of 5 s", d)
		}
		if n := client.count("allegro_hello_total", "result", "error"); n != 3 {
			s.Errorf("%v hellos failed, want 3", n)
		}
	})
}

// TestHelloFlood: hellos are answered at a limited rate.
func TestHelloFlood(t *testing.T) {
	play(t, 1, func(s *scene) {
		v := s.startAll()[0]
		client := s.start("c0", -1)
		s.ready(client)
		for range 30 {
			stream, err := client.OpenRaw(s.Context(), v.ID(), helloProtocol)
			if err != nil {
				s.Fatal(err)
			}
			_ = p2p.WriteFrame(stream, []byte{0xc0}, 10)
			_, _ = stream.Read(make([]byte, 1))
			_ = stream.Reset()
		}
		if n := v.count("allegro_hello_served_total", "result", "rate_limited"); n < 18 {
			s.Errorf("%v of 30 hellos within a second and a half are refused as too many", n)
		}
	})
}
