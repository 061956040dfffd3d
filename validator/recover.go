package validator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
)

// errRecovering is why a started validator does not sign yet.
var errRecovering = errors.New("recovering: waits for members that with this one make a quorum")

// chainRetry is the pause before a node that does not answer is asked again.
const chainRetry = time.Second

// recoveryRetry is the pause before a member that did not answer is asked again.
const recoveryRetry = time.Second

// awaitChain waits until the node answers, and refuses another chain than the
// store's. Until then this validator is a peer that votes on nothing.
func (v *Validator) awaitChain(ctx context.Context) error {
	for first := true; ; first = false {
		err := v.checkChain(ctx)
		if err == nil || errors.Is(err, ErrOtherChain) || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if first {
			logger.Warnw("the chain node does not answer, this validator waits for it", "error", err)
		}
		timer := time.NewTimer(chainRetry)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// checkChain refuses a store that voted on another chain.
func (v *Validator) checkChain(ctx context.Context) error {
	genesis, err := v.cfg.Chain.HeaderByNumber(ctx, 0)
	if err != nil {
		return fmt.Errorf("reading the chain's genesis block: %w", err)
	}
	guard, err := v.journal.guard()
	if err != nil {
		return err
	}
	if guard != nil && guard.Genesis != genesis.Hash {
		return fmt.Errorf("%w: genesis is %s, the store has %s", ErrOtherChain, genesis.Hash, guard.Genesis)
	}
	if guard != nil && guard.Number > 0 {
		pinned, err := v.cfg.Chain.HeaderByNumber(ctx, guard.Number)
		if err == nil && pinned.Hash != guard.Hash {
			return fmt.Errorf("%w: finalized block %d is %s, the store has %s", ErrOtherChain, guard.Number, pinned.Hash, guard.Hash)
		}
		// A node that is behind shows the block later; the follower waits for it.
	}
	v.genesis = genesis.Hash
	return nil
}

// runRecovery catches up with members until those that answered make a quorum
// with this one; then the seat may sign (section 4.4). What they hold of our
// votes is compared with our store on the way.
func (v *Validator) runRecovery(ctx context.Context, s seat) error {
	heard := map[int]bool{s.index: true}
	for weightOf(s.committee, heard) < s.committee.Quorum() {
		for _, peer := range replica.Greeted(v.node) {
			index, ok := s.committee.Index(peer.Member)
			if !ok || heard[index] {
				continue
			}
			if err := v.replica.CatchUp(ctx, v.node, peer); err != nil {
				logger.Debugw("recovering", "member", index, "error", err)
				continue
			}
			heard[index] = true
		}
		if weightOf(s.committee, heard) >= s.committee.Quorum() {
			break
		}
		timer := time.NewTimer(recoveryRetry)
		select {
		case <-v.peerJoined:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	select {
	case v.engine.gates <- gate{committee: s.committee.ID()}:
	case <-ctx.Done():
		return ctx.Err()
	}
	v.opened.Do(func() { close(v.signing) })
	logger.Infow("may sign", "committee", s.committee.ID(), "epoch", s.committee.Epoch())
	return nil
}

func weightOf(c *fastpay.Committee, members map[int]bool) uint64 {
	weight := uint64(0)
	for i := range members {
		weight += c.Weight(i)
	}
	return weight
}

// runFetcher asks peers for evidence that decisions lacked.
func (v *Validator) runFetcher(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-v.engine.missing:
			var err error
			if len(m.parents) > 0 {
				err = v.replica.Refresh(ctx, v.node, m.parents)
			}
			err = errors.Join(err, v.replica.FetchLane(ctx, v.node, m.lane, m.from))
			if err != nil && ctx.Err() == nil {
				logger.Debugw("fetching missing evidence", "lane", m.lane, "error", err)
			}
		}
	}
}
