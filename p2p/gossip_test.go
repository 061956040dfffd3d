package p2p_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
)

// roundTrip is how far the hosts of a simulated network are apart.
const roundTrip = 40 * time.Millisecond

// member is a running node with what it recorded.
type member struct {
	*p2p.Node
	rec  *p2ptest.Recorder
	host *p2ptest.Host
	stop func() error
}

// scene is a simulated network of validators v0, v1, … and clients c0, c1, ….
type scene struct {
	t     *testing.T
	world *p2p.World
	net   *p2ptest.Net
	nodes map[string]*member
}

// play runs f with a network of n validators in virtual time.
func play(t *testing.T, n int, f func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, world: p2p.NewWorld(t, n), net: p2ptest.NewNet(roundTrip), nodes: make(map[string]*member)}
		defer p2ptest.Settle()
		defer s.net.Close()
		defer func() {
			for name, m := range s.nodes {
				if err := m.stop(); err != nil {
					t.Errorf("stopping %s: %v", name, err)
				}
			}
		}()
		f(s)
	})
}

func validatorName(i int) string { return fmt.Sprintf("v%d", i) }

// config returns the config of validator i, or of a client if i is negative.
func (s *scene) config(name string, i int) (p2p.Config, *p2ptest.Recorder) {
	cfg := s.world.Config(i)
	rec := &p2ptest.Recorder{}
	cfg.Sink, cfg.Responder = rec, rec
	s.net.Host(name).Configure(&cfg)
	for j := range s.world.Now.Len() {
		cfg.Members = append(cfg.Members, p2p.Member{
			Key: s.world.Now.Key(j), Name: validatorName(j), Addrs: []string{s.net.Host(validatorName(j)).Addr()},
		})
	}
	return cfg, rec
}

// start runs a node; change alters its config.
func (s *scene) start(name string, i int, change ...func(*p2p.Config)) *member {
	s.t.Helper()
	cfg, rec := s.config(name, i)
	for _, f := range change {
		f(&cfg)
	}
	node, err := p2p.New(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	m := &member{Node: node, rec: rec, host: s.net.Host(name)}
	m.stop = p2ptest.Run(node)
	s.nodes[name] = m
	return m
}

// startAll runs the validators and returns when they are ready.
func (s *scene) startAll() []*member {
	s.t.Helper()
	var all []*member
	for i := range s.world.Now.Len() {
		all = append(all, s.start(validatorName(i), i))
	}
	s.ready(all...)
	return all
}

// ready waits until nodes are.
func (s *scene) ready(nodes ...*member) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	for _, m := range nodes {
		if r, err := m.WaitReady(ctx, s.world.Now.ID()); err != nil || len(r.Missing) > 0 {
			s.t.Logf("missing %v", r.Missing)
			s.t.Fatalf("%s: %v", m.host.Name(), err)
		}
	}
}

// await waits until a recorder got what done asks for.
func (s *scene) await(m *member, done func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	if err := m.rec.Await(ctx, done); err != nil {
		s.t.Fatalf("%s got %d payments, %d batches, %d heads, %d evidence: %v", m.host.Name(),
			len(m.rec.Payments()), len(m.rec.Batches()), len(m.rec.Heads()), len(m.rec.Evidence()), err)
	}
}

func TestGossipReachesEverybodyInOneHop(t *testing.T) {
	play(t, 4, func(s *scene) {
		all := s.startAll()
		client := s.start("c0", -1)
		s.ready(client)
		payments := s.world.Payments(3)
		began := time.Now()
		if err := client.PublishPayments(s.t.Context(), s.world.Now.ID(), payments); err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			s.await(m, func() bool { return len(m.rec.Payments()) == len(payments) })
		}
		if d := time.Since(began); d < roundTrip/2 || d > roundTrip/2+5*time.Millisecond {
			t.Errorf("payments took %s to arrive, want one way of %s", d, roundTrip)
		}
		if n := len(client.rec.Payments()); n != 0 {
			t.Errorf("the publisher's own sink got %d payments", n)
		}
	})
}
