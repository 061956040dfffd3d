package devchain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Run produces a block at every whole multiple of BlockTime from genesis until
// ctx ends, and returns nil then. Edges that pass while a block is still being
// built are left out. With Config.Manual it produces nothing and only waits for
// ctx. The error is that of a block that could not be built; the chain cannot
// go on after it.
func (c *Chain) Run(ctx context.Context) error {
	if c.cfg.Manual {
		<-ctx.Done()
		return nil
	}
	var last time.Time
	for {
		edge := c.NextBlock()
		if !edge.After(last) { // the timer fired a moment before the clock's edge
			edge = last.Add(c.cfg.BlockTime)
		}
		last = edge
		timer := time.NewTimer(edge.Sub(c.now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		_, err := c.mine(edge, nil)
		if errors.Is(err, ErrClosed) && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// NextBlock returns the moment at which Run produces its next block: the first
// multiple of BlockTime from genesis that is still ahead. It is the zero time
// if the chain is Manual.
func (c *Chain) NextBlock() time.Time {
	if c.cfg.Manual {
		return time.Time{}
	}
	passed := c.now().Sub(c.cfg.GenesisTime) / c.cfg.BlockTime
	return c.cfg.GenesisTime.Add((passed + 1) * c.cfg.BlockTime)
}

// Mine produces one block now and returns its hash.
func (c *Chain) Mine() (common.Hash, error) {
	return c.mine(c.now(), nil)
}

// storageWrite sets one storage slot, past every rule of the chain.
type storageWrite struct {
	Contract    common.Address
	Slot, Value common.Hash
}

// mine builds a block with the transactions that wait now, in order of
// arrival, keeps it in the log if there is one, and makes it the latest. The
// writes come before the transactions.
func (c *Chain) mine(at time.Time, writes []storageWrite) (common.Hash, error) {
	c.building.Lock()
	defer c.building.Unlock()

	c.mu.RLock()
	closed := c.closed
	parent := c.blocks[len(c.blocks)-1]
	waiting := append([]*signed(nil), c.pool.queue...)
	c.mu.RUnlock()
	if closed {
		return common.Hash{}, ErrClosed
	}

	// Timestamps count seconds and never fall. Blocks within a second share one.
	seconds := max(uint64(max(at.Unix(), 0)), parent.header.Time)
	b, settled, err := c.build(parent, seconds, writes, waiting)
	if err != nil {
		return common.Hash{}, err
	}
	if c.log != nil {
		// Nobody may hear of a block that a crash could take back.
		if err := c.log.appendBlock(b, writes); err != nil {
			return common.Hash{}, err
		}
	}
	c.append(b, settled)
	logger.Debugw("block", "number", b.number(), "hash", b.hash, "time", seconds, "transactions", len(b.txs))
	return b.hash, nil
}

// build seals a block on top of parent: first the writes, then those of the
// transactions that can run. It also returns the hashes of the transactions
// that are settled: included or dropped. The caller holds building.
func (c *Chain) build(parent *block, seconds uint64, writes []storageWrite, txs []*signed) (*block, map[common.Hash]bool, error) {
	w, err := c.open(parent)
	if err != nil {
		return nil, nil, fmt.Errorf("devchain: building on block %d: %w", parent.number(), err)
	}
	for _, write := range writes {
		w.db.SetState(write.Contract, write.Slot, write.Value)
	}
	header := newHeader(c.cfg)
	header.ParentHash = parent.hash
	header.Number.Add(parent.header.Number, big.NewInt(1))
	header.Time = seconds

	included, settled := execute(w, header, txs)
	if err := w.db.Error(); err != nil {
		return nil, nil, fmt.Errorf("devchain: executing block %s: %w", header.Number, err)
	}
	b, err := seal(header, w, included)
	if err != nil {
		return nil, nil, err
	}
	return b, settled, nil
}

// execute runs waiting transactions in order. It returns those of the block
// and the hashes of all that are settled: included or dropped.
func execute(w world, header *types.Header, waiting []*signed) ([]*included, map[common.Hash]bool) {
	x := &executor{world: w, header: header}
	settled := make(map[common.Hash]bool)
	for _, s := range waiting {
		verdict, reason := x.run(s)
		switch verdict {
		case include:
			settled[s.hash] = true
		case drop:
			settled[s.hash] = true
			logger.Debugw("transaction dropped", "hash", s.hash, "sender", s.sender, "nonce", s.tx.Nonce, "reason", reason)
		case wait:
		case full:
			return x.txs, settled
		}
	}
	return x.txs, settled
}
