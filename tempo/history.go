package tempo

import (
	"context"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

const (
	// firstWindow is the number of blocks that a search for a lane's last
	// outcome begins with: most lanes that are asked for were just used.
	firstWindow = 512
	// windowGrowth is how much longer each window of the search is than the
	// one before it, up to [Options.LogRange].
	windowGrowth = 4
	// maxRemembered is the largest number of transfers of an outcome that is
	// remembered. A payment has one; a foreign transaction with thousands must
	// not fill the memory.
	maxRemembered = 16
)

// remembered is an outcome in memory.
type remembered struct {
	tx76.Outcome
	// settled: its block is final, so it is canonical for ever. Otherwise a
	// reorganisation may have replaced it.
	settled bool
}

// remember keeps outcomes for the reads to come. Those in blocks up to the
// number settled are known to be in the final chain.
func (c *Chain) remember(outcomes []tx76.Outcome, settled uint64) {
	for _, o := range outcomes {
		if len(o.Transfers) <= maxRemembered {
			c.outcomes.Add(slotOf(&o), remembered{Outcome: o, settled: o.BlockNumber <= settled})
		}
	}
}

// outcomeAt returns the outcome at a slot that is used at block: from memory,
// if it is canonical still, else by searching the logs.
func (c *Chain) outcomeAt(ctx context.Context, block Header, at slot) (*tx76.Outcome, error) {
	o, err := c.recall(ctx, block, at)
	if o != nil || err != nil {
		return o, err
	}
	return c.search(ctx, block, at)
}

// recall returns the outcome at a slot from memory, nil if it is not there or
// no longer in the chain of block.
func (c *Chain) recall(ctx context.Context, block Header, at slot) (*tx76.Outcome, error) {
	known, ok := c.outcomes.Get(at)
	if !ok || known.BlockNumber > block.Number {
		return nil, nil
	}
	if !known.settled && known.BlockHash != block.Hash {
		settled := c.finalized.Load()
		header, err := c.HeaderByNumber(ctx, known.BlockNumber)
		if err != nil {
			return nil, err
		}
		if header.Hash != known.BlockHash {
			return nil, nil
		}
		c.remember([]tx76.Outcome{known.Outcome}, settled)
	}
	return &known.Outcome, nil
}

// search looks for the outcome at a slot from block backwards, in windows that
// grow, or shrink where the node refuses them.
func (c *Chain) search(ctx context.Context, block Header, at slot) (*tx76.Outcome, error) {
	settled := c.finalized.Load()
	filter := nonceUses()
	filter.Topics = append(filter.Topics, []common.Hash{addressWord(at.owner)}, []common.Hash{at.key.Bytes32()})
	first := min(c.opts.FirstBlock, block.Number)
	window, growth := min(uint64(firstWindow), c.opts.LogRange), uint64(windowGrowth)
	for to := block.Number; ; {
		from := first
		if to-first >= window {
			from = to - window + 1
		}
		logs, refused, err := c.logs(ctx, filter, from, to)
		if refused {
			window, growth = (to-from+1)/2, 1
			continue
		}
		if err != nil {
			return nil, err
		}
		if i := find(logs, at); i >= 0 {
			outcomes, err := c.outcomesOf(ctx, logs[i:i+1], nil, settled)
			if err != nil {
				return nil, err
			}
			return &outcomes[0], c.confirm(ctx, block, settled)
		}
		if from == first {
			return nil, fmt.Errorf("position %d is used but no block from %d on logs it, the node may have pruned its logs: %w", at.nonce, first, ErrUnavailable)
		}
		to, window = from-1, min(window*growth, c.opts.LogRange)
	}
}

// find returns the index of the log that tells of the use of a slot, or -1.
func find(logs []types.Log, at slot) int {
	want := NonceIncremented{Account: at.owner, NonceKey: at.key, NewNonce: at.nonce + 1}
	return slices.IndexFunc(logs, func(log types.Log) bool {
		use, ok := ParseNonceIncremented(&log)
		return ok && use == want
	})
}

// confirm tells whether block is canonical still after logs were searched by
// number: a reorganisation meanwhile would show those of another branch. Up to
// the block settled there is none.
func (c *Chain) confirm(ctx context.Context, block Header, settled uint64) error {
	if block.Number <= settled {
		return nil
	}
	header, err := c.HeaderByNumber(ctx, block.Number)
	if err != nil {
		return err
	}
	if header.Hash != block.Hash {
		return moved(block.Number)
	}
	return nil
}
