package validator

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
)

// ErrNoSubBlocks means that the node's chain has no sub-block lanes, which the network
// file says all payments settle by, or cannot tell.
var ErrNoSubBlocks = errors.New(`the chain has no sub-block lanes, which ended with T4: use a network with lane "payment", or the node of a chain before T4`)

// firstWithout is the hardfork that ended sub-block lanes.
const firstWithout = "T4"

// checkLane refuses a chain that contradicts the network's lanes. That a node takes a
// transaction of a sub-block lane is no evidence: development chains take it for an
// ordinary one.
func (v *Validator) checkLane(ctx context.Context) error {
	if v.cfg.laneKind() == fastpay.PaymentLane {
		return nil
	}
	schedule, known, err := v.cfg.Chain.ForkSchedule(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("asking which hardforks are active: %w", err)
	case !known || len(schedule.Forks) == 0:
		return fmt.Errorf("%w: the node does not know tempo_forkSchedule", ErrNoSubBlocks)
	case schedule.Reached(firstWithout):
		return fmt.Errorf("%w: the node is at %s", ErrNoSubBlocks, schedule.Active)
	}
	return nil
}

// leastShare is how many payments are taken to fit into a sub-block before one is
// seen: one, and one to learn from. Tempo's blocks have room for the sub-blocks of
// fifty validators with one payment each.
const leastShare = 2

// subBlock is what this member has in the sub-block lane of its node. The settler's
// goroutine owns it.
//
// A sub-block has a fixed share of a block's gas, and the node throws away what is
// over it without a word. A payment that is handed over while what it stands on is
// thrown away would execute alone. So never more wait than one above the most that a
// block was seen to take: then only the last of them can be thrown away, and nothing
// is behind it. All payments have the same gas limit. This holds while nobody else
// hands transactions to the node's lane.
type subBlock struct {
	waiting map[fastpay.ID]bool // handed over, not executed or expired so far
	share   int                 // how many may wait
	// first and latest are heights of the node, 0 before it has shown one. Until they
	// differ the lane may still have what an earlier run has left in it: the next block
	// takes it or throws it away.
	first, latest uint64
}

func newSubBlock() *subBlock {
	return &subBlock{waiting: make(map[fastpay.ID]bool), share: leastShare}
}

// follow takes off what the chain has executed, and learns from how much that was.
func (q *subBlock) follow(b *fastpay.Board) {
	if q.latest = b.Latest().Number; q.first == 0 {
		q.first = q.latest
	}
	taken := make(map[uint64]int) // by block
	for id := range q.waiting {
		if o, executed := b.Outcome(id); executed {
			taken[o.BlockNumber]++
			q.share = max(q.share, taken[o.BlockNumber]+1)
			delete(q.waiting, id)
		} else if b.Stage(id) == fastpay.StageExpired {
			delete(q.waiting, id)
		}
	}
}

// takes reports whether a payment may be handed over. late says that it has been and
// should be executed by now: the share has become smaller, or blocks do not come.
func (q *subBlock) takes(id fastpay.ID, late bool) bool {
	if q.latest <= q.first {
		return false
	}
	if q.waiting[id] && late {
		q.share = leastShare
	}
	return q.waiting[id] || len(q.waiting) < q.share
}
