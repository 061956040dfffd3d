package fastpay

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"
)

func TestPromiseSaysWhatToPersist(t *testing.T) {
	s := newScene(t, 10, 10)
	s.mine(5)
	parent := s.certified(s.pay(1, 0, 3))
	below := s.certified(s.pay(0, 2, 2))
	above := s.pay(0, 2, 11, on(below), citing(parent))
	p := s.accepts(above)
	equal(t, "payment", p.Tx, above)
	equal(t, "height", p.Height, 1)
	want := []ID{parent.ID(), below.ID()}
	slices.SortFunc(want, common.Hash.Cmp)
	if !slices.Equal(p.reliesOn(), want) {
		t.Errorf("QCs to persist are of %v, want %v", p.reliesOn(), want)
	}
}

// Rule 1: a promise stands, whatever has happened since.
func TestPromiseIsRepeated(t *testing.T) {
	s := newScene(t, 10)
	tx := s.pay(0, 1, 10)
	first := s.accepts(tx)
	s.me.ledger.Record(first)
	again := func(when string) {
		t.Helper()
		equal(t, "promise "+when, s.accepts(tx), first)
	}
	again("at once")
	s.mine(5, spends(0, 9))
	again("without funds")
	s.mine(5_000)
	again("after it expired")
	s.promise(s.pay(0, 1, 1, reopen(0, 6_000), until(8_000)))
	again("in a newer generation")
	s.mine(epochEnd)
	again("after the epoch")
	s.mine(5, burns(0))
	again("after its slot was used")
	other := NewLedger(s.me.board, s.next)
	other.Record(first)
	p, err := other.Decide(tx, s.me.snap, s.me.now)
	noError(t, err)
	equal(t, "promise of another committee", p, first)
}

func TestRecordIsIdempotentAndProtectsThePayment(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.pay(1, 0, 3)
	tx := s.pay(0, 1, 5, citing(parent))
	p := &Promise{Tx: tx, QCs: []*QC{s.qc(t, parent)}}
	s.me.ledger.Record(p)
	s.me.ledger.Record(&Promise{Tx: tx})
	held, ok := s.me.ledger.Promised(tx.ID())
	if !ok || held != p {
		t.Error("the first promise is not the one on record")
	}
	if _, ok := s.me.board.QC(parent.ID()); !ok {
		t.Error("the QC that the promise relied on is not on the board")
	}
	equal(t, "protected", s.me.board.records[tx.ID()].protected(), true)
	equal(t, "lanes", len(s.me.ledger.Lanes()), 1)
	equal(t, "committee", s.me.ledger.Committee(), s.c)
}

// I5: what is promised is the same after a restart from what was persisted.
func TestPromisesSurviveARestart(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.certified(s.pay(1, 0, 3))
	below := s.certified(s.pay(0, 2, 2))
	tx := s.promise(s.pay(0, 2, 11, on(below), citing(parent)))
	disk := first(s.me.ledger.Promised(tx.ID())).Encode()

	s.me = newParty(s.chain)
	p, err := s.ParsePromise(disk)
	noError(t, err)
	s.me.ledger.Record(p)
	equal(t, "promise", s.accepts(tx), p)
	s.refuses(s.pay(0, 3, 11, on(below), citing(parent)), Equivocation, "seq 1 is promised")
	s.refuses(s.pay(0, 3, 2), Equivocation, "seq 0 is promised") // by the QC it relied on
	s.refuses(s.pay(0, 2, 1, on(tx)), InsufficientFunds, "0 units")
}

func TestForgetDropsOnlyUsedSlots(t *testing.T) {
	s := newScene(t, 10)
	a := s.promise(s.pay(0, 1, 1))
	b := s.promise(s.pay(0, 1, 1, on(a)))
	lane := a.LaneID()
	equal(t, "dropped at nonce 0", s.me.ledger.Forget(lane, 0), 0)
	equal(t, "dropped at nonce 1", s.me.ledger.Forget(lane, 1), 1)
	if _, ok := s.me.ledger.Promised(a.ID()); ok {
		t.Error("the promise of a used slot is kept")
	}
	if _, ok := s.me.ledger.Promised(b.ID()); !ok {
		t.Error("the promise of an open slot is lost")
	}
	equal(t, "dropped at nonce 2", s.me.ledger.Forget(lane, 2), 1)
	equal(t, "lanes", len(s.me.ledger.Lanes()), 0)
	equal(t, "dropped in an unknown lane", s.me.ledger.Forget(common.Hash{}, 9), 0)
}

// Rule 2: committee and times of office.
func TestOnlyTheCommitteeInOfficeDecides(t *testing.T) {
	s := newScene(t, 10)
	next := s.pay(0, 1, 5, func(e *Envelope) { e.CommitteeID = s.next.ID() })
	s.refuses(next, WrongCommittee, "payment is for committee")
	outlives := s.pay(0, 1, 5, until(epochEnd+1))
	s.refuses(outlives, WrongCommittee, "outlives the committee")

	early := &scene{s.network, t, newModel(s.network, epochStart-1, 10), nil}
	early.me = newParty(early.chain)
	early.refuses(s.pay(0, 1, 5), TemporaryUnavailable, "starts at chain time 1000")
	early.mine(1)
	early.accepts(s.pay(0, 1, 5))

	late := &scene{s.network, t, newModel(s.network, epochEnd-minSettle, 10), nil}
	late.me = newParty(late.chain)
	late.accepts(s.pay(0, 1, 5, until(epochEnd)))
}

func TestRestartMustNotLieInTheFuture(t *testing.T) {
	s := newScene(t, 10)
	s.refuses(s.pay(0, 1, 5, reopen(0, 1_101)), TemporaryUnavailable, "restart 1101 lies after the finalized time")
	s.accepts(s.pay(0, 1, 5, reopen(0, 1_100)))
}

func TestUsedSlotIsRefused(t *testing.T) {
	s := newScene(t, 10)
	tx := s.pay(0, 1, 5)
	s.mine(5, includes(tx))
	s.refuses(s.pay(0, 1, 6), NonceSeqTooLow, "seq 0 is used on the chain")
	s.accepts(s.pay(0, 1, 5, on(tx)))
}

// Rule 3 and section 4.5.

func TestRestartVoidsTogetherOrNotAtAll(t *testing.T) {
	promises := func(t *testing.T, certified bool) (s *scene, low, high *Tx) {
		s = newScene(t, 10)
		low = s.pay(0, 1, 1, until(1_200))
		high = s.pay(0, 1, 2, on(low), until(1_300))
		if certified {
			s.certified(low, high)
		} else {
			s.promise(low, high)
		}
		return s, low, high
	}
	for name, certified := range map[string]bool{"own promises": false, "certified payments": true} {
		t.Run(name, func(t *testing.T) {
			s, _, high := promises(t, certified)
			s.mine(200) // time 1300
			s.refuses(s.pay(0, 1, 9, reopen(0, 1_199)), Equivocation, "cannot void")
			s.refuses(s.pay(0, 1, 9, reopen(0, 1_200)), Equivocation, "cannot void payment "+short(high.ID()))
			s.refuses(s.pay(0, 1, 9, reopen(0, 1_299)), Equivocation, "at seq 1, which lives until 1300")
			s.accepts(s.pay(0, 1, 9, reopen(0, 1_300)))
		})
	}
	t.Run("void whatever prev is", func(t *testing.T) {
		s, low, _ := promises(t, true)
		s.mine(200)
		s.refuses(s.pay(0, 1, 9, on(low), func(e *Envelope) { e.Restart = 1_299 }), Equivocation, "cannot void")
	})
}

func TestVoidPaymentsAreNoDebitAndNoObstacle(t *testing.T) {
	s := newScene(t, 10)
	low := s.promise(s.pay(0, 1, 6, until(1_200)))
	s.promise(s.pay(0, 1, 4, on(low), until(1_200)))
	s.mine(100)
	fresh := s.promise(s.pay(0, 1, 10, reopen(0, 1_200)))
	s.refuses(s.pay(0, 1, 1, on(fresh)), InsufficientFunds, "0 units are spendable")
	// The old payments are still on record, but hold no slot of the new generation.
	s.mine(5, includes(fresh))
	s.refuses(s.pay(0, 1, 1, on(fresh)), InsufficientFunds, "0 units are spendable")
}

func TestNewerGenerationBlocksTheOlder(t *testing.T) {
	s := newScene(t, 10)
	old := s.certified(s.pay(0, 1, 1, until(1_150)))
	s.mine(100)
	s.promise(s.pay(0, 1, 9, reopen(0, 1_200)))
	s.refuses(s.pay(0, 1, 1, on(old)), Equivocation, "generation 1200 at seq 0 is newer than 0")
	s.refuses(s.pay(0, 1, 1, noted(1)), Equivocation, "generation 1200 at seq 0 is newer than 0")
	s.refuses(s.pay(0, 1, 1, reopen(0, 1_150)), Equivocation, "generation 1200 at seq 0 is newer than 1150")
}

func TestCertifiedNewerGenerationHoldsItsSlot(t *testing.T) {
	s := newScene(t, 10)
	s.mine(100)
	fresh := s.certified(s.pay(0, 1, 3, reopen(0, 1_150)))
	s.refuses(s.pay(0, 1, 1), Equivocation, "promised to payment "+short(fresh.ID()))
	s.refuses(s.pay(0, 1, 1, at(1, fresh.ID())), Equivocation, "of generation 1150, not 0")
}

func TestGenerationAtTheNonceFollowsTheChain(t *testing.T) {
	t.Run("genesis", func(t *testing.T) {
		s := newScene(t, 10)
		s.refuses(s.pay(0, 1, 5, func(e *Envelope) { e.Restart = 7 }), Equivocation, "restart is 7 at the lane's genesis")
		s.accepts(s.pay(0, 1, 5))
	})
	t.Run("executed and known", func(t *testing.T) {
		s := newScene(t, 10)
		first := s.certified(s.pay(0, 1, 5, reopen(0, 1_050)))
		s.mine(5, includes(first))
		for _, wrong := range []uint64{0, 1_049, 1_051} {
			s.refuses(s.pay(0, 1, 5, at(1, first.ID()), func(e *Envelope) { e.Restart = wrong }), Equivocation, "the executed payment below has 1050")
		}
		s.accepts(s.pay(0, 1, 5, on(first)))
		s.accepts(s.pay(0, 1, 5, reopen(1, 1_105)))
	})
	t.Run("executed and unknown", func(t *testing.T) {
		s := newScene(t, 10)
		first := s.pay(0, 1, 5, reopen(0, 1_050))
		s.mine(5, includes(first))
		for _, r := range []uint64{0, 1_049, 1_105} {
			s.accepts(s.pay(0, 1, 5, at(1, first.ID()), func(e *Envelope) { e.Restart = r }))
		}
	})
	t.Run("foreign", func(t *testing.T) {
		s := newScene(t, 10)
		s.mine(5, burns(0))
		a, err := s.chain.account(s.chain.lane(0), 1)
		noError(t, err)
		for _, r := range []uint64{0, 1_105} {
			s.accepts(s.pay(0, 1, 5, at(1, a.Tip), func(e *Envelope) { e.Restart = r }))
		}
	})
}

func TestRestartOnlyAtTheChainsNonce(t *testing.T) {
	s := newScene(t, 10)
	below := s.promise(s.pay(0, 1, 1))
	s.refuses(s.pay(0, 1, 1, reopen(1, 1_100)), Equivocation, "cannot void")
	s.mine(900) // the payment below has expired
	s.refuses(s.pay(0, 1, 1, reopen(1, 2_000), until(2_500)), NonceSeqTooHigh, "the payment at seq 0 is not known")
	s.mine(5)
	s.accepts(s.pay(0, 1, 1, reopen(0, 2_000), until(2_500)))
	s.refuses(s.pay(0, 1, 1, on(below), until(2_500)), TemporaryUnavailable, "below expires")
}

func TestRestartNamesItsLaneSlotAndTime(t *testing.T) {
	s := newScene(t, 10)
	lane, other := s.chain.lane(0), s.chain.lane(1)
	for name, prev := range map[string]common.Hash{
		"another time": lane.Restart(0, 1_099), "another slot": lane.Restart(1, 1_100), "another lane": other.Restart(0, 1_100), "genesis": lane.Genesis(),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.me.decide(s.pay(0, 1, 5, func(e *Envelope) { e.Restart, e.Prev = 1_100, prev }))
			refused(t, err, Equivocation, "restart is 1100 at the lane's genesis")
		})
	}
}

// R must have reached the end of every promise at the slot and above, also of
// certified ones of a newer generation.
func TestRestartWaitsForEverythingAbove(t *testing.T) {
	s := newScene(t, 10)
	s.mine(100) // time 1200
	opener := s.pay(0, 1, 1, reopen(0, 1_190), until(1_250))
	s.certified(s.pay(0, 1, 1, on(opener), until(1_300)))
	s.mine(95) // time 1295
	s.refuses(s.pay(0, 1, 1, reopen(0, 1_180)), Equivocation, "is before payment")
	s.refuses(s.pay(0, 1, 1, reopen(0, 1_295)), Equivocation, "cannot void")
	s.mine(5)
	s.accepts(s.pay(0, 1, 1, reopen(0, 1_300)))
}

func TestRestartVoidsNothingOfAnotherLane(t *testing.T) {
	s := newScene(t, 10, 10)
	s.promise(s.pay(1, 0, 1))
	s.accepts(s.pay(0, 1, 9, reopen(0, 1_100)))
}

// Rule 4.
func TestSlotIsPromisedOnce(t *testing.T) {
	for name, certified := range map[string]bool{"own promise": false, "certified payment": true} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 10)
			tx := s.pay(0, 1, 1)
			if certified {
				s.certified(tx)
			} else {
				s.promise(tx)
			}
			s.refuses(s.pay(0, 2, 1), Equivocation, "seq 0 is promised to payment "+short(tx.ID()))
			s.accepts(tx)
			s.mine(950) // expired, but a lock is not dropped by time
			s.refuses(s.pay(0, 2, 1, until(3_000)), Equivocation, "seq 0 is promised")
		})
	}
	t.Run("certified through its descendant", func(t *testing.T) {
		s := newScene(t, 10)
		tx := s.pay(0, 1, 1)
		noError(t, s.me.board.AddTx(tx))
		s.accepts(s.pay(0, 2, 1))
		s.certified(s.pay(0, 1, 1, on(tx)))
		s.refuses(s.pay(0, 2, 1), Equivocation, "seq 0 is promised to payment "+short(tx.ID()))
	})
	t.Run("only known and not certified", func(t *testing.T) {
		s := newScene(t, 10)
		noError(t, s.me.board.AddTx(s.pay(0, 1, 1)))
		s.accepts(s.pay(0, 2, 1))
	})
}

// Rule 5.

func TestPrevAtTheNonceIsWhatTheChainHas(t *testing.T) {
	s := newScene(t, 10)
	s.refuses(s.pay(0, 1, 1, at(0, common.Hash{1})), Equivocation, "prev is")
	s.refuses(s.pay(0, 1, 1, at(0, s.chain.lane(1).Genesis())), Equivocation, "prev is")
	first, reverted := s.pay(0, 1, 1), s.pay(0, 1, 50, at(1, common.Hash{}))
	s.mine(5, includes(first))
	s.refuses(s.pay(0, 1, 1, at(1, s.chain.lane(0).Genesis())), Equivocation, "the chain has "+short(first.ID()))
	s.accepts(s.pay(0, 1, 1, at(1, first.ID())))
	s.mine(5, includes(reverted))
	s.refuses(s.pay(0, 1, 1, at(2, reverted.ID())), Equivocation, "prev is")
	a, err := s.chain.account(s.chain.lane(0), 2)
	noError(t, err)
	s.accepts(s.pay(0, 1, 1, at(2, a.Tip)))
}

func TestWholePrefixMustBeKnown(t *testing.T) {
	s := newScene(t, 100)
	a := s.pay(0, 1, 1)
	b := s.pay(0, 1, 1, on(a))
	c := s.pay(0, 1, 1, on(b))
	d := s.pay(0, 1, 1, on(c))
	s.refuses(d, NonceSeqTooHigh, "the payment at seq 0 is not known")
	s.certified(a)
	s.refuses(d, NonceSeqTooHigh, "the payment at seq 1 is not known")
	s.certified(c)
	s.refuses(d, NonceSeqTooHigh, "the payment at seq 1 is not known")
	noError(t, s.me.board.AddTx(b)) // certified through c
	s.accepts(d)
}

func TestPrefixMustBeOneHashPath(t *testing.T) {
	t.Run("prev is not the promise below", func(t *testing.T) {
		s := newScene(t, 10)
		s.promise(s.pay(0, 1, 1))
		s.refuses(s.pay(0, 1, 1, at(1, id(1))), NonceSeqTooHigh, "promised at seq 0 is")
	})
	t.Run("prev is not the certified one below", func(t *testing.T) {
		s := newScene(t, 10)
		s.certified(s.pay(0, 1, 1))
		s.refuses(s.pay(0, 1, 1, at(1, id(1))), Equivocation, "certified at seq 0 is")
	})
	t.Run("prev is the chain's tip, one slot too high", func(t *testing.T) {
		s := newScene(t, 10)
		s.promise(s.pay(0, 1, 1))
		s.refuses(s.pay(0, 1, 1, at(1, s.chain.lane(0).Genesis())), NonceSeqTooHigh, "promised at seq 0 is")
	})
	t.Run("a branch inside the prefix", func(t *testing.T) {
		s := newScene(t, 10)
		s.promise(s.pay(0, 1, 1)) // the other branch's rival
		rival := s.pay(0, 2, 1)
		b := s.certified(s.pay(0, 1, 1, on(rival)))
		s.refuses(s.pay(0, 1, 1, on(b)), NonceSeqTooHigh, "the payment below "+short(b.ID()))
	})
	t.Run("two generations", func(t *testing.T) {
		s := newScene(t, 10)
		a := s.certified(s.pay(0, 1, 1, until(1_150)))
		s.mine(60)
		s.refuses(s.pay(0, 1, 1, at(1, a.ID()), func(e *Envelope) { e.Restart = 1_160 }), NonceSeqTooHigh, "the payment at seq 0 is not known")
	})
}

// The certified payment of a slot is its position, whatever this party
// promised there.
func TestCertifiedPaymentBeatsOwnPromise(t *testing.T) {
	s := newScene(t, 10)
	mine := s.promise(s.pay(0, 1, 1))
	theirs := s.certified(s.pay(0, 2, 8))
	s.refuses(s.pay(0, 1, 1, on(mine)), Equivocation, "certified at seq 0 is "+short(theirs.ID()))
	s.refuses(s.pay(0, 1, 3, on(theirs)), InsufficientFunds, "2 units are spendable")
	s.accepts(s.pay(0, 1, 2, on(theirs)))
}

// Rule 6.

func TestLifeIsBounded(t *testing.T) {
	s := newScene(t, 10)
	s.me.now = 1_110 // ten seconds after the block was first seen
	s.refuses(s.pay(0, 1, 1, until(1_100)), Expired, "valid_before 1100 has passed")
	s.refuses(s.pay(0, 1, 1, until(1_110)), Expired, "has passed")
	s.refuses(s.pay(0, 1, 1, until(1_110+minSettle-1)), Expired, "19 seconds")
	s.accepts(s.pay(0, 1, 1, until(1_110+minSettle)))
	s.accepts(s.pay(0, 1, 1, until(1_110+maxLife)))
	s.refuses(s.pay(0, 1, 1, until(1_110+maxLife+1)), TemporaryUnavailable, "more than the network's 5000")
	s.refuses(s.pay(0, 1, 1, until(math.MaxUint64)), WrongCommittee, "outlives")
}

func TestAtMost32PaymentsWaitForTheirQuorum(t *testing.T) {
	s := newScene(t, 100)
	var txs []*Tx
	next := s.pay(0, 1, 1)
	for range MaxDepth {
		txs = append(txs, s.promise(next))
		next = s.pay(0, 1, 1, on(next))
	}
	s.refuses(next, NonceSeqTooHigh, "32 payments of the lane wait for their quorum")
	s.certified(txs[0])
	above := s.promise(next)
	next = s.pay(0, 1, 1, on(above))
	s.refuses(next, NonceSeqTooHigh, "32 payments")
	s.certified(txs[20]) // certifies those below with it
	s.accepts(next)
	s.mine(5, includes(txs[0]))
	s.accepts(next)
}

func TestPositionsBelowNeedTimeToExecute(t *testing.T) {
	for name, certified := range map[string]bool{"own promise": false, "certified payment": true} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 10)
			below := s.pay(0, 1, 1, until(1_200))
			if certified {
				s.certified(below)
			} else {
				s.promise(below)
			}
			next := s.pay(0, 1, 1, on(below), until(3_000))
			s.mine(80)
			s.me.now = 1_190
			s.accepts(next) // exactly half of min_settle to go
			s.me.now = 1_191
			s.refuses(next, TemporaryUnavailable, "below expires at 1200")
			s.mine(11) // time 1191
			s.me.now = 1_180
			s.refuses(next, TemporaryUnavailable, "below expires at 1200") // the block's own time counts too
		})
	}
}

func TestMarginHoldsForTheLeastMinSettle(t *testing.T) {
	n := newNetwork4(t)
	cfg := n.cfg
	cfg.MinSettle = 1
	rules, err := NewRules(cfg)
	noError(t, err)
	n.Rules = rules
	m := newModel(n, 1_100, 10)
	s := &scene{n, t, m, newParty(m)}
	below := s.promise(s.pay(0, 1, 1, until(1_102)))
	next := s.pay(0, 1, 1, on(below), until(3_000))
	s.me.now = 1_101
	s.accepts(next)
	s.me.now = 1_102
	s.refuses(next, TemporaryUnavailable, "below expires at 1102")
}

// Rule 7.

func TestBalanceIsSpentOnce(t *testing.T) {
	s := newScene(t, 10)
	s.refuses(s.pay(0, 1, 11), InsufficientFunds, "10 units are spendable at block 0, the payment needs 11 (10 confirmed, certified in 0, out 0)")
	first := s.promise(s.pay(0, 1, 7))
	s.refuses(s.pay(0, 1, 4, on(first)), InsufficientFunds, "3 units are spendable at block 0, the payment needs 4 (10 confirmed, certified in 0, out 7)")
	s.promise(s.pay(0, 1, 3, on(first)))
}

func TestBalanceIsSpentInWideArithmetic(t *testing.T) {
	s := newScene(t, 10)
	huge := func(e *Envelope) {
		e.Amount.Sub(new(uint256.Int).Lsh(uint256.NewInt(1), 128), uint256.NewInt(1))
	}
	s.refuses(s.pay(0, 1, 1, huge), InsufficientFunds, "10 units")
	below := s.certified(s.pay(0, 1, 1, huge))
	s.refuses(s.pay(0, 1, 1, on(below)), InsufficientFunds, "-340282366920938463463374607431768211445 units")
}

func TestPolicyOfTheTokenIsAsked(t *testing.T) {
	s := newScene(t, 10)
	s.chain.policies[Transfer{usd, account(0), account(2)}] = errors.New("recipient is on the issuer's list")
	s.accepts(s.pay(0, 1, 1))
	s.refuses(s.pay(0, 2, 1), NotPaymentTx, "recipient is on the issuer's list")
}

// Section 4.8.
func TestOtherCommitteesPaymentsAreNoPositionDebitOrCredit(t *testing.T) {
	s := newScene(t, 10, 10)
	s.mine(epochEnd - 1_000) // the second epoch
	inNext := func(e *Envelope) { e.CommitteeID = s.next.ID() }
	old := s.pay(0, 1, 7, until(epochEnd))
	credit := s.pay(1, 0, 5, until(epochEnd))
	s.certified(old, credit)
	s.me.ledger = NewLedger(s.me.board, s.next)
	later := until(epochEnd + 1_000)
	s.refuses(s.pay(0, 1, 1, on(old), inNext, later), NonceSeqTooHigh, "the payment at seq 0 is not known")
	s.refuses(s.pay(0, 1, 11, inNext, later), InsufficientFunds, "10 units")
	s.refuses(s.pay(0, 1, 11, inNext, later, citing(credit)), TemporaryUnavailable, "pending under another committee")
	s.accepts(s.pay(0, 1, 10, inNext, later))
}

func TestExecutedPaymentsOfAnotherCommitteeCount(t *testing.T) {
	s := newScene(t, 10, 10)
	credit := s.certified(s.pay(1, 0, 5))
	first := s.certified(s.pay(0, 1, 7))
	s.mine(5, includes(credit), includes(first))
	s.mine(epochEnd)
	s.me.ledger = NewLedger(s.me.board, s.next)
	s.accepts(s.pay(0, 1, 8, on(first), citing(credit), until(epochEnd+2_000), func(e *Envelope) { e.CommitteeID = s.next.ID() }))
}

// NeedError.

func TestDecideAsksForWhatTheSnapshotLacks(t *testing.T) {
	s := newScene(t, 10, 10)
	grand := s.pay(2, 1, 4)
	parent := s.pay(1, 0, 14, citing(grand))
	s.certified(grand, parent)
	tx := s.pay(0, 3, 24, citing(parent))

	// All that the payment itself names is asked for at once, what lies further
	// back when that is read.
	for _, want := range []NeedError{
		{[]Lane{s.chain.lane(0), s.chain.lane(1)}, []Transfer{{usd, account(0), account(3)}}},
		{[]Lane{s.chain.lane(2)}, nil},
	} {
		p, err := s.me.ledger.Decide(tx, s.me.snap, s.me.now)
		var need *NeedError
		if !errors.As(err, &need) || p != nil {
			t.Fatalf("have promise %v and error %v, want a question", p, err)
		}
		slices.SortFunc(need.Lanes, func(a, b Lane) int { return slices.Index(want.Lanes, a) - slices.Index(want.Lanes, b) })
		if !slices.Equal(need.Lanes, want.Lanes) || !slices.Equal(need.Transfers, want.Transfers) {
			t.Errorf("asked for %v, want %v", need, &want)
		}
		noError(t, s.chain.fill(s.me.snap, need))
	}
	_, err := s.me.ledger.Decide(tx, s.me.snap, s.me.now)
	refused(t, err, InsufficientFunds, "10 units are spendable") // account 2 has nothing to give
}

// What is refused without the chain's help costs no read, and in a lane that has
// been read, neither does an equivocation: a payer can make those for free.
func TestHopelessPaymentsAreRefusedWithoutReading(t *testing.T) {
	s := newScene(t, 10, 10)
	parent := s.certified(s.pay(1, 0, 5))
	for _, tx := range []*Tx{s.pay(0, 1, 5, func(e *Envelope) { e.CommitteeID = s.next.ID() }), s.pay(0, 1, 5, until(epochEnd+1))} {
		_, err := s.me.ledger.Decide(tx, s.me.snap, s.me.now)
		equal(t, "code", Classify(err).Code, WrongCommittee)
	}
	equal(t, "lanes read", s.me.snap.Len(), 0)

	s.promise(s.pay(0, 1, 5))
	rival := s.pay(0, 2, 5, citing(parent))
	_, err := s.me.ledger.Decide(rival, s.me.snap, s.me.now)
	refused(t, err, Equivocation, "seq 0 is promised")
}

// tx0 is a plain payment of a scene.
func tx0(s *scene) *Tx { return s.pay(0, 1, 5) }

// Every code of section 4.6 has a cause, in parsing or in deciding.
func TestEveryCodeHasACause(t *testing.T) {
	s := newScene(t, 10, 10)
	decide := func(tx *Tx) error {
		_, err := s.me.decide(tx)
		return err
	}
	parse := func(c change) error {
		_, err := s.SignTx(s.envelope(0, 1, 5, c), payer(0))
		return err
	}
	parent := s.certified(s.pay(1, 2, 1))
	broken := encode(&paymentBody{Tx: tx0(s).raw, Parents: []rlp.RawValue{qcOf(s.c, parent.raw)}})
	causes := map[Code]error{
		InvalidFormat:        parse(func(e *Envelope) { e.Amount.Clear() }),
		WrongChain:           parse(func(e *Envelope) { e.ChainID++ }),
		WrongCommittee:       decide(s.pay(0, 1, 5, func(e *Envelope) { e.CommitteeID = s.next.ID() })),
		Expired:              decide(s.pay(0, 1, 5, until(1_110))),
		NotPaymentTx:         parse(func(e *Envelope) { e.Asset[19] = 7 }),
		NonceSeqTooHigh:      decide(s.pay(0, 1, 5, at(1, id(1)))),
		InsufficientFunds:    decide(s.pay(0, 1, 11)),
		MissingParentQC:      decide(s.pay(0, 1, 5, citingIDs(1))),
		InvalidParentQC:      decide(s.pay(0, 1, 5, citing(parent))),
		TemporaryUnavailable: decide(s.pay(0, 1, 5, until(1_100+maxLife+1))),
	}
	_, fromParsing := s.ParsePayment(broken)
	refused(t, fromParsing, InvalidParentQC, "parent 0")
	s.promise(tx0(s))
	causes[Equivocation] = decide(s.pay(0, 2, 5))
	s.mine(5, includes(tx0(s)))
	causes[NonceSeqTooLow] = decide(s.pay(0, 2, 5))
	for _, code := range Codes() {
		err, ok := causes[code]
		if !ok {
			t.Errorf("no cause of %s", code)
			continue
		}
		refused(t, err, code, string(code)+": ")
	}
}
