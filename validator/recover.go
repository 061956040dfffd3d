package validator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

// errRecovering is why a started validator does not sign yet.
var errRecovering = errors.New("recovering: waits for members that with this one make a quorum")

// ErrTwin means that another peer votes with this validator's key. Two signers of one
// key can contradict each other, which the network proves and punishes.
var ErrTwin = errors.New("another peer votes with this validator's key: stop it, or give this validator a key of its own")

// chainRetry is the pause before a node that does not answer is asked again.
const chainRetry = time.Second

// recoveryRetry is the pause before a member that did not answer is asked again.
const recoveryRetry = time.Second

// fetchDelay lets what a decision lacked arrive by itself first: payments of a
// lane overtake each other all the time.
const fetchDelay = 200 * time.Millisecond

// fetchers is the number of searches for missing evidence at once: a member that
// does not answer holds up one of them.
const fetchers = 4

// fetchRate bounds the searches for missing evidence, which anybody can cause
// with payments that stand on nothing: each asks every member, and members answer
// a peer's 50 requests a second. What is turned away here comes by repair.
const fetchRate, fetchBurst = 10, 32

// awaitChain waits until the node answers, and refuses another chain than the
// store's and one without the network's lanes. Until then this validator is a peer that votes on nothing.
func (v *Validator) awaitChain(ctx context.Context) error {
	guard, err := v.journal.guard()
	if err != nil {
		return err
	}
	v.floor = guard
	for first := true; ; first = false {
		err := v.checkChain(ctx, guard)
		if err == nil {
			err = CheckLane(ctx, v.cfg.laneKind(), v.cfg.Chain)
		}
		if err == nil || errors.Is(err, ErrOtherChain) || errors.Is(err, ErrNoSubBlocks) || ctx.Err() != nil {
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
func (v *Validator) checkChain(ctx context.Context, guard *guardRecord) error {
	genesis, err := v.cfg.Chain.HeaderByNumber(ctx, 0)
	if err != nil {
		return fmt.Errorf("reading the chain's genesis block: %w", err)
	}
	if guard != nil && guard.Genesis != genesis.Hash {
		return fmt.Errorf("%w: genesis is %s, the store has %s", ErrOtherChain, genesis.Hash, guard.Genesis)
	}
	if guard != nil && guard.Number > 0 {
		pinned, err := v.cfg.Chain.HeaderByNumber(ctx, guard.Number)
		if err == nil && pinned.Hash != guard.Hash {
			return otherBlock(guard, pinned.Hash)
		}
		// A node that is behind shows the block later: see reached.
	}
	v.genesis = genesis.Hash
	return nil
}

// reached reports whether the node has come as far as an earlier run of this
// validator: heights never go back (section 4). A node that was reset or is behind
// is waited for.
func (v *Validator) reached(ctx context.Context, final tempo.Header) (bool, error) {
	if v.floor == nil {
		return true, nil
	}
	if final.Number < v.floor.Number {
		return false, nil
	}
	pinned, err := v.cfg.Chain.HeaderByNumber(ctx, v.floor.Number)
	if err != nil {
		logger.Warnw("the last pinned block could not be read, the next block tries again", "number", v.floor.Number, "error", err)
		return false, nil
	}
	if pinned.Hash != v.floor.Hash {
		return false, otherBlock(v.floor, pinned.Hash)
	}
	v.floor = nil
	return true, nil
}

// otherBlock says that the node has another block where the store pinned one.
func otherBlock(guard *guardRecord, found common.Hash) error {
	return fmt.Errorf("%w: finalized block %d is %s, the store has %s", ErrOtherChain, guard.Number, found, guard.Hash)
}

// runRecovery catches up with members until those that answered make a quorum
// with this one; then the seat may sign (section 4.4). What they hold of our
// votes is compared with our store on the way. Members are asked side by side: one
// that never comes to an end keeps this one from nothing. A peer that votes with our
// key already is an error, which wraps [ErrTwin].
func (v *Validator) runRecovery(ctx context.Context, s seat) error {
	asking, stop := context.WithCancel(ctx)
	var g errgroup.Group
	defer func() {
		stop()
		_ = g.Wait() // they tell on answers
	}()
	type answer struct {
		member int
		err    error
	}
	answers := make(chan answer, s.committee.Len())
	heard, asked := map[int]bool{s.index: true}, make(map[int]bool)
	ticker := time.NewTicker(recoveryRetry)
	defer ticker.Stop()
	for weightOf(s.committee, heard) < s.committee.Quorum() {
		for _, peer := range replica.Greeted(v.node) {
			index, ok := s.committee.Index(peer.Member)
			if !ok || heard[index] || asked[index] {
				continue
			}
			asked[index] = true
			g.Go(func() error {
				answers <- answer{index, v.replica.CatchUp(asking, v.node, peer)}
				return nil
			})
		}
		select {
		case a := <-answers:
			if a.err == nil {
				heard[a.member] = true
				continue
			}
			logger.Debugw("recovering", "member", a.member, "error", a.err)
			// It is asked again after the pause.
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
			delete(asked, a.member)
		case <-v.peerJoined:
		case <-ticker.C:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	switch twin, found, err := v.node.Twin(ctx); {
	case err != nil:
		return err
	case found:
		return fmt.Errorf("%w (peer %s)", ErrTwin, twin)
	}
	select {
	case v.engine.gates <- gate{committee: s.committee.ID()}:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func weightOf(c *fastpay.Committee, members map[int]bool) uint64 {
	weight := uint64(0)
	for i := range members {
		weight += c.Weight(i)
	}
	return weight
}

// runFetcher asks members for evidence that decisions lacked, lane by lane. What
// came meanwhile by itself is not asked for.
func (v *Validator) runFetcher(ctx context.Context) error {
	limit := rate.NewLimiter(fetchRate, fetchBurst)
	waiting := make(map[common.Hash][]missing) // by lane
	var due <-chan time.Time
	var g errgroup.Group
	g.SetLimit(fetchers)
	for {
		select {
		case <-ctx.Done():
			_ = g.Wait() // they return nothing
			return ctx.Err()
		case m := <-v.engine.missing:
			if len(waiting) == 0 {
				due = time.After(fetchDelay)
			}
			waiting[m.tx.LaneID()] = append(waiting[m.tx.LaneID()], m)
			continue
		case <-due:
		}
		for lane, lacking := range waiting {
			from, parents := v.stillMissing(lacking)
			if from == nil {
				continue
			}
			if !limit.AllowN(v.cfg.Now(), 1) {
				v.metrics.dropped.WithLabelValues("fetch").Inc()
				continue
			}
			g.Go(func() error {
				err := v.replica.FetchLane(ctx, v.node, lane, *from)
				if len(parents) > 0 {
					err = errors.Join(v.replica.Refresh(ctx, v.node, parents), err)
				}
				if err != nil && ctx.Err() == nil {
					logger.Debugw("fetching missing evidence", "lane", lane, "error", err)
				}
				return nil
			})
		}
		clear(waiting)
	}
}

// stillMissing returns the slot from which a lane must be fetched for payments
// that have no vote and no QC yet, nil if there are none, and their parents
// without a QC.
func (v *Validator) stillMissing(lacking []missing) (from *uint64, parents []fastpay.ID) {
	v.replica.Read(func(b *fastpay.Board) {
		for _, m := range lacking {
			_, voted := b.Certificate(m.tx.ID(), v.engine.seats[m.tx.CommitteeID()].index)
			_, certified := b.QC(m.tx.ID())
			if voted || certified {
				continue
			}
			if from == nil || m.from < *from {
				from = &m.from
			}
			for _, id := range m.tx.Envelope().Parents {
				if _, held := b.QC(id); !held && len(parents) < p2p.MaxSyncItems {
					parents = append(parents, id)
				}
			}
		}
	})
	return from, parents
}
