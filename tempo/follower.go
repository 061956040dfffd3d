package tempo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"
)

// Defaults of [FollowerConfig]; each reason stands at its field.
const (
	defaultPollInterval   = 500 * time.Millisecond
	defaultMinBackoff     = 250 * time.Millisecond
	defaultMaxBackoff     = 10 * time.Second
	defaultMaxRange       = 32
	defaultMaxUnfinalized = 4096
)

// patience is the number of looks in a row that may find the chain changing
// under them before the node counts as down.
const patience = 3

// FollowerConfig configures a [Follower]. The zero value of each field, and a
// negative one where it makes no sense, means its default.
type FollowerConfig struct {
	// Finality is the tag of the blocks that count as final: [Finalized], the
	// default, or [Latest] for a development chain that finalizes nothing. By
	// Latest a reorganisation is a violation.
	Finality Tag

	// Tokens are the TIP-20 tokens whose transfers touch accounts.
	Tokens []common.Address

	// Start is the first block whose outcomes and touched accounts are
	// reported. 0, or a block that is not final yet, means the one after the
	// block that is final when Run begins.
	Start uint64

	// Anchor is a final block known from an earlier run, if it is not the zero
	// value. The node must have it; until the node has finalized it too,
	// nothing is reported.
	Anchor Header

	// PollInterval is the longest time between two looks at the chain, whether
	// or not the node announces heads. It bounds how late a missed head is
	// noticed, and a block that becomes final between two heads. The default
	// of 500 ms is Tempo's block time; one look costs one small batch.
	PollInterval time.Duration

	// MinBackoff and MaxBackoff bound the wait after a failed look or a lost
	// subscription; it doubles with each failure in a row. The defaults are
	// 250 ms, about what a node's restart behind a proxy takes, and 10 s, so
	// that a node that comes back is used again at once by human standards.
	MinBackoff, MaxBackoff time.Duration

	// MaxRange is the largest number of blocks read and reported at once while
	// catching up. It is halved with each failure, in case the answers are too
	// large. The default is 32: the logs of 32 blocks with 500 payments each
	// are about 20 MB of JSON, just below what nodes answer to one batch.
	MaxRange int

	// MaxUnfinalized is the largest number of blocks above the final one that
	// are followed, because they are kept in memory: if finality stalls
	// longer, Latest stops there until it goes on. The default of 4,096 is
	// half an hour of Tempo's blocks.
	MaxUnfinalized int

	// Jitter returns numbers in [0, 1) that spread the waits. It is called from
	// two goroutines. The default is math/rand/v2's Float64.
	Jitter func() float64
}

// withDefaults returns c with every unset field filled in, or an error if a
// field has a value that no default can replace.
func (c FollowerConfig) withDefaults() (FollowerConfig, error) {
	switch c.Finality {
	case "":
		c.Finality = Finalized
	case Finalized, Latest:
	default:
		return c, fmt.Errorf("finality %q is unknown, use %q or %q", c.Finality, Finalized, Latest)
	}
	if c.PollInterval <= 0 {
		c.PollInterval = defaultPollInterval
	}
	if c.MinBackoff <= 0 {
		c.MinBackoff = defaultMinBackoff
	}
	if c.MaxBackoff <= 0 {
		c.MaxBackoff = max(defaultMaxBackoff, c.MinBackoff)
	}
	if c.MaxBackoff < c.MinBackoff {
		return c, fmt.Errorf("the largest backoff %v is below the smallest, %v", c.MaxBackoff, c.MinBackoff)
	}
	if c.MaxRange <= 0 {
		c.MaxRange = defaultMaxRange
	}
	if c.MaxUnfinalized <= 0 {
		c.MaxUnfinalized = defaultMaxUnfinalized
	}
	if c.Jitter == nil {
		c.Jitter = rand.Float64
	}
	return c, nil
}

// Follower follows the chain of one node. Head announcements are only a reason
// to look; what is reported is read block by block, each linked to its parent,
// so that a lost announcement or connection loses nothing.
type Follower struct {
	chain *Chain
	cfg   FollowerConfig

	// Owned by the goroutine of Run.
	window    *window // nil until the first look succeeded
	announced bool    // an update was reported
	span      int     // blocks read at once, 1 to cfg.MaxRange

	mu     sync.Mutex // guards status
	status Status
}

// NewFollower returns a follower of chain's node. Its clock, logger and metrics
// are those of chain, so a Chain has at most one Follower.
func NewFollower(chain *Chain, cfg FollowerConfig) (*Follower, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("chain follower: %w", err)
	}
	return &Follower{chain: chain, cfg: cfg, span: cfg.MaxRange}, nil
}

// Run follows the chain until ctx ends and calls handle with each update, one
// after another, on its own goroutine. It outlasts every failure of the node.
// It returns the error of ctx, an error of handle as it is, or
// [ErrFinalityViolated]. Run is called once. When ctx ends on a connection that
// hangs, leaving the head subscription takes up to ten seconds.
func (f *Follower) Run(ctx context.Context, handle func(Update) error) error {
	group, ctx := errgroup.WithContext(ctx)
	// One place is enough: an announcement says no more than "look again".
	nudges := make(chan struct{}, 1)
	group.Go(func() error {
		f.watchHeads(ctx, nudges)
		return nil
	})
	group.Go(func() error {
		f.chain.watchOwnNode(ctx)
		return nil
	})
	group.Go(func() error { return f.follow(ctx, handle, nudges) })
	return group.Wait()
}

// Status returns what is known about the node now. It may be called at any
// time from any goroutine.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// follow looks at the chain, again and again, until an error ends it.
func (f *Follower) follow(ctx context.Context, handle func(Update) error, nudges <-chan struct{}) error {
	pause := backoff{min: f.cfg.MinBackoff, max: f.cfg.MaxBackoff, jitter: f.cfg.Jitter}
	for {
		_, moved := f.chain.nodes.inUse()
		update, err := f.look(ctx)
		wait := f.cfg.PollInterval
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrFinalityViolated):
			f.failed(err)
			f.chain.opts.Logger.Errorw("finality violated", "error", err)
			return err
		case err != nil:
			// A reorganisation in the middle of a look is no outage, unless it
			// goes on.
			if !errors.Is(err, ErrUnavailable) || pause.failures >= patience {
				f.failed(err)
			}
			f.span = max(1, f.span/2)
			wait = pause.next()
		default:
			f.answered()
			f.span = min(f.cfg.MaxRange, f.span*2)
			pause.reset()
		}
		if update != nil {
			if err := handle(*update); err != nil {
				return err
			}
			if update.Behind > 0 {
				continue
			}
		}
		if err := await(ctx, wait, nudges, moved); err != nil {
			return err
		}
	}
}

// await waits for a nudge, another node, or until the time is over, or returns the
// error of ctx.
func await(ctx context.Context, wait time.Duration, nudges, moved <-chan struct{}) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-nudges:
	case <-moved:
	case <-timer.C:
	}
	return nil
}

// failed notes that a look at the chain failed.
func (f *Follower) failed(err error) {
	f.mu.Lock()
	first := f.status.DownSince.IsZero()
	f.status.Connected = false
	f.status.LastError = err
	if first {
		f.status.DownSince = f.chain.opts.Now()
	}
	f.mu.Unlock()
	if first {
		f.chain.opts.Logger.Warnw("chain cannot be followed", "error", err)
	}
}

// answered notes that a look at the chain succeeded.
func (f *Follower) answered() {
	f.mu.Lock()
	since := f.status.DownSince
	f.status.Connected = true
	f.status.DownSince = time.Time{}
	f.mu.Unlock()
	if !since.IsZero() {
		f.chain.metrics.reconnects.Inc()
		f.chain.opts.Logger.Infow("chain is followed again", "outage", f.chain.opts.Now().Sub(since))
	}
}

// sighted notes the newest block that the node reports.
func (f *Follower) sighted(head Header, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status.Head.Hash != head.Hash {
		f.status.Head, f.status.HeadSeen = head, now
		f.chain.metrics.headSeen.Store(&now)
	}
}

// subscribed notes whether the node announces heads.
func (f *Follower) subscribed(yes bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Subscribed = yes
}
