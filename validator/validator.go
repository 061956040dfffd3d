package validator

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/ethereum/go-ethereum/common"
	log "github.com/ipfs/go-log/v2"
	"golang.org/x/sync/errgroup"
)

var logger = log.Logger("allegro/validator")

// Validator is one member of the committee as a peer. Make it with [New] and run
// it once.
type Validator struct {
	cfg     Config
	replica *replica.Replica
	node    *p2p.Node
	journal *journal
	metrics *metrics
	engine  *engine
	halt    halt
	durable chan []*fastpay.Promise // from the committer to the signer
	proven  proven                  // from the replica, to publish
	genesis common.Hash
	floor   *guardRecord // not reached again yet; owned by followChain

	peerJoined chan struct{} // holds one: somebody new to recover from
	chainKnown chan struct{} // closed once the node's chain is known to be ours
	gates      *gates

	submissions *submissions
}

// proven is evidence waiting to be published, each offence once: sync does not
// carry it. Payers convict themselves for free, so members have a queue of their
// own.
type proven struct{ members, payers chan *fastpay.Evidence }

// maxProven bounds either queue.
const maxProven = 64

// queue is the one for e.
func (p proven) queue(e *fastpay.Evidence) chan *fastpay.Evidence {
	if _, member := e.Signer(); member {
		return p.members
	}
	return p.payers
}

// New returns a validator with what its store holds. Nothing runs yet.
func New(cfg Config) (*Validator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	v := &Validator{
		cfg:        cfg,
		journal:    &journal{cfg.Store},
		metrics:    newMetrics(cfg.Registerer),
		durable:    make(chan []*fastpay.Promise, 4),
		proven:     proven{make(chan *fastpay.Evidence, maxProven), make(chan *fastpay.Evidence, maxProven)},
		peerJoined: make(chan struct{}, 1),
		chainKnown: make(chan struct{}),
		gates:      newGates(),
	}
	v.halt.signing, v.halt.stopped = v.metrics.signing, make(chan struct{})
	var err error
	if v.submissions, err = newSubmissions(); err != nil {
		return nil, fmt.Errorf("validator: %w", err)
	}
	key := cfg.Signer.Key()
	v.replica, err = replica.New(replica.Config{
		Rules: cfg.Rules, Limits: fastpay.DefaultBoardLimits(), Chain: cfg.Chain, Store: cfg.Store,
		Now: cfg.Now, Boot: cfg.Boot, Jitter: cfg.Jitter, Registerer: cfg.Registerer, Tracer: cfg.Tracer, VoteKey: key[:],
		OnPayment: func(ctx context.Context, tx *fastpay.Tx) {
			select {
			case v.engine.requests <- request{tx: tx, came: v.cfg.Now()}:
			case <-ctx.Done():
			}
		},
		OnEvidence: func(e *fastpay.Evidence) {
			select {
			case v.proven.queue(e) <- e:
			default:
				v.metrics.dropped.WithLabelValues("evidence").Inc()
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("validator: %w", err)
	}
	if v.engine, err = newEngine(v); err != nil {
		return nil, fmt.Errorf("validator: %w", err)
	}
	node := cfg.Node
	node.Role, node.Rules, node.Registerer = p2p.RoleValidator, cfg.Rules, cfg.Registerer
	node.ValidatorKey, node.SignHello = key[:], cfg.Signer.SignHello
	node.Sink, node.Responder = v, v
	if v.node, err = p2p.New(node); err != nil {
		return nil, fmt.Errorf("validator: %w", err)
	}
	v.node.OnPeer(func(e p2p.PeerEvent) {
		v.replica.PeerEvent(e)
		select {
		case v.peerJoined <- struct{}{}:
		default:
		}
	})
	return v, nil
}

// newEngine returns the engine with the votes on record.
func newEngine(v *Validator) (*engine, error) {
	e := &engine{
		cfg: &v.cfg, replica: v.replica, journal: v.journal, metrics: v.metrics, halted: v.halt.get, stopped: v.halt.stopped, told: v.gates,
		requests: make(chan request, v.cfg.Limits.Intake),
		updates:  make(chan tempo.Update),
		commits:  make(chan []*fastpay.Promise),
		signed:   make(chan []fastpay.ID),
		reads:    make(chan readJob, v.cfg.Limits.Intake),
		results:  make(chan readResult),
		gates:    make(chan gate),
		abstain:  make(chan gate, 1),
		missing:  make(chan missing, v.cfg.Limits.Intake),
		views:    make(chan fastpay.HeadView, 1),
		seats:    make(map[common.Hash]*seatState),
		pool:     newPool(v.cfg.Limits.Pool),
		parked:   make(map[readKey][]request),
		signing:  make(map[fastpay.ID][]chan<- p2p.SubmitResult),
	}
	votes, err := v.journal.load(v.cfg.Rules)
	if err != nil {
		return nil, err
	}
	guard, err := v.journal.guard()
	if err != nil {
		return nil, err
	}
	err = v.replica.Update(func(b *fastpay.Board) {
		for _, s := range v.cfg.seats() {
			// The ledger reads the Board, always under the replica's lock.
			state := &seatState{seat: s, ledger: fastpay.NewLedger(b, s.committee), closed: errRecovering}
			for _, p := range votes {
				if p.Tx.CommitteeID() == s.committee.ID() {
					state.ledger.Record(p)
					// A live vote that was never signed is signed when the seat opens.
					_, signed := b.Certificate(p.Tx.ID(), s.index)
					if expiry := p.Tx.Envelope().ValidBefore; !signed && (guard == nil || expiry > guard.Time) {
						e.pool.add(p.Tx)
					}
				}
			}
			e.seats[s.committee.ID()] = state
			v.gates.set(s.committee.ID(), state.closed)
		}
	})
	return e, err
}

// Node is the peer, for commands and tests that look at the network.
func (v *Validator) Node() *p2p.Node { return v.node }

// Replica is what the validator knows.
func (v *Validator) Replica() *replica.Replica { return v.replica }

// Halted returns why this validator has stopped signing for good, or nil.
func (v *Validator) Halted() error { return v.halt.get() }

// Run takes part in the network until ctx ends, and returns why it ended. A
// fault that only forbids signing does not end it: see [Validator.Halted].
func (v *Validator) Run(ctx context.Context) error {
	settler, err := newSettler(v)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return v.node.Run(ctx) })
	g.Go(func() error { return v.replica.Run(ctx, v.node) })
	g.Go(func() error { return v.engine.run(ctx) })
	g.Go(func() error { return v.runCommitter(ctx) })
	g.Go(func() error { return v.runSigner(ctx) })
	g.Go(func() error { return v.runHerald(ctx) })
	g.Go(func() error { return v.runEvidence(ctx) })
	g.Go(func() error { return v.followChain(ctx) })
	g.Go(func() error {
		select {
		case <-v.chainKnown: // nothing is sent to a chain that is not ours
			return settler.run(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	g.Go(func() error { return v.runFetcher(ctx) })
	for range v.cfg.Limits.Readers {
		g.Go(func() error { return v.engine.runReader(ctx) })
	}
	for _, s := range v.engine.seats {
		g.Go(func() error { return v.runRecovery(ctx, s.seat) })
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("validator: %w", err)
	}
	return nil
}

// runEvidence publishes what this peer proved.
func (v *Validator) runEvidence(ctx context.Context) error {
	for {
		var e *fastpay.Evidence
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e = <-v.proven.members:
		case e = <-v.proven.payers:
		}
		if err := v.node.PublishEvidence(ctx, e); err != nil && ctx.Err() == nil {
			logger.Warnw("evidence was not published", "error", err)
		}
	}
}

// followChain feeds what the node shows to the Board and the engine.
func (v *Validator) followChain(ctx context.Context) error {
	if err := v.awaitChain(ctx); err != nil {
		return err
	}
	close(v.chainKnown)
	err := v.cfg.Follower.Run(ctx, func(u tempo.Update) error {
		v.replica.Advance(fastpay.ChainView{
			Latest: fastpay.Block(u.Latest), Finalized: fastpay.Block(u.Finalized),
			Outcomes: u.Outcomes, Reverted: u.Reverted,
		}, u.LatestSeen)
		ok, err := v.reached(ctx, u.Finalized)
		if err != nil || !ok {
			return err
		}
		guard := guardRecord{Genesis: v.genesis, Number: u.Finalized.Number, Hash: u.Finalized.Hash, Parent: u.Finalized.Parent, Time: u.Finalized.Time}
		if err := v.journal.setGuard(guard); err != nil {
			v.halt.set(fmt.Errorf("the guard record could not be stored: %w", err))
		}
		select {
		case v.engine.updates <- u:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if errors.Is(err, tempo.ErrFinalityViolated) {
		v.halt.set(err)
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}
