package planner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
)

// Config is what a Planner needs.
type Config struct {
	Rules   *fastpay.Rules
	Replica *replica.Replica
	Chain   Chain
	// Now is the peer's clock. Only differences matter.
	Now func() time.Time
}

// Planner holds one peer's view of what accounts may spend. Its methods are safe for
// concurrent use.
type Planner struct {
	cfg Config

	mu     sync.Mutex    // guards next
	next   *pin          // the block to move to at the next turn; nil if there is no newer one
	pinned chan struct{} // closed once the chain was seen

	// turn is held by whoever uses what is below. It is a channel, not a mutex,
	// because the node may be asked while it is held.
	turn    chan struct{}
	ledgers map[common.Hash]*fastpay.Ledger // by committee; they read the Board under the replica's lock
	snap    *fastpay.Snapshot               // nil until the chain was seen
	seen    time.Time                       // when this process first saw snap's block
}

// pin is a block to move to.
type pin struct {
	block   fastpay.Block
	touched []common.Address // since the block before the first of the pins put together
	forget  bool             // touched is not complete
	seen    time.Time
}

// New returns a Planner without promises that has not seen the chain.
func New(cfg Config) *Planner {
	p := &Planner{
		cfg:     cfg,
		turn:    make(chan struct{}, 1),
		ledgers: make(map[common.Hash]*fastpay.Ledger),
		pinned:  make(chan struct{}),
	}
	cfg.Replica.Read(func(b *fastpay.Board) {
		for _, committee := range cfg.Rules.Committees() {
			p.ledgers[committee.ID()] = fastpay.NewLedger(b, committee)
		}
	})
	return p
}

// Record notes promises of an earlier run. The error is the replica's store's.
func (p *Planner) Record(promises []*fastpay.Promise) error {
	return p.cfg.Replica.Update(func(*fastpay.Board) {
		for _, promise := range promises {
			p.ledgers[promise.Tx.CommitteeID()].Record(promise)
		}
	})
}

// Pin moves to a finalized block, if it is newer. touched are the accounts that logs of
// the blocks between name; seen is when this process first saw the block. It never
// waits: a turn that goes on ends at its own block.
func (p *Planner) Pin(block fastpay.Block, touched []common.Address, seen time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		p.next = &pin{block: block, touched: slices.Clip(touched), seen: seen}
	} else if block.Number > p.next.block.Number {
		p.next.block, p.next.seen = block, seen
		p.next.touched = append(p.next.touched, touched...)
	}
	if len(p.next.touched) > fastpay.MaxSnapshot {
		p.next.touched, p.next.forget = nil, true
	}
	select {
	case <-p.pinned:
	default:
		close(p.pinned)
	}
}

// move goes to the newest pinned block. The caller holds the turn.
func (p *Planner) move() {
	p.mu.Lock()
	next := p.next
	p.next = nil
	p.mu.Unlock()
	switch {
	case next == nil || p.snap != nil && next.block.Number <= p.snap.Block().Number:
		return
	case p.snap == nil || next.forget:
		p.snap = fastpay.NewSnapshot(next.block)
	default:
		p.snap = p.snap.Advance(next.block, next.touched)
	}
	p.seen = next.seen
}

// Turn is the right to plan and to promise, one after another: a lane has one writer.
// It is not safe for concurrent use.
type Turn struct {
	planner   *Planner
	committee *fastpay.Committee
}

// Take waits until the chain was seen, and for the turn. The caller releases it.
func (p *Planner) Take(ctx context.Context) (*Turn, error) {
	select {
	case <-p.pinned:
	case <-ctx.Done():
		return nil, fmt.Errorf("the chain was not seen yet: %w", ctx.Err())
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.move()
	return &Turn{p, p.cfg.Rules.CommitteeAt(p.snap.Block().Time)}, nil
}

// Release ends the turn.
func (t *Turn) Release() { <-t.planner.turn }

// Committee is the one in office at the pinned block.
func (t *Turn) Committee() *fastpay.Committee { return t.committee }

// Funds is what an account holds and may spend in an asset at a finalized block.
type Funds struct {
	fastpay.Funds
	Nonce uint64 // of the account's lane on the chain
	Block fastpay.Block
}

// Funds returns what an account holds and may spend in an asset at the pinned block. The
// evidence held here decides what counts beside the balance.
func (t *Turn) Funds(ctx context.Context, owner, asset common.Address) (Funds, error) {
	lane := fastpay.Lane{ChainID: t.committee.ChainID(), Asset: asset, Sender: owner}
	funds := Funds{Block: t.planner.snap.Block()}
	err := t.withState(ctx, func(l *fastpay.Ledger) error {
		plan, err := l.Plan(lane, t.planner.snap, nil)
		var need *fastpay.NeedError
		if errors.As(err, &need) {
			return err
		}
		account, _ := t.planner.snap.Account(lane.ID()) // the plan has read it
		funds.Funds, funds.Nonce = plan.Funds, account.Nonce
		return nil // what keeps a payment from being made does not change the funds
	})
	return funds, err
}

// Decide applies the validators' own rules to what is known here: a refusal that can be
// foreseen is told before anything is sent. The promise is not recorded.
func (t *Turn) Decide(ctx context.Context, tx *fastpay.Tx) (promise *fastpay.Promise, err error) {
	now := t.now()
	err = t.withState(ctx, func(l *fastpay.Ledger) (err error) {
		promise, err = l.Decide(tx, t.planner.snap, now)
		return err
	})
	return promise, err
}

// Record notes a promise that has been made durable. The error is the replica's store's.
func (t *Turn) Record(promise *fastpay.Promise) error {
	return t.planner.cfg.Replica.Update(func(*fastpay.Board) { t.ledger().Record(promise) })
}

func (t *Turn) ledger() *fastpay.Ledger { return t.planner.ledgers[t.committee.ID()] }
