package tempo

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// wireTransaction is a 0x76 transaction as eth_getTransactionByHash answers it,
// other fields ignored. go-ethereum's own type cannot hold one.
type wireTransaction struct {
	Hash  common.Hash `json:"hash"`
	Calls []wireCall  `json:"calls"`
}

// wireCall is a call of a wireTransaction; To is nil for a creation.
type wireCall struct {
	To    *common.Address `json:"to"`
	Input hexutil.Bytes   `json:"input"`
}

// attempted fills in what reverted transactions tried to do. A receipt does not
// say it, since a revert leaves no log of the transfer.
func (c *Chain) attempted(ctx context.Context, outcomes []tx76.Outcome) error {
	var reverted []*tx76.Outcome
	for i := range outcomes {
		if !outcomes[i].Success {
			reverted = append(reverted, &outcomes[i])
		}
	}
	wire := make([]*wireTransaction, len(reverted))
	queries := make([]query, len(reverted))
	for i, o := range reverted {
		queries[i] = query{"eth_getTransactionByHash", []any{o.TxHash}, &wire[i]}
	}
	if err := c.batch(ctx, queries); err != nil {
		return fmt.Errorf("reading reverted transactions: %w", err)
	}
	for i, o := range reverted {
		tx := wire[i]
		if tx == nil || tx.Hash != o.TxHash {
			return fmt.Errorf("transaction %s of block %d is not on this node: %w", o.TxHash, o.BlockNumber, ErrUnavailable)
		}
		if len(tx.Calls) != 1 || tx.Calls[0].To == nil || !IsTIP20(*tx.Calls[0].To) {
			continue
		}
		_, _, memo, err := DecodeTransferWithMemo(tx.Calls[0].Input)
		if err != nil {
			continue
		}
		o.Attempted = memo
		if o.Outflow, err = c.outflow(ctx, o, *tx.Calls[0].To); err != nil {
			return fmt.Errorf("looking for what emptied account %s before transaction %s: %w", o.Sender, o.TxHash, err)
		}
	}
	return nil
}
