package fastpay

import (
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
)

// Cause says why the chain put a payment where it is (section 6).
type Cause string

const (
	// CauseSettled: executed with its full effect.
	CauseSettled Cause = "settled"
	// CauseBeforeParent: reverted, because a payment that it relies on had not been
	// executed before it.
	CauseBeforeParent Cause = "before_parent"
	// CauseReverted: reverted, although what it relies on had been executed and no
	// other outflow is known: the issuer forbids the transfer, for one.
	CauseReverted Cause = "reverted"
	// CauseOutflow: reverted after a transaction outside the lane had moved money out
	// of the payer's account.
	CauseOutflow Cause = "outflow"
	// CauseSlotTaken: another transaction used the slot.
	CauseSlotTaken Cause = "slot_taken"
	// CauseRedirected: the transaction that used the slot names the payment and moved
	// something else, or elsewhere.
	CauseRedirected Cause = "redirected"
	// CauseUnused: a block's time reached valid_before with the slot unused.
	CauseUnused Cause = "unused"
)

// StageEvidence is what of the chain a payment's stage rests on, from INCLUDED on and
// for FAILED, CONFLICTED and EXPIRED.
type StageEvidence struct {
	Cause Cause
	// Block used the slot; if nothing has, it is the finalized one at which that was
	// read. Its Parent is not told.
	Block Block
	// ChainTx is the transaction that used the slot; zero if nothing has.
	ChainTx common.Hash
	// Outflow is the transaction that moved the money, of CauseOutflow.
	Outflow common.Hash
	// Parent is the payment that came too late or not at all, of CauseBeforeParent.
	Parent ID
}

// StageEvidence returns what of the chain the stage of a payment rests on. It reports
// false as long as the chain has said nothing about it.
func (b *Board) StageEvidence(id ID) (StageEvidence, bool) {
	rec, ok := b.records[id]
	if !ok {
		return StageEvidence{}, false
	}
	lane := b.lanes[rec.tx.lane]
	if o, used := lane.outcomes[rec.tx.env.Seq]; used {
		return b.evidenceOf(rec.tx, &o), true
	}
	if lane.expired(rec.tx) {
		at := lane.readAt
		at.Parent = common.Hash{}
		return StageEvidence{Cause: CauseUnused, Block: at}, true
	}
	return StageEvidence{}, false
}

// expired reports whether a finalized block has shown the payment's slot unused at or
// after valid_before.
func (l *laneRecords) expired(tx *Tx) bool {
	return l.readAt.Time >= tx.env.ValidBefore && l.nonce <= tx.env.Seq
}

// evidenceOf is the evidence about a payment whose slot is used.
func (b *Board) evidenceOf(tx *Tx, o *tx76.Outcome) StageEvidence {
	e := StageEvidence{ChainTx: o.TxHash, Block: Block{Number: o.BlockNumber, Hash: o.BlockHash, Time: o.BlockTime}}
	switch memo := tx.Lane().memoTransfer(o); {
	case Settles(tx, o):
		e.Cause = CauseSettled
	case o.BlockTime >= tx.env.ValidBefore:
		e.Cause = CauseUnused // until it was too late for the payment
	case !o.Success && o.Attempted == tx.id:
		late, found := b.lateParent(tx, o)
		switch {
		case found:
			e.Cause, e.Parent = CauseBeforeParent, late
		case o.Outflow != common.Hash{}:
			e.Cause, e.Outflow = CauseOutflow, o.Outflow
		default:
			e.Cause = CauseReverted
		}
	case memo != nil && memo.Memo == tx.id:
		e.Cause = CauseRedirected
	default:
		e.Cause = CauseSlotTaken
	}
	return e
}

// lateParent returns a cited payment that had not been executed with its full effect
// when the chain executed the payment. One that is not held is blamed only if nothing
// else is known: what was executed long ago is forgotten first.
func (b *Board) lateParent(tx *Tx, o *tx76.Outcome) (late ID, found bool) {
	for _, id := range tx.env.Parents {
		rec, ok := b.records[id]
		if !ok {
			if o.Outflow == (common.Hash{}) {
				late, found = id, true
			}
			continue
		}
		paid, used := b.lanes[rec.tx.lane].outcomes[rec.tx.env.Seq]
		if !used || !Settles(rec.tx, &paid) || !paid.Before(o) {
			return id, true
		}
	}
	return late, found
}
