package p2p_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/prometheus/client_golang/prometheus"
)

// roundTrip is how far the hosts of a simulated network are apart.
const roundTrip = 40 * time.Millisecond

// scene is a simulated network of validators v0, v1, … and other nodes.
type scene struct {
	*testing.T
	world *p2p.World
	net   *p2ptest.Net
	nodes []*actor
}

// actor is a running node with what it recorded.
type actor struct {
	*p2p.Node
	rec     *p2ptest.Recorder
	host    *p2ptest.Host
	metrics *prometheus.Registry
	stop    func() error
}

// play runs f with a network whose committee has n members, in virtual time.
func play(t *testing.T, n int, f func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, world: p2p.NewWorld(t, n), net: p2ptest.NewNet(roundTrip)}
		defer p2ptest.Settle()
		defer s.net.Close()
		defer func() {
			for _, a := range s.nodes {
				if err := a.stop(); err != nil {
					t.Errorf("stopping %s: %v", a.host.Name(), err)
				}
			}
		}()
		f(s)
	})
}

func validator(i int) string { return fmt.Sprintf("v%d", i) }

// start runs validator i of the committee, or a client if i is negative; change
// alters its config.
func (s *scene) start(name string, i int, change ...func(*p2p.Config)) *actor {
	s.Helper()
	return s.startWith(name, i, func(*p2p.Node) {}, change...)
}

// startWith is start with something to do before the node runs.
func (s *scene) startWith(name string, i int, before func(*p2p.Node), change ...func(*p2p.Config)) *actor {
	s.Helper()
	cfg := s.world.Config(i)
	a := &actor{rec: &p2ptest.Recorder{}, host: s.net.Host(name), metrics: prometheus.NewRegistry()}
	cfg.Sink, cfg.Responder, cfg.Registerer = a.rec, a.rec, a.metrics
	a.host.Configure(&cfg)
	for j := range s.world.Now.Len() {
		cfg.Members = append(cfg.Members, p2p.Member{
			Key: s.world.Now.Key(j), Name: validator(j), Addrs: []string{s.net.Host(validator(j)).Addr()},
		})
	}
	for _, f := range change {
		f(&cfg)
	}
	node, err := p2p.New(cfg)
	if err != nil {
		s.Fatal(err)
	}
	a.Node = node
	before(node)
	a.stop = p2ptest.Run(node)
	s.nodes = append(s.nodes, a)
	return a
}

// startAll runs the validators and returns when they are ready.
func (s *scene) startAll() []*actor {
	s.Helper()
	var all []*actor
	for i := range s.world.Now.Len() {
		all = append(all, s.start(validator(i), i))
	}
	s.ready(all...)
	return all
}

// ready waits until nodes are ready and reach the whole committee.
func (s *scene) ready(nodes ...*actor) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	for _, a := range nodes {
		all := func(r p2p.Readiness) bool { return r.Ready && len(r.Missing) == 0 }
		if _, err := a.Await(ctx, s.world.Now.ID(), all); err != nil {
			s.Fatalf("%s: %v", a.host.Name(), err)
		}
	}
}

// await waits until a recorder got what done asks for.
func (s *scene) await(a *actor, done func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	defer cancel()
	if err := a.rec.Await(ctx, done); err != nil {
		s.Fatalf("%s got %d payments, %d batches, %d heads, %d evidence: %v", a.host.Name(),
			len(a.rec.Payments()), len(a.rec.Batches()), len(a.rec.Heads()), len(a.rec.Evidence()), err)
	}
}

// until waits until a condition holds that nothing tells of.
func (s *scene) until(what string, limit time.Duration, holds func() bool) time.Duration {
	s.Helper()
	began := time.Now()
	for !holds() {
		if time.Since(began) > limit {
			s.Fatalf("after %s: not yet %s", limit, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// count reads a counter or gauge; labels are names and values by turns.
func (a *actor) count(name string, labels ...string) float64 {
	families, err := a.metrics.Gather()
	if err != nil {
		panic(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
	series:
		for _, m := range family.GetMetric() {
			for i := 0; i < len(labels); i += 2 {
				found := false
				for _, l := range m.GetLabel() {
					found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}
				if !found {
					continue series
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// peer returns what a node knows of a peer.
func (a *actor) peer(id p2p.PeerID) p2p.PeerInfo {
	for _, p := range a.Peers() {
		if p.ID == id {
			return p
		}
	}
	return p2p.PeerInfo{}
}

// hang answers a stream with nothing for longer than any timeout.
func hang(s network.Stream) {
	time.Sleep(20 * time.Second)
	_ = s.Reset()
}
