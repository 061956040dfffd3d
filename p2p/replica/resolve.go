package replica

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// maxQuestions bounds the lanes read at one block.
const maxQuestions = 256

const (
	// maxHurried bounds the lanes read between blocks at once: those with certified
	// payments come first.
	maxHurried = 16
	// hurryPause is the least time from one such reading to the next.
	hurryPause = 50 * time.Millisecond
)

// LaneReader reads single lanes at the peer's own node, for payments that were
// decided before this peer watched.
type LaneReader interface {
	// NonceAt returns a lane's next nonce at a block.
	NonceAt(ctx context.Context, number uint64, hash common.Hash, owner common.Address, nonceKey uint256.Int) (uint64, error)
	// OutcomeAt returns what used a lane's nonce.
	OutcomeAt(ctx context.Context, number uint64, hash common.Hash, owner common.Address, nonceKey uint256.Int, nonce uint64) (*tx76.Outcome, error)
}

// runQuestions answers the Board's questions about lanes after every finalized
// block, and when [Replica.AskNode] says so, until ctx ends. What a block raised while the node was slow is asked at
// the newest one. Errors are logged: the next block tries again.
func (r *Replica) runQuestions(ctx context.Context) error {
	for {
		most := maxQuestions
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.asking:
		case <-r.hurried:
			most = maxHurried
		}
		if err := r.answerQuestions(ctx, most); err != nil && ctx.Err() == nil {
			logger.Warnw("lanes could not be read at the node, the next block tries again", "error", err)
		}
		if most == maxHurried {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(hurryPause):
			}
		}
	}
}

// AskNode has the first of the Board's questions about lanes asked now, which else wait for
// the next finalized block. It returns at once.
func (r *Replica) AskNode() {
	select {
	case r.hurried <- struct{}{}:
	default: // they are about to be
	}
}

// answerQuestions answers the questions of the newest finalized block until there
// is a newer one. An error is the node's; what could be answered is.
func (r *Replica) answerQuestions(ctx context.Context, most int) error {
	var at fastpay.Block
	var questions []fastpay.LaneQuestion
	r.Read(func(b *fastpay.Board) { at, questions = b.Finalized(), b.Questions(most) })
	var errs []error
	for _, q := range questions {
		if err := r.answer(ctx, at, q); err != nil {
			errs = append(errs, fmt.Errorf("lane of %s: %w", q.Lane.Sender, err))
		}
		if r.newer() {
			break
		}
	}
	return errors.Join(errs...)
}

// newer reports whether a block waits for its questions to be asked.
func (r *Replica) newer() bool { return len(r.asking) > 0 }

func (r *Replica) answer(ctx context.Context, at fastpay.Block, q fastpay.LaneQuestion) error {
	nonce, err := r.cfg.Chain.NonceAt(ctx, at.Number, at.Hash, q.Lane.Sender, q.NonceKey)
	if err != nil {
		return err
	}
	var missing []uint64
	if err := r.Update(func(b *fastpay.Board) { missing = b.NoteNonce(q.Lane, nonce, at) }); err != nil {
		return err
	}
	for _, k := range missing {
		outcome, err := r.cfg.Chain.OutcomeAt(ctx, at.Number, at.Hash, q.Lane.Sender, q.NonceKey, k)
		if err != nil {
			return fmt.Errorf("slot %d: %w", k, err)
		}
		if err := r.Update(func(b *fastpay.Board) { b.NoteOutcome(*outcome) }); err != nil {
			return err
		}
		if r.newer() {
			break
		}
	}
	return nil
}
