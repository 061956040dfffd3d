package tempo

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// read returns the headers of the blocks after the fork point, as many as span
// and MaxUnfinalized allow, each the parent of the next.
func (f *Follower) read(ctx context.Context, fork uint64, latest, final Header) ([]Header, error) {
	from := fork + 1
	to := min(latest.Number, fork+uint64(f.span), max(final.Number, f.window.finalized().Number)+uint64(f.cfg.MaxUnfinalized))
	if to < from {
		return nil, nil
	}
	headers := []Header{latest}
	if from < latest.Number {
		var err error
		if headers, err = f.chain.numbered(ctx, from, to); err != nil {
			return nil, err
		}
	}
	parent, _ := f.window.hash(fork)
	for _, h := range headers {
		// The chain may have changed since the fork point was looked for.
		if h.Parent != parent || h.Number == latest.Number && h.Hash != latest.Hash || h.Number == final.Number && h.Hash != final.Hash {
			return nil, moved(h.Number)
		}
		parent = h.Hash
	}
	return headers, nil
}

// contents returns the blocks with those headers, seen now, with their outcomes
// and touched accounts, and whether policies may have changed.
func (f *Follower) contents(ctx context.Context, headers []Header, now time.Time) ([]block, error) {
	if len(headers) == 0 {
		return nil, nil
	}
	filter := nonceUses()
	filter.Address = append(filter.Address, f.cfg.Tokens...)
	filter.Topics[0] = append(filter.Topics[0], TopicTransfer, TopicTransferPolicyUpdate, TopicPauseStateUpdate)
	// Whatever the registry logs is a change: hardforks have added kinds of them.
	registry := logFilter{Address: []common.Address{PolicyRegistry}, Topics: [][]common.Hash{}}
	logs, err := f.chain.logsOf(ctx, headers, filter, registry)
	if err != nil {
		return nil, err
	}
	known := make(map[common.Hash]Header, len(headers))
	blocks := make([]block, len(headers))
	var uses []types.Log
	for i, h := range headers {
		known[h.Hash] = h
		blocks[i] = block{Header: h, seen: now, touched: touched(logs[i]), policies: slices.ContainsFunc(logs[i], changesPolicy)}
		for _, log := range logs[i] {
			if log.Address == NoncePrecompile {
				uses = append(uses, log)
			}
		}
	}
	outcomes, err := f.chain.outcomesOf(ctx, uses, known, 0)
	if err != nil {
		return nil, fmt.Errorf("outcomes of blocks %d to %d: %w", headers[0].Number, headers[len(headers)-1].Number, err)
	}
	for i := range blocks {
		n := sort.Search(len(outcomes), func(j int) bool { return outcomes[j].BlockNumber > blocks[i].Number })
		blocks[i].outcomes, outcomes = outcomes[:n:n], outcomes[n:]
	}
	return blocks, nil
}

// changesPolicy tells whether a log may change which transfers are forbidden.
func changesPolicy(log types.Log) bool {
	if log.Address == PolicyRegistry {
		return true
	}
	return len(log.Topics) > 0 && (log.Topics[0] == TopicTransferPolicyUpdate || log.Topics[0] == TopicPauseStateUpdate)
}

// touched returns the accounts whose balance or nonce the logs changed, in the
// order of the logs and each once.
func touched(logs []types.Log) []common.Address {
	var accounts addressSet
	for i := range logs {
		if use, ok := ParseNonceIncremented(&logs[i]); ok {
			accounts.add(use.Account)
		}
		if t, ok := ParseTransfer(&logs[i]); ok {
			accounts.add(t.From, t.To)
		}
	}
	return accounts.list
}

// addressSet collects addresses, each once, in the order they came.
type addressSet struct {
	list []common.Address
	has  map[common.Address]bool
}

// add puts in addresses. The zero address, where tokens come from and go to
// that are minted and burnt, is no account.
func (s *addressSet) add(addresses ...common.Address) {
	for _, a := range addresses {
		if a == (common.Address{}) || s.has[a] {
			continue
		}
		if s.has == nil {
			s.has = make(map[common.Address]bool)
		}
		s.has[a] = true
		s.list = append(s.list, a)
	}
}
