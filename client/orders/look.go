package orders

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/fastpay"
)

// fact is what the Board says of a payment to the account.
type fact struct {
	id      fastpay.ID
	tx      *fastpay.Tx
	qc      *fastpay.QC // nil: none is held
	payment acceptance.Payment
	final   bool
	height  uint64 // of the newest block
	time    uint64 // the same, in seconds
}

// recheckInterval is the least time between two looks at the payments that a limit keeps
// waiting.
const recheckInterval = 50 * time.Millisecond

// glance is what one look at the Board has found.
type glance struct {
	facts []fact
	gone  []fastpay.ID // open orders whose payment is not held
	block bool         // the height has changed
	// wait is in how long payments that a limit keeps waiting are to be looked at again;
	// 0: not before the Board changes.
	wait time.Duration
}

// look reads the payments that have changed, and those that wait for a limit if anything
// has. After a new block it reads every open order, since the Board may let go of what is
// over, and forgets who waits for nothing any more. The caller holds mu.
func (b *Book) look() (g glance) {
	now := b.cfg.Now()
	b.cfg.Replica.Read(func(board *fastpay.Board) {
		ids, upTo := board.Since(b.cursor, board.Len())
		latest := board.Latest()
		g.block = latest.Hash != b.block
		b.stale = b.stale || g.block || upTo != b.cursor
		b.cursor, b.block = upTo, latest.Hash
		if g.block {
			for id := range b.open {
				ids = append(ids, id)
			}
			for id := range b.waiting {
				if _, held := board.Tx(id); !held {
					delete(b.waiting, id)
				}
			}
		}
		if limited := b.limited(); b.stale && len(limited) > 0 {
			g.wait = recheckInterval - now.Sub(b.rechecked)
			if g.wait <= 0 {
				ids = append(ids, limited...)
				g.wait, b.stale, b.rechecked = 0, false, now
			}
		}
		seen := make(map[fastpay.ID]bool, len(ids))
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			tx, held := board.Tx(id)
			switch {
			case !held:
				g.gone = append(g.gone, id)
			case tx.Envelope().Recipient == b.cfg.Account:
				g.facts = append(g.facts, b.factOf(board, tx))
			}
		}
	})
	// What is settled makes room for what waits, which has come before what is new; and new
	// payments of one lane keep their order.
	slices.SortStableFunc(g.facts, func(x, y fact) int {
		return cmp.Or(cmp.Compare(b.rank(x.id), b.rank(y.id)), cmp.Compare(x.tx.Envelope().Seq, y.tx.Envelope().Seq))
	})
	return g
}

// limited are the payments that a limit keeps waiting.
func (b *Book) limited() (ids []fastpay.ID) {
	for id, w := range b.waiting {
		if w.decision.Limited {
			ids = append(ids, id)
		}
	}
	return ids
}

// rank puts open orders before payments that wait, in their order, and new ones last.
func (b *Book) rank(id fastpay.ID) uint64 {
	if b.open[id] != nil {
		return 0
	}
	if w := b.waiting[id]; w != nil {
		return 1 + w.number
	}
	return math.MaxUint64
}

// bringBack gives the Board an open order's payment again, which it has let go. What
// became of it is then asked of the chain. The error is the store's.
func (b *Book) bringBack(id fastpay.ID) error {
	o := b.open[id]
	if o == nil {
		return nil // it waited, and waits no more
	}
	return b.cfg.Replica.Update(func(board *fastpay.Board) {
		qc, err := board.Rules().ParseQC(o.QC)
		if err == nil {
			err = board.AddQC(qc)
		}
		if err != nil {
			logger.Warnw("an order's payment is not followed for now", "tx", id, "error", err)
		}
	})
}

// factOf describes a payment.
func (b *Book) factOf(board *fastpay.Board, tx *fastpay.Tx) fact {
	env, latest := tx.Envelope(), board.Latest()
	f := fact{
		id: tx.ID(), tx: tx, final: board.Final(tx.ID()), height: latest.Number, time: latest.Time,
		payment: acceptance.Payment{Asset: env.Asset, Amount: env.Amount, Stage: board.Stage(tx.ID())},
	}
	f.qc = b.proofOf(board, f.id)
	f.payment.Proved = f.qc != nil
	if f.payment.Stage != fastpay.StageCertified && f.payment.Stage != fastpay.StageQueuedOnchain {
		return f
	}
	if b.open[f.id] != nil {
		return f // it is accepted, whatever it stands on
	}
	order, complete := board.PendingClosureWithin(tx.ID(), maxClosure)
	if !complete || len(order) == 0 {
		return f
	}
	depth, expires := fastpay.Depth(order)
	f.payment.Depth, f.payment.Complete = depth, true
	f.payment.Unfunded = board.Unfunded(order)
	// A payment of a lane that was never read looks certified whatever the chain has made of
	// it: it may have failed long ago, and be gossiped once more.
	f.payment.Unread = slices.ContainsFunc(order, func(tx *fastpay.Tx) bool { return board.Unread(tx.ID()) })
	f.payment.Margin = time.Duration(int64(expires)-int64(latest.Time)) * time.Second
	// A node that stands still shows an old time: the own clock goes on, and may be wrong.
	f.payment.Margin = min(f.payment.Margin, time.Unix(int64(expires), 0).Sub(b.cfg.Now()))
	return f
}

// maxClosure bounds the payments that a decision at CERTIFIED looks at: what stands on more
// waits for a block.
const maxClosure = 256

// proofOf is the QC of a payment: the Board's, or that of an order whose payment the Board
// has let go of and has heard of again; nil if neither has one.
func (b *Book) proofOf(board *fastpay.Board, id fastpay.ID) *fastpay.QC {
	qc, held := board.QC(id)
	o := b.open[id]
	if held || o == nil {
		return qc
	}
	qc, err := board.Rules().ParseQC(o.QC)
	if err != nil {
		logger.Warnw("an order's QC no longer verifies, its messages go without", "tx", id, "error", err)
		return nil
	}
	return qc
}
