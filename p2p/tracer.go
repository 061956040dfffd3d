package p2p

import (
	"encoding/binary"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/protocol"
	"google.golang.org/protobuf/proto"
)

// tracer is how pubsub says what it did: every drop in it is silent otherwise. It
// counts, has drops warned of, and knows the meshes. Its methods are called from
// pubsub's one event loop and from the validation workers: they only count, or hold a
// mutex that nobody keeps.
type tracer struct {
	metrics *metrics
	changed func() // called after a mesh changed; must not block
	drops   *drops

	mu   sync.Mutex
	mesh map[string]map[PeerID]struct{} // by topic name; guarded by mu
	full map[string]bool                // topics whose last mesh peer pruned us; guarded by mu

	first [firstCopies]firstCopy
}

// firstCopies is the number of messages whose first copy is remembered for the
// duplicate delay: duplicates come within milliseconds, and 4,096 messages are
// about a second's at the highest rate. A collision loses one observation.
const firstCopies = 4096

// firstCopy is when the first copy of a message came. The two are written without
// a lock: a torn pair is one odd observation.
type firstCopy struct {
	id   atomic.Uint64 // the first 8 bytes of the message id
	nano atomic.Int64
}

var _ pubsub.RawTracer = (*tracer)(nil)

func newTracer(m *metrics, changed func()) *tracer {
	return &tracer{metrics: m, changed: changed, drops: newDrops(), mesh: make(map[string]map[PeerID]struct{}), full: make(map[string]bool)}
}

// of returns the counters of a topic; nil for one that is not ours.
func (t *tracer) of(topic string) *topicMetrics {
	_, kind, ok := parseTopic(topic)
	if !ok {
		return nil
	}
	return &t.metrics.gossip[kind]
}

// meshPeers returns the peers in a topic's mesh.
func (t *tracer) meshPeers(topic string) []PeerID {
	t.mu.Lock()
	defer t.mu.Unlock()
	peers := make([]PeerID, 0, len(t.mesh[topic]))
	for p := range t.mesh[topic] {
		peers = append(peers, p)
	}
	return peers
}

// meshed reports whether a topic's mesh has a peer, or the neighbours have no room
// in theirs: then flood publish and IHAVE carry the messages.
func (t *tracer) meshed(topic string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.mesh[topic]) > 0 || t.full[topic]
}

// remove takes p out of a topic's mesh and reports whether it was in it.
func (t *tracer) remove(p PeerID, topic string) bool {
	t.mu.Lock()
	_, in := t.mesh[topic][p]
	delete(t.mesh[topic], p)
	if len(t.mesh[topic]) == 0 {
		delete(t.mesh, topic)
	}
	t.mu.Unlock()
	if m := t.of(topic); m != nil && in {
		m.mesh.Dec()
	}
	return in
}

// OnNewOutboundStream does nothing: hello tells about peers.
func (t *tracer) OnNewOutboundStream(PeerID, protocol.ID) {}

// OnClosedOutboundStream takes the peer out of every mesh: pubsub forgets it
// without a Prune.
func (t *tracer) OnClosedOutboundStream(p PeerID) {
	t.mu.Lock()
	topics := make([]string, 0, len(t.mesh))
	for topic := range t.mesh {
		topics = append(topics, topic)
	}
	t.mu.Unlock()
	changed := false
	for _, topic := range topics {
		changed = t.remove(p, topic) || changed
	}
	if changed {
		t.changed()
	}
}

// Join does nothing: pubsub grafts each peer of the mesh then.
func (t *tracer) Join(string) {}

// Leave empties the topic's mesh; the prunes that follow find nothing.
func (t *tracer) Leave(topic string) {
	for _, p := range t.meshPeers(topic) {
		t.Prune(p, topic)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.full, topic)
}

// Graft puts a peer into a topic's mesh.
func (t *tracer) Graft(p PeerID, topic string) {
	t.mu.Lock()
	peers := t.mesh[topic]
	if peers == nil {
		peers = make(map[PeerID]struct{})
		t.mesh[topic] = peers
	}
	_, in := peers[p]
	peers[p] = struct{}{}
	delete(t.full, topic)
	t.mu.Unlock()
	if in {
		return
	}
	if m := t.of(topic); m != nil {
		m.graft.Inc()
		m.mesh.Inc()
	}
	t.changed()
}

// Prune takes a peer out of a topic's mesh.
func (t *tracer) Prune(p PeerID, topic string) {
	if !t.remove(p, topic) {
		return
	}
	t.mu.Lock()
	if len(t.mesh[topic]) == 0 {
		t.full[topic] = true
	}
	t.mu.Unlock()
	if m := t.of(topic); m != nil {
		m.prune.Inc()
	}
	t.changed()
}

// slot returns where the first copy of a message is remembered.
func (t *tracer) slot(m *pubsub.Message) (*firstCopy, uint64) {
	if len(m.ID) < 8 {
		return nil, 0
	}
	id := binary.BigEndian.Uint64([]byte(m.ID[:8]))
	return &t.first[id%firstCopies], id
}

// ValidateMessage notes when the first copy of a message came.
func (t *tracer) ValidateMessage(m *pubsub.Message) {
	if s, id := t.slot(m); s != nil {
		s.nano.Store(time.Now().UnixNano())
		s.id.Store(id)
	}
}

// DeliverMessage counts a message that was accepted and forwarded.
func (t *tracer) DeliverMessage(m *pubsub.Message) {
	if c := t.of(m.GetTopic()); c != nil {
		c.delivered.Inc()
	}
}

// RejectMessage counts a message that was not forwarded.
func (t *tracer) RejectMessage(m *pubsub.Message, reason string) {
	c := t.of(m.GetTopic())
	if c == nil {
		return
	}
	switch reason {
	case pubsub.RejectValidationIgnored:
		c.ignored.Inc()
	case pubsub.RejectValidationQueueFull:
		c.dropValidate.Inc()
		t.drops.count(dropValidate)
	case pubsub.RejectValidationThrottled:
		t.throttled()
	default:
		c.rejected.Inc()
		if reason != pubsub.RejectValidationFailed { // which the validator counts, with its code
			_, kind, _ := parseTopic(m.GetTopic())
			t.metrics.rejected.WithLabelValues(kind.String(), strings.ReplaceAll(reason, " ", "_")).Inc()
		}
	}
}

// DuplicateMessage counts a further copy and how late it is.
func (t *tracer) DuplicateMessage(m *pubsub.Message) {
	c := t.of(m.GetTopic())
	if c == nil {
		return
	}
	c.duplicate.Inc()
	if s, id := t.slot(m); s != nil && s.id.Load() == id {
		c.duplicateDelay.Observe(time.Duration(time.Now().UnixNano() - s.nano.Load()).Seconds())
	}
}

// ThrottlePeer counts RPCs whose messages the overloaded node did not look at.
func (t *tracer) ThrottlePeer(PeerID) { t.throttled() }

func (t *tracer) throttled() {
	t.metrics.dropThrottle.Inc()
	t.drops.count(dropThrottle)
}

// RecvRPC counts bytes.
func (t *tracer) RecvRPC(rpc *pubsub.RPC) { t.metrics.bytesIn.Add(float64(proto.Size(&rpc.RPC))) }

// SendRPC does nothing: the RPC is only queued.
func (t *tracer) SendRPC(*pubsub.RPC, PeerID) {}

// SendRPCCompleted counts bytes.
func (t *tracer) SendRPCCompleted(rpc *pubsub.RPC, _ PeerID, _ time.Duration) {
	t.metrics.bytesOut.Add(float64(proto.Size(&rpc.RPC)))
}

// DropRPC counts an RPC that did not fit into a peer's queue, and its messages.
func (t *tracer) DropRPC(rpc *pubsub.RPC, _ PeerID) {
	t.metrics.rpcDropped.Inc()
	t.metrics.dropOutbound.Add(float64(len(rpc.GetPublish())))
	t.drops.count(dropOutbound)
}

// UndeliverableMessage counts a message that no subscriber took. Topics are joined
// without subscribers, so that a count here means a fault.
func (t *tracer) UndeliverableMessage(m *pubsub.Message) {
	if c := t.of(m.GetTopic()); c != nil {
		c.undeliverable.Inc()
	}
}
