package p2p

import (
	"maps"
	"slices"
	"strings"
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

// gossiped are the series of a registry that count what became of gossip, by name and label
// values; of a histogram how often it was observed.
func gossiped(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() { // in the order of their names
				name += " " + l.GetValue()
			}
			if n := m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount()); n != 0 && strings.HasPrefix(name, "allegro_gossip_") {
				all[name] = n
			}
		}
	}
	return all
}

// TestTracerCounts: whatever pubsub says of a message or an RPC moves its own series, of the
// kind of its topic, and no other one.
func TestTracerCounts(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := must(newMetrics(registry, RoleClient, "test"))
	tr := newTracer(m, func() {})
	msg := func(topic string) *pubsub.Message {
		return &pubsub.Message{Message: message(topic, []byte("x")), ID: "0123456789"}
	}
	want := make(map[string]float64)
	n := 0.0
	for kind := range topicKind(topicKinds) {
		topic, own := topicName(common.Hash{1}, kind), float64(kind+1)
		n += own
		for range kind + 1 { // no two kinds count the same
			tr.ValidateMessage(msg(topic))
			tr.DeliverMessage(msg(topic))
			tr.DuplicateMessage(msg(topic))
			tr.UndeliverableMessage(msg(topic))
			for _, reason := range []string{
				pubsub.RejectValidationIgnored, pubsub.RejectValidationQueueFull, pubsub.RejectValidationThrottled,
				pubsub.RejectValidationFailed, pubsub.RejectBlacklstedPeer, pubsub.RejectBlacklistedSource, pubsub.RejectMissingSignature,
				pubsub.RejectUnexpectedSignature, pubsub.RejectUnexpectedAuthInfo, pubsub.RejectInvalidSignature, pubsub.RejectSelfOrigin,
			} {
				tr.RejectMessage(msg(topic), reason)
			}
		}
		for _, result := range []string{"delivered", "duplicate", "ignored", "undeliverable"} {
			want["allegro_gossip_messages_total "+result+" "+kind.String()] = own
		}
		want["allegro_gossip_messages_total rejected "+kind.String()] = 8 * own
		want["allegro_gossip_duplicate_delay_seconds "+kind.String()] = own
		for _, code := range []string{ // the validator counts what failed, with its code
			"blacklisted_peer", "blacklisted_source", "missing_signature", "unexpected_signature", "unexpected_auth_info",
			"invalid_signature", "self_originated_message",
		} {
			want["allegro_gossip_rejected_total "+code+" "+kind.String()] = own
		}
	}
	for _, foreign := range []string{"", "other", "/allegro/1/0123/tx"} {
		tr.DeliverMessage(msg(foreign))
		tr.RejectMessage(msg(foreign), pubsub.RejectValidationFailed)
		tr.DuplicateMessage(msg(foreign))
		tr.UndeliverableMessage(msg(foreign))
	}
	late := msg(topicName(common.Hash{1}, topicTx))
	late.ID = "9876543210" // whose first copy is forgotten: how late it is nobody knows
	tr.DuplicateMessage(late)
	want["allegro_gossip_messages_total duplicate tx"]++

	tx := topicName(common.Hash{1}, topicTx)
	rpc := &pubsub.RPC{RPC: pb.RPC{Publish: []*pb.Message{message(tx, []byte("x")), message(tx, []byte("y"))}}}
	size := float64(proto.Size(&rpc.RPC))
	tr.ThrottlePeer("a")
	tr.RecvRPC(rpc)
	tr.SendRPC(rpc, "a") // queued, which counts nothing
	tr.SendRPCCompleted(rpc, "a", time.Second)
	tr.SendRPCCompleted(rpc, "b", time.Second)
	for range 3 {
		tr.DropRPC(rpc, "a")
	}
	want["allegro_gossip_drop_total validate"] = n
	want["allegro_gossip_drop_total throttle"] = n + 1
	want["allegro_gossip_drop_total outbound"] = 6 // two messages each
	want["allegro_gossip_rpc_dropped_total"] = 3
	want["allegro_gossip_bytes_total in"] = size
	want["allegro_gossip_bytes_total out"] = 2 * size
	got := gossiped(t, registry)
	for name := range want {
		got[name] += 0
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if got[name] != want[name] {
			t.Errorf("%s: %v, want %v", name, got[name], want[name])
		}
	}
}
