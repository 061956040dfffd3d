package devchain

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/rpc"
)

// JSON-RPC error codes (EIP-1474).
const (
	codeInvalidParams = -32602
	codeNotFound      = -32001
	codeRejected      = -32003
	codeLimit         = -32005
)

// rpcError is an error with a JSON-RPC code.
type rpcError struct {
	code int
	err  error
}

// Error returns the text of the error behind the code.
func (e *rpcError) Error() string { return e.err.Error() }

// ErrorCode implements [rpc.Error].
func (e *rpcError) ErrorCode() int { return e.code }

// coded gives an error a JSON-RPC code. nil stays nil.
func coded(code int, err error) error {
	if err == nil {
		return nil
	}
	return &rpcError{code: code, err: err}
}

// latest is the block that methods use where the caller names none.
var latest = rpc.BlockNumberOrHashWithNumber(rpc.LatestBlockNumber)

// byNumber resolves a number or tag. A block that does not exist yet is nil,
// a forgotten one an error. There is no pending block: it is the latest.
func (c *Chain) byNumber(n rpc.BlockNumber) (*block, error) {
	switch n {
	case rpc.LatestBlockNumber, rpc.PendingBlockNumber:
		return c.head(), nil
	case rpc.FinalizedBlockNumber, rpc.SafeBlockNumber:
		return c.final(), nil
	case rpc.EarliestBlockNumber:
		n = 0
	}
	b, err := c.blockByNumber(uint64(n))
	return b, coded(codeNotFound, err)
}

// resolve resolves a number, a tag or an EIP-1898 object; nil means latest. A
// block that does not exist, or whose hash was forgotten, is nil.
func (c *Chain) resolve(ref *rpc.BlockNumberOrHash) (*block, error) {
	if ref == nil {
		ref = &latest
	}
	if hash, ok := ref.Hash(); ok {
		return c.blockByHash(hash), nil
	}
	n, ok := ref.Number()
	if !ok {
		return nil, coded(codeInvalidParams, errors.New("block is neither a number, a tag nor an object with blockHash"))
	}
	return c.byNumber(n)
}

// stateAt opens the state after a block. Here a block that does not exist is
// an error.
func (c *Chain) stateAt(ref *rpc.BlockNumberOrHash) (world, error) {
	b, err := c.resolve(ref)
	if err != nil {
		return world{}, err
	}
	if b == nil {
		return world{}, coded(codeNotFound, fmt.Errorf("block %s not found: it does not exist or this chain no longer retains it", ref))
	}
	w, err := c.open(b)
	return w, coded(codeNotFound, err)
}
