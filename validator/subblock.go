package validator

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo"
)

// ErrNoSubBlocks means that the node's chain has no sub-block lanes, which the network
// file says all payments settle by, or cannot tell.
var ErrNoSubBlocks = errors.New(`the chain has no sub-block lanes, which ended with T4: use a network with lane "payment", or the node of a chain before T4`)

// forker is a node that tells what its chain is at.
type forker interface {
	// ForkSchedule returns the chain's hardforks; known is false if the node cannot
	// tell.
	ForkSchedule(ctx context.Context) (schedule tempo.ForkSchedule, known bool, err error)
}

// firstWithout is the hardfork that ended sub-block lanes.
const firstWithout = "T4"

// CheckLane refuses a chain that contradicts a network's lanes: the error wraps
// [ErrNoSubBlocks], or is that of a node which did not answer. That a node takes a
// transaction of a sub-block lane is no evidence: development chains take it for an
// ordinary one.
func CheckLane(ctx context.Context, kind fastpay.LaneKind, chain forker) error {
	if kind == fastpay.PaymentLane {
		return nil
	}
	schedule, known, err := chain.ForkSchedule(ctx)
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
	// emptied says that the node has shown a block since this run began: it has taken, or
	// thrown away, what an earlier run had left in the lane.
	emptied bool
	first   *fastpay.Block // the latest when this run began; nil until the node shows one
}

func newSubBlock() *subBlock {
	return &subBlock{waiting: make(map[fastpay.ID]bool), share: leastShare}
}

// follow takes off what the chain has executed, and learns from how much that was.
func (q *subBlock) follow(b *fastpay.Board) {
	if latest := b.Latest(); q.first != nil {
		q.emptied = q.emptied || latest.Number > q.first.Number
	} else if latest != (fastpay.Block{}) {
		q.first = &latest
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

// next returns how much of a closure may be handed over now, from its start. All of it
// goes again with what is new, in order: what the node has lost or thrown away must not
// come behind what stands on it. lately tells what was handed over lately; nothing is
// returned while that is all.
func (q *subBlock) next(order []*fastpay.Tx, lately func(fastpay.ID) bool) []*fastpay.Tx {
	if !q.emptied {
		return nil
	}
	fits, fresh, due := 0, 0, false
	for _, tx := range order {
		waits, recent := q.waiting[tx.ID()], lately(tx.ID())
		if !waits && len(q.waiting)+fresh >= q.share {
			break
		}
		if waits && !recent { // it should be executed by now: less fits than was thought
			q.share = leastShare
		}
		if !waits {
			fresh++
		}
		due = due || !waits || !recent
		fits++
	}
	if !due {
		return nil
	}
	return order[:fits]
}
