package tempo

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// slot names one use of a 2D nonce.
type slot struct {
	owner common.Address
	key   uint256.Int
	nonce uint64
}

// slotOf returns the slot that an outcome is of.
func slotOf(o *tx76.Outcome) slot {
	return slot{owner: o.Sender, key: o.NonceKey, nonce: o.Nonce}
}

// nonceUses matches every use of a 2D nonce.
func nonceUses() logFilter {
	return logFilter{
		Address: []common.Address{NoncePrecompile},
		Topics:  [][]common.Hash{{TopicNonceIncremented}},
	}
}

// Outcomes returns the outcomes of all transactions with a 2D nonce in the
// canonical blocks from..to, both included, by block and by place in it. Long
// ranges are read in pieces of [Options.LogRange] blocks; the caller bounds the
// range by what it can hold.
//
// It returns [ErrUnavailable] when a block is not there or when the chain
// changed while it was read. Only a finalized range is sure to be consistent.
func (c *Chain) Outcomes(ctx context.Context, from, to uint64) ([]tx76.Outcome, error) {
	var all []tx76.Outcome
	for from <= to {
		end := min(to, from+c.opts.LogRange-1)
		settled := c.finalized.Load()
		logs, err := c.allLogs(ctx, nonceUses(), from, end)
		if err != nil {
			return nil, err
		}
		outcomes, err := c.outcomesOf(ctx, logs, nil, settled)
		if err != nil {
			return nil, fmt.Errorf("outcomes of blocks %d to %d: %w", from, end, err)
		}
		all = append(all, outcomes...)
		from = end + 1
	}
	return all, nil
}

// outcomesOf returns the outcomes of the transactions that emitted the logs,
// in the order of the logs, and remembers them. Every log must be a
// NonceIncremented log. known holds the headers, by hash, that need not be
// read; settled is the number of a block that was final when the logs were read
// by number, or 0.
func (c *Chain) outcomesOf(ctx context.Context, logs []types.Log, known map[common.Hash]Header, settled uint64) ([]tx76.Outcome, error) {
	headers, err := c.headersOf(ctx, logs, known)
	if err != nil {
		return nil, err
	}
	receipts := make([]*receipt, len(logs))
	queries := make([]query, len(logs))
	for i := range logs {
		queries[i] = query{"eth_getTransactionReceipt", []any{logs[i].TxHash}, &receipts[i]}
	}
	if err := c.batch(ctx, queries); err != nil {
		return nil, err
	}
	outcomes := make([]tx76.Outcome, len(logs))
	for i := range logs {
		use, ok := ParseNonceIncremented(&logs[i])
		if !ok || use.NewNonce == 0 {
			return nil, fmt.Errorf("log %d of block %d is no NonceIncremented log: %w", logs[i].Index, logs[i].BlockNumber, ErrBadAnswer)
		}
		if err := receipts[i].check(&logs[i]); err != nil {
			return nil, err
		}
		outcomes[i] = receipts[i].outcome(use, headers[logs[i].BlockHash])
		outcomes[i].TxIndex = uint64(logs[i].TxIndex)
	}
	if err := c.attempted(ctx, outcomes); err != nil {
		return nil, err
	}
	c.remember(outcomes, settled)
	return outcomes, nil
}

// headersOf returns the headers of the logs' blocks by hash, those in known
// included.
func (c *Chain) headersOf(ctx context.Context, logs []types.Log, known map[common.Hash]Header) (map[common.Hash]Header, error) {
	headers := make(map[common.Hash]Header, len(known))
	for hash, header := range known {
		headers[hash] = header
	}
	var missing []common.Hash
	for i := range logs {
		hash := logs[i].BlockHash
		if _, ok := headers[hash]; !ok {
			headers[hash] = Header{}
			missing = append(missing, hash)
		}
	}
	read, err := c.hashed(ctx, missing)
	if err != nil {
		return nil, err
	}
	for _, header := range read {
		headers[header.Hash] = header
	}
	return headers, nil
}

// receipt is a transaction receipt as eth_getTransactionReceipt answers it,
// other fields ignored.
type receipt struct {
	TxHash    common.Hash     `json:"transactionHash"`
	BlockHash common.Hash     `json:"blockHash"`
	Status    *hexutil.Uint64 `json:"status"`
	Logs      []*types.Log    `json:"logs"`
}

// check tells whether r is the receipt that the log came from.
func (r *receipt) check(log *types.Log) error {
	switch {
	case r == nil:
		return fmt.Errorf("transaction %s of block %d has no receipt: %w", log.TxHash, log.BlockNumber, ErrUnavailable)
	case r.Status == nil || r.TxHash != log.TxHash:
		return fmt.Errorf("receipt of transaction %s has no status or names another one: %w", log.TxHash, ErrBadAnswer)
	case r.BlockHash != log.BlockHash:
		return fmt.Errorf("transaction %s moved to another block while it was read: %w", log.TxHash, ErrUnavailable)
	}
	return nil
}

// outcome returns what the receipt says about one use of a nonce in block.
func (r *receipt) outcome(use NonceIncremented, block Header) tx76.Outcome {
	o := tx76.Outcome{
		Sender:      use.Account,
		NonceKey:    use.NonceKey,
		Nonce:       use.NewNonce - 1,
		TxHash:      r.TxHash,
		BlockHash:   block.Hash,
		BlockNumber: block.Number,
		BlockTime:   block.Time,
		Success:     *r.Status == 1,
	}
	plain := make(map[Transfer]int)
	for _, log := range r.Logs {
		if !IsTIP20(log.Address) {
			continue // any contract can emit logs of this form
		}
		if transfer, ok := ParseTransfer(log); ok {
			plain[transfer]++
		}
		if transfer, ok := ParseTransferWithMemo(log); ok {
			o.Transfers = append(o.Transfers, transfer)
		}
	}
	// The receipt may hold more Transfer logs, the fee's at least, so each
	// memo log takes one that is equal to it, wherever it stands.
	for _, m := range o.Transfers {
		twin := Transfer{Token: m.Token, From: m.From, To: m.To, Amount: m.Amount}
		if plain[twin] > 0 {
			plain[twin]--
			o.Plain++
		}
	}
	return o
}
