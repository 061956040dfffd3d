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

// mine builds a block with the transactions that wait now, keeps it in the log if there is one, and makes it the latest. The
// writes come before the transactions.
func (c *Chain) mine(at time.Time, writes []storageWrite) (common.Hash, error) {
	c.building.Lock()
	defer c.building.Unlock()

	c.mu.RLock()
	closed := c.closed
	parent := c.blocks[len(c.blocks)-1]
	waiting := c.waiting()
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
// transactions that can run, the ordinary ones before the sub-blocks. It also returns the hashes of the transactions
// that are settled: included or dropped. The caller holds building.
func (c *Chain) build(parent *block, seconds uint64, writes []storageWrite, waiting batch) (*block, map[common.Hash]bool, error) {
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

	included, settled := c.execute(w, header, waiting)
	if err := w.db.Error(); err != nil {
		return nil, nil, fmt.Errorf("devchain: executing block %s: %w", header.Number, err)
	}
	b, err := seal(c.cfg, header, w, included)
	if err != nil {
		return nil, nil, err
	}
	return b, settled, nil
}

// execute runs waiting transactions in order of arrival: the ordinary ones, then
// one sub-block after the other. It returns those of the block and the hashes of
// all that are settled: included or dropped.
func (c *Chain) execute(w world, header *types.Header, waiting batch) ([]*included, map[common.Hash]bool) {
	shared := c.cfg.Fork.sharedGasLimit()
	x := &executor{world: w, header: header, limit: header.GasLimit - shared}
	settled := make(map[common.Hash]bool)
	for _, s := range waiting.ordinary {
		verdict, reason := x.run(s)
		if verdict == full {
			break
		}
		x.settle(settled, s, verdict, reason)
	}
	for i, txs := range waiting.subBlocks {
		left, thrown := shared/uint64(len(waiting.subBlocks)), 0
		for _, s := range txs {
			verdict, reason := x.runSubBlock(s, &left)
			if errors.Is(reason, errOverBudget) {
				thrown++
			}
			x.settle(settled, s, verdict, reason)
		}
		if thrown > 0 {
			logger.Warnw("transactions thrown away, the sub-block had no gas left for them", "block", header.Number,
				"validator", common.Hash(c.subBlocks[i].validator), "transactions", thrown)
		}
	}
	return x.txs, settled
}

// settle notes what became of a transaction.
func (x *executor) settle(settled map[common.Hash]bool, s *signed, verdict verdict, reason error) {
	if verdict == wait {
		return
	}
	settled[s.hash] = true
	if verdict == drop {
		logger.Debugw("transaction dropped", "hash", s.hash, "sender", s.sender, "nonce", s.tx.Nonce, "reason", reason)
	}
}
