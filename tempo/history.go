package tempo

import (
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"

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
// grow.
func (c *Chain) search(ctx context.Context, block Header, at slot) (*tx76.Outcome, error) {
	settled := c.finalized.Load()
	first := min(c.opts.FirstBlock, block.Number)
	window := min(uint64(firstWindow), c.opts.LogRange)
	for to := block.Number; ; {
		from := first
		if to-first >= window {
			from = to - window + 1
		}
		o, err := c.outcomeWithin(ctx, at, from, to, settled)
		if err != nil {
			return nil, err
		}
		if o != nil {
			return o, c.confirm(ctx, block, settled)
		}
		if from == first {
			return nil, fmt.Errorf("position %d is used but no block from %d on logs it, the node may have pruned its logs: %w", at.nonce, first, ErrUnavailable)
		}
		to, window = from-1, min(window*windowGrowth, c.opts.LogRange)
	}
}

// outcomeWithin returns the outcome at a slot if the blocks from..to log it,
// else nil.
func (c *Chain) outcomeWithin(ctx context.Context, at slot, from, to, settled uint64) (*tx76.Outcome, error) {
	filter := nonceUses()
	filter.Topics = append(filter.Topics, []common.Hash{addressWord(at.owner)}, []common.Hash{at.key.Bytes32()})
	logs, err := c.logs(ctx, filter, from, to)
	if err != nil {
		return nil, err
	}
	want := NonceIncremented{Account: at.owner, NonceKey: at.key, NewNonce: at.nonce + 1}
	for i := range logs {
		if use, ok := ParseNonceIncremented(&logs[i]); !ok || use != want {
			continue
		}
		outcomes, err := c.outcomesOf(ctx, logs[i:i+1], nil, settled)
		if err != nil {
			return nil, err
		}
		return &outcomes[0], nil
	}
	return nil, nil
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
