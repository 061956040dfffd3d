package fastpay

import (
	"sort"

	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// ChainView is one step of the chain as a peer's node sees it.
type ChainView struct {
	Latest    Block
	Finalized Block
	Outcomes  []tx76.Outcome // of the blocks that are new, in order
	// Reverted is the number of the first block that is no longer part of the
	// chain, 0 if none is. Outcomes replace what stood from there on.
	Reverted uint64
}

// ApplyChain stores what the chain did. Heights of finalized blocks never go
// back.
func (b *Board) ApplyChain(v ChainView) {
	if v.Reverted > 0 {
		b.revert(v.Reverted)
	}
	b.latest = v.Latest
	if v.Finalized.Number >= b.finalized.Number {
		b.finalized = v.Finalized
	}
	for _, o := range v.Outcomes {
		b.NoteOutcome(o)
	}
	b.settle()
}

// revert forgets the outcomes of blocks from number on.
func (b *Board) revert(number uint64) {
	for _, lane := range b.lanes {
		for k, o := range lane.outcomes {
			if o.BlockNumber >= number {
				delete(lane.outcomes, k)
				lane.nonce = min(lane.nonce, k)
				b.bumpSlot(lane, k)
			}
		}
	}
}

// NoteOutcome stores what the chain made of one slot, if the slot is of a lane
// of this network.
func (b *Board) NoteOutcome(o tx76.Outcome) {
	l, ok := b.rules.LaneOf(o.Sender, o.NonceKey)
	if !ok {
		return
	}
	lane := b.lane(l)
	if _, known := lane.outcomes[o.Nonce]; known {
		return
	}
	lane.outcomes[o.Nonce] = o
	lane.nonce = max(lane.nonce, o.Nonce+1)
	b.bumpSlot(lane, o.Nonce)
}

func (b *Board) bumpSlot(lane *laneRecords, k uint64) {
	for _, rec := range lane.slots[k] {
		b.bump(rec)
	}
}

// settle lists payments that a finalized block has decided, and evicts the
// oldest of them beyond the limit. A lane's last executed slot stays: the next
// payment stands on it.
func (b *Board) settle() {
	for _, lane := range b.lanes {
		for k, o := range lane.outcomes {
			if o.BlockNumber > b.finalized.Number {
				continue
			}
			for _, rec := range lane.slots[k] {
				if rec.done == nil {
					rec.done = b.settled.PushBack(rec)
					b.bump(rec)
				}
			}
			if len(lane.slots[k]) == 0 && k+1 < lane.nonce {
				delete(lane.outcomes, k)
			}
		}
	}
	for n := b.settled.Len(); n > b.limits.Settled; n-- {
		e := b.settled.Front()
		rec := e.Value.(*record)
		if lane := b.lanes[rec.tx.lane]; rec.tx.env.Seq+1 >= lane.nonce {
			b.settled.MoveToBack(e)
			continue
		}
		b.remove(rec)
		b.dropped.Settled++
	}
}

// LaneQuestion is a lane whose nonce must be read before its payments' stages
// are known for sure.
type LaneQuestion struct {
	Lane     Lane
	NonceKey uint256.Int
}

// Questions returns up to max lanes that have payments but were never read at
// the node, or whose payments' expiry has passed since: first those with payments
// that are promised or certified, then those that were read the longest ago. Answer
// with [Board.NoteNonce] and with [Board.NoteOutcome] for the missing slots.
func (b *Board) Questions(max int) []LaneQuestion {
	type question struct {
		id   common.Hash
		lane *laneRecords
		rec  *record
	}
	var open []question
	for id, lane := range b.lanes {
		if rec := b.asks(lane); rec != nil {
			open = append(open, question{id, lane, rec})
		}
	}
	sort.Slice(open, func(i, j int) bool {
		x, y := &open[i], &open[j]
		switch {
		case x.rec.protected() != y.rec.protected():
			return x.rec.protected()
		case x.lane.readAt.Number != y.lane.readAt.Number:
			return x.lane.readAt.Number < y.lane.readAt.Number
		}
		return x.id.Cmp(y.id) < 0
	})
	out := make([]LaneQuestion, min(len(open), max))
	for i := range out {
		l := open[i].lane.lane
		c, _ := b.rules.Committee(open[i].rec.tx.env.CommitteeID)
		out[i] = LaneQuestion{l, l.NonceKey(c)}
	}
	return out
}

// asks returns a payment of the lane whose fate is open, or nil: one that is
// promised or certified if there is any, of the lowest slot.
func (b *Board) asks(lane *laneRecords) *record {
	var found *record
	for k, slot := range lane.slots {
		if _, decided := lane.outcomes[k]; decided {
			continue
		}
		for _, rec := range slot {
			overdue := b.finalized.Time >= rec.tx.env.ValidBefore && lane.readAt.Time < rec.tx.env.ValidBefore
			if !(lane.readAt == (Block{}) && b.finalized != (Block{}) || overdue || k < lane.nonce) {
				continue
			}
			if found == nil || rec.protected() && !found.protected() ||
				rec.protected() == found.protected() && k < found.tx.env.Seq {
				found = rec
			}
		}
	}
	return found
}

// NoteNonce stores a lane's nonce as read at a finalized block, and returns the
// slots below it that hold payments but no outcome yet.
func (b *Board) NoteNonce(l Lane, nonce uint64, at Block) (missing []uint64) {
	lane := b.lane(l)
	lane.nonce = max(lane.nonce, nonce)
	if at.Number >= lane.readAt.Number {
		lane.readAt = at
	}
	for k := range lane.slots {
		if _, known := lane.outcomes[k]; k < nonce && !known {
			missing = append(missing, k)
		}
		b.bumpSlot(lane, k)
	}
	sort.Slice(missing, func(i, j int) bool { return missing[i] < missing[j] })
	return missing
}

// Latest is the newest block seen.
func (b *Board) Latest() Block { return b.latest }

// Finalized is the newest finalized block seen.
func (b *Board) Finalized() Block { return b.finalized }

// Outcome returns what the chain made of the slot of a payment.
func (b *Board) Outcome(id ID) (tx76.Outcome, bool) {
	rec, ok := b.records[id]
	if !ok {
		return tx76.Outcome{}, false
	}
	o, ok := b.lanes[rec.tx.lane].outcomes[rec.tx.env.Seq]
	return o, ok
}

// Final reports whether no later block changes the payment's stage: a finalized block
// has used its slot, or its time has passed with the slot unused.
func (b *Board) Final(id ID) bool {
	if o, used := b.Outcome(id); used {
		return o.BlockNumber <= b.finalized.Number
	}
	return b.Stage(id) == StageExpired
}

// Unread reports whether the node has yet to say what became of the payment's slot: its
// lane was never read, or the slot is used and what used it is not known.
func (b *Board) Unread(id ID) bool {
	rec, ok := b.records[id]
	if !ok {
		return false
	}
	lane := b.lanes[rec.tx.lane]
	_, decided := lane.outcomes[rec.tx.env.Seq]
	return !decided && (lane.readAt == (Block{}) || rec.tx.env.Seq < lane.nonce)
}

// Stage derives how far a payment has come (section 6).
func (b *Board) Stage(id ID) Stage {
	rec, ok := b.records[id]
	if !ok {
		return StageUnknown
	}
	lane := b.lanes[rec.tx.lane]
	if o, ok := lane.outcomes[rec.tx.env.Seq]; ok {
		return b.stageOf(rec.tx, o)
	}
	switch {
	case lane.readAt.Time >= rec.tx.env.ValidBefore && lane.nonce <= rec.tx.env.Seq:
		return StageExpired
	case rec.qc != nil && rec.queued:
		return StageQueuedOnchain
	case rec.qc != nil:
		return StageCertified
	case b.refused(rec):
		return StageRejected
	case len(rec.votes) > 0:
		return StageAccepted
	}
	return StageUnknown
}

// stageOf is the stage of a payment whose slot is used.
func (b *Board) stageOf(tx *Tx, o tx76.Outcome) Stage {
	switch {
	case Settles(tx, &o) && o.BlockNumber <= b.finalized.Number:
		return StageFinalized
	case Settles(tx, &o):
		return StageIncluded
	case !o.Success && o.Attempted == tx.id:
		return StageFailed
	}
	return StageConflicted
}

// Settles reports whether a slot's outcome is the payment's full effect: status
// 1 and exactly its Transfer and TransferWithMemo (section 4.7).
func Settles(tx *Tx, o *tx76.Outcome) bool {
	if !o.Success || len(o.Transfers) != 1 || o.Plain != 1 {
		return false
	}
	t := tx.Lane().memoTransfer(o)
	return t != nil && t.Memo == tx.id && t.To == tx.env.Recipient && t.Amount.Eq(&tx.env.Amount)
}

// refused reports whether members refused for good so that no quorum is left.
func (b *Board) refused(rec *record) bool {
	c, ok := b.rules.Committee(rec.tx.env.CommitteeID)
	if !ok {
		return false
	}
	left := c.Total()
	for signer, r := range rec.rejects {
		if _, voted := rec.votes[signer]; !voted && !r.Retryable && signer < c.Len() {
			left -= c.Weight(signer)
		}
	}
	return left < c.Quorum()
}

// generationOf returns the generation of the payment that holds an executed
// position, if its FastPayTx is known.
func (b *Board) generationOf(position common.Hash, l Lane, seq uint64) (uint64, bool) {
	rec, ok := b.records[position]
	if !ok || rec.tx.Lane() != l || rec.tx.env.Seq != seq {
		return 0, false
	}
	return rec.tx.env.Restart, true
}
