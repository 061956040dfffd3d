package tempo

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// look reads what is new on the chain, up to span blocks, and returns it as an
// update, nil if there is nothing. Either all of it is taken over into the
// window or, with an error, nothing.
func (f *Follower) look(ctx context.Context) (*Update, error) {
	latest, final, err := f.tips(ctx)
	if err != nil {
		return nil, err
	}
	// Whatever is read from here on existed when the tips were answered.
	now := f.chain.opts.Now()
	f.sighted(latest, now)
	if f.window == nil {
		if f.window, err = f.begin(ctx, final, now); err != nil {
			return nil, err
		}
	}
	for _, tip := range []Header{final, latest} {
		if err := f.checkFinal(tip); err != nil {
			return nil, err
		}
	}
	fork, err := f.forkPoint(ctx, latest)
	if err != nil {
		return nil, err
	}
	if known, ok := f.window.hash(final.Number); ok && final.Number <= fork && known != final.Hash {
		return nil, moved(final.Number)
	}
	headers, err := f.read(ctx, fork, latest, final)
	if err != nil {
		return nil, err
	}
	added, err := f.contents(ctx, headers, now)
	if err != nil {
		return nil, err
	}
	return f.take(fork, added, latest, final), nil
}

// tips returns the latest block and the one that counts as final.
func (f *Follower) tips(ctx context.Context) (latest, final Header, err error) {
	if f.cfg.Finality == Latest {
		latest, err = f.chain.Header(ctx, Latest)
		return latest, latest, err
	}
	headers, err := f.chain.tagged(ctx, Latest, Finalized)
	if err != nil {
		return latest, final, err
	}
	latest, final = headers[0], headers[1]
	// The two are read one after the other and a block may come between them.
	if final.Number > latest.Number {
		latest = final
	}
	return latest, final, nil
}

// begin returns the window that the first look starts from.
func (f *Follower) begin(ctx context.Context, final Header, now time.Time) (*window, error) {
	if anchor := f.cfg.Anchor; anchor != (Header{}) {
		if final.Number < anchor.Number {
			return nil, fmt.Errorf("the node has finalized block %d, block %d was final before, wait until it has caught up: %w", final.Number, anchor.Number, ErrUnavailable)
		}
		found, err := f.chain.HeaderByNumber(ctx, anchor.Number)
		if err != nil {
			return nil, err
		}
		if found.Hash != anchor.Hash {
			return nil, violation(anchor.Number, anchor.Hash, found.Hash)
		}
	}
	base := final
	if f.cfg.Start > 0 && f.cfg.Start <= final.Number {
		var err error
		if base, err = f.chain.HeaderByNumber(ctx, f.cfg.Start-1); err != nil {
			return nil, err
		}
	}
	return newWindow(block{Header: base, seen: now}), nil
}

// checkFinal tells whether a header that the node shows contradicts a block
// that was final.
func (f *Follower) checkFinal(h Header) error {
	if known, ok := f.window.hash(h.Number); ok && h.Number <= f.window.finalized().Number && known != h.Hash {
		return violation(h.Number, known, h.Hash)
	}
	return nil
}

// violation reports that a final block has another hash.
func violation(number uint64, was, is common.Hash) error {
	return fmt.Errorf("block %d was %s and is %s: %w", number, was, is, ErrFinalityViolated)
}

// moved reports that the chain changed while it was read.
func moved(number uint64) error {
	return fmt.Errorf("block %d was replaced while it was read: %w", number, ErrUnavailable)
}

// forkPoint returns the number of the newest block of the window that is in
// the chain of latest. A node that merely lags gives no reason to go back: the
// fork point is then the head.
func (f *Follower) forkPoint(ctx context.Context, latest Header) (uint64, error) {
	head, final := f.window.head(), f.window.finalized()
	if latest.Hash == head.Hash || latest.Parent == head.Hash || latest.Number < final.Number {
		return head.Number, nil
	}
	top := min(latest.Number, head.Number)
	same := func(number uint64) (bool, error) {
		header := latest
		if number != latest.Number {
			var err error
			if header, err = f.chain.HeaderByNumber(ctx, number); err != nil {
				return false, err
			}
		}
		if err := f.checkFinal(header); err != nil {
			return false, err
		}
		known, _ := f.window.hash(number)
		return known == header.Hash, nil
	}
	ok, err := same(top)
	if err != nil || ok {
		return head.Number, err
	}
	// Blocks are shared up to the fork point and none above it. The final one
	// is shared, or same says that finality was violated.
	if _, err := same(final.Number); err != nil {
		return 0, err
	}
	low, high := final.Number, top // shared, not shared
	for high-low > 1 {
		middle := low + (high-low)/2
		ok, err := same(middle)
		if err != nil {
			return 0, err
		}
		if ok {
			low = middle
		} else {
			high = middle
		}
	}
	return low, nil
}

// take puts the added blocks into the window in place of those above the fork
// point, moves finality on, and returns what changed, nil if nothing did.
func (f *Follower) take(fork uint64, added []block, latest, final Header) *Update {
	cut := f.window.replace(fork, added)
	head := f.window.head()
	target := min(final.Number, head.Number)
	finalized := f.window.finalize(target)
	if len(cut)+len(added)+len(finalized) == 0 && f.announced {
		return nil
	}
	f.announced = true

	update := &Update{
		Latest: head.Header, LatestSeen: head.seen,
		Finalized: f.window.finalized().Header, FinalizedSeen: f.window.finalized().seen,
	}
	if latest.Number > head.Number {
		update.Behind = latest.Number - head.Number
	}
	if len(cut) > 0 {
		update.Reverted = cut[0].Number
		update.Replaced = outcomesIn(cut)
		f.chain.metrics.reorgs.Inc()
		f.chain.opts.Logger.Warnw("blocks were replaced", "first", cut[0].Number, "last", cut[len(cut)-1].Number)
	}
	update.Outcomes = outcomesIn(added)
	var accounts addressSet
	for _, b := range finalized {
		accounts.add(b.touched...)
		update.PoliciesChanged = update.PoliciesChanged || b.policies
		f.chain.remember(b.outcomes, b.Number)
	}
	update.Touched = accounts.list
	f.window.trim()
	f.chain.metrics.height.Set(float64(update.Latest.Number))
	f.chain.metrics.finalized.Set(float64(update.Finalized.Number))
	return update
}

// outcomesIn returns the outcomes of the blocks, in order.
func outcomesIn(blocks []block) []tx76.Outcome {
	var all []tx76.Outcome
	for _, b := range blocks {
		all = append(all, b.outcomes...)
	}
	return all
}
