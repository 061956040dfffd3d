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

// Account is the state of one lane, an account's balance of one token and its
// nonce of one key, at one block.
type Account struct {
	Balance uint256.Int // token units
	Nonce   uint64      // the next position to be used

	// Last is the outcome at position Nonce-1; nil when Nonce is 0.
	Last *tx76.Outcome
}

// errProtocolNonce answers a nonce key that the nonce precompile does not
// know.
var errProtocolNonce = errors.New("nonce key 0 is the account's transaction count, use the lane's key")

// pin is a block parameter that names a block by hash (EIP-1898), and only as
// long as it is canonical.
type pin struct {
	BlockHash        common.Hash `json:"blockHash"`
	RequireCanonical bool        `json:"requireCanonical"`
}

// callMsg is the transaction object of eth_call.
type callMsg struct {
	From *common.Address `json:"from,omitempty"`
	To   common.Address  `json:"to"`
	Data hexutil.Bytes   `json:"input"`
}

// pinnedTo returns the block parameter that names block.
func pinnedTo(block Header) pin {
	return pin{BlockHash: block.Hash, RequireCanonical: true}
}

// Account reads the lane of owner for token at block. Balance and nonce are
// pinned to the block's hash and come in one exchange. The last outcome is
// remembered, so that it costs a search of the logs only once.
//
// It returns [ErrUnavailable] when block is not canonical or its state is no
// longer kept, or when the chain changed while it was read.
func (c *Chain) Account(ctx context.Context, block Header, token, owner common.Address, nonceKey uint256.Int) (Account, error) {
	if nonceKey.IsZero() {
		return Account{}, errProtocolNonce
	}
	var balance, nonce hexutil.Bytes
	err := c.batch(ctx, []query{
		{"eth_call", []any{callMsg{To: token, Data: EncodeBalanceOf(owner)}, pinnedTo(block)}, &balance},
		{"eth_call", []any{callMsg{To: NoncePrecompile, Data: EncodeGetNonce(owner, &nonceKey)}, pinnedTo(block)}, &nonce},
	})
	if err != nil {
		return Account{}, fmt.Errorf("reading account %s at block %d: %w", owner, block.Number, err)
	}
	var account Account
	if account.Balance, err = DecodeUint256(balance); err != nil {
		return Account{}, fmt.Errorf("balance of %s in token %s: %w: %v", owner, token, ErrBadAnswer, err)
	}
	if account.Nonce, err = DecodeUint64(nonce); err != nil {
		return Account{}, fmt.Errorf("nonce of %s: %w: %v", owner, ErrBadAnswer, err)
	}
	if account.Nonce > 0 {
		at := slot{owner: owner, key: nonceKey, nonce: account.Nonce - 1}
		if account.Last, err = c.outcomeAt(ctx, block, at); err != nil {
			return Account{}, fmt.Errorf("reading the last outcome of account %s at block %d: %w", owner, block.Number, err)
		}
	}
	return account, nil
}
