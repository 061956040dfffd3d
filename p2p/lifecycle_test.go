package p2p_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
)

// TestLateJoiner: who comes later has missed the gossip, can sync, and takes part
// from then on.
func TestLateJoiner(t *testing.T) {
	play(t, 4, func(s *scene) {
		all := s.startAll()
		w := s.world
		early := w.Payments(2)
		if err := all[0].PublishPayments(s.Context(), w.Now.ID(), early[:1]); err != nil {
			s.Fatal(err)
		}
		s.await(all[3], func() bool { return len(all[3].rec.Payments()) == 1 })
		time.Sleep(10 * time.Second)
		all[0].rec.SyncBy(func(context.Context, p2p.PeerID, p2p.SyncRequest) (p2p.SyncResponse, error) {
			return p2p.SyncResponse{Items: []p2p.SyncItem{{Tx: early[0].Tx}}}, nil
		})
		began := time.Now()
		late := s.start("c0", -1)
		s.ready(late)
		if d := time.Since(began); d > time.Second {
			s.Errorf("a late joiner is ready after %s", d)
		}
		if n := len(late.rec.Payments()); n != 0 {
			s.Errorf("a late joiner gets %d old payments by gossip", n)
		}
		resp, err := late.Sync(s.Context(), all[0].ID(), p2p.SyncRequest{Kind: p2p.SyncSince, Limit: 10})
		if err != nil || len(resp.Items) != 1 {
			s.Errorf("%d payments by sync, %v", len(resp.Items), err)
		}
		if err := all[2].PublishPayments(s.Context(), w.Now.ID(), early[1:]); err != nil {
			s.Fatal(err)
		}
		s.await(late, func() bool { return len(late.rec.Payments()) == 1 })
	})
}

// events records who came and went.
type events struct {
	mu  sync.Mutex
	log []string
}

func (e *events) record(names map[p2p.PeerID]string) func(p2p.PeerEvent) {
	return func(ev p2p.PeerEvent) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.log = append(e.log, fmt.Sprintf("%s %v", names[ev.Peer.ID], ev.Joined))
	}
}

// of returns the events of one peer, in order.
func (e *events) of(name string) (joined []bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, line := range e.log {
		if who, what, _ := strings.Cut(line, " "); who == name {
			joined = append(joined, what == "true")
		}
	}
	return joined
}

// startWatched starts a node that records events from its start on.
func (s *scene) startWatched(name string, i int) (*actor, *events) {
	s.Helper()
	names := make(map[p2p.PeerID]string)
	for _, n := range []string{"v0", "v1", "v2", "v3", "c0"} {
		names[s.net.Host(n).PeerID()] = n
	}
	e := &events{}
	return s.startWith(name, i, func(n *p2p.Node) { n.OnPeer(e.record(names)) }), e
}

// TestPartitionHeals: both sides notice that the other is gone, and find each other
// again within seconds of the healing.
func TestPartitionHeals(t *testing.T) {
	play(t, 4, func(s *scene) {
		v0, seen := s.startWatched("v0", 0)
		all := []*actor{v0}
		for i := 1; i < 4; i++ {
			all = append(all, s.start(validator(i), i))
		}
		s.ready(all...)
		s.net.Partition([]string{"v0", "v1"}, []string{"v2", "v3"})
		noticed := s.until("noticed", 2*time.Minute, func() bool {
			r := v0.Readiness(s.world.Now.ID())
			return r.Ready && len(r.Missing) == 2
		})
		s.Logf("the partition is noticed after %s", noticed)
		r := v0.Readiness(s.world.Now.ID())
		if r.QuorumReachable() || r.Weight != 2 || r.Quorum != 3 || !strings.HasPrefix(r.Missing[0], "validator 2 (v2): ") {
			s.Errorf("readiness in the partition is %+v", r)
		}
		if got := v0.count("allegro_committee_reachable", "epoch", "1"); got != 2 {
			s.Errorf("the gauge shows a reachable weight of %v, want 2", got)
		}
		time.Sleep(time.Minute)
		if err := v0.PublishPayments(s.Context(), s.world.Now.ID(), s.world.Payments(1)); err != nil {
			s.Fatal(err)
		}
		s.await(all[1], func() bool { return len(all[1].rec.Payments()) == 1 })
		s.net.Heal()
		began := time.Now()
		s.ready(all...)
		if d := time.Since(began); d > 16*time.Second {
			s.Errorf("a healed partition joins after %s, want at most a backoff and a dial", d)
		}
		if err := all[3].PublishPayments(s.Context(), s.world.Now.ID(), []fastpay.Payment{{Tx: s.world.Tx(s.world.Now, 9, 0)}}); err != nil {
			s.Fatal(err)
		}
		for _, a := range all[:3] {
			s.await(a, func() bool {
				return slices.ContainsFunc(a.rec.Payments(), func(p fastpay.Payment) bool { return p.Tx.ID() == s.world.Tx(s.world.Now, 9, 0).ID() })
			})
		}
		time.Sleep(time.Second)
		if got := seen.of("v2"); !slices.Contains(got, false) || !got[0] || !got[len(got)-1] {
			s.Errorf("consumers were told of v2: %v, want that it came, left and came", got)
		}
		if got := seen.of("v1"); slices.Contains(got, false) {
			s.Errorf("consumers were told of v1: %v, want that it never left", got)
		}
	})
}

// TestPowerLoss: a validator that lost power and is back is used again at once: the
// dead connections that it left behind do not swallow requests.
func TestPowerLoss(t *testing.T) {
	play(t, 3, func(s *scene) {
		v0, seen := s.startWatched("v0", 0)
		v1, v2 := s.start("v1", 1), s.start("v2", 2)
		s.ready(v0, v1, v2)
		v2.host.Kill()
		if err := v2.stop(); err != nil {
			s.Fatal(err)
		}
		time.Sleep(time.Second)
		again := s.start("v2", 2)
		s.ready(again)
		time.Sleep(6 * time.Second) // dead connections are probed, and the peer redialed
		began := time.Now()
		if _, err := v0.Submit(s.Context(), again.ID(), s.world.Payments(1)); err != nil || time.Since(began) > 2*roundTrip {
			s.Errorf("a submit to the restarted validator takes %s: %v", time.Since(began), err)
		}
		if got := seen.of("v2"); len(got) < 2 || !got[len(got)-1] {
			s.Errorf("consumers were told of v2: %v, want that it joined again", got)
		}
		s.ready(v0, v1)
		if err := v0.PublishPayments(s.Context(), s.world.Now.ID(), s.world.Payments(1)); err != nil {
			s.Fatal(err)
		}
		s.await(again, func() bool { return len(again.rec.Payments()) == 1 })
	})
}

// TestMovedPeer: a wallet that comes back from another address leaves a connection
// behind that nothing ends; it does not cost the wallet its gossip.
func TestMovedPeer(t *testing.T) {
	play(t, 1, func(s *scene) {
		v, client := s.start("v0", 0), s.start("c0", -1)
		s.ready(v, client)
		client.host.Move()
		if err := client.stop(); err != nil {
			s.Fatal(err)
		}
		again := s.start("c0", -1)
		s.ready(again)
		time.Sleep(5 * time.Second)
		if n := v.ConnCount(again.ID()); n != 1 {
			s.Errorf("the validator has %d connections to the wallet, want the new one", n)
		}
		began := time.Now()
		if err := v.PublishBatch(s.Context(), s.world.Batch(s.world.Now, 0, fastpay.ID{1})); err != nil {
			s.Fatal(err)
		}
		s.await(again, func() bool { return len(again.rec.Batches()) == 1 })
		if d := time.Since(began); d > roundTrip {
			s.Errorf("a vote takes %s to the wallet, want one way", d)
		}
	})
}

// TestLeaveStopsDialing: members of no joined committee are let go.
func TestLeaveStopsDialing(t *testing.T) {
	play(t, 3, func(s *scene) {
		v0, gone := s.start("v0", 0), s.net.Host("v2").PeerID()
		if _, err := v0.WaitReady(s.Context(), s.world.Now.ID()); err != nil {
			s.Fatal(err)
		}
		if err := v0.Join(s.world.Later.ID()); err != nil {
			s.Fatal(err)
		}
		if p := v0.peer(gone); p.State != p2p.PeerAbsent {
			s.Errorf("an absent member is listed as %+v", p)
		}
		if err := v0.Leave(s.world.Now.ID()); err != nil {
			s.Fatal(err)
		}
		time.Sleep(10 * time.Second) // a dial may be under way
		if p := v0.peer(gone); p.ID != "" {
			s.Errorf("a member of no joined committee is listed as %+v", p)
		}
		dials := v0.count("allegro_dials_total")
		time.Sleep(time.Minute)
		perDial := (v0.count("allegro_dials_total") - dials) / 60 * 15
		if perDial > 1.5 { // v1 alone, every 15 s at most
			s.Errorf("%v dials a cycle, want those of one member", perDial)
		}
		if err := v0.Join(s.world.Now.ID()); err != nil {
			s.Fatal(err)
		}
		if p := v0.peer(gone); p.State != p2p.PeerAbsent {
			s.Errorf("a member of a joined committee is listed as %+v", p)
		}
	})
}

// TestRoundTripOfTheConnected: a peer has a round trip while it is connected.
func TestRoundTripOfTheConnected(t *testing.T) {
	play(t, 2, func(s *scene) {
		all := s.startAll()
		if _, err := all[0].Ping(s.Context(), all[1].ID()); err != nil {
			s.Fatal(err)
		}
		if p := all[0].peer(all[1].ID()); p.State != p2p.PeerReady || p.Latency < roundTrip {
			s.Errorf("a connected peer is listed as %+v", p)
		}
		if err := all[1].stop(); err != nil {
			s.Fatal(err)
		}
		time.Sleep(10 * time.Second) // a dial may be under way
		if p := all[0].peer(all[1].ID()); p.State != p2p.PeerAbsent || p.Latency != 0 {
			s.Errorf("a peer that has gone is listed as %+v", p)
		}
	})
}

// TestReadyWithoutAMember: a member that cannot be dialed is reported and does not
// keep the others from being ready.
func TestReadyWithoutAMember(t *testing.T) {
	play(t, 4, func(s *scene) {
		began := time.Now()
		for i := range 3 {
			s.start(validator(i), i)
		}
		ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
		defer cancel()
		for _, a := range s.nodes {
			r, err := a.WaitReady(ctx, s.world.Now.ID())
			if err != nil || !r.QuorumReachable() || r.Weight != 3 || len(r.Missing) != 1 || !strings.HasPrefix(r.Missing[0], "validator 3 (v3): ") {
				s.Errorf("%s: %+v, %v", a.host.Name(), r, err)
			}
		}
		if d := time.Since(began); d > 6*time.Second {
			s.Errorf("readiness takes %s, want one dial timeout of 5 s", d)
		}
		p := s.nodes[0].peer(s.net.Host("v3").PeerID())
		if p.State != p2p.PeerAbsent || p.Name != "v3" || p.Problem == "" {
			s.Errorf("the missing member is listed as %+v", p)
		}
		short, stop := context.WithTimeout(s.Context(), time.Second)
		defer stop()
		if _, err := s.nodes[0].WaitReady(short, s.world.Later.ID()); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "is not joined") {
			s.Errorf("waiting for a committee that is not joined: %v", err)
		}
	})
}

// TestAloneIsReady: a committee of one needs nobody.
func TestAloneIsReady(t *testing.T) {
	play(t, 1, func(s *scene) {
		v := s.start("v0", 0, func(c *p2p.Config) { c.Public = true })
		r, err := v.WaitReady(s.Context(), s.world.Now.ID())
		if err != nil || !r.QuorumReachable() || r.Weight != 1 {
			s.Errorf("%+v, %v", r, err)
		}
	})
}

// TestCommitteeChange: peers join the next committee's topics early, at different
// times, and leave the old ones later.
func TestCommitteeChange(t *testing.T) {
	play(t, 2, func(s *scene) {
		all := s.startAll()
		now, later := s.world.Now.ID(), s.world.Later.ID()
		for _, a := range all {
			if err := a.Join(later); err != nil {
				s.Fatal(err)
			}
			if err := a.Join(later); err != nil {
				s.Errorf("joining twice: %v", err)
			}
			time.Sleep(time.Minute)
		}
		for _, a := range all {
			if r, err := a.WaitReady(s.Context(), later); err != nil || !r.QuorumReachable() {
				s.Fatalf("%+v, %v", r, err)
			}
		}
		if n := len(all[0].Topics()); n != 8 {
			s.Errorf("%d topics are joined, want 8", n)
		}
		publish := func(c *fastpay.Committee, payer int) {
			s.Helper()
			if err := all[0].PublishPayments(s.Context(), c.ID(), []fastpay.Payment{{Tx: s.world.Tx(c, payer, 0)}}); err != nil {
				s.Fatal(err)
			}
		}
		publish(s.world.Now, 1)
		publish(s.world.Later, 2)
		s.await(all[1], func() bool { return len(all[1].rec.Payments()) == 2 })
		for _, a := range all {
			if err := a.Leave(now); err != nil {
				s.Fatal(err)
			}
			if err := a.Leave(now); err != nil {
				s.Errorf("leaving twice: %v", err)
			}
		}
		publish(s.world.Later, 3)
		s.await(all[1], func() bool { return len(all[1].rec.Payments()) == 3 })
		if err := all[0].PublishPayments(s.Context(), now, s.world.Payments(1)); !errors.Is(err, p2p.ErrNotJoined) {
			s.Errorf("publishing for the committee left: %v", err)
		}
		if err := all[0].Join(common.Hash{1}); !errors.Is(err, fastpay.WrongCommittee) {
			s.Errorf("joining an unknown committee: %v, want WRONG_COMMITTEE", err)
		}
		if n := all[0].count("allegro_committee_size", "epoch", "1"); n != 0 {
			s.Errorf("metrics still report %v members of the committee left", n)
		}
		if n := all[0].count("allegro_gossip_mesh_peers", "topic", "tx"); n != 1 {
			s.Errorf("metrics report %v mesh peers, want 1", n)
		}
	})
}

func TestInspection(t *testing.T) {
	play(t, 2, func(s *scene) {
		all := s.startAll()
		client := s.start("c0", -1, func(c *p2p.Config) { c.Members = nil })
		if err := client.Connect(s.Context(), all[0].host.Addr()); err != nil {
			s.Fatal(err)
		}
		s.until("greeted", time.Second, func() bool { return client.peer(all[0].ID()).State == p2p.PeerReady })
		if d, err := client.Ping(s.Context(), all[0].ID()); err != nil || d < roundTrip || d > roundTrip+5*time.Millisecond {
			s.Errorf("a ping takes %s, %v, want %s", d, err, roundTrip)
		}
		if err := client.Connect(s.Context(), "/ip4/1.2.3.4/4001"); err == nil || !strings.Contains(err.Error(), "did you mean") {
			s.Errorf("connecting to a wrong address: %v", err)
		}
		if err := client.Connect(s.Context(), s.net.Host("nobody").Addr()); err == nil {
			s.Error("connecting to nobody works")
		}
		for _, topic := range all[0].Topics() {
			if len(topic.Peers) != 2 || len(topic.Mesh) == 0 || topic.Committee != s.world.Now.ID() || !strings.HasSuffix(topic.Name, "/"+topic.Kind) {
				s.Errorf("topic %+v", topic)
			}
		}
		if err := client.Disconnect(all[0].ID()); err != nil {
			s.Fatal(err)
		}
		s.until("gone", time.Second, func() bool { return client.peer(all[0].ID()).ID == "" })
		time.Sleep(20 * time.Second)
		if client.ConnCount(all[0].ID()) != 0 {
			s.Error("a peer that is not configured is redialed")
		}
	})
}

func TestNodeRunsOnce(t *testing.T) {
	play(t, 1, func(s *scene) {
		v := s.startAll()[0]
		if err := v.Run(s.Context()); !errors.Is(err, p2p.ErrRunning) {
			s.Errorf("running again: %v, want ErrRunning", err)
		}
		if got := v.Addrs(); len(got) != 1 || got[0] != v.host.Addr() {
			s.Errorf("addresses %v, want %s", got, v.host.Addr())
		}
		if err := v.stop(); err != nil {
			s.Fatal(err)
		}
		if err := v.Run(s.Context()); !errors.Is(err, p2p.ErrRunning) {
			s.Errorf("running after stopping: %v, want ErrRunning", err)
		}
		if err := v.Close(); err != nil {
			s.Errorf("closing again: %v", err)
		}
		if _, err := v.WaitReady(s.Context(), s.world.Now.ID()); !errors.Is(err, p2p.ErrRunning) {
			s.Errorf("waiting for a stopped node: %v, want ErrRunning", err)
		}
	})
}

// TestCloseWithoutRun: a node that never ran leaves nothing behind; the bubble would
// panic otherwise.
func TestCloseWithoutRun(t *testing.T) {
	play(t, 1, func(s *scene) {
		cfg := s.world.Config(0)
		rec := s.start("c0", -1).rec
		cfg.Sink, cfg.Responder = rec, rec
		s.net.Host("v0").Configure(&cfg)
		n, err := p2p.New(cfg)
		if err != nil {
			s.Fatal(err)
		}
		if err := n.Close(); err != nil {
			s.Error(err)
		}
	})
}
