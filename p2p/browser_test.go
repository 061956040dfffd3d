package p2p_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
)

// TestBrowser: a peer with the transports of a browser takes part in everything, over
// either of them, and is a client like another.
func TestBrowser(t *testing.T) {
	for _, transport := range []string{"ws", "webrtc-direct"} {
		t.Run(transport, func(t *testing.T) {
			before := runtime.NumGoroutine()
			browse(t, transport)
			waitForGoroutines(t, before)
		})
	}
}

func browse(t *testing.T, transport string) {
	w := p2p.NewWorld(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	v, rec := browsedNode(t, w)
	stop := p2ptest.Run(v)
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	digest := w.Config(0).NetworkDigest
	browser, err := p2ptest.NewBrowser("browser", digest, w.Now.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer browser.Close()
	if err := browser.Connect(ctx, addrOf(t, v, "/"+transport+"/")); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Await(ctx, w.Now.ID(), func(p2p.Readiness) bool {
		return slices.ContainsFunc(v.Peers(), func(p p2p.PeerInfo) bool {
			return p.ID == browser.ID() && p.State == p2p.PeerReady && p.Role == p2p.RoleClient && p.Transport == transport && len(p.Addrs) == 0
		})
	}); err != nil {
		t.Fatalf("the validator's peers are %+v: %v", v.Peers(), err)
	}

	var nonce [32]byte
	hello, err := rlp.EncodeToBytes([]any{"v0", "client", digest, w.Now.ID(), [][]byte{}, nonce})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := browser.Request(ctx, v.ID(), "/allegro/hello/1", hello)
	if err != nil {
		t.Fatalf("hello: %v", err)
	}
	var said struct {
		Version, Role     string
		Digest, Committee common.Hash
		Addrs             [][]byte
		SignerPlusOne     uint64
		Signature         []byte
	}
	if err := rlp.DecodeBytes(answer, &said); err != nil || said.Digest != digest || said.SignerPlusOne != 1 || len(said.Addrs) != 4 {
		t.Errorf("hello is answered with %+v, %v", said, err)
	}

	payment := w.Payments(1)[0]
	topic := fastpay.TopicPrefix(w.Now.ID()) + "/tx"
	for _, p := range w.Payments(200) { // until the validator knows that the browser is there
		if err := browser.Publish(ctx, topic, fastpay.EncodePayments([]fastpay.Payment{p})); err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		err := rec.Await(soon, func() bool { return len(rec.Payments()) > 0 })
		cancel()
		if err == nil {
			break
		}
	}
	if len(rec.Payments()) == 0 {
		t.Error("no payment arrives by gossip")
	}
	answer, err = browser.Request(ctx, v.ID(), submitProtocol, fastpay.EncodePayments([]fastpay.Payment{payment}))
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	certificate := w.Batch(w.Now, 0, payment.Tx.ID()).Certificate(0)
	want, err := rlp.EncodeToBytes([]any{[]any{payment.Tx.ID(), []rlp.RawValue{certificate.Encode()}, []any{}}})
	if err != nil {
		t.Fatal(err)
	}
	if string(answer) != string(want) {
		t.Errorf("submit is answered with %x, want %x", answer, want)
	}
	rec.SyncBy(func(context.Context, p2p.PeerID, p2p.SyncRequest) (p2p.SyncResponse, error) {
		return p2p.SyncResponse{Items: []p2p.SyncItem{{Tx: payment.Tx}}}, nil
	})
	sync, err := rlp.EncodeToBytes([]any{uint64(1), []fastpay.ID{payment.Tx.ID()}, common.Hash{}, uint64(0), common.Address{}, []byte{}, uint64(0), uint64(0), uint64(0)})
	if err != nil {
		t.Fatal(err)
	}
	if answer, err = browser.Request(ctx, v.ID(), syncProtocol, sync); err != nil || !strings.Contains(string(answer), string(payment.Tx.Encode())) {
		t.Errorf("sync is answered with %x, %v", answer, err)
	}
}

// browsedNode is a validator that certifies everything and listens for browsers.
func browsedNode(t *testing.T, w *p2p.World, change ...func(*p2p.Config)) (*p2p.Node, *p2ptest.Recorder) {
	t.Helper()
	cfg, rec := w.Config(0), &p2ptest.Recorder{}
	cfg.Sink, cfg.Responder = rec, rec
	rec.SubmitBy(func(_ context.Context, _ p2p.PeerID, items []fastpay.Payment) []p2p.SubmitResult {
		results := make([]p2p.SubmitResult, len(items))
		for i, item := range items {
			results[i].Certificate = w.Batch(w.Now, 0, item.Tx.ID()).Certificate(0)
		}
		return results
	})
	p2ptest.Loopback(&cfg, "v0")
	cfg.Browser = true
	for _, f := range change {
		f(&cfg)
	}
	n, err := p2p.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n, rec
}

// addrOf is the one address of a node that has mark in it.
func addrOf(t *testing.T, n *p2p.Node, mark string) string {
	t.Helper()
	var found []string
	for _, a := range n.Addrs() {
		if strings.Contains(a, mark) {
			found = append(found, a)
		}
	}
	if len(found) != 1 {
		t.Fatalf("of %v, %d have %s", n.Addrs(), len(found), mark)
	}
	return found[0]
}

// TestBrowserAddrs: the addresses for browsers are on the ports that are there anyway,
// stay the same over a restart, and reach other peers by hello, who do not dial them.
func TestBrowserAddrs(t *testing.T) {
	w := p2p.NewWorld(t, 1)
	first, _ := browsedNode(t, w)
	stop := p2ptest.Run(first)
	tcp, quic := addrOf(t, first, "/tcp/"+port(t, first, "/tcp/")+"/p2p/"), addrOf(t, first, "/quic-v1/")
	ws, webrtc := addrOf(t, first, "/ws/"), addrOf(t, first, "/webrtc-direct/certhash/")
	suffix := "/p2p/" + first.ID().String()
	if ws != strings.TrimSuffix(tcp, suffix)+"/ws"+suffix {
		t.Errorf("WebSocket is at %s, TCP at %s", ws, tcp)
	}
	if !strings.HasPrefix(webrtc, strings.TrimSuffix(quic, "/quic-v1"+suffix)+"/webrtc-direct/") {
		t.Errorf("WebRTC is at %s, QUIC at %s", webrtc, quic)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	announced := []string{"/dns4/example.org/tcp/4001", "/ip4/192.0.2.1/udp/4001/quic-v1"}
	again, _ := browsedNode(t, w, func(c *p2p.Config) {
		c.Listen = []string{strings.TrimSuffix(tcp, suffix), strings.TrimSuffix(quic, suffix)}
		c.Announce = announced
	})
	stop = p2ptest.Run(again)
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	hash := webrtc[strings.Index(webrtc, "/certhash/"):]
	want := []string{
		announced[0] + suffix, announced[0] + "/ws" + suffix, announced[1] + suffix,
		"/ip4/192.0.2.1/udp/4001/webrtc-direct" + hash,
	}
	if got := slices.Sorted(slices.Values(again.Addrs())); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("the restarted node tells %v, want %v", got, want)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	other, _ := loopbackNode(t, w, "c0", -1, []p2p.Member{{Key: w.Now.Key(0), Name: "v0", Addrs: []string{tcp}}})
	stopOther := p2ptest.Run(other)
	defer func() {
		if err := stopOther(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := other.WaitReady(ctx, w.Now.ID()); err != nil {
		t.Fatal(err)
	}
	told := other.Peers()[0]
	if told.Transport != "tcp" || len(told.Addrs) != 4 || !slices.Contains(told.Addrs, announced[0]+"/ws") {
		t.Errorf("the other knows %+v", told)
	}
}

// port is the TCP port of a node.
func port(t *testing.T, n *p2p.Node, mark string) string {
	t.Helper()
	for _, a := range n.Addrs() {
		if _, behind, ok := strings.Cut(a, mark); ok {
			p, _, _ := strings.Cut(behind, "/")
			return p
		}
	}
	t.Fatalf("none of %v has %s", n.Addrs(), mark)
	return ""
}
