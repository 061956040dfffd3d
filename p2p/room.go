package p2p

import (
	"context"
	"fmt"
	"sync"

	"github.com/allegro-p2p/allegro/fastpay"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
)

// room is a joined committee's four topics. They are relayed, not subscribed to:
// messages reach the sink from the validators, so that no subscription buffer can
// overflow.
type room struct {
	committee *fastpay.Committee
	topics    [topicKinds]*pubsub.Topic
	relays    [topicKinds]pubsub.RelayCancelFunc
	events    [topicKinds]*pubsub.TopicEventHandler

	mu          sync.Mutex
	subscribers [topicKinds]map[PeerID]struct{} // guarded by mu
}

// openRoom joins the topics. What was joined before an error is left again.
func (g *gossip) openRoom(c *fastpay.Committee) (_ *room, err error) {
	r := &room{committee: c}
	defer func() {
		if err != nil {
			_ = g.closeRoom(r) // the first error is the one to tell
		}
	}()
	for kind := range topicKind(topicKinds) {
		name := topicName(c.ID(), kind)
		r.subscribers[kind] = make(map[PeerID]struct{})
		if err := g.pubsub.RegisterTopicValidator(name, g.validator(c, kind), pubsub.WithValidatorInline(true)); err != nil {
			return nil, fmt.Errorf("p2p: joining topic %s: %w", name, err)
		}
		if r.topics[kind], err = g.pubsub.Join(name); err != nil {
			return nil, fmt.Errorf("p2p: joining topic %s: %w", name, err)
		}
		if err := r.topics[kind].SetScoreParams(topicScoreParams(kind)); err != nil {
			return nil, fmt.Errorf("p2p: joining topic %s: %w", name, err)
		}
		if r.events[kind], err = r.topics[kind].EventHandler(); err != nil {
			return nil, fmt.Errorf("p2p: joining topic %s: %w", name, err)
		}
		if r.relays[kind], err = r.topics[kind].Relay(); err != nil {
			return nil, fmt.Errorf("p2p: joining topic %s: %w", name, err)
		}
	}
	return r, nil
}

// closeRoom leaves the topics and returns the first error.
func (g *gossip) closeRoom(r *room) error {
	var first error
	for kind, topic := range r.topics {
		if topic == nil {
			continue
		}
		if r.relays[kind] != nil {
			r.relays[kind]()
		}
		if r.events[kind] != nil {
			r.events[kind].Cancel()
		}
		err := g.pubsub.UnregisterTopicValidator(topic.String())
		if cerr := topic.Close(); err == nil {
			err = cerr
		}
		if err != nil && first == nil {
			first = fmt.Errorf("p2p: leaving topic %s: %w", topic, err)
		}
	}
	return first
}

// follow keeps the topic's subscribers until ctx ends.
func (r *room) follow(ctx context.Context, kind topicKind, events *pubsub.TopicEventHandler, changed func()) {
	for {
		e, err := events.NextPeerEvent(ctx)
		if err != nil {
			return
		}
		r.mu.Lock()
		if e.Type == pubsub.PeerJoin {
			r.subscribers[kind][e.Peer] = struct{}{}
		} else {
			delete(r.subscribers[kind], e.Peer)
		}
		r.mu.Unlock()
		changed()
	}
}

// subscribed reports whether p subscribes to payments and votes, the two topics
// that a quorum needs.
func (r *room) subscribed(p PeerID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, tx := r.subscribers[topicTx][p]
	_, cert := r.subscribers[topicCert][p]
	return tx && cert
}

// subscribes reports whether p subscribes to any of the topics.
func (r *room) subscribes(p PeerID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, subscribers := range r.subscribers {
		if _, ok := subscribers[p]; ok {
			return true
		}
	}
	return false
}

// subscribersOf returns who subscribes to a topic.
func (r *room) subscribersOf(kind topicKind) []PeerID {
	r.mu.Lock()
	defer r.mu.Unlock()
	peers := make([]PeerID, 0, len(r.subscribers[kind]))
	for p := range r.subscribers[kind] {
		peers = append(peers, p)
	}
	return peers
}
