package devchain

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// maxLogs is the most logs that one query returns.
const maxLogs = 10_000

// Bounds of one filter, each far above what anybody needs.
const (
	maxFilterAddresses = 1_000
	maxFilterTopics    = 1_000
)

// logFilter is the filter object of eth_getLogs and of a subscription to logs.
type logFilter struct {
	BlockHash *common.Hash     `json:"blockHash"`
	FromBlock *rpc.BlockNumber `json:"fromBlock"`
	ToBlock   *rpc.BlockNumber `json:"toBlock"`
	// Addresses are the emitters, any if empty.
	Addresses oneOrMore[common.Address] `json:"address"`
	// Topics are the accepted values by place, any where empty.
	Topics []oneOrMore[common.Hash] `json:"topics"`
}

// oneOrMore is a JSON value or a list of them. null is none.
type oneOrMore[T any] []T

// UnmarshalJSON implements [json.Unmarshaler].
func (l *oneOrMore[T]) UnmarshalJSON(data []byte) error {
	*l = nil
	var many []*T
	if json.Unmarshal(data, &many) == nil {
		for _, v := range many {
			if v == nil { // null in a list accepts everything
				*l = nil
				return nil
			}
			*l = append(*l, *v)
		}
		return nil
	}
	var one T
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*l = oneOrMore[T]{one}
	return nil
}

// check refuses filters that are too large or contradict themselves.
func (f *logFilter) check() error {
	if f.BlockHash != nil && (f.FromBlock != nil || f.ToBlock != nil) {
		return errors.New("filter names blockHash and a range: give one of them")
	}
	if len(f.Addresses) > maxFilterAddresses {
		return fmt.Errorf("filter has %d addresses, at most %d", len(f.Addresses), maxFilterAddresses)
	}
	const places = 4 // a log has no more topics
	if len(f.Topics) > places {
		return fmt.Errorf("filter has %d topic places, logs have %d", len(f.Topics), places)
	}
	for i, topics := range f.Topics {
		if len(topics) > maxFilterTopics {
			return fmt.Errorf("filter has %d topics at place %d, at most %d", len(topics), i, maxFilterTopics)
		}
	}
	return nil
}

// matches tells whether a log passes the filter.
func (f *logFilter) matches(l *types.Log) bool {
	if len(f.Addresses) > 0 && !slices.Contains(f.Addresses, l.Address) {
		return false
	}
	for i, accepted := range f.Topics {
		if i >= len(l.Topics) {
			return false
		}
		if len(accepted) > 0 && !slices.Contains(accepted, l.Topics[i]) {
			return false
		}
	}
	return true
}

// possible tells by a block's bloom whether it may have matching logs.
func (f *logFilter) possible(bloom types.Bloom) bool {
	if len(f.Addresses) > 0 && !slices.ContainsFunc(f.Addresses, func(a common.Address) bool { return types.BloomLookup(bloom, a) }) {
		return false
	}
	for _, accepted := range f.Topics {
		if len(accepted) > 0 && !slices.ContainsFunc(accepted, func(t common.Hash) bool { return types.BloomLookup(bloom, t) }) {
			return false
		}
	}
	return true
}

// in returns the matching logs of a block in order.
func (f *logFilter) in(b *block) (found []*types.Log) {
	if !f.possible(b.header.Bloom) {
		return nil
	}
	for _, tx := range b.txs {
		for _, l := range tx.receipt.Logs {
			if f.matches(l) {
				found = append(found, l)
			}
		}
	}
	return found
}

// GetLogs returns the logs that pass a filter, in order. Without a range it
// looks into the latest block. More than maxLogs is an error.
func (a *ethAPI) GetLogs(filter logFilter) ([]*types.Log, error) {
	if err := filter.check(); err != nil {
		return nil, coded(codeInvalidParams, err)
	}
	blocks, err := a.chain.blocksOf(&filter)
	if err != nil {
		return nil, err
	}
	found := []*types.Log{} // JSON clients want a list
	for _, b := range blocks {
		found = append(found, filter.in(b)...)
		if len(found) > maxLogs {
			return nil, coded(codeLimit, fmt.Errorf("query returns more than %d logs: ask for fewer blocks", maxLogs))
		}
	}
	return found, nil
}

// blocksOf returns the blocks a filter asks about.
func (c *Chain) blocksOf(f *logFilter) ([]*block, error) {
	if f.BlockHash != nil {
		b := c.blockByHash(*f.BlockHash)
		if b == nil {
			return nil, coded(codeNotFound, fmt.Errorf("block %s not found: it does not exist or this chain no longer retains it", f.BlockHash))
		}
		return []*block{b}, nil
	}
	from, err := c.bound(f.FromBlock)
	if err != nil {
		return nil, err
	}
	to, err := c.bound(f.ToBlock)
	if err != nil {
		return nil, err
	}
	if from > to {
		return nil, coded(codeInvalidParams, fmt.Errorf("range from block %d to %d is empty", from, to))
	}
	if latest := c.head().number(); from > latest {
		return nil, coded(codeInvalidParams, fmt.Errorf("range begins at block %d, beyond the latest, %d", from, latest))
	}
	blocks, err := c.blockRange(from, to)
	return blocks, coded(codeNotFound, err)
}

// bound returns the block number that one end of a range means.
func (c *Chain) bound(n *rpc.BlockNumber) (uint64, error) {
	if n == nil {
		return c.head().number(), nil
	}
	if *n >= 0 {
		return uint64(*n), nil
	}
	b, err := c.byNumber(*n)
	if err != nil {
		return 0, err
	}
	return b.number(), nil
}
