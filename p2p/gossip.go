package p2p

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/gologshim"
)

// gossip is a node's pubsub: it joins the topics of committees, verifies what comes
// in and publishes what the role has to say. Safe for concurrent use.
type gossip struct {
	rules   *fastpay.Rules
	sink    Sink
	metrics *metrics
	tracer  *tracer
	changed func() // called after subscriptions changed; must not block
	pubsub  *pubsub.PubSub
	scores  atomic.Pointer[map[PeerID]*pubsub.PeerScoreSnapshot]
	tails   tails

	mu    sync.Mutex
	rooms []*room // joined committees, in order of joining; guarded by mu
}

// newGossip starts pubsub on a host that nobody is connected to yet. It runs until
// ctx ends. standing is what the node knows about a peer beside its messages.
func newGossip(ctx context.Context, h host.Host, cfg *Config, m *metrics, standing func(PeerID) float64, changed func()) (*gossip, error) {
	g := &gossip{rules: cfg.Rules, sink: cfg.Sink, metrics: m, tracer: newTracer(m, changed), changed: changed}
	committee, _ := cfg.Rules.Committee(cfg.Committee)
	opts := []pubsub.Option{
		// What is gossiped signs itself; without an author the id must come from the
		// content, or all messages would have one id.
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithGossipSubParams(gossipParams(committee.Len())),
		pubsub.WithFloodPublish(true),
		// A floodsub peer would get everything, whatever the mesh is.
		pubsub.WithGossipSubProtocols(
			[]protocol.ID{pubsub.GossipSubID_v13, pubsub.GossipSubID_v12, pubsub.GossipSubID_v11},
			pubsub.GossipSubDefaultFeatures),
		pubsub.WithMaxMessageSize(maxGossipRPC),
		pubsub.WithSeenMessagesTTL(seenFor),
		pubsub.WithValidateQueueSize(cfg.Limits.Queue),
		pubsub.WithPeerOutboundQueueSize(cfg.Limits.Queue),
		pubsub.WithSubscriptionFilter(newTopicFilter(cfg.Rules)),
		pubsub.WithPeerScore(scoreParams(cfg.Public, standing), scoreThresholds()),
		pubsub.WithPeerScoreInspect(pubsub.ExtendedPeerScoreInspectFn(func(scores map[PeerID]*pubsub.PeerScoreSnapshot) { g.scores.Store(&scores) }), inspectScores),
		pubsub.WithRawTracer(g.tracer),
		pubsub.WithLogger(slog.New(gologshim.Logger("pubsub").Handler())),
	}
	if cfg.Public {
		opts = append(opts, pubsub.WithPeerGater(pubsub.DefaultPeerGaterParams()))
	}
	ps, err := pubsub.NewGossipSub(ctx, h, opts...)
	if err != nil {
		return nil, fmt.Errorf("p2p: starting gossip: %w", err)
	}
	g.pubsub = ps
	return g, nil
}

// score returns a peer's score as it was at the last inspection.
func (g *gossip) score(p PeerID) float64 {
	if scores := g.scores.Load(); scores != nil && (*scores)[p] != nil {
		return (*scores)[p].Score
	}
	return 0
}

// join joins the topics of a committee; watch runs the goroutines that follow its
// subscribers until ctx ends. Joining twice is no error.
func (g *gossip) join(ctx context.Context, committeeID common.Hash, watch func(func())) error {
	c, ok := g.rules.Committee(committeeID)
	if !ok {
		return fmt.Errorf("p2p: joining committee %s: %w: it is not in the network file", committeeID, fastpay.WrongCommittee)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.roomLocked(committeeID) != nil {
		return nil
	}
	r, err := g.openRoom(c)
	if err != nil {
		return err
	}
	for kind, events := range r.events {
		watch(func() { r.follow(ctx, topicKind(kind), events, g.changed) })
	}
	g.rooms = append(g.rooms, r)
	return nil
}

// leave leaves the topics of a committee. Rejoining them within 10 s is penalised
// by other peers.
func (g *gossip) leave(committeeID common.Hash) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.roomLocked(committeeID)
	if r == nil {
		return nil
	}
	g.rooms = slices.DeleteFunc(g.rooms, func(other *room) bool { return other == r })
	return g.closeRoom(r)
}

// close leaves all topics.
func (g *gossip) close() {
	for _, r := range g.joined() {
		if err := g.leave(r.committee.ID()); err != nil {
			log.Warnw("leaving topics", "err", err)
		}
	}
}

// joined returns the rooms in order of joining.
func (g *gossip) joined() []*room {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.rooms)
}

// room returns the room of a joined committee.
func (g *gossip) room(committeeID common.Hash) (*room, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.roomLocked(committeeID)
	return r, r != nil
}

func (g *gossip) roomLocked(committeeID common.Hash) *room {
	for _, r := range g.rooms {
		if r.committee.ID() == committeeID {
			return r
		}
	}
	return nil
}

// subscribes reports whether p subscribes to any joined topic.
func (g *gossip) subscribes(p PeerID) bool {
	for _, r := range g.joined() {
		if r.subscribes(p) {
			return true
		}
	}
	return false
}
