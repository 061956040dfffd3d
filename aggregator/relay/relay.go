package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	log "github.com/ipfs/go-log/v2"
)

var logger = log.Logger("allegro/relay")

// Config is what a Relay needs.
type Config struct {
	Rules   *fastpay.Rules
	Replica *replica.Replica
	Node    Node
	Chain   planner.Chain
	// Now is the peer's clock. Only differences matter.
	Now func() time.Time
}

// Node is the aggregator in its network. [p2p.Node] is one.
type Node interface {
	replica.Network
	// Submit hands payments to a validator; what comes back is verified.
	Submit(ctx context.Context, peer p2p.PeerID, items []fastpay.Payment) ([]p2p.SubmitResult, error)
	PublishPayments(ctx context.Context, committeeID common.Hash, payments []fastpay.Payment) error
}

var _ Node = (*p2p.Node)(nil)

// Relay is safe for concurrent use.
type Relay struct {
	cfg     Config
	planner *planner.Planner
}

// New returns a Relay that has not seen the chain.
func New(cfg Config) *Relay {
	return &Relay{cfg, planner.New(planner.Config{Rules: cfg.Rules, Replica: cfg.Replica, Chain: cfg.Chain, Now: cfg.Now})}
}

// Pin moves to a newer finalized block; see [planner.Planner.Pin].
func (r *Relay) Pin(block fastpay.Block, touched []common.Address, seen time.Time) {
	r.planner.Pin(block, touched, seen)
}

// Funds returns what an account holds and may spend in an asset.
func (r *Relay) Funds(ctx context.Context, owner, asset common.Address) (planner.Funds, error) {
	turn, err := r.planner.Take(ctx)
	if err != nil {
		return planner.Funds{}, err
	}
	defer turn.Release()
	return turn.Funds(ctx, owner, asset)
}

// Plan returns the envelope of an account's next payment, for its wallet to sign, and
// what the account has. An error that wraps a [fastpay.Code] says why there is none now.
func (r *Relay) Plan(ctx context.Context, from common.Address, o planner.Order) (fastpay.Envelope, fastpay.Funds, error) {
	env, funds, err := r.plan(ctx, from, o)
	if errors.Is(err, fastpay.InsufficientFunds) && o.Parents.Auto {
		// Gossip may have lost the payment that this one is to be made of.
		if ferr := r.cfg.Replica.FetchAccount(ctx, r.cfg.Node, from); ferr != nil {
			logger.Debugw("asking for payments of an account", "error", ferr)
		}
		env, funds, err = r.plan(ctx, from, o)
	}
	return env, funds, err
}

func (r *Relay) plan(ctx context.Context, from common.Address, o planner.Order) (fastpay.Envelope, fastpay.Funds, error) {
	turn, err := r.planner.Take(ctx)
	if err != nil {
		return fastpay.Envelope{}, fastpay.Funds{}, err
	}
	defer turn.Release()
	env, funds, err := turn.Plan(ctx, from, o)
	if err != nil {
		return env, funds, err
	}
	if err := r.cfg.Rules.CheckEnvelope(&env); err != nil {
		return env, funds, err
	}
	return env, funds, r.checkSlot(&env)
}

// checkSlot refuses a slot that a payment is under way for: the payer signed it, and a
// second one would be its equivocation.
func (r *Relay) checkSlot(env *fastpay.Envelope) error {
	var taken *fastpay.Tx
	r.cfg.Replica.Read(func(b *fastpay.Board) {
		for _, id := range b.LaneFrom(env.Lane().ID(), env.Seq, b.Len()) {
			tx, _ := b.Tx(id)
			if tx.Seq() == env.Seq && tx.Envelope().Restart >= env.Restart && tx.Envelope().ValidBefore > b.Finalized().Time {
				taken = tx
			}
		}
	})
	if taken == nil {
		return nil
	}
	return fmt.Errorf("%w: payment %s has been signed for slot %d and waits for its quorum: submit it again, or wait until it expires at chain time %d",
		fastpay.TemporaryUnavailable, taken.ID(), taken.Seq(), taken.Envelope().ValidBefore)
}
