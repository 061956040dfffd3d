package replica

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// maxQuestions bounds the lanes read at one block.
const maxQuestions = 256

// LaneReader reads single lanes at the peer's own node, for payments that were
// decided before this peer watched.
type LaneReader interface {
	// NonceAt returns a lane's next nonce at a block.
	NonceAt(ctx context.Context, number uint64, hash common.Hash, owner common.Address, nonceKey uint256.Int) (uint64, error)
	// OutcomeAt returns what used a lane's nonce.
	OutcomeAt(ctx context.Context, number uint64, hash common.Hash, owner common.Address, nonceKey uint256.Int, nonce uint64) (*tx76.Outcome, error)
}

// Resolve answers the Board's questions about lanes at a finalized block. An
// error is the node's; what could be answered is.
func (r *Replica) Resolve(ctx context.Context, at fastpay.Block, chain LaneReader) error {
	var questions []fastpay.LaneQuestion
	r.Read(func(b *fastpay.Board) { questions = b.Questions(maxQuestions) })
	var errs []error
	for _, q := range questions {
		if err := r.resolve(ctx, at, chain, q); err != nil {
			errs = append(errs, fmt.Errorf("lane of %s: %w", q.Lane.Sender, err))
		}
	}
	return errors.Join(errs...)
}

func (r *Replica) resolve(ctx context.Context, at fastpay.Block, chain LaneReader, q fastpay.LaneQuestion) error {
	nonce, err := chain.NonceAt(ctx, at.Number, at.Hash, q.Lane.Sender, q.NonceKey)
	if err != nil {
		return err
	}
	var missing []uint64
	if err := r.Update(func(b *fastpay.Board) { missing = b.NoteNonce(q.Lane, nonce, at) }); err != nil {
		return err
	}
	for _, k := range missing {
		outcome, err := chain.OutcomeAt(ctx, at.Number, at.Hash, q.Lane.Sender, q.NonceKey, k)
		if err != nil {
			return fmt.Errorf("slot %d: %w", k, err)
		}
		if err := r.Update(func(b *fastpay.Board) { b.NoteOutcome(*outcome) }); err != nil {
			return err
		}
	}
	return nil
}
