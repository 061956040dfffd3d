package validator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/ethereum/go-ethereum/common"
)

const (
	// settleInterval is how often unsettled payments are looked at, beside each
	// change of the Board.
	settleInterval = time.Second
	// maxPayers bounds the memory of sponsored payers.
	maxPayers = 16_384
)

// settler puts certified payments on the chain (section 4.7). Its goroutine owns
// everything here.
type settler struct {
	v       *Validator
	cursor  uint64
	open    map[fastpay.ID]*unsettled
	payers  *lru.Cache[common.Address, *rate.Limiter]
	sponsor *sponsor
	told    map[string]bool // troubles that were logged and last, by result

	subBlock *subBlock // nil unless the network's lanes are sub-block lanes
}

// unsettled is a certified payment that is not final yet.
type unsettled struct {
	tx        *fastpay.Tx
	since     time.Time // certified, as this process saw it
	lastSent  time.Time // zero if never
	sponsored bool      // counted against its payer's hour
	limited   bool      // its payer's hour is used up, which was logged
}

func newSettler(v *Validator) (*settler, error) {
	payers, err := lru.New[common.Address, *rate.Limiter](maxPayers)
	if err != nil {
		return nil, fmt.Errorf("settler: %w", err)
	}
	s := &settler{
		v: v, open: make(map[fastpay.ID]*unsettled), payers: payers,
		sponsor: newSponsor(&v.cfg, v.metrics), told: make(map[string]bool),
	}
	if v.cfg.laneKind() == fastpay.SubBlockLane {
		s.subBlock = newSubBlock()
	}
	return s, nil
}

// run settles until ctx ends.
func (s *settler) run(ctx context.Context) error {
	ticker := time.NewTicker(settleInterval)
	defer ticker.Stop()
	for {
		changed := s.v.replica.Changed()
		for _, id := range s.follow() {
			s.settle(ctx, id)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-ticker.C:
			for id := range s.open {
				s.settle(ctx, id)
			}
			s.watchSponsor(ctx)
		}
	}
}

// watchSponsor notices that a dry account was given money, also while there is
// nothing to pay for.
func (s *settler) watchSponsor(ctx context.Context) {
	if !s.sponsor.dry() {
		return
	}
	if err := s.sponsor.look(ctx, s.latest()); err != nil && ctx.Err() == nil {
		logger.Debugw("the sponsor's account was not read", "error", err)
	}
}

// latest is the newest block that the node has shown.
func (s *settler) latest() (at fastpay.Block) {
	s.v.replica.Read(func(b *fastpay.Board) { at = b.Latest() })
	return at
}

// follow brings the list of unsettled payments up to date and returns the ones
// that are new on it.
func (s *settler) follow() []fastpay.ID {
	var fresh []fastpay.ID
	now := s.v.cfg.Now()
	s.v.replica.Read(func(b *fastpay.Board) {
		if s.subBlock != nil {
			s.subBlock.follow(b)
		}
		var ids []fastpay.ID
		ids, s.cursor = b.Since(s.cursor, b.Len())
		for _, id := range ids {
			switch stage := b.Stage(id); stage {
			case fastpay.StageCertified, fastpay.StageQueuedOnchain, fastpay.StageIncluded:
				if _, known := s.open[id]; !known {
					tx, _ := b.Tx(id)
					s.open[id] = &unsettled{tx: tx, since: now}
					fresh = append(fresh, id)
				}
			case fastpay.StageUnknown, fastpay.StageAccepted:
				// Certified by what stands on it, if it is on the list.
			default:
				delete(s.open, id)
				s.v.submissions.end(id, stage)
			}
		}
	})
	return fresh
}

// settle hands a payment with everything it stands on to the node, if it is this
// member's turn.
func (s *settler) settle(ctx context.Context, id fastpay.ID) {
	u := s.open[id]
	if s.latest() == (fastpay.Block{}) || !s.myTurn(u) || s.sentLately(u) {
		return // or the node has shown nothing yet
	}
	order := s.closure(id)
	if s.subBlock != nil {
		order = s.subBlock.next(order, s.lately)
	}
	for _, tx := range order {
		dep := s.open[tx.ID()]
		if dep == nil {
			dep = &unsettled{tx: tx, since: s.v.cfg.Now()}
			s.open[tx.ID()] = dep
		}
		if s.subBlock == nil && s.sentLately(dep) {
			continue
		}
		if !s.send(ctx, dep) {
			return // what stands on it would fail
		}
		dep.lastSent = s.v.cfg.Now()
		if s.subBlock != nil {
			s.subBlock.waiting[tx.ID()] = true
		}
	}
}

// myTurn reports whether this member is the lane's submitter now: the turn moves
// on every two block times without inclusion.
func (s *settler) myTurn(u *unsettled) bool {
	seat := s.v.engine.seats[u.tx.CommitteeID()]
	if seat == nil {
		return false
	}
	attempt := uint64(0)
	if seat.committee.LaneKind() == fastpay.PaymentLane {
		attempt = uint64(s.v.cfg.Now().Sub(u.since) / s.patience())
	}
	return u.tx.Lane().Home(seat.committee, attempt) == seat.index
}

// patience is how long a submission is given before it is made again.
func (s *settler) patience() time.Duration { return 2 * s.v.cfg.Settlement.BlockTime }

func (s *settler) sentLately(u *unsettled) bool {
	return !u.lastSent.IsZero() && s.v.cfg.Now().Sub(u.lastSent) < s.patience()
}

// lately tells whether a payment was handed over and is given time.
func (s *settler) lately(id fastpay.ID) bool {
	u := s.open[id]
	return u != nil && s.sentLately(u)
}

// closure returns what must be handed over for a payment: its pending
// predecessors and parents, in an order in which each can execute, and the
// payment itself. Where the chain keeps no order, only what waits for nothing
// else; with sub-block lanes, only what goes through this member's node. Nothing is
// returned while a part of it is unknown or not certified.
func (s *settler) closure(id fastpay.ID) []*fastpay.Tx {
	var out []*fastpay.Tx
	s.v.replica.Read(func(b *fastpay.Board) {
		order, complete := b.PendingClosure(id)
		if !complete {
			return
		}
		if s.subBlock != nil {
			seat := s.v.engine.seats[s.open[id].tx.CommitteeID()]
			order = fastpay.AtHome(order, seat.committee, seat.index)
		}
		if s.v.cfg.Settlement.InOrder {
			out = order
			return
		}
		for _, tx := range order {
			if b.Ready(tx.ID()) {
				out = append(out, tx)
			}
		}
	})
	return out
}

// send submits a payment and reports whether the node has it, or another one in its
// slot. A payment counts against its payer's hour once, however often it is sent.
func (s *settler) send(ctx context.Context, u *unsettled) bool {
	start := s.v.cfg.Now()
	result, err := s.submit(ctx, u)
	if ctx.Err() != nil {
		return false
	}
	s.v.traceSettlement(u.tx.ID(), start, result, err)
	s.v.metrics.submitted.WithLabelValues(result).Inc()
	s.v.submissions.note(u.tx.ID(), s.v.cfg.Now(), result, err)
	s.tell(u, result, err)
	return err == nil
}

// submit adds the sponsor's signature to a payment and hands it to the node. The
// result is one of those that the metrics count.
func (s *settler) submit(ctx context.Context, u *unsettled) (result string, err error) {
	tx := u.tx
	if !u.sponsored && !s.allow(tx.Sender()) {
		return "payer_limit", fmt.Errorf("payer %s has used up the payments this member sponsors within an hour", tx.Sender())
	}
	u.sponsored = true
	seat := s.v.engine.seats[tx.CommitteeID()]
	if seat == nil {
		return "error", fmt.Errorf("payment %s is of a committee this validator is not in", tx.ID())
	}
	chainTx := tx.Transaction(seat.committee)
	if err := s.sponsor.sign(ctx, chainTx, tx.Sender(), s.latest()); err != nil {
		if errors.Is(err, errDry) {
			return "sponsor_dry", err
		}
		if errors.Is(err, errNextBlock) {
			return "next_block", err
		}
		return "error", err
	}
	_, err = s.v.cfg.Chain.Send(ctx, chainTx.Encode())
	switch {
	case err == nil:
		result = "ok"
	case errors.Is(err, tempo.ErrCheckNonce):
		// The node has it, or its slot is used: the lane's nonce tells.
		result = "known"
	default:
		return "error", err
	}
	if err := s.v.replica.Update(func(b *fastpay.Board) { b.MarkQueued(tx.ID()) }); err != nil {
		return "error", err
	}
	return result, nil
}

// tell logs what keeps payments from the chain once while it lasts: they are tried
// again every second.
func (s *settler) tell(u *unsettled, result string, err error) {
	switch {
	case result == "payer_limit":
		if !u.limited {
			u.limited = true
			logger.Warnw("payment is not sponsored here", "tx", u.tx.ID(), "error", err)
		}
	case result == "next_block":
		// It is short, and ends by itself.
	case err != nil:
		if !s.told[result] {
			s.told[result] = true
			logger.Warnw("payments are not handed to the node, they are tried again", "tx", u.tx.ID(), "error", err)
		}
	case len(s.told) > 0:
		clear(s.told)
		logger.Infow("payments are handed to the node again")
	}
}

// allow counts a sponsored payment against its payer's hour.
func (s *settler) allow(payer common.Address) bool {
	limit, ok := s.payers.Get(payer)
	if !ok {
		perPayer := s.v.cfg.Settlement.PerPayer
		limit = rate.NewLimiter(rate.Limit(float64(perPayer)/time.Hour.Seconds()), perPayer)
		s.payers.Add(payer, limit)
	}
	return limit.AllowN(s.v.cfg.Now(), 1)
}
