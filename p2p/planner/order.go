package planner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// clockSlack is how far a payment's expiry stays inside the limits that
// validators apply, in seconds: their clocks and blocks differ by this much.
const clockSlack = 5

// Parents says which incoming payments a payment cites as funds.
type Parents struct {
	// Auto cites none if the balance covers the amount, else the fewest that do.
	Auto bool
	// IDs are cited if Auto is not set.
	IDs []fastpay.ID
}

// Order is a payment to be made.
type Order struct {
	To      common.Address
	Asset   common.Address
	Amount  uint256.Int // token units
	Parents Parents
	Note    string // its SHA-256 is in the payment; empty for none
}

// Plan returns the envelope of an account's next payment, to be signed, and what the
// account has. An error that wraps a [fastpay.Code] says why no such payment can be made
// now.
func (t *Turn) Plan(ctx context.Context, from common.Address, o Order) (fastpay.Envelope, fastpay.Funds, error) {
	rules := t.planner.cfg.Rules
	if !slices.ContainsFunc(rules.Assets(), func(a fastpay.Asset) bool { return a.Address == o.Asset }) {
		return fastpay.Envelope{}, fastpay.Funds{}, fmt.Errorf("%w: asset %s is not listed in the network file", fastpay.NotPaymentTx, o.Asset)
	}
	lane := fastpay.Lane{ChainID: rules.ChainID(), Asset: o.Asset, Sender: from}
	var plan fastpay.Plan
	err := t.withState(ctx, func(l *fastpay.Ledger) (err error) {
		ask := &o.Amount
		if !o.Parents.Auto {
			ask = nil
		}
		plan, err = l.Plan(lane, t.planner.snap, ask)
		return err
	})
	if err != nil {
		return fastpay.Envelope{}, plan.Funds, err
	}
	if !o.Parents.Auto {
		plan.Parents = slices.Clone(o.Parents.IDs)
		slices.SortFunc(plan.Parents, fastpay.ID.Cmp)
	}
	t.planner.cfg.Replica.Read(func(b *fastpay.Board) {
		if !o.Parents.Auto {
			limitExpiry(b, &plan)
		}
		err = refusedBelow(b, plan.Prev)
	})
	if err != nil {
		return fastpay.Envelope{}, plan.Funds, err
	}
	expiry, err := t.expiry(plan, t.now())
	if err != nil {
		return fastpay.Envelope{}, plan.Funds, err
	}
	return fastpay.Envelope{
		ChainID: lane.ChainID, CommitteeID: t.committee.ID(), Asset: o.Asset, Sender: from,
		Seq: plan.Seq, Prev: plan.Prev, Recipient: o.To, Amount: o.Amount, MaxFee: rules.MaxFee(),
		Parents: plan.Parents, ValidBefore: expiry, Restart: plan.Restart, Note: fastpay.NoteHash(o.Note),
	}, plan.Funds, nil
}

// limitExpiry lowers a plan's expiry to what the parents that it cites allow: an
// unexecuted one counts until it or a payment below it expires.
func limitExpiry(b *fastpay.Board, plan *fastpay.Plan) {
	for _, id := range plan.Parents {
		for {
			tx, ok := b.Tx(id)
			if !ok || b.Stage(id) == fastpay.StageFinalized {
				break
			}
			env := tx.Envelope()
			if plan.Expiry == 0 || env.ValidBefore < plan.Expiry {
				plan.Expiry = env.ValidBefore
			}
			id = env.Prev
		}
	}
}

// refusedBelow returns an error if a payment that the next one would stand on was
// refused for good by so many members that it never certifies.
func refusedBelow(b *fastpay.Board, prev fastpay.ID) error {
	for {
		tx, ok := b.Tx(prev)
		stage := b.Stage(prev)
		if !ok || stage.Rank() >= fastpay.StageIncluded.Rank() {
			return nil
		}
		if stage == fastpay.StageRejected {
			return fmt.Errorf("%w: the validators refused payment %s below: the lane restarts when that expires at chain time %d",
				fastpay.TemporaryUnavailable, prev, tx.Envelope().ValidBefore)
		}
		prev = tx.Envelope().Prev
	}
}

// now is the median of the chain times that members say it is, or this peer's
// own while none has said (section 5). Members that lie cannot move it below the
// block's time, or above this peer's own by more than clocks differ.
func (t *Turn) now() uint64 {
	p := t.planner
	at := p.snap.Block()
	var said []uint64
	p.cfg.Replica.Read(func(b *fastpay.Board) {
		for _, h := range b.Heads(t.committee.ID()) {
			if h.View().FinalizedHeight == at.Number {
				said = append(said, h.View().Time)
			}
		}
	})
	own := at.Time + uint64(max(p.cfg.Now().Sub(p.seen), 0)/time.Second)
	if len(said) == 0 {
		return own
	}
	slices.Sort(said)
	return min(max(said[len(said)/2], at.Time), own+clockSlack)
}

// expiry is the valid_before of a payment: the default life, shortened to what
// its credits and the committee allow.
func (t *Turn) expiry(plan fastpay.Plan, now uint64) (uint64, error) {
	rules := t.planner.cfg.Rules
	life := min(max(rules.DefaultLife(), rules.MinSettle()+clockSlack), rules.MaxLife()-clockSlack)
	expiry := min(now+life, t.committee.End())
	if plan.Expiry > 0 {
		expiry = min(expiry, plan.Expiry)
	}
	if expiry < now+rules.MinSettle()+clockSlack {
		return 0, fmt.Errorf("%w: a cited payment or the committee ends at chain time %d, too soon for another payment on top: wait until it is executed", fastpay.TemporaryUnavailable, expiry)
	}
	return expiry, nil
}
