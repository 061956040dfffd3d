package p2p

import (
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

func value(t *testing.T, m prometheus.Metric) float64 {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetCounter().GetValue() + out.GetGauge().GetValue()
}

// TestTracerKnowsTheMesh: also where pubsub does not say that a peer left it.
func TestTracerKnowsTheMesh(t *testing.T) {
	m := must(newMetrics(nil, RoleClient, "test"))
	changes := 0
	tr := newTracer(m, func() { changes++ })
	tx, cert := topicName(common.Hash{1}, topicTx), topicName(common.Hash{1}, topicCert)
	check := func(what string, txPeers, certPeers int, txMeshed bool, wantChanges int) {
		t.Helper()
		if got := len(tr.meshPeers(tx)); got != txPeers || value(t, m.gossip[topicTx].mesh) != float64(txPeers) {
			t.Errorf("%s: %d peers in the mesh of tx, the gauge shows %v, want %d", what, got, value(t, m.gossip[topicTx].mesh), txPeers)
		}
		if got := len(tr.meshPeers(cert)); got != certPeers {
			t.Errorf("%s: %d peers in the mesh of cert, want %d", what, got, certPeers)
		}
		if tr.meshed(tx) != txMeshed {
			t.Errorf("%s: meshed is %v", what, !txMeshed)
		}
		if changes != wantChanges {
			t.Errorf("%s: %d changes, want %d", what, changes, wantChanges)
		}
	}
	check("at first", 0, 0, false, 0)
	tr.Graft("a", tx)
	tr.Graft("a", tx)
	tr.Graft("b", tx)
	tr.Graft("a", cert)
	check("three grafts", 2, 1, true, 3)
	tr.OnClosedOutboundStream("a")
	check("a left", 1, 0, true, 4)
	tr.OnClosedOutboundStream("a")
	check("a left again", 1, 0, true, 4)
	tr.OnClosedOutboundStream("b")
	check("b left", 0, 0, false, 5)
	tr.Graft("b", tx)
	tr.Prune("b", tx)
	check("b has no room for us", 0, 0, true, 7)
	tr.Graft("c", tx)
	tr.Leave(tx)
	tr.Prune("c", tx)
	check("the topic is left", 0, 0, false, 9)
	if g, p := value(t, m.gossip[topicTx].graft), value(t, m.gossip[topicTx].prune); g != 4 || p != 2 {
		t.Errorf("%v grafts and %v prunes are counted, want 4 and 2", g, p)
	}
	if len(tr.mesh) != 0 || len(tr.full) != 0 {
		t.Errorf("%d meshes and %d marks are kept for topics that were left", len(tr.mesh), len(tr.full))
	}
}

func TestTracerCounts(t *testing.T) {
	m := must(newMetrics(nil, RoleClient, "test"))
	tr := newTracer(m, func() {})
	msg := func(topic string) *pubsub.Message {
		return &pubsub.Message{Message: message(topic, []byte("x")), ID: "0123456789"}
	}
	tx := topicName(common.Hash{1}, topicTx)
	tr.ValidateMessage(msg(tx))
	tr.DeliverMessage(msg(tx))
	tr.DuplicateMessage(msg(tx))
	for _, reason := range []string{
		pubsub.RejectValidationFailed, pubsub.RejectValidationIgnored, pubsub.RejectValidationQueueFull,
		pubsub.RejectValidationThrottled, pubsub.RejectUnexpectedSignature,
	} {
		tr.RejectMessage(msg(tx), reason)
	}
	tr.UndeliverableMessage(msg(tx))
	tr.ThrottlePeer("a")
	for _, foreign := range []string{"", "other", "/allegro/1/0123/tx"} {
		tr.DeliverMessage(msg(foreign))
		tr.RejectMessage(msg(foreign), pubsub.RejectValidationFailed)
		tr.DuplicateMessage(msg(foreign))
		tr.UndeliverableMessage(msg(foreign))
	}
	rpc := &pubsub.RPC{RPC: pb.RPC{Publish: []*pb.Message{message(tx, []byte("x")), message(tx, []byte("y"))}}}
	tr.RecvRPC(rpc)
	tr.SendRPC(rpc, "a") // queued, which counts nothing
	tr.SendRPCCompleted(rpc, "a", time.Second)
	tr.SendRPCCompleted(rpc, "b", time.Second)
	tr.DropRPC(rpc, "a")
	size := float64(proto.Size(&rpc.RPC))
	c := &m.gossip[topicTx]
	for name, got := range map[string]struct {
		c    prometheus.Metric
		want float64
	}{
		"delivered": {c.delivered, 1}, "duplicate": {c.duplicate, 1}, "rejected": {c.rejected, 2}, "ignored": {c.ignored, 1},
		"undeliverable": {c.undeliverable, 1}, "validate": {c.dropValidate, 1}, "throttle": {m.dropThrottle, 2},
		"bytes in": {m.bytesIn, size}, "bytes out": {m.bytesOut, 2 * size}, "dropped RPCs": {m.rpcDropped, 1}, "outbound": {m.dropOutbound, 2},
		"unexpected signature": {m.rejected.WithLabelValues("tx", "unexpected_signature"), 1},
	} {
		if v := value(t, got.c); v != got.want {
			t.Errorf("%s: %v, want %v", name, v, got.want)
		}
	}
}
