package devchain

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/triedb"
	"github.com/ipfs/go-log/v2"
)

var logger = log.Logger("allegro/devchain")

// ErrClosed is returned by methods of a closed chain.
var ErrClosed = errors.New("devchain: closed")

// Chain is one development chain. Blocks come from Run or from Mine; clients
// come in through Client or Handler. All methods are safe for concurrent use.
type Chain struct {
	cfg     Config
	db      state.Database
	server  *server
	genesis common.Hash // of block 0

	// log keeps the blocks, nil without Config.Dir. building guards it.
	log *blockLog

	// building is held while a block is built, so that one block is built at a
	// time. It is taken before mu.
	building sync.Mutex

	// mu guards what follows. Blocks themselves never change.
	mu     sync.RWMutex
	closed bool
	blocks []*block // oldest first, without gaps, never empty
	byHash map[common.Hash]*block
	byTx   map[common.Hash]place // where a transaction is included
	pool   pool

	// subBlocks are the lanes of Config.Validators. The list never changes.
	subBlocks []*subBlock

	feed feed // has its own lock, taken after mu
}

// place is where a transaction is.
type place struct {
	block *block
	index int
}

// New starts a chain at its genesis block, or goes on with the one that is kept
// in cfg.Dir: every block of it is executed again and must come out with the
// same hash. The chain has no goroutines until Run is called or a client
// connects. The error says which field of cfg is wrong; it is ErrInUse or a
// *MismatchError if cfg.Dir belongs to another chain, and names file and offset
// if what is kept there is damaged.
func New(cfg Config) (_ *Chain, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Chain{
		cfg: cfg,
		// The hash scheme keeps every referenced root readable and has no
		// goroutines of its own.
		db:     state.NewDatabase(triedb.NewDatabase(rawdb.NewMemoryDatabase(), triedb.HashDefaults), nil),
		byHash: make(map[common.Hash]*block),
		byTx:   make(map[common.Hash]place),
	}
	if cfg.Dir != "" {
		if c.log, err = openLog(cfg.Dir); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, c.log.close())
			}
		}()
	}
	if c.subBlocks, err = newSubBlocks(c); err != nil {
		return nil, err
	}
	if err := c.start(); err != nil {
		return nil, err
	}
	if c.server, err = newServer(c, nil); err != nil {
		return nil, err
	}
	return c, nil
}

// GenesisHash returns the hash of block 0, which tells one chain from another.
func (c *Chain) GenesisHash() common.Hash { return c.genesis }

// Height returns the number of the latest block.
func (c *Chain) Height() uint64 { return c.head().number() }

// Close disconnects every client and refuses further blocks and transactions.
// It returns when no goroutine of the chain works for a client any more and
// another chain may open Config.Dir. End the context of Run before or after;
// Close a Client itself to free its side.
func (c *Chain) Close() error {
	c.mu.Lock()
	wasClosed := c.closed
	c.closed = true
	c.feed.close()
	c.mu.Unlock()
	if wasClosed {
		return nil
	}
	c.server.rpc.Stop()
	for _, lane := range c.subBlocks {
		lane.server.rpc.Stop()
	}
	c.feed.workers.Wait()
	c.building.Lock() // a block may still be on its way to the log
	defer c.building.Unlock()
	var logErr error
	if c.log != nil {
		logErr = c.log.close()
	}
	if err := c.db.TrieDB().Close(); err != nil {
		return errors.Join(logErr, fmt.Errorf("devchain: closing the state: %w", err))
	}
	return logErr
}

// submit takes a raw transaction into the pool, or into the sub-block lane of the
// validator whose node it was handed to, and returns its hash. A transaction that
// a block already includes is no error. at is nil for an endpoint that is no
// validator's.
func (c *Chain) submit(raw []byte, at *subBlock) (common.Hash, error) {
	s, err := verify(raw)
	if err != nil {
		return common.Hash{}, err
	}
	head := c.head()
	w, err := c.open(head)
	if err != nil {
		return common.Hash{}, err
	}
	refused := admit(c.cfg, head, w, s)

	c.mu.Lock()
	defer c.mu.Unlock()
	if refused == nil {
		refused = c.room(s, at)
	}
	_, known := c.pending(s.hash)
	switch {
	case c.closed:
		return common.Hash{}, ErrClosed
	case c.byTx[s.hash].block != nil:
		return s.hash, nil
	case known:
		return common.Hash{}, errKnown
	case refused != nil:
		return common.Hash{}, refused
	case s.isSubBlock():
		at.pool.add(s)
	default:
		c.pool.add(s)
	}
	return s.hash, nil
}

// room says why a transaction cannot wait where it was handed to, nil if it can.
// The caller holds mu.
func (c *Chain) room(s *signed, at *subBlock) error {
	if s.isSubBlock() {
		return c.roomFor(s, at)
	}
	if len(c.pool.queue) >= c.cfg.PoolLimit {
		return fmt.Errorf("txpool is full: %d transactions wait, try again after the next block", len(c.pool.queue))
	}
	return nil
}

// pending returns a transaction that waits for a block. The caller holds mu.
func (c *Chain) pending(hash common.Hash) (*signed, bool) {
	if s, ok := c.pool.known[hash]; ok {
		return s, true
	}
	for _, lane := range c.subBlocks {
		if s, ok := lane.pool.known[hash]; ok {
			return s, true
		}
	}
	return nil, false
}

// errKnown is anvil's answer to a transaction that already waits.
var errKnown = errors.New("transaction already imported")

// open returns the state after a block, for one reader.
func (c *Chain) open(b *block) (world, error) {
	db, err := state.New(b.header.Root, c.db)
	if err != nil {
		return world{}, fmt.Errorf("state of block %d is not available, it may be older than this chain retains: %w", b.number(), err)
	}
	return world{db}, nil
}

// head returns the latest block.
func (c *Chain) head() *block {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.blocks[len(c.blocks)-1]
}

// final returns the block that is FinalityLag behind the latest, or the first.
func (c *Chain) final() *block {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.blocks[max(0, len(c.blocks)-1-int(c.cfg.FinalityLag))]
}

// blockByHash returns a block, nil if there is none or it was forgotten.
func (c *Chain) blockByHash(hash common.Hash) *block {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byHash[hash]
}

// blockByNumber returns a block, nil if it does not exist yet. The error tells
// that it was forgotten.
func (c *Chain) blockByNumber(number uint64) (*block, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	first := c.blocks[0].number()
	switch {
	case number < first:
		return nil, fmt.Errorf("block %d was pruned: this chain retains blocks from %d on", number, first)
	case number-first >= uint64(len(c.blocks)):
		return nil, nil
	}
	return c.blocks[number-first], nil
}

// blockRange returns the retained blocks from one number to another, both
// included and cut at the latest. The error tells that the first was forgotten.
func (c *Chain) blockRange(from, to uint64) ([]*block, error) {
	if _, err := c.blockByNumber(from); err != nil {
		return nil, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	first := c.blocks[0].number()
	end := min(to, first+uint64(len(c.blocks))-1)
	if from < first || from > end {
		return nil, nil
	}
	return slices.Clone(c.blocks[from-first : end-first+1]), nil
}

// find returns an included transaction and its block, or the transaction that
// waits for one, or nothing.
func (c *Chain) find(hash common.Hash) (*block, *included, *signed) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if at, ok := c.byTx[hash]; ok {
		tx := at.block.txs[at.index]
		return at.block, tx, tx.signed
	}
	s, _ := c.pending(hash)
	return nil, nil, s
}

// append makes a block the latest, takes settled transactions from those that
// wait, forgets what is too old and tells the subscribers.
func (c *Chain) append(b *block, settled map[common.Hash]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blocks = append(c.blocks, b)
	c.byHash[b.hash] = b
	for i, tx := range b.txs {
		c.byTx[tx.hash] = place{b, i}
	}
	c.pool.remove(settled)
	for _, lane := range c.subBlocks {
		lane.pool.remove(settled)
	}
	c.forget()
	c.feed.publish(b)
}

// forget drops the oldest blocks beyond the configured bounds, but never one
// that finality still needs. The caller holds mu.
func (c *Chain) forget() {
	keep := int(c.cfg.FinalityLag) + 1
	n := 0
	for len(c.blocks)-n > keep && (len(c.blocks)-n > c.cfg.RetainBlocks || len(c.byTx) > c.cfg.RetainTransactions) {
		old := c.blocks[n]
		delete(c.byHash, old.hash)
		for _, tx := range old.txs {
			delete(c.byTx, tx.hash)
		}
		if err := c.db.TrieDB().Dereference(old.header.Root); err != nil {
			logger.Warnw("state of a forgotten block stays in memory", "block", old.number(), "err", err)
		}
		n++
	}
	clear(c.blocks[:n])
	c.blocks = c.blocks[n:]
}

// now returns the configured clock's time.
func (c *Chain) now() time.Time { return c.cfg.Now() }
