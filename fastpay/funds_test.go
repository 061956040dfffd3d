package fastpay

import (
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

func TestPendingCreditCountsInFullIfCited(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.certified(s.pay(1, 0, 7))
	s.refuses(s.pay(0, 2, 11), InsufficientFunds, "10 units")
	s.refuses(s.pay(0, 2, 18, citing(parent)), InsufficientFunds, "17 units are spendable at block 0, the payment needs 18 (10 confirmed, certified in 7, out 0)")
	p := s.accepts(s.pay(0, 2, 17, citing(parent)))
	if !slices.Equal(p.reliesOn(), []ID{parent.ID()}) {
		t.Error("the credit's QC is not among those to persist")
	}
}

func TestParentWithoutQCIsMissing(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.pay(1, 0, 7)
	child := s.pay(0, 2, 1, citing(parent))
	s.refuses(child, MissingParentQC, "parent "+short(parent.ID()))
	noError(t, s.me.board.AddTx(parent))
	s.refuses(child, MissingParentQC, "its QC is not held")
	// Certified as an ancestor makes a position, but no credit (4.1).
	s.certified(s.pay(1, 2, 1, on(parent)))
	equal(t, "certified", s.me.board.records[parent.ID()].certified, true)
	s.refuses(child, MissingParentQC, "its QC is not held")
	s.certified(parent)
	s.accepts(child)
}

func TestExecutedParentNeedsOnlyItsPayment(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.pay(1, 0, 7)
	s.mine(5, includes(parent))
	child := s.pay(0, 2, 17, citing(parent))
	s.refuses(child, MissingParentQC, "parent "+short(parent.ID()))
	noError(t, s.me.board.AddTx(parent))
	p := s.accepts(child)
	equal(t, "QCs to persist", len(p.QCs), 0)
	s.refuses(s.pay(0, 2, 18, citing(parent)), InsufficientFunds, "17 units")
}

// I4 and 9e: what may be spent does not rise in the block that includes a
// counted parent.
func TestIncludedParentIsNotCountedTwice(t *testing.T) {
	s := newScene(t, 5, 10)
	parent := s.certified(s.pay(1, 0, 10))
	s.accepts(s.pay(0, 2, 15, citing(parent)))
	s.refuses(s.pay(0, 2, 16, citing(parent)), InsufficientFunds, "15 units")
	s.mine(5, includes(parent))
	s.accepts(s.pay(0, 2, 15, citing(parent)))
	s.refuses(s.pay(0, 2, 16, citing(parent)), InsufficientFunds, "15 units")
}

func TestCreditIsCountedOnceHoweverOftenItIsCited(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.certified(s.pay(1, 0, 10))
	first := s.promise(s.pay(0, 2, 12, citing(parent)))
	s.refuses(s.pay(0, 2, 9, on(first), citing(parent)), InsufficientFunds, "8 units are spendable at block 0, the payment needs 9 (10 confirmed, certified in 10, out 12)")
	s.accepts(s.pay(0, 2, 8, on(first), citing(parent)))
	s.accepts(s.pay(0, 2, 8, on(first))) // the position below cites it
}

func TestCreditCitedOnlyByAPositionCountsZeroWithoutItsQC(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.pay(1, 0, 10)
	below := s.certified(s.pay(0, 2, 4, citing(parent)))
	noError(t, s.me.board.AddTx(parent))
	s.refuses(s.pay(0, 2, 7, on(below)), InsufficientFunds, "6 units")
	s.accepts(s.pay(0, 2, 6, on(below)))
	s.refuses(s.pay(0, 2, 1, on(below), citing(parent)), MissingParentQC, "its QC is not held")
	s.certified(parent)
	s.accepts(s.pay(0, 2, 16, on(below)))
}

func TestParentMustPayThePayerInTheAsset(t *testing.T) {
	s := newScene(t, 10, 10)
	toOther := s.certified(s.pay(1, 2, 5))
	inOther := s.certified(s.pay(1, 0, 50, func(e *Envelope) { e.Asset = eur; e.Prev = e.Lane().Genesis() }))
	s.refuses(s.pay(0, 2, 1, citing(toOther)), InvalidParentQC, "does not pay "+account(0).Hex())
	s.refuses(s.pay(0, 2, 1, citing(inOther)), InvalidParentQC, "does not pay")
	below := s.certified(s.pay(0, 3, 4, citing(toOther)))
	s.refuses(s.pay(0, 3, 7, on(below)), InsufficientFunds, "6 units")
	s.mine(5, includes(toOther))
	s.refuses(s.pay(0, 2, 1, on(below), citing(toOther)), InvalidParentQC, "does not pay")
}

func TestCreditOfAnotherCommitteeWaitsForTheChain(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.certified(s.pay(1, 0, 5, func(e *Envelope) { e.CommitteeID = s.next.ID() }))
	child := s.pay(0, 2, 15, citing(parent))
	s.refuses(child, TemporaryUnavailable, "pending under another committee")
	s.mine(5, includes(parent))
	s.accepts(child)
}

func TestDeadCreditCountsZero(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.certified(s.pay(1, 0, 5, until(1_200)))
	s.mine(99)
	child := s.pay(0, 2, 11, citing(parent), until(1_220))
	s.refuses(child, TemporaryUnavailable, "expires at 1200")
	s.mine(1) // time 1200
	s.refuses(child, InsufficientFunds, "10 units")
}

func TestEffectiveExpiryIsTheLeastOnThePath(t *testing.T) {
	s := newScene(t, 10, 10)
	base := s.certified(s.pay(1, 2, 1, until(1_300)))
	middle := s.certified(s.pay(1, 2, 1, on(base), until(1_250)))
	parent := s.certified(s.pay(1, 0, 5, on(middle), until(1_400)))
	s.refuses(s.pay(0, 2, 11, citing(parent), until(1_251)), TemporaryUnavailable, "payment lives until 1251, its credit "+short(parent.ID())+" only until 1250")
	s.accepts(s.pay(0, 2, 11, citing(parent), until(1_250)))
	s.mine(5, includes(base), includes(middle))
	s.refuses(s.pay(0, 2, 11, citing(parent), until(1_401)), TemporaryUnavailable, "only until 1400")
	s.accepts(s.pay(0, 2, 11, citing(parent), until(1_400)))
	s.mine(150, includes(parent)) // time 1255
	s.accepts(s.pay(0, 2, 11, citing(parent), until(2_000)))
}

// A payment outlives neither the credits it cites nor those below it.
func TestPaymentMustNotOutliveACreditOfAPosition(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.certified(s.pay(1, 0, 5, until(1_500)))
	below := s.promise(s.pay(0, 2, 12, citing(parent), until(1_500)))
	s.refuses(s.pay(0, 2, 1, on(below), until(1_501)), TemporaryUnavailable, "only until 1500")
	s.accepts(s.pay(0, 2, 1, on(below), until(1_500)))
}

func TestCreditNeedsTimeToExecute(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.certified(s.pay(1, 0, 5, until(1_130)))
	s.mine(25)       // time 1125
	s.me.now = 1_105 // an impossible clock: behind the block
	child := s.pay(0, 2, 11, citing(parent), until(1_130))
	s.refuses(child, TemporaryUnavailable, "credit "+short(parent.ID())+" expires at 1130")
}

func TestUnsoundCreditCountsZero(t *testing.T) {
	credit := func(t *testing.T) (*scene, *Tx) {
		s := newScene(t, 10, 10, 10)
		below := s.certified(s.pay(1, 2, 4))
		return s, s.certified(s.pay(1, 0, 6, on(below)))
	}
	cites := func(s *scene, parent *Tx, amount uint64) *Tx { return s.pay(0, 3, amount, citing(parent)) }

	t.Run("sound", func(t *testing.T) {
		s, parent := credit(t)
		s.accepts(cites(s, parent, 16))
	})
	t.Run("the payer's money is gone", func(t *testing.T) {
		s, parent := credit(t)
		s.mine(5, spends(1, 1))
		s.refuses(cites(s, parent, 11), InsufficientFunds, "10 units")
	})
	t.Run("something foreign took a slot below", func(t *testing.T) {
		s, parent := credit(t)
		s.mine(5, burns(1))
		s.refuses(cites(s, parent, 11), InsufficientFunds, "10 units")
	})
	t.Run("another payment took the slot below", func(t *testing.T) {
		s, parent := credit(t)
		s.mine(5, includes(s.pay(1, 0, 1)))
		s.refuses(cites(s, parent, 12), InsufficientFunds, "11 units")
	})
	t.Run("the payment below failed", func(t *testing.T) {
		s := newScene(t, 10, 0, 4)
		gift := s.certified(s.pay(2, 1, 4))
		below := s.certified(s.pay(1, 2, 4, citing(gift)))
		parent := s.certified(s.pay(1, 0, 4, on(below)))
		s.mine(5, includes(below), includes(gift))
		s.refuses(cites(s, parent, 11), InsufficientFunds, "10 units")
	})
	t.Run("a payment below is not known", func(t *testing.T) {
		s := newScene(t, 10, 10)
		below := s.pay(1, 2, 4)
		parent := s.certified(s.pay(1, 0, 6, on(below)))
		s.refuses(cites(s, parent, 11), InsufficientFunds, "10 units")
		noError(t, s.me.board.AddTx(below))
		s.accepts(cites(s, parent, 16))
	})
	t.Run("the payment below is of another generation", func(t *testing.T) {
		s := newScene(t, 10, 10)
		below := s.certified(s.pay(1, 2, 4))
		parent := s.certified(s.pay(1, 0, 6, on(below), func(e *Envelope) { e.Restart = 7 }))
		s.refuses(cites(s, parent, 11), InsufficientFunds, "10 units")
	})
	t.Run("the lowest payment does not stand on the chain", func(t *testing.T) {
		s := newScene(t, 10, 10)
		parent := s.certified(s.pay(1, 0, 6, at(0, common.Hash{1})))
		s.refuses(cites(s, parent, 11), InsufficientFunds, "10 units")
	})
	t.Run("its own credit is dead", func(t *testing.T) {
		s := newScene(t, 10, 0, 10)
		grand := s.certified(s.pay(2, 1, 5, until(1_200)))
		parent := s.certified(s.pay(1, 0, 5, citing(grand), until(1_900)))
		s.accepts(s.pay(0, 3, 15, citing(parent), until(1_900)))
		s.mine(100)
		s.refuses(s.pay(0, 3, 11, citing(parent), until(1_900)), InsufficientFunds, "10 units")
	})
	t.Run("its own credit is unsound", func(t *testing.T) {
		s := newScene(t, 10, 0, 10)
		grand := s.certified(s.pay(2, 1, 5))
		parent := s.certified(s.pay(1, 0, 5, citing(grand)))
		s.accepts(s.pay(0, 3, 15, citing(parent)))
		s.mine(5, spends(2, 6))
		s.refuses(s.pay(0, 3, 11, citing(parent)), InsufficientFunds, "10 units")
	})
	t.Run("its own credit has no QC here", func(t *testing.T) {
		s := newScene(t, 10, 0, 10)
		grand := s.pay(2, 1, 5)
		parent := s.certified(s.pay(1, 0, 5, citing(grand)))
		noError(t, s.me.board.AddTx(grand))
		s.refuses(s.pay(0, 3, 11, citing(parent)), InsufficientFunds, "10 units")
		s.certified(grand)
		s.accepts(s.pay(0, 3, 15, citing(parent)))
	})
}

func TestRestartedCreditIsSound(t *testing.T) {
	s := newScene(t, 10, 10)
	s.certified(s.pay(1, 2, 10, until(1_200)))
	s.mine(100)
	opener := s.certified(s.pay(1, 2, 4, reopen(0, 1_200)))
	parent := s.certified(s.pay(1, 0, 6, on(opener)))
	s.accepts(s.pay(0, 3, 16, citing(parent)))
	s.mine(5, includes(opener))
	s.accepts(s.pay(0, 3, 16, citing(parent)))
	s.mine(5, includes(parent))
	s.accepts(s.pay(0, 3, 16, citing(parent)))
}

func TestUpToEightCreditsCount(t *testing.T) {
	balances := []uint64{0}
	for range MaxParents {
		balances = append(balances, 3)
	}
	s := newScene(t, balances...)
	var parents []*Tx
	for i := range MaxParents {
		parents = append(parents, s.certified(s.pay(i+1, 0, 3)))
	}
	s.accepts(s.pay(0, 20, 3*MaxParents, citing(parents...)))
	s.refuses(s.pay(0, 20, 3*MaxParents, citing(parents[1:]...)), InsufficientFunds, "21 units")
}

// A chain of unexecuted credits may be 32 long.
func TestCreditChainsAreBounded(t *testing.T) {
	s := newScene(t, 10)
	first := s.certified(s.pay(0, 1, 10))
	last := first
	for i := 1; i < MaxDepth; i++ {
		last = s.certified(s.pay(i, i+1, 10, citing(last)))
	}
	last = s.certified(s.accepts(s.pay(MaxDepth, MaxDepth+1, 10, citing(last))).Tx)
	tooDeep := s.pay(MaxDepth+1, 0, 10, citing(last))
	s.refuses(tooDeep, InsufficientFunds, "0 units")
	s.mine(5, includes(first))
	s.accepts(tooDeep)
}

// Money may go round in circles: payments cite by hash, so credits never do.
func TestCreditsMayCycleBetweenAccounts(t *testing.T) {
	s := newScene(t, 10)
	there := s.certified(s.pay(0, 1, 10))
	back := s.certified(s.pay(1, 0, 10, citing(there)))
	again := s.certified(s.pay(0, 1, 10, on(there), citing(back)))
	s.accepts(s.pay(1, 2, 10, on(back), citing(again)))
	s.refuses(s.pay(1, 2, 11, on(back), citing(again)), InsufficientFunds, "10 units")
}
