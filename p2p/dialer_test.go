package p2p

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

func TestRankDials(t *testing.T) {
	tcp, quic := must(ma.NewMultiaddr("/ip4/1.2.3.4/tcp/1")), must(ma.NewMultiaddr("/ip4/1.2.3.4/udp/1/quic-v1"))
	for _, c := range []struct {
		addrs []ma.Multiaddr
		want  []time.Duration
	}{
		{[]ma.Multiaddr{quic, tcp}, []time.Duration{quicAfter, 0}},
		{[]ma.Multiaddr{quic}, []time.Duration{0}},
		{[]ma.Multiaddr{tcp, tcp}, []time.Duration{0, 0}},
	} {
		for i, r := range rankDials(c.addrs) {
			if r.Delay != c.want[i] || !r.Addr.Equal(c.addrs[i]) {
				t.Errorf("%v: %s after %s, want %s", c.addrs, r.Addr, r.Delay, c.want[i])
			}
		}
	}
}

func TestDialProblemIsOneLine(t *testing.T) {
	addr := must(ma.NewMultiaddr("/ip4/1.2.3.4/tcp/1"))
	err := &swarm.DialError{Peer: "x", DialErrors: []swarm.TransportError{
		{Address: addr, Cause: errors.New("connection refused")}, {Address: addr, Cause: errors.New("no route")},
	}}
	got := dialProblem(fmt.Errorf("dialing: %w", err)).Error()
	if want := "/ip4/1.2.3.4/tcp/1: connection refused; /ip4/1.2.3.4/tcp/1: no route"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	browser := swarm.TransportError{Address: must(ma.NewMultiaddr("/ip4/1.2.3.4/tcp/1/ws")), Cause: swarm.ErrNoTransport}
	err.DialErrors = append(err.DialErrors, browser)
	if again := dialProblem(err).Error(); again != got {
		t.Errorf("%q names an address for browsers, want %q", again, got)
	}
	err.DialErrors = []swarm.TransportError{browser}
	if only := dialProblem(err).Error(); only != "/ip4/1.2.3.4/tcp/1/ws: "+swarm.ErrNoTransport.Error() {
		t.Errorf("%q is said of an address for browsers alone", only)
	}
	other := errors.New("another error")
	if dialProblem(other) != other {
		t.Error("another error is changed")
	}
}

func TestTargets(t *testing.T) {
	w := NewWorld(t, 2)
	self, a, b := IdentityFromSeed("self"), IdentityFromSeed("a").PeerID(), IdentityFromSeed("b").PeerID()
	at := func(id PeerID, port int) string { return fmt.Sprintf("/ip4/1.2.3.4/tcp/%d/p2p/%s", port, id) }
	cfg := Config{Identity: self, Members: []Member{
		{Key: w.Now.Key(0), Name: "dave", Addrs: []string{at(a, 1), at(a, 2), at(a, 1)}},
		{Key: w.Now.Key(1), Name: "me", Addrs: []string{at(self.PeerID(), 3)}},
	}, Peers: []string{at(a, 4), at(b, 5)}}
	targets, err := newTargets(&cfg)
	if err != nil || len(targets) != 2 {
		t.Fatalf("%d targets, %v, want 2", len(targets), err)
	}
	if x := targets[0]; x.id != a || x.name != "dave" || !x.own || !x.speaksFor(w.Now.Key(0)) || len(x.addrs) != 3 {
		t.Errorf("the first target is %s %q with %v", x.id, x.name, x.texts)
	}
	if x := targets[1]; x.id != b || x.name != "" || !x.own || len(x.keys) != 0 || strings.Join(x.texts, " ") != "/ip4/1.2.3.4/tcp/5" {
		t.Errorf("the second target is %s %q with %v", x.id, x.name, x.texts)
	}
}

// A validator that lost its vote key keeps its peer id, and has a new key in the next
// committee: it is dialed for both.
func TestTargetWithTwoKeys(t *testing.T) {
	w := NewWorld(t, 2)
	at := "/ip4/1.2.3.4/tcp/1/p2p/" + IdentityFromSeed("a").PeerID().String()
	targets, err := newTargets(&Config{Identity: IdentityFromSeed("self"), Members: []Member{
		{Key: w.Now.Key(0), Name: "dave", Addrs: []string{at}}, {Key: w.Now.Key(1), Name: "dave", Addrs: []string{at}},
	}})
	if err != nil || len(targets) != 1 || !targets[0].speaksFor(w.Now.Key(0)) || !targets[0].speaksFor(w.Now.Key(1)) {
		t.Errorf("%d targets, %v, want one for both keys", len(targets), err)
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	r := newRoster(must(newMetrics(nil, RoleClient, "test")), nil, func() {})
	for i := range 3 * maxRefusals {
		r.refuse(PeerID(fmt.Sprint(i)), "reason", time.Duration(i+1)*time.Minute)
	}
	if n := len(r.refused); n != maxRefusals {
		t.Errorf("%d refusals are kept, want %d", n, maxRefusals)
	}
	if _, _, refused := r.refusal("0"); refused {
		t.Error("the refusal that ends first is kept")
	}
	last := PeerID(fmt.Sprint(3*maxRefusals - 1))
	if reason, _, refused := r.refusal(last); !refused || reason != "reason" {
		t.Error("the latest refusal is forgotten")
	}
	if s := r.standing(last); s != refusedScore {
		t.Errorf("a refused peer scores %v", s)
	}
	r.refuse("over", "reason", -1)
	if _, _, refused := r.refusal("over"); refused || r.standing("over") != 0 {
		t.Error("a refusal that is over still holds")
	}
}
