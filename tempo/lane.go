package tempo

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// NonceAt returns the next position of a 2D nonce at the block with that number
// and hash. Errors are those of [Chain.Account].
func (c *Chain) NonceAt(ctx context.Context, number uint64, hash common.Hash, owner common.Address, nonceKey uint256.Int) (uint64, error) {
	var data hexutil.Bytes
	block := Header{Number: number, Hash: hash}
	msg := callMsg{To: NoncePrecompile, Data: EncodeGetNonce(owner, &nonceKey)}
	if err := c.call(ctx, query{"eth_call", []any{msg, pinnedTo(block)}, &data}); err != nil {
		return 0, fmt.Errorf("reading nonce of %s at block %d: %w", owner, number, err)
	}
	nonce, err := DecodeUint64(data)
	if err != nil {
		return 0, fmt.Errorf("nonce of %s: %w: %v", owner, ErrBadAnswer, err)
	}
	return nonce, nil
}

// OutcomeAt returns what used a position that is used at the block with that
// number and hash. Errors are those of [Chain.Account].
func (c *Chain) OutcomeAt(ctx context.Context, number uint64, hash common.Hash, owner common.Address, nonceKey uint256.Int, nonce uint64) (*tx76.Outcome, error) {
	at := slot{owner: owner, key: nonceKey, nonce: nonce}
	o, err := c.outcomeAt(ctx, Header{Number: number, Hash: hash}, at)
	if err != nil {
		return nil, fmt.Errorf("reading the outcome at position %d of %s: %w", nonce, owner, err)
	}
	return o, nil
}

// AccountAt is [Chain.Account] at the block with that number and hash, for packages
// that do not know this one.
func (c *Chain) AccountAt(ctx context.Context, number uint64, hash common.Hash, token, owner common.Address, nonceKey uint256.Int) (balance uint256.Int, nonce uint64, last *tx76.Outcome, err error) {
	a, err := c.Account(ctx, Header{Number: number, Hash: hash}, token, owner, nonceKey)
	return a.Balance, a.Nonce, a.Last, err
}

// RefusalAt is [Chain.CanTransfer] at the block with that number and hash: refusal is
// the token's, err says nothing about the transfer.
func (c *Chain) RefusalAt(ctx context.Context, number uint64, hash common.Hash, token, from, to common.Address) (refusal, err error) {
	err = c.CanTransfer(ctx, Header{Number: number, Hash: hash}, token, from, to, common.Hash{})
	if errors.Is(err, ErrPolicy) {
		return err, nil
	}
	return nil, err
}
