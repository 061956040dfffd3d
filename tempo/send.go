package tempo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// checkNonceTexts are what nodes say when a transaction, or another one in its
// place, is already there. Nodes have no codes for these; the texts are those
// of reth, Tempo's node, of anvil and of geth.
var checkNonceTexts = []string{
	"already imported",
	"already known",
	"known transaction",
	"nonce too low",
	"underpriced",
	"replacement",
}

// Send submits a signed transaction of type 0x76 to the node's pool and
// returns its hash, which is that of raw, also beside an error.
//
// A nil error is no promise: nodes drop transactions without a word. Besides
// [ErrUnreachable] and [ErrBadAnswer], after which the transaction may be in
// the pool, the errors are [ErrCheckNonce] and [ErrRefused].
func (c *Chain) Send(ctx context.Context, raw []byte) (common.Hash, error) {
	hash := crypto.Keccak256Hash(raw)
	var got common.Hash
	err := c.call(ctx, query{"eth_sendRawTransaction", []any{hexutil.Bytes(raw)}, &got})
	if answer, ok := errors.AsType[*answerError](err); ok && answer.kind() != ErrUnreachable {
		return hash, fmt.Errorf("transaction %s: %w: node says %q", hash, refusal(answer), answer.message)
	}
	if err != nil {
		return hash, err
	}
	if got != hash {
		return hash, fmt.Errorf("transaction %s was answered with hash %s: %w", hash, got, ErrBadAnswer)
	}
	return hash, nil
}

// refusal returns the sentinel for what a node answers to a transaction.
func refusal(answer *answerError) error {
	text := strings.ToLower(answer.message)
	for _, known := range checkNonceTexts {
		if strings.Contains(text, known) {
			return ErrCheckNonce
		}
	}
	return ErrRefused
}
