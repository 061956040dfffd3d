package validator

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo"
)

// readKey names a piece of chain state at a block: a lane, or a token's policy
// for a transfer.
type readKey struct {
	block    tempo.Header
	lane     fastpay.Lane     // zero for a policy
	transfer fastpay.Transfer // zero for a lane
}

// readJob asks the readers for a piece of chain state.
type readJob struct {
	key       readKey
	committee *fastpay.Committee // gives the lane's nonce key
}

// readResult is what a reader found.
type readResult struct {
	key     readKey
	account fastpay.Account
	refusal error // the token's, for a policy
	err     error // the node's
}

// park keeps a request until the chain state that its decision needs is read.
func (e *engine) park(req request, c *fastpay.Committee, need *fastpay.NeedError) {
	if e.full() {
		e.refuse(req, fastpay.ErrBusy)
		return
	}
	var keys []readKey
	for _, lane := range need.Lanes {
		keys = append(keys, readKey{block: e.header, lane: lane})
	}
	for _, t := range need.Transfers {
		keys = append(keys, readKey{block: e.header, transfer: t})
	}
	for i, key := range keys {
		_, asked := e.parked[key]
		if !asked {
			select {
			case e.reads <- readJob{key, c}:
				e.parked[key] = nil
			default:
				e.metrics.dropped.WithLabelValues("read").Inc()
				if i == 0 {
					e.refuse(req, fastpay.ErrBusy)
					return
				}
				continue // asked for when the first key is there
			}
		}
		if i == 0 {
			e.parked[key] = append(e.parked[key], req)
			e.waiting++
		}
	}
}

// takeRead stores what a reader found and decides on what waited for it.
func (e *engine) takeRead(res readResult) {
	waiting := e.parked[res.key]
	delete(e.parked, res.key)
	e.waiting -= len(waiting)
	if res.err != nil {
		err := fmt.Errorf("%w: reading the node at block %d: %w", fastpay.TemporaryUnavailable, res.key.block.Number, res.err)
		for _, req := range waiting {
			e.refuse(req, err)
		}
		return
	}
	if res.key.block == e.header {
		if lane := res.key.lane; lane != (fastpay.Lane{}) {
			e.snap.SetAccount(lane, res.account)
			for _, seat := range e.seats {
				seat.ledger.Forget(lane.ID(), res.account.Nonce)
			}
		} else {
			e.snap.SetPolicy(res.key.transfer, res.refusal)
		}
	}
	if len(waiting) > 0 {
		e.decide(waiting) // after a newer block it asks again
	}
}

// runReader reads chain state for the engine until ctx ends.
func (e *engine) runReader(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case job := <-e.reads:
			res := e.read(ctx, job)
			select {
			case e.results <- res:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

func (e *engine) read(ctx context.Context, job readJob) readResult {
	res := readResult{key: job.key}
	if lane := job.key.lane; lane != (fastpay.Lane{}) {
		account, err := e.cfg.Chain.Account(ctx, job.key.block, lane.Asset, lane.Sender, lane.NonceKey(job.committee))
		if err == nil {
			res.account, err = accountOf(lane, account)
		}
		res.err = err
		e.metrics.reads.WithLabelValues("lane", result(err)).Inc()
		return res
	}
	t := job.key.transfer
	err := e.cfg.Chain.CanTransfer(ctx, job.key.block, t.Asset, t.Sender, t.Recipient, [32]byte{})
	if errors.Is(err, tempo.ErrPolicy) {
		res.refusal = err
	} else {
		res.err = err
	}
	e.metrics.reads.WithLabelValues("policy", result(res.err)).Inc()
	return res
}

// result names an outcome in metrics.
func result(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}
