package tempo

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// logFilter is the parameter of eth_getLogs: either BlockHash is set, or both
// ends of a range.
type logFilter struct {
	BlockHash *common.Hash     `json:"blockHash,omitempty"`
	FromBlock *hexutil.Uint64  `json:"fromBlock,omitempty"`
	ToBlock   *hexutil.Uint64  `json:"toBlock,omitempty"`
	Address   []common.Address `json:"address"`
	Topics    [][]common.Hash  `json:"topics"`
}

// within returns the filter for the blocks from..to, both included.
func (f logFilter) within(from, to uint64) logFilter {
	f.FromBlock, f.ToBlock = (*hexutil.Uint64)(&from), (*hexutil.Uint64)(&to)
	return f
}

// in returns the filter for the block with that hash.
func (f logFilter) in(hash common.Hash) logFilter {
	f.BlockHash = &hash
	return f
}

// logs returns the logs that match filter in the blocks from..to, in their
// order. refused tells of an error that a shorter range may avoid: nodes limit
// the range, the size of the answer and the time for it, each by its own rule,
// code and text.
func (c *Chain) logs(ctx context.Context, filter logFilter, from, to uint64) (found []types.Log, refused bool, err error) {
	err = c.call(ctx, query{"eth_getLogs", []any{filter.within(from, to)}, &found})
	if err != nil {
		_, answered := errors.AsType[*answerError](err)
		refused = answered && from < to && !errors.Is(err, errUnsupported)
		return nil, refused, fmt.Errorf("logs of blocks %d to %d: %w", from, to, err)
	}
	for i := range found {
		if n := found[i].BlockNumber; n < from || n > to {
			return nil, false, fmt.Errorf("logs of blocks %d to %d hold one of block %d: %w", from, to, n, ErrBadAnswer)
		}
	}
	return found, false, nil
}

// allLogs returns the logs that match filter in the blocks from..to, in their
// order, in halves of the range and their halves where the node refuses it.
func (c *Chain) allLogs(ctx context.Context, filter logFilter, from, to uint64) ([]types.Log, error) {
	found, refused, err := c.logs(ctx, filter, from, to)
	if !refused {
		return found, err
	}
	middle := from + (to-from)/2
	lower, err := c.allLogs(ctx, filter, from, middle)
	if err != nil {
		return nil, err
	}
	upper, err := c.allLogs(ctx, filter, middle+1, to)
	if err != nil {
		return nil, err
	}
	return append(lower, upper...), nil
}

// logsOf returns the logs that match one of the filters in each of the blocks,
// filter by filter. The blocks are named by hash, so that a reorganisation cannot
// mix two branches.
func (c *Chain) logsOf(ctx context.Context, blocks []Header, filters ...logFilter) ([][]types.Log, error) {
	found := make([][]types.Log, len(blocks)*len(filters))
	queries := make([]query, len(found))
	for i := range queries {
		filter, block := filters[i%len(filters)], blocks[i/len(filters)]
		queries[i] = query{"eth_getLogs", []any{filter.in(block.Hash)}, &found[i]}
	}
	if err := c.batch(ctx, queries); err != nil {
		return nil, fmt.Errorf("logs of blocks from %d: %w", blocks[0].Number, err)
	}
	logs := make([][]types.Log, len(blocks))
	for i, matched := range found {
		block := blocks[i/len(filters)]
		for j := range matched {
			if matched[j].BlockHash != block.Hash {
				return nil, fmt.Errorf("logs of block %s hold one of block %s: %w", block.Hash, matched[j].BlockHash, ErrBadAnswer)
			}
		}
		logs[i/len(filters)] = append(logs[i/len(filters)], matched...)
	}
	return logs, nil
}
