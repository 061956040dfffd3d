package fastpay

import (
	"math"
	"slices"
)

// PendingClosure returns what the chain must execute for a payment: its pending
// predecessors by prev and its pending parents, each before what stands on it,
// and the payment last (section 4.7). What a block has executed is left out, and
// so are parents that can no longer execute: they fund nothing. It reports false
// if a part is unknown, or not certified: then nothing of it may be submitted.
func (b *Board) PendingClosure(id ID) (order []*Tx, complete bool) {
	return b.PendingClosureWithin(id, math.MaxInt)
}

// PendingClosureWithin does that for who has no time for more than max payments, and
// reports false if there are.
func (b *Board) PendingClosureWithin(id ID, max int) (order []*Tx, complete bool) {
	done := make(map[ID]bool)
	complete = true
	var visit func(ID)
	visit = func(id ID) {
		if done[id] || !complete {
			return
		}
		done[id] = true
		rec, ok := b.records[id]
		if !ok {
			complete = false
			return
		}
		if b.executed(rec) {
			return
		}
		if !rec.certified || len(done) > max {
			complete = false
			return
		}
		if below, pending := b.pendingBelow(rec); pending {
			visit(below)
		}
		for _, parent := range rec.tx.env.Parents {
			if !b.dead(parent) {
				visit(parent)
			}
		}
		order = append(order, rec.tx)
	}
	visit(id)
	if !complete {
		return nil, false
	}
	return order, true
}

// pendingBelow returns the payment that rec names as prev, if it is one that the
// chain has not executed: not a lane's genesis, a restart, or an executed slot.
func (b *Board) pendingBelow(rec *record) (ID, bool) {
	env := &rec.tx.env
	lane := b.lanes[rec.tx.lane]
	if env.Seq == 0 || env.Restart > 0 && env.Prev == lane.lane.Restart(env.Seq, env.Restart) {
		return ID{}, false
	}
	_, executed := lane.outcomes[env.Seq-1]
	return env.Prev, !executed && env.Seq-1 >= lane.nonce
}

// dead reports whether a payment has expired unexecuted, or stands on one in its
// lane that has: a decision counts it 0 (section 4.3), so nothing waits for it.
func (b *Board) dead(id ID) bool {
	for {
		rec, ok := b.records[id]
		if !ok || b.executed(rec) {
			return false
		}
		if b.Stage(id) == StageExpired {
			return true
		}
		below, pending := b.pendingBelow(rec)
		if !pending {
			return false
		}
		id = below
	}
}

// Unfunded reports whether a payment of a closure names one that came to nothing: as its
// parent, whose money it counts on, or before it in its lane, whose payer may have moved the
// money away. The closure has left those out, since nothing waits for them; who trusts a
// payment before the chain has executed it cannot.
func (b *Board) Unfunded(order []*Tx) bool {
	return slices.ContainsFunc(order, func(tx *Tx) bool {
		return b.nothing(tx.env.Prev) || slices.ContainsFunc(tx.env.Parents, b.nothing)
	})
}

// nothing reports whether a known payment has come to nothing, or can only.
func (b *Board) nothing(id ID) bool {
	rec, ok := b.records[id]
	if !ok {
		return false
	}
	if !b.executed(rec) {
		return b.dead(id)
	}
	stage := b.Stage(id)
	return stage != StageIncluded && stage != StageFinalized
}

// executed reports whether the chain has used the payment's slot.
func (b *Board) executed(rec *record) bool {
	_, used := b.lanes[rec.tx.lane].outcomes[rec.tx.env.Seq]
	return used
}

// Ready reports whether a payment waits for no other: its predecessor and the
// parents that still can be are executed.
func (b *Board) Ready(id ID) bool {
	order, complete := b.PendingClosure(id)
	return complete && len(order) == 1
}

// AtHome returns what a member may hand over of a closure whose lanes are sub-block
// lanes, in the same order (section 4.7): the payments of its own lanes that stand on
// nothing else in the closure than on each other. The member's node executes them in
// that order. The others go through other nodes, and which sub-block a block has
// first is nobody's promise: what stands on one of them waits for its receipt.
func AtHome(order []*Tx, c *Committee, member int) []*Tx {
	pending, ours := make(map[ID]bool), make(map[ID]bool)
	var out []*Tx
	for _, tx := range order {
		pending[tx.id] = true
		if tx.CommitteeID() != c.ID() || tx.Lane().Home(c, 0) != member {
			continue
		}
		sure := true
		for _, id := range append(tx.env.Parents[:len(tx.env.Parents):len(tx.env.Parents)], tx.env.Prev) {
			sure = sure && (ours[id] || !pending[id])
		}
		if sure {
			ours[tx.id] = true
			out = append(out, tx)
		}
	}
	return out
}

// Depth returns how many payments of a closure have to execute one upon the other
// before its last one, and when the first of all of them expires, in seconds of chain
// time. order is what [Board.PendingClosure] returned, and not empty.
func Depth(order []*Tx) (depth int, expires uint64) {
	below := make(map[ID]int, len(order))
	expires = order[0].env.ValidBefore
	for _, tx := range order {
		depth = 0
		for _, id := range append([]ID{tx.env.Prev}, tx.env.Parents...) {
			if d, pending := below[id]; pending {
				depth = max(depth, d+1)
			}
		}
		below[tx.id] = depth
		expires = min(expires, tx.env.ValidBefore)
	}
	return depth, expires
}
