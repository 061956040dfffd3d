package tempo

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"
)

// RevertError is what a reverted call left.
type RevertError struct {
	// Data is the ABI-encoded error, empty if the node gave none.
	Data []byte
	// Message is the node's own text.
	Message string
}

// Error names the token's error if it is one of those that transfers end in.
func (e *RevertError) Error() string {
	if len(e.Data) >= 4 {
		switch Selector(e.Data[:4]) {
		case SelectorPolicyForbids:
			return "the issuer's policy forbids one of the parties"
		case SelectorContractPaused:
			return "the issuer paused the token"
		case SelectorInvalidRecipient:
			return "the recipient cannot hold tokens"
		case SelectorInsufficientBalance:
			return "the balance is too low"
		}
		return fmt.Sprintf("the token reverted with error 0x%x", e.Data[:4])
	}
	return fmt.Sprintf("the token reverted, the node says %q", e.Message)
}

// CanTransfer tells whether token would let from pay to, at block: it calls
// transferWithMemo(to, 0, memo) from that account without sending anything.
// It returns nil, or [ErrPolicy] with the [RevertError], or an error that says
// nothing about the transfer.
func (c *Chain) CanTransfer(ctx context.Context, block Header, token, from, to common.Address, memo common.Hash) error {
	msg := callMsg{From: &from, To: token, Data: EncodeTransferWithMemo(to, new(uint256.Int), memo)}
	var result hexutil.Bytes
	err := c.call(ctx, query{"eth_call", []any{msg, pinnedTo(block)}, &result})
	if revert, ok := revertOf(err); ok {
		return fmt.Errorf("%w: %w", ErrPolicy, revert)
	}
	return err
}

// revertOf returns the revert that a failed eth_call ended in.
func revertOf(err error) (*RevertError, bool) {
	answer, ok := errors.AsType[*answerError](err)
	if !ok || answer.code != codeRevert {
		return nil, false
	}
	revert := &RevertError{Message: answer.message}
	if text, ok := answer.data.(string); ok {
		// Data that is no hex is no data; the message still stands.
		revert.Data, _ = hexutil.Decode(text)
	}
	return revert, true
}
