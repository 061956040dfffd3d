package fastpay

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// watcher is a board that follows a chain.
type watcher struct {
	*Board
	chain *model
	seen  uint64 // number of the newest block applied
}

func newWatcher(m *model) *watcher {
	return &watcher{Board: NewBoard(m.n.Rules, roomyLimits()), chain: m}
}

// follow applies the blocks that are new, with the given number as finalized.
func (w *watcher) follow(finalized uint64) {
	view := ChainView{Latest: w.chain.head(), Finalized: w.chain.states[finalized].block}
	for _, s := range w.chain.states[w.seen+1:] {
		view.Outcomes = append(view.Outcomes, s.outcomes...)
	}
	w.seen = w.chain.head().Number
	w.ApplyChain(view)
}

// revert drops the chain's blocks from a number on and tells the board.
func (w *watcher) revert(number uint64) {
	w.chain.drop(number)
	w.seen = number - 1
	w.ApplyChain(ChainView{Latest: w.chain.head(), Finalized: w.Finalized(), Reverted: number})
}

// ask answers the board's questions at the finalized block, as its owner does.
func (w *watcher) ask() {
	at := w.Finalized()
	for _, q := range w.Questions(100) {
		nonce := w.chain.states[at.Number].lanes[q.Lane].nonce
		for _, k := range w.NoteNonce(q.Lane, nonce, at) {
			for _, s := range w.chain.states {
				for _, o := range s.outcomes {
					if o.Sender == q.Lane.Sender && o.Nonce == k {
						w.NoteOutcome(o)
					}
				}
			}
		}
	}
}

func TestStageFollowsEvidenceAndChain(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 10)
	w := newWatcher(m)
	w.follow(0)
	tx := n.pay(t, 0, 1, 10)
	stage := func(want Stage) {
		t.Helper()
		equal(t, "stage", w.Stage(tx.ID()), want)
	}
	stage(StageUnknown)
	noError(t, w.AddTx(tx))
	stage(StageUnknown)
	noError(t, w.AddCertificate(n.vote(t, 0, tx)))
	stage(StageAccepted)
	w.MarkQueued(tx.ID())
	stage(StageAccepted) // a submission without QC is no stage
	noError(t, w.AddQC(n.qc(t, tx)))
	stage(StageQueuedOnchain)

	other := newWatcher(m)
	noError(t, other.AddQC(n.qc(t, tx)))
	equal(t, "stage without own submission", other.Stage(tx.ID()), StageCertified)

	noError(t, m.mine(5, includes(tx)))
	w.follow(0)
	stage(StageIncluded)
	if o, ok := w.Outcome(tx.ID()); !ok || o.BlockNumber != 1 {
		t.Error("the outcome is not told")
	}
	w.revert(1)
	stage(StageQueuedOnchain) // it may regress
	if _, ok := w.Outcome(tx.ID()); ok {
		t.Error("the outcome of a reverted block is told")
	}
	noError(t, m.mine(5))
	noError(t, m.mine(5, includes(tx)))
	w.follow(1)
	stage(StageIncluded)
	equal(t, "latest", w.Latest().Number, 2)
	equal(t, "finalized", w.Finalized().Number, 1)
	w.follow(2)
	stage(StageFinalized)
	w.follow(1) // heights of finalized blocks never go back
	stage(StageFinalized)
	equal(t, "finalized", w.Finalized().Number, 2)
	if _, ok := w.Outcome(id(1)); ok {
		t.Error("an unknown payment has an outcome")
	}
}

func TestStageOfAPaymentThatFails(t *testing.T) {
	n := newNetwork4(t)
	tx := n.pay(t, 0, 1, 10)
	transfer := tx76.MemoTransfer{Token: usd, From: account(0), To: account(1), Amount: *uint256.NewInt(10), Memo: tx.ID()}
	changed := func(f func(*tx76.MemoTransfer)) []tx76.MemoTransfer {
		c := transfer
		f(&c)
		return []tx76.MemoTransfer{c}
	}
	good := []tx76.MemoTransfer{transfer}
	for _, c := range []struct {
		name  string
		o     tx76.Outcome
		want  Stage
		cause Cause
	}{
		{"settles", tx76.Outcome{Success: true, Transfers: good, Plain: 1}, StageIncluded, CauseSettled},
		{"reverted", tx76.Outcome{Attempted: tx.ID()}, StageFailed, CauseReverted},
		{"reverted after an outflow", tx76.Outcome{Attempted: tx.ID(), Outflow: id(7)}, StageConflicted, CauseOutflow},
		{"another attempt reverted", tx76.Outcome{Attempted: id(1)}, StageConflicted, CauseSlotTaken},
		{"something without transfer", tx76.Outcome{Success: true}, StageConflicted, CauseSlotTaken},
		{"another payment", tx76.Outcome{Success: true, Transfers: changed(func(m *tx76.MemoTransfer) { m.Memo = id(1) }), Plain: 1}, StageConflicted, CauseSlotTaken},
		{"another recipient under its memo", tx76.Outcome{Success: true, Transfers: changed(func(m *tx76.MemoTransfer) { m.To = account(2) }), Plain: 1}, StageConflicted, CauseRedirected},
		{"another amount under its memo", tx76.Outcome{Success: true, Transfers: changed(func(m *tx76.MemoTransfer) { m.Amount.SetUint64(9) }), Plain: 1}, StageConflicted, CauseRedirected},
		{"another token under its memo", tx76.Outcome{Success: true, Transfers: changed(func(m *tx76.MemoTransfer) { m.Token = eur }), Plain: 1}, StageConflicted, CauseSlotTaken},
		{"a second transfer beside it", tx76.Outcome{Success: true, Transfers: append(changed(func(m *tx76.MemoTransfer) { m.From = account(5) }), transfer), Plain: 2}, StageConflicted, CauseRedirected},
		{"its plain log missing", tx76.Outcome{Success: true, Transfers: good}, StageConflicted, CauseRedirected},
		{"logs of a revert", tx76.Outcome{Transfers: good, Plain: 1, Attempted: id(1)}, StageConflicted, CauseRedirected},
		{"used when it was too late", tx76.Outcome{Success: true, BlockTime: tx.Envelope().ValidBefore}, StageExpired, CauseUnused},
		{"names it when it was too late", tx76.Outcome{Attempted: tx.ID(), BlockTime: tx.Envelope().ValidBefore}, StageExpired, CauseUnused},
		{"used just in time", tx76.Outcome{Success: true, BlockTime: tx.Envelope().ValidBefore - 1}, StageConflicted, CauseSlotTaken},
	} {
		t.Run(c.name, func(t *testing.T) {
			board := n.newBoard(nil)
			noError(t, board.AddQC(n.qc(t, tx)))
			o := c.o
			o.Sender, o.NonceKey, o.BlockNumber, o.TxHash, o.BlockHash = account(0), tx.Lane().NonceKey(n.c), 3, id(8), id(9)
			board.ApplyChain(ChainView{Latest: Block{Number: 3}, Finalized: Block{Number: 2}, Outcomes: []tx76.Outcome{o}})
			equal(t, "stage", board.Stage(tx.ID()), c.want)
			equal(t, "settles", Settles(tx, &o), c.want == StageIncluded)
			evidence, ok := board.StageEvidence(tx.ID())
			equal(t, "evidence is there", ok, true)
			equal(t, "evidence", evidence, StageEvidence{
				Cause: c.cause, Block: Block{Number: 3, Hash: id(9), Time: o.BlockTime}, ChainTx: id(8), Outflow: o.Outflow,
			})
		})
	}
}

// A payment that reverted before what it relies on is FAILED whatever else its payer
// did; after it, the payer's other transactions are to blame.
func TestRevertIsBlamedOnALateParentFirst(t *testing.T) {
	n := newNetwork4(t)
	parent := n.pay(t, 1, 0, 10)
	tx := n.pay(t, 0, 2, 10, citing(parent))
	outcome := func(tx *Tx, block, index uint64, success bool) tx76.Outcome {
		o := tx76.Outcome{
			Sender: tx.Sender(), NonceKey: tx.Lane().NonceKey(n.c), TxHash: tx.ID(), BlockNumber: block, TxIndex: index, Success: success, Outflow: id(7),
		}
		if success {
			o.Plain = 1
			o.Transfers = []tx76.MemoTransfer{{Token: usd, From: tx.Sender(), To: tx.env.Recipient, Amount: tx.env.Amount, Memo: tx.ID()}}
		} else {
			o.Attempted = tx.ID()
		}
		return o
	}
	unknown := n.newBoard(nil)
	noError(t, unknown.AddTx(tx))
	o := outcome(tx, 3, 5, false)
	o.Outflow = ID{}
	unknown.ApplyChain(ChainView{Latest: Block{Number: 4}, Outcomes: []tx76.Outcome{o}})
	evidence, _ := unknown.StageEvidence(tx.ID())
	equal(t, "cause, if neither the parent nor an outflow is known", evidence.Cause, CauseBeforeParent)
	equal(t, "parent", evidence.Parent, parent.ID())

	for _, c := range []struct {
		name   string
		parent []tx76.Outcome
		known  bool
		want   Cause
	}{
		{"the parent is unknown, an outflow is known", nil, false, CauseOutflow},
		{"the parent is pending", nil, true, CauseBeforeParent},
		{"the parent came later in the block", []tx76.Outcome{outcome(parent, 3, 6, true)}, true, CauseBeforeParent},
		{"the parent came in a later block", []tx76.Outcome{outcome(parent, 4, 0, true)}, true, CauseBeforeParent},
		{"the parent reverted", []tx76.Outcome{outcome(parent, 2, 0, false)}, true, CauseBeforeParent},
		{"the parent came before in the block", []tx76.Outcome{outcome(parent, 3, 4, true)}, true, CauseOutflow},
		{"the parent came in the block before", []tx76.Outcome{outcome(parent, 2, 9, true)}, true, CauseOutflow},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := n.newBoard(nil)
			noError(t, b.AddTx(tx))
			if c.known {
				noError(t, b.AddTx(parent))
			}
			b.ApplyChain(ChainView{Latest: Block{Number: 4}, Outcomes: append(c.parent, outcome(tx, 3, 5, false))})
			evidence, _ := b.StageEvidence(tx.ID())
			equal(t, "cause", evidence.Cause, c.want)
			late, outflow, stage := parent.ID(), ID{}, StageFailed
			if c.want == CauseOutflow {
				late, outflow, stage = ID{}, id(7), StageConflicted
			}
			equal(t, "late parent", evidence.Parent, late)
			equal(t, "outflow", evidence.Outflow, outflow)
			equal(t, "stage", b.Stage(tx.ID()), stage)
		})
	}
}

func TestStageExpiresOnlyByTheChain(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 10)
	w := newWatcher(m)
	tx := n.pay(t, 0, 1, 1, until(1_200))
	above := n.pay(t, 0, 1, 1, on(tx), until(1_150))
	noError(t, w.AddQC(n.qc(t, tx)))
	noError(t, w.AddQC(n.qc(t, above)))
	noError(t, m.mine(99))
	w.follow(1)
	w.ask()
	equal(t, "stage before valid_before", w.Stage(tx.ID()), StageCertified)
	equal(t, "stage above", w.Stage(above.ID()), StageExpired)
	noError(t, m.mine(1)) // time 1200
	w.follow(1)
	w.ask()
	equal(t, "stage before the block is final", w.Stage(tx.ID()), StageCertified)
	w.follow(2)
	equal(t, "stage before the nonce is read", w.Stage(tx.ID()), StageCertified)
	if evidence, ok := w.StageEvidence(tx.ID()); ok {
		t.Errorf("evidence before there is any: %v", evidence)
	}
	w.ask()
	equal(t, "stage", w.Stage(tx.ID()), StageExpired)
	evidence, ok := w.StageEvidence(tx.ID())
	equal(t, "evidence is there", ok, true)
	final := w.Finalized()
	equal(t, "evidence", evidence, StageEvidence{Cause: CauseUnused, Block: Block{Number: final.Number, Hash: final.Hash, Time: final.Time}})
	if _, ok := w.StageEvidence(id(1)); ok {
		t.Error("there is evidence about an unknown payment")
	}

	// A slot that was used in time is not expired, even if its receipt is still
	// to come.
	used := newWatcher(m)
	noError(t, used.AddQC(n.qc(t, tx)))
	missing := used.NoteNonce(tx.Lane(), 1, m.head())
	if !slices.Equal(missing, []uint64{0}) {
		t.Errorf("slots without outcome: %v", missing)
	}
	equal(t, "stage of a used slot", used.Stage(tx.ID()), StageCertified)
}

func TestStageIsRejectedWhenNoQuorumIsLeft(t *testing.T) {
	n := newNetwork(t, 2, 1, 1, 1) // quorum 4 of 5
	tx := n.pay(t, 0, 1, 1)
	final, later := Reject{Code: Equivocation}, Reject{Code: InsufficientFunds, Retryable: true}
	b := n.newBoard(nil)
	b.NoteReject(tx.ID(), 1, final) // not held: no claim is kept
	noError(t, b.AddTx(tx))
	noError(t, b.AddCertificate(n.vote(t, 1, tx)))
	for _, step := range []struct {
		signer int
		reject Reject
		want   Stage
	}{
		{0, later, StageAccepted}, // may still sign
		{1, final, StageAccepted}, // has signed, whatever it says
		{7, final, StageAccepted}, // is no member
		{2, final, StageAccepted}, // weight 4 is left
		{3, final, StageRejected}, // weight 3 is left
		{3, later, StageAccepted}, // takes it back
		{0, final, StageRejected},
	} {
		b.NoteReject(tx.ID(), step.signer, step.reject)
		equal(t, fmt.Sprintf("stage after member %d says %s", step.signer, step.reject.Code), b.Stage(tx.ID()), step.want)
	}
	equal(t, "rejects noted", len(b.Rejects(tx.ID())), 5)
	equal(t, "rejects of an unknown payment", len(b.Rejects(id(1))), 0)
	noError(t, b.AddQC(n.qc(t, tx)))
	equal(t, "stage with a QC", b.Stage(tx.ID()), StageCertified) // evidence beats claims
}

// Every stage of section 6 is the stage of some payment.
func TestEveryStageHasACause(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 10, 10, 10, 0, 10, 10)
	w := newWatcher(m)
	pay := func(from int, changes ...change) *Tx {
		return n.pay(t, from, 9, 1, append([]change{until(1_200)}, changes...)...)
	}
	final, included, conflicted, failed, queued, accepted := pay(0), pay(1), pay(2), pay(3), pay(4), pay(5)
	certified, expired, rejected, unknown := pay(6, until(3_000)), pay(7), pay(8), pay(10)
	for _, tx := range []*Tx{final, included, conflicted, failed, queued, certified, expired} {
		noError(t, w.AddQC(n.qc(t, tx)))
	}
	for _, tx := range []*Tx{accepted, rejected} {
		noError(t, w.AddTx(tx))
		noError(t, w.AddCertificate(n.vote(t, 0, tx)))
	}
	noError(t, w.AddTx(unknown))
	w.MarkQueued(queued.ID())
	w.NoteReject(rejected.ID(), 1, Reject{Code: Expired})
	w.NoteReject(rejected.ID(), 2, Reject{Code: Expired})
	noError(t, m.mine(5, includes(final), burns(2), includes(failed)))
	noError(t, m.mine(5, includes(included)))
	w.follow(1)
	for want, tx := range map[Stage]*Tx{
		StageFinalized: final, StageIncluded: included, StageConflicted: conflicted, StageFailed: failed, StageQueuedOnchain: queued,
		StageAccepted: accepted, StageCertified: certified, StageRejected: rejected, StageUnknown: unknown,
	} {
		equal(t, "stage", w.Stage(tx.ID()), want)
	}
	noError(t, m.mine(100))
	w.follow(3)
	w.ask()
	equal(t, "stage", w.Stage(expired.ID()), StageExpired)
	equal(t, "stage", w.Stage(certified.ID()), StageCertified)
}

func TestQuestionsAreAskedOnceAndAfterExpiry(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 10, 10)
	w := newWatcher(m)
	asked := func(want ...int) {
		t.Helper()
		var lanes []Lane
		for _, i := range want {
			lanes = append(lanes, m.lane(i))
		}
		slices.SortFunc(lanes, func(a, b Lane) int { return a.ID().Cmp(b.ID()) })
		var got []Lane
		for _, q := range w.Questions(10) {
			got = append(got, q.Lane)
			equal(t, "nonce key", q.NonceKey, q.Lane.NonceKey(n.c))
		}
		if !slices.Equal(got, lanes) {
			t.Errorf("questions for %v, want accounts %v", got, want)
		}
	}
	noError(t, w.AddTx(n.pay(t, 0, 1, 1, until(1_200))))
	noError(t, w.AddTx(n.pay(t, 1, 0, 1, until(1_300))))
	asked() // no finalized block yet
	noError(t, m.mine(5))
	w.follow(1)
	asked(0, 1)
	equal(t, "at most one", len(w.Questions(1)), 1)
	w.ask()
	asked()
	noError(t, m.mine(95)) // time 1200
	w.follow(1)
	asked()
	w.follow(2)
	asked(0)
	w.ask()
	asked()
	noError(t, m.mine(100))
	w.follow(3)
	asked(1)
	w.ask()
	noError(t, m.mine(100))
	w.follow(4)
	asked()
}

// Payments that cost nothing must not keep the fate of promised and certified ones
// from being read, nor each other's: who is asked does not hang on luck.
func TestQuestionsPutPromisedAndCertifiedPaymentsFirst(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100)
	w := newWatcher(m)
	var free []Lane
	for i := range 20 {
		tx := n.pay(t, 10+i, 1, 1)
		noError(t, w.AddTx(tx))
		free = append(free, tx.Lane())
	}
	certified, promised := n.pay(t, 2, 1, 1), n.pay(t, 3, 1, 1)
	noError(t, w.AddQC(n.qc(t, certified)))
	w.Pin(promised)
	noError(t, w.AddTx(n.pay(t, 3, 2, 1, at(5, id(1))))) // in the same lane, without either
	noError(t, m.mine(5))
	w.follow(1)

	byID := func(a, b Lane) int { return a.ID().Cmp(b.ID()) }
	first := []Lane{certified.Lane(), promised.Lane()}
	slices.SortFunc(first, byID)
	slices.SortFunc(free, byID)
	asked := func(max int, want ...Lane) {
		t.Helper()
		for range 20 {
			var got []Lane
			for _, q := range w.Questions(max) {
				got = append(got, q.Lane)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("at most %d: questions for %v, want %v", max, got, want)
			}
		}
	}
	asked(1, first[0])
	asked(5, append(slices.Clone(first), free[:3]...)...)
	asked(100, append(slices.Clone(first), free...)...)

	// Lanes whose receipts the node cannot give go behind those never read.
	for _, l := range append(free[:2:2], first[1]) {
		w.NoteNonce(l, 9, m.head())
	}
	asked(3, first[0], first[1], free[2])
	asked(100, slices.Concat(first, free[2:], free[:2])...)
}

func TestMissingReceiptsAreAskedUntilTheyCome(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 10)
	a := n.pay(t, 0, 1, 1)
	b := n.pay(t, 0, 1, 1, on(a))
	c := n.pay(t, 0, 1, 1, on(b))
	noError(t, m.mine(5, includes(a), includes(b)))
	w := newWatcher(m)
	for _, tx := range []*Tx{c, a, b} {
		noError(t, w.AddQC(n.qc(t, tx)))
	}
	w.ApplyChain(ChainView{Latest: m.head(), Finalized: m.head()}) // without the block's outcomes
	if missing := w.NoteNonce(a.Lane(), 2, m.head()); !slices.Equal(missing, []uint64{0, 1}) {
		t.Errorf("missing %v, want slots 0 and 1", missing)
	}
	equal(t, "stage without its receipt", w.Stage(a.ID()), StageCertified)
	equal(t, "questions", len(w.Questions(10)), 1)
	w.ask()
	equal(t, "questions when all is answered", len(w.Questions(10)), 0)
	w.follow(1)
	for _, tx := range []*Tx{a, b} {
		equal(t, "stage", w.Stage(tx.ID()), StageFinalized)
	}
	equal(t, "stage of the open one", w.Stage(c.ID()), StageCertified)
	// An older answer never takes the nonce back.
	w.NoteNonce(a.Lane(), 1, m.states[0].block)
	if missing := w.NoteNonce(a.Lane(), 2, m.head()); len(missing) > 0 {
		t.Errorf("missing %v after an old answer", missing)
	}
}

func TestOutcomesOutsideTheProtocolAreIgnored(t *testing.T) {
	n := newNetwork4(t)
	b := n.newBoard(nil)
	b.NoteOutcome(tx76.Outcome{Sender: account(0), NonceKey: *uint256.NewInt(1)})
	equal(t, "lanes", len(b.lanes), 0)
}

// The board keeps no outcome of a slot that nobody will ask about, but always
// the lane's last.
func TestOldOutcomesOfForeignSlotsGo(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 10)
	w := newWatcher(m)
	for range 5 {
		noError(t, m.mine(5, burns(0)))
	}
	w.follow(5)
	lane := w.lanes[m.lane(0).ID()]
	equal(t, "outcomes", len(lane.outcomes), 1)
	if _, ok := lane.outcomes[4]; !ok {
		t.Error("the lane's last outcome is gone")
	}
}

func TestChangesOfStageAreTold(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 10)
	w := newWatcher(m)
	tx := n.pay(t, 0, 1, 1, until(1_200))
	other := n.pay(t, 5, 1, 1)
	noError(t, w.AddQC(n.qc(t, tx)))
	noError(t, w.AddTx(other))
	cursor := w.Version()
	told := func(when string) {
		t.Helper()
		ids, upTo := w.Since(cursor, 10)
		if !slices.Equal(ids, []ID{tx.ID()}) {
			t.Errorf("%s: changes %v, want the payment's", when, ids)
		}
		cursor = upTo
	}
	noError(t, m.mine(5, includes(tx)))
	w.follow(0)
	told("included")
	w.revert(1)
	told("reverted")
	noError(t, m.mine(5, includes(tx)))
	w.follow(0)
	told("included again")
	w.follow(1)
	told("final")
	w.follow(1)
	equal(t, "version when nothing happens", w.Version(), cursor)
}

// I9: peers with the same evidence and block show the same stage, whatever
// they saw on the way.
func TestStageDoesNotDependOnTheWay(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(9, 9))
	n := newNetwork4(t)
	reverts, stages := 0, make(map[Stage]int)
	for range 60 {
		m := newModel(n, 1_100, 6, 6, 6)
		travelled := newWatcher(m)
		var txs []*Tx
		for i := range 9 {
			tx := n.pay(t, i%3, 3+i%4, uint64(1+rng.IntN(4)), at(uint64(rng.IntN(3)), id(1)), until(1_110+uint64(rng.IntN(60))))
			txs = append(txs, tx)
		}
		evidence := func(w *watcher, i int) {
			if i%2 == 0 {
				_ = w.AddQC(n.qc(t, txs[i]))
			} else {
				_ = w.AddTx(txs[i])
				_ = w.AddBatch(n.batch(t, n.c, i%4, txs[i].ID()))
			}
		}
		order := rng.Perm(len(txs))
		for range 25 {
			switch rng.IntN(5) {
			case 0:
				if len(order) > 0 {
					evidence(travelled, order[0])
					order = order[1:]
				}
			case 1:
				if low, high := travelled.Finalized().Number, m.head().Number; high > low+1 {
					travelled.revert(low + 1 + uint64(rng.IntN(int(high-low))))
					reverts++
				}
			case 2:
				travelled.ask()
			default:
				effects := []effect{includes(txs[rng.IntN(len(txs))])}
				if rng.IntN(6) == 0 {
					effects = append(effects, burns(rng.IntN(3)))
				}
				_ = m.mine(5, effects...)
				travelled.follow(max(travelled.Finalized().Number, uint64(max(0, len(m.states)-4))))
			}
		}
		for _, i := range order {
			evidence(travelled, i)
		}
		travelled.follow(m.head().Number)
		travelled.ask()

		fresh := newWatcher(m)
		for _, i := range rng.Perm(len(txs)) {
			evidence(fresh, i)
		}
		fresh.follow(m.head().Number)
		fresh.ask()
		for _, tx := range txs {
			stage := fresh.Stage(tx.ID())
			stages[stage]++
			equal(t, "stage", travelled.Stage(tx.ID()), stage)
		}
		checkBoard(t, travelled.Board)
	}
	for _, s := range []Stage{StageAccepted, StageCertified, StageFinalized, StageFailed, StageConflicted, StageExpired} {
		if stages[s] == 0 || reverts == 0 {
			t.Errorf("vacuous: no %s among %v, %d reverts", s, stages, reverts)
		}
	}
}
