package p2p_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
)

// TestLoopback: two nodes over real sockets, by each transport.
func TestLoopback(t *testing.T) {
	for transport, mark := range map[string]string{"tcp": "/tcp/", "quic-v1": "/udp/"} {
		t.Run(transport, func(t *testing.T) {
			before := runtime.NumGoroutine()
			loopback(t, transport, mark)
			waitForGoroutines(t, before)
		})
	}
}

func loopback(t *testing.T, transport, mark string) {
	w := p2p.NewWorld(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	validator, vrec := loopbackNode(t, w, "v0", 0, nil)
	stop := p2ptest.Run(validator)
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	var peers []string
	for _, a := range validator.Addrs() {
		if strings.Contains(a, mark) && strings.Contains(a, "127.0.0.1") {
			peers = append(peers, a)
		}
	}
	if len(peers) != 1 {
		t.Fatalf("the validator listens on %v", validator.Addrs())
	}
	client, crec := loopbackNode(t, w, "c0", -1, []p2p.Member{{Key: w.Now.Key(0), Name: "v0", Addrs: peers}})
	stopClient := p2ptest.Run(client)
	defer func() {
		if err := stopClient(); err != nil {
			t.Error(err)
		}
	}()
	r, err := client.WaitReady(ctx, w.Now.ID())
	if err != nil || !r.QuorumReachable() {
		t.Fatalf("%+v: %v", r, err)
	}
	if p := client.Peers(); len(p) != 1 || p[0].Transport != transport {
		t.Errorf("peers %+v, want one by %s", p, transport)
	}
	if err := client.PublishPayments(ctx, w.Now.ID(), w.Payments(1)); err != nil {
		t.Fatal(err)
	}
	if err := vrec.Await(ctx, func() bool { return len(vrec.Payments()) == 1 }); err != nil {
		t.Fatalf("the payment does not arrive: %v", err)
	}
	tx := w.Payments(1)[0].Tx
	if err := validator.PublishBatch(ctx, w.Batch(w.Now, 0, tx.ID())); err != nil {
		t.Fatal(err)
	}
	if err := crec.Await(ctx, func() bool { return len(crec.Batches()) == 1 }); err != nil {
		t.Fatalf("the vote does not arrive: %v", err)
	}
	results, err := client.Submit(ctx, validator.ID(), w.Payments(2))
	if err != nil || len(results) != 2 || results[0].Reject == nil {
		t.Errorf("submit: %+v, %v", results, err)
	}
	if _, err := client.Sync(ctx, validator.ID(), p2p.SyncRequest{Kind: p2p.SyncIDs, IDs: []fastpay.ID{tx.ID()}}); err != nil {
		t.Errorf("sync: %v", err)
	}
}

func loopbackNode(t *testing.T, w *p2p.World, name string, i int, members []p2p.Member) (*p2p.Node, *p2ptest.Recorder) {
	t.Helper()
	cfg, rec := w.Config(i), &p2ptest.Recorder{}
	cfg.Sink, cfg.Responder, cfg.Members = rec, rec, members
	p2ptest.Loopback(&cfg, name)
	if i < 0 {
		cfg.Listen = nil // a wallet only dials
	}
	n, err := p2p.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n, rec
}

// waitForGoroutines waits until no more goroutines run than before.
func waitForGoroutines(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines run, %d did before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestAddressInUse: a node that cannot listen says where and what to do.
func TestAddressInUse(t *testing.T) {
	w := p2p.NewWorld(t, 1)
	first, _ := loopbackNode(t, w, "first", 0, nil)
	stop := p2ptest.Run(first)
	defer stop()
	for _, taken := range first.Addrs() {
		a, err := p2p.ParsePeer(taken)
		if err != nil {
			t.Fatal(err)
		}
		cfg, rec := w.Config(-1), &p2ptest.Recorder{}
		cfg.Sink, cfg.Responder = rec, rec
		p2ptest.Loopback(&cfg, "second")
		cfg.Listen = []string{a.Addr}
		second, err := p2p.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := p2ptest.Run(second)(); err == nil || !strings.Contains(err.Error(), "listening on "+a.Addr) || !strings.Contains(err.Error(), "choose another port") {
			t.Errorf("listening on %s, which is in use: %v", a.Addr, err)
		}
	}
}
