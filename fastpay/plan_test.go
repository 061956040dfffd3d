package fastpay

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// planned is a plan for account 0 that must exist.
func (s *scene) planned(amount uint64) Plan {
	s.t.Helper()
	p, err := s.me.plan(0, amount)
	noError(s.t, err)
	return p
}

// fundsAre checks the four numbers.
func fundsAre(t testing.TB, f Funds, confirmed uint64, in, out, spendable int64) {
	t.Helper()
	have := fmt.Sprint(f.Confirmed.Dec(), f.CertifiedIn, f.CertifiedOut, f.Spendable)
	want := fmt.Sprint(uint256.NewInt(confirmed).Dec(), big.NewInt(in), big.NewInt(out), big.NewInt(spendable))
	equal(t, "confirmed, in, out, spendable", have, want)
}

func TestPlanIsTheNextSlot(t *testing.T) {
	s := newScene(t, 100)
	p := s.planned(5)
	equal(t, "seq", p.Seq, 0)
	equal(t, "prev", p.Prev, s.chain.lane(0).Genesis())
	equal(t, "restart", p.Restart, 0)
	equal(t, "expiry", p.Expiry, 0)

	a := s.promise(s.pay(0, 1, 5))
	b := s.certified(s.pay(0, 1, 6, on(a)))
	p = s.planned(5)
	equal(t, "seq", p.Seq, 2)
	equal(t, "prev", p.Prev, b.ID())
	fundsAre(t, p.Funds, 100, 0, 11, 89)

	s.mine(5, includes(a), includes(b))
	p = s.planned(5)
	equal(t, "seq", p.Seq, 2)
	equal(t, "prev", p.Prev, b.ID())
	fundsAre(t, p.Funds, 89, 0, 0, 89)
}

// What is planned is accepted: with the plan's slot, parents and expiry a
// payment passes every rule.
func TestPlannedPaymentIsAccepted(t *testing.T) {
	s := newScene(t, 10, 20, 30)
	s.certified(s.pay(1, 0, 20, until(1_900)), s.pay(2, 0, 30, until(1_800)))
	for _, amount := range []uint64{10, 35, 15} {
		p := s.planned(amount)
		vb := uint64(2_000)
		if p.Expiry > 0 {
			vb = min(vb, p.Expiry)
		}
		s.promise(s.pay(0, 3, amount, until(vb), func(e *Envelope) {
			e.Seq, e.Prev, e.Restart, e.Parents = p.Seq, p.Prev, p.Restart, p.Parents
		}))
	}
	fundsAre(t, s.planned(0).Funds, 10, 50, 60, 0)
}

func TestPlanCitesTheFewestCredits(t *testing.T) {
	s := newScene(t, 10, 100, 100, 100, 100)
	parent := func(i int, amount uint64, vb uint64) ID { return s.certified(s.pay(i, 0, amount, until(vb))).ID() }
	a, b, c := parent(1, 5, 1_900), parent(2, 40, 1_700), parent(3, 20, 1_800)
	s.certified(s.pay(4, 0, 7, func(e *Envelope) { e.Asset = eur; e.Amount.SetUint64(70) }))
	for _, step := range []struct {
		amount  uint64
		parents []ID
		expiry  uint64
	}{
		{10, nil, 0},
		{11, []ID{b}, 1_700},
		{50, []ID{b}, 1_700},
		{51, []ID{b, c}, 1_700},
		{75, []ID{a, b, c}, 1_700},
	} {
		p := s.planned(step.amount)
		slices.SortFunc(step.parents, common.Hash.Cmp)
		if !slices.Equal(p.Parents, step.parents) {
			t.Errorf("amount %d cites %d credits, want %d", step.amount, len(p.Parents), len(step.parents))
		}
		equal(t, "expiry", p.Expiry, step.expiry)
		fundsAre(t, p.Funds, 10, 65, 0, 75)
	}
	_, err := s.me.plan(0, 76)
	refused(t, err, InsufficientFunds, "75 units are spendable at block 0, the payment needs 76 (10 confirmed, certified in 65, out 0)")
}

func TestPlanCitesAtMostEightCredits(t *testing.T) {
	balances := []uint64{0}
	for range MaxParents + 2 {
		balances = append(balances, 9)
	}
	s := newScene(t, balances...)
	for i := 1; i < len(balances); i++ {
		s.certified(s.pay(i, 0, 9))
	}
	equal(t, "parents", len(s.planned(8*9).Parents), MaxParents)
	p, err := s.me.plan(0, 8*9+1)
	refused(t, err, InsufficientFunds, "72 units")
	fundsAre(t, p.Funds, 0, 90, 0, 72)
}

// A credit that a pending payment cites is counted with it and never cited
// again.
func TestPlanDoesNotCiteACreditTwice(t *testing.T) {
	s := newScene(t, 10, 20)
	parent := s.certified(s.pay(1, 0, 20, until(1_700)))
	s.promise(s.pay(0, 2, 12, citing(parent), until(1_700)))
	p := s.planned(18)
	equal(t, "parents", len(p.Parents), 0)
	equal(t, "expiry", p.Expiry, 1_700)
	fundsAre(t, p.Funds, 10, 20, 12, 18)
}

// A credit with less than min_settle to go cannot be spent before it executes
// (section 5).
func TestPlanLeavesOutCreditsThatExpireSoon(t *testing.T) {
	s := newScene(t, 10, 20)
	parent := s.certified(s.pay(1, 0, 20, until(1_200)))
	s.mine(80)
	equal(t, "parents", len(s.planned(30).Parents), 1)
	s.mine(1)
	_, err := s.me.plan(0, 30)
	refused(t, err, InsufficientFunds, "10 units")
	s.mine(1, includes(parent))
	p := s.planned(30)
	equal(t, "parents", len(p.Parents), 0)
}

func TestPlanIgnoresCreditsThatDoNotCount(t *testing.T) {
	s := newScene(t, 10, 20, 20, 20)
	noError(t, s.me.board.AddTx(s.pay(1, 0, 5)))                                                  // no QC
	s.certified(s.pay(2, 0, 5, until(1_150)))                                                     // dead below
	s.certified(s.pay(3, 0, 5, at(0, id(1))))                                                     // unsound
	s.certified(s.pay(4, 0, 5))                                                                   // not covered
	s.certified(s.pay(1, 0, 5, func(e *Envelope) { e.CommitteeID = s.next.ID(); e.Note[0] = 9 })) // foreign
	s.mine(60)
	fundsAre(t, s.planned(0).Funds, 10, 0, 0, 10)
}

func TestPlanForgetsFinalCredits(t *testing.T) {
	s := newScene(t, 10, 20)
	parent := s.certified(s.pay(1, 0, 5))
	s.mine(5, includes(parent))
	s.me.board.ApplyChain(ChainView{Latest: s.chain.head(), Finalized: s.chain.head(), Outcomes: s.chain.states[1].outcomes})
	_, err := s.me.ledger.Plan(s.chain.lane(0), s.me.snap, nil)
	asksFor(t, err, s.chain.lane(0))
	fundsAre(t, s.planned(0).Funds, 15, 0, 0, 15)
	equal(t, "lanes read", s.me.snap.Len(), 1)
}

// asksFor checks that a question is for one lane alone, and returns it.
func asksFor(t testing.TB, err error, lane Lane) *NeedError {
	t.Helper()
	var need *NeedError
	if !errors.As(err, &need) || len(need.Lanes) != 1 || need.Lanes[0] != lane {
		t.Fatalf("have %v, want a question for one lane", err)
	}
	return need
}

func TestPlanRestartsOnlyAfterEverythingExpired(t *testing.T) {
	s := newScene(t, 10)
	low := s.promise(s.pay(0, 1, 4, until(1_200)))
	s.certified(s.pay(0, 1, 5, on(low), until(1_300)))
	s.mine(100) // the lower one is dead, the upper one not yet
	p, err := s.me.plan(0, 1)
	refused(t, err, TemporaryUnavailable, "restarts when the last one expires at chain time 1300, it is 1200")
	fundsAre(t, p.Funds, 10, 0, 9, 1)
	s.mine(100)
	p = s.planned(10)
	equal(t, "seq", p.Seq, 0)
	equal(t, "restart", p.Restart, 1_300)
	equal(t, "prev", p.Prev, s.chain.lane(0).Restart(0, 1_300))
	fundsAre(t, p.Funds, 10, 0, 0, 10)
}

func TestPlanContinuesTheNewestGeneration(t *testing.T) {
	s := newScene(t, 10)
	low := s.promise(s.pay(0, 1, 4, until(1_200)))
	s.promise(s.pay(0, 1, 5, on(low), until(1_200)))
	s.mine(100)
	opener := s.promise(s.pay(0, 1, 2, reopen(0, 1_200)))
	p := s.planned(8)
	equal(t, "seq", p.Seq, 1)
	equal(t, "prev", p.Prev, opener.ID())
	equal(t, "restart", p.Restart, 1_200)
	fundsAre(t, p.Funds, 10, 0, 2, 8)
	// Executed, it leaves the void payment at slot 1 void.
	s.mine(5, includes(opener))
	p = s.planned(8)
	equal(t, "seq", p.Seq, 1)
	equal(t, "prev", p.Prev, opener.ID())
	equal(t, "restart", p.Restart, 1_200)
	next := s.promise(s.pay(0, 1, 8, on(opener)))
	equal(t, "prev after the next", s.planned(0).Prev, next.ID())
}

func TestPlanAfterAForeignTransaction(t *testing.T) {
	s := newScene(t, 10)
	s.mine(5, burns(0))
	p := s.planned(5)
	equal(t, "seq", p.Seq, 1)
	equal(t, "restart", p.Restart, 0)
	s.accepts(s.pay(0, 1, 5, at(p.Seq, p.Prev)))
}

func TestPlanAsksForWhatTheSnapshotLacks(t *testing.T) {
	s := newScene(t, 10, 20)
	s.certified(s.pay(1, 0, 5))
	_, err := s.me.ledger.Plan(s.chain.lane(0), s.me.snap, nil)
	noError(t, s.chain.fill(s.me.snap, asksFor(t, err, s.chain.lane(0))))
	_, err = s.me.ledger.Plan(s.chain.lane(0), s.me.snap, nil)
	noError(t, s.chain.fill(s.me.snap, asksFor(t, err, s.chain.lane(1))))
	p, err := s.me.ledger.Plan(s.chain.lane(0), s.me.snap, nil)
	noError(t, err)
	fundsAre(t, p.Funds, 10, 5, 0, 15)
}
