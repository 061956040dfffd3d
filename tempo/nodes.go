package tempo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

const (
	// ownNodeInterval is how often the own node is tried while a backup is used:
	// a restart takes a node about as long.
	ownNodeInterval = 10 * time.Second
	// ownNodeLag is how many blocks the own node may be behind what was seen
	// before it is used again: a block reaches nodes at different moments, and a
	// node that has just started may be hours behind.
	ownNodeLag = 8
)

// errOtherChain tells that a node is not used because it follows another chain.
var errOtherChain = errors.New("this node follows another chain than the others, correct its URL")

// nodes chooses between a peer's own node, which is the first, and its backups.
// One is in use at a time, until it has given no answer for a while. Safe for
// concurrent use.
type nodes struct {
	all  []*node
	opts *Options
	m    *metrics

	mu       sync.Mutex // guards what follows
	current  int
	failing  time.Time // since when the current node gives no answer; zero if it does
	answered time.Time // when it last did; zero if it never has since it is in use
	told     bool      // that the node before it gives no answer
	moved    chan struct{}
	chain    identity // of the node that answered first
}

func newNodes(all []*node, opts *Options, m *metrics) *nodes {
	return &nodes{all: all, opts: opts, m: m, moved: make(chan struct{})}
}

// inUse returns the node to ask, and a channel that is closed when another one
// takes its place.
func (s *nodes) inUse() (*node, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[s.current], s.moved
}

// onBackup reports whether the own node is not in use.
func (s *nodes) onBackup() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current > 0
}

// note takes the outcome of an exchange with a node that began at a moment. A node
// that gave no answer for [Options.SwitchAfter], or follows another chain, is
// replaced by the next one, after the last by the first.
func (s *nodes) note(n *node, began time.Time, err error) {
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.all[s.current] != n, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return // it says nothing about the node in use
	case !errors.Is(err, ErrUnreachable):
		s.failing, s.answered, s.told = time.Time{}, now, false
		return
	}
	if s.failing.IsZero() {
		s.failing = began
		if s.answered.After(began) {
			s.failing = s.answered // while this one waited, others were answered
		}
	}
	other := errors.Is(err, errOtherChain)
	if len(s.all) == 1 || !other && now.Sub(s.failing) < s.opts.SwitchAfter {
		return
	}
	next := (s.current + 1) % len(s.all)
	switch args := []any{"node", n.host, "next", s.all[next].host, "error", err}; {
	case other:
		s.opts.Logger.Errorw("chain node is not used", args...)
	case !s.told:
		s.opts.Logger.Warnw("chain node gives no answer, the next one is used", args...)
	default: // none of them answers
		s.opts.Logger.Debugw("chain node gives no answer, the next one is used", args...)
	}
	s.told = true
	s.moveLocked(next)
}

// moveLocked puts another node in use.
func (s *nodes) moveLocked(next int) {
	s.current, s.failing, s.answered = next, time.Time{}, time.Time{}
	close(s.moved)
	s.moved = make(chan struct{})
	s.m.node.Set(float64(next))
	s.m.switches.Inc()
}

// back puts the own node in use again.
func (s *nodes) back() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current > 0 {
		s.opts.Logger.Infow("own chain node answers and is used again", "node", s.all[0].host, "instead of", s.all[s.current].host)
		s.told = false
		s.moveLocked(0)
	}
}

// admit takes what chain a node is of, and refuses it if the node that answered
// first is of another.
func (s *nodes) admit(n *node, is identity) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chain == (identity{}) {
		s.chain = is
	}
	if is != s.chain {
		return fmt.Errorf("%w: %w: chain %d with genesis %s, not %d with %s", ErrUnreachable, errOtherChain, is.chainID, is.genesis, s.chain.chainID, s.chain.genesis)
	}
	n.identified.Store(true)
	return nil
}

// identify makes sure, once, that a node is of the same chain as the others. A
// single node is whatever it is.
func (c *Chain) identify(ctx context.Context, n *node) error {
	if len(c.nodes.all) == 1 || n.identified.Load() {
		return nil
	}
	var id hexutil.Uint64
	var block *wireHeader
	err := c.ask(ctx, n, []query{
		{"eth_chainId", nil, &id},
		{"eth_getBlockByNumber", []any{hexutil.Uint64(0), false}, &block},
	})
	if err != nil {
		return err
	}
	genesis, err := block.header("block 0")
	if err != nil {
		return err
	}
	return c.nodes.admit(n, identity{uint64(id), genesis.Hash})
}

// watchOwnNode puts the own node in use again once it answers and has about the
// newest blocks, until ctx ends. With no backup there is nothing to do.
func (c *Chain) watchOwnNode(ctx context.Context) {
	if len(c.nodes.all) == 1 {
		return
	}
	for {
		_, moved := c.nodes.inUse()
		var again <-chan time.Time
		if c.nodes.onBackup() {
			again = time.After(ownNodeInterval)
		}
		select {
		case <-ctx.Done():
			return
		case <-moved:
		case <-again:
			if err := c.tryOwnNode(ctx); err != nil {
				c.opts.Logger.Debugw("own chain node is not used yet", "error", err)
			} else {
				c.nodes.back()
			}
		}
	}
}

// tryOwnNode returns why the own node should not be used.
func (c *Chain) tryOwnNode(ctx context.Context) error {
	var latest *wireHeader
	if err := c.exchangeWith(ctx, c.nodes.all[0], []query{{"eth_getBlockByNumber", []any{Latest, false}, &latest}}); err != nil {
		return err
	}
	header, err := latest.header("the latest block")
	if err != nil {
		return err
	}
	if seen := c.height.Load(); header.Number+ownNodeLag < seen {
		return fmt.Errorf("it is at block %d, block %d was seen: %w", header.Number, seen, ErrUnavailable)
	}
	return nil
}
