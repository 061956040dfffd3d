package aggregator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/aggregator/relay"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// Config is what an aggregator needs.
type Config struct {
	Rules *fastpay.Rules
	// Node says how the peer takes part in the network: identity, addresses,
	// members, digest. Role, sink and responder are filled in.
	Node  p2p.Config
	Store *replica.Store
	// Limits bound what is kept in memory and served by sync.
	Limits fastpay.BoardLimits
	// Retention bounds what is kept on disk and shown.
	Retention archive.Retention

	Chain    Chain
	Follower Follower

	// Now is the clock, which the follower has too: see [archive.Clock].
	Now        func() time.Time
	Jitter     func() float64
	Boot       [8]byte // tells this run from earlier ones
	Registerer prometheus.Registerer
	Tracer     *tracing.Tracer // nil: nothing is traced
}

// Chain is what an aggregator asks of its own node.
type Chain interface {
	planner.Chain
	replica.LaneReader
}

// Follower reports the chain step by step until ctx ends or handle fails.
type Follower interface {
	Run(ctx context.Context, handle func(tempo.Update) error) error
}

// DefaultLimits let an aggregator keep sixteen times as much as other peers: it
// is asked about the past.
func DefaultLimits() fastpay.BoardLimits {
	l := fastpay.DefaultBoardLimits()
	l.Settled *= 16
	return l
}

// Validate reports the first thing in c that an aggregator cannot run with.
func (c *Config) Validate() error {
	switch {
	case c.Rules == nil:
		return errors.New("aggregator: config has no rules: load the network file")
	case c.Store == nil:
		return errors.New("aggregator: config has no store: what it serves must outlive a restart")
	case c.Chain == nil || c.Follower == nil:
		return errors.New("aggregator: config has no chain")
	case c.Now == nil || c.Jitter == nil:
		return errors.New("aggregator: config has no clock or no jitter")
	}
	if err := c.Retention.Validate(); err != nil {
		return fmt.Errorf("aggregator: %w", err)
	}
	return nil
}

// Aggregator is a mirror as a peer. Make it with [New] and run it once.
type Aggregator struct {
	cfg     Config
	replica *replica.Replica
	archive *archive.Archive
	node    *p2p.Node
	relay   *relay.Relay
}

// New returns an aggregator with what its store holds. Nothing runs yet.
func New(cfg Config) (*Aggregator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	a := &Aggregator{cfg: cfg}
	var err error
	a.replica, err = replica.New(replica.Config{
		Rules: cfg.Rules, Limits: cfg.Limits, Chain: cfg.Chain, Store: cfg.Store,
		Now: cfg.Now, Boot: cfg.Boot, Jitter: cfg.Jitter, Registerer: cfg.Registerer, Tracer: cfg.Tracer,
	})
	if err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	a.archive, err = archive.Open(archive.Config{
		Rules: cfg.Rules, Store: cfg.Store, Source: a.replica, Limits: cfg.Limits, Retention: cfg.Retention,
		Now: cfg.Now, Registerer: cfg.Registerer,
	})
	if err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	node := cfg.Node
	node.Role, node.Rules, node.Registerer = p2p.RoleAggregator, cfg.Rules, cfg.Registerer
	node.Sink, node.Responder = a.replica, a.replica
	if a.node, err = p2p.New(node); err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	a.node.OnPeer(a.replica.PeerEvent)
	a.relay = relay.New(relay.Config{Rules: cfg.Rules, Replica: a.replica, Node: a.node, Chain: cfg.Chain, Now: cfg.Now})
	return a, nil
}

// Node is the peer, for commands and tests that look at the network.
func (a *Aggregator) Node() *p2p.Node { return a.node }

// Replica is what the aggregator knows now.
func (a *Aggregator) Replica() *replica.Replica { return a.replica }

// Archive is what the aggregator has on disk, and may show.
func (a *Aggregator) Archive() *archive.Archive { return a.archive }

// Relay plans payments and hands them on for programs that are no peers.
func (a *Aggregator) Relay() *relay.Relay { return a.relay }

// Run mirrors the network until ctx ends, and returns why it ended.
func (a *Aggregator) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.node.Run(ctx) })
	g.Go(func() error { return a.replica.Run(ctx, a.node) })
	g.Go(func() error { return a.archive.Run(ctx) })
	g.Go(func() error { return a.followChain(ctx) })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("aggregator: %w", err)
	}
	return nil
}

// followChain feeds what the node shows to the Board and the relay.
func (a *Aggregator) followChain(ctx context.Context) error {
	return a.cfg.Follower.Run(ctx, func(u tempo.Update) error {
		a.replica.Advance(fastpay.ChainView{
			Latest: fastpay.Block(u.Latest), Finalized: fastpay.Block(u.Finalized),
			Outcomes: u.Outcomes, Reverted: u.Reverted,
		}, u.LatestSeen)
		a.relay.Pin(fastpay.Block(u.Finalized), u.Touched, u.PoliciesChanged, u.FinalizedSeen)
		return nil
	})
}
