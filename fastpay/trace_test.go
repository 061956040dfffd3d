package fastpay

import (
	"fmt"
	"slices"
	"testing"
)

// all is an outlook in which every member is reached but some.
func all(except ...int) Outlook {
	return Outlook{Reached: func(c *Committee) []bool {
		reached := slices.Repeat([]bool{true}, c.Len())
		for _, i := range except {
			reached[i] = false
		}
		return reached
	}}
}

// wantTrace checks the payments and the reasons of a trace.
func wantTrace(t *testing.T, what string, b *Board, id ID, o Outlook, want ...Step) {
	t.Helper()
	steps := b.Trace(id, o)
	if len(steps) != len(want) {
		t.Fatalf("%s: a trace of %d steps, want %d", what, len(steps), len(want))
	}
	for i, s := range steps {
		w := want[i]
		equal(t, fmt.Sprintf("%s: payment of step %d", what, i), s.ID, w.ID)
		equal(t, fmt.Sprintf("%s: reason of step %d", what, i), s.Reason, w.Reason)
		equal(t, fmt.Sprintf("%s: step %d is on", what, i), s.On, w.On)
		equal(t, fmt.Sprintf("%s: step %d is held", what, i), s.Held, w.Reason != ReasonUnknown)
	}
}

// step is one payment of a trace with its reason, and what that is about.
func step(id ID, r Reason, on ...ID) Step {
	s := Step{ID: id, Diagnosis: Diagnosis{Reason: r}}
	if len(on) > 0 {
		s.On = on[0]
	}
	return s
}

func TestTraceFollowsToTheRoot(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 10, 10, 10)
	w := newWatcher(m)
	grand := n.pay(t, 2, 1, 5)
	below := n.pay(t, 1, 3, 2)
	parent := n.pay(t, 1, 0, 8, on(below), citing(grand))
	tx := n.pay(t, 0, 3, 9, citing(parent))
	wantTrace(t, "nothing is held", w.Board, tx.ID(), all(), step(tx.ID(), ReasonUnknown))

	noError(t, w.AddTx(tx))
	wantTrace(t, "its parent is not held", w.Board, tx.ID(), all(), step(tx.ID(), ReasonParent, parent.ID()), step(parent.ID(), ReasonUnknown))

	noError(t, w.AddTx(parent))
	noError(t, w.AddTx(grand))
	wantTrace(t, "the chain was not asked for the parent's lane", w.Board, tx.ID(), all(),
		step(tx.ID(), ReasonParent, parent.ID()), step(parent.ID(), ReasonParent, grand.ID()), step(grand.ID(), ReasonVotes))
	noError(t, m.mine(5))
	w.follow(1)
	w.ask()
	wantTrace(t, "the parent's predecessor is not held", w.Board, tx.ID(), all(),
		step(tx.ID(), ReasonParent, parent.ID()), step(parent.ID(), ReasonPredecessor, below.ID()), step(below.ID(), ReasonUnknown))

	noError(t, w.AddTx(below))
	w.NoteReject(below.ID(), 0, Reject{Code: InsufficientFunds, Text: "1 units are spendable at block 1", Retryable: true})
	w.NoteReject(below.ID(), 1, Reject{Code: InsufficientFunds, Text: "1 units are spendable at block 1", Retryable: true})
	wantTrace(t, "the parent's predecessor is refused", w.Board, tx.ID(), all(),
		step(tx.ID(), ReasonParent, parent.ID()), step(parent.ID(), ReasonPredecessor, below.ID()), step(below.ID(), ReasonRefused))
	root := w.Trace(tx.ID(), all())[2]
	equal(t, "code of the root", root.Code, InsufficientFunds)
	equal(t, "block in the root's refusal", root.Case.Refusals[1].Text, "1 units are spendable at block 1")

	noError(t, w.AddQC(n.qc(t, below)))
	noError(t, w.AddQC(n.qc(t, grand)))
	noError(t, w.AddQC(n.qc(t, parent)))
	wantTrace(t, "its parent is certified", w.Board, tx.ID(), all(), step(tx.ID(), ReasonVotes))
	wantTrace(t, "two members are away", w.Board, tx.ID(), all(1, 3), step(tx.ID(), ReasonUnreached))

	noError(t, w.AddQC(n.qc(t, tx)))
	wantTrace(t, "it is certified", w.Board, tx.ID(), all(),
		step(tx.ID(), ReasonParent, parent.ID()), step(parent.ID(), ReasonPredecessor, below.ID()), step(below.ID(), ReasonSettling))
	noError(t, m.mine(5, includes(below)))
	w.follow(1)
	wantTrace(t, "the lowest one is included", w.Board, tx.ID(), all(),
		step(tx.ID(), ReasonParent, parent.ID()), step(parent.ID(), ReasonParent, grand.ID()), step(grand.ID(), ReasonSettling))
	noError(t, m.mine(5, includes(grand), includes(parent)))
	w.follow(1)
	wantTrace(t, "its parents are included", w.Board, tx.ID(), all(), step(tx.ID(), ReasonSettling))
	noError(t, m.mine(5, includes(tx)))
	w.follow(1)
	wantTrace(t, "it is included", w.Board, tx.ID(), all(), step(tx.ID(), ReasonIncluded))
	w.follow(4)
	wantTrace(t, "it is final", w.Board, tx.ID(), all(), step(tx.ID(), ReasonFinalized))
}

// A child that was executed before its parent failed for that, and the trace goes on to
// what keeps the parent.
func TestTraceOfAFailedChild(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 0, 10)
	w := newWatcher(m)
	parent := n.pay(t, 1, 0, 8)
	tx := n.pay(t, 0, 2, 8, citing(parent))
	noError(t, w.AddQC(n.qc(t, parent)))
	noError(t, w.AddQC(n.qc(t, tx)))
	noError(t, m.mine(5, includes(tx))) // reverts: the money is not there
	w.follow(1)
	wantTrace(t, "failed", w.Board, tx.ID(), all(), step(tx.ID(), ReasonEnded, parent.ID()), step(parent.ID(), ReasonSettling))
}

// A payer that signed two payments for one slot split the votes: neither is certified,
// and each has the other in its way.
func TestTraceStopsAtARival(t *testing.T) {
	n := newNetwork4(t)
	b := n.newBoard(nil)
	x, y := n.pay(t, 0, 1, 5), n.pay(t, 0, 2, 5)
	older := n.pay(t, 0, 3, 5, until(1_010))
	reopened := n.pay(t, 0, 3, 5, reopen(0, 1_020))
	for _, tx := range []*Tx{x, y, reopened} {
		noError(t, b.AddTx(tx))
	}
	for signer, tx := range []*Tx{x, x, y, y} {
		noError(t, b.AddCertificate(n.vote(t, signer, tx)))
	}
	wantTrace(t, "the first", b, x.ID(), all(), step(x.ID(), ReasonRival, y.ID()))
	wantTrace(t, "the second", b, y.ID(), all(), step(y.ID(), ReasonRival, x.ID()))
	equal(t, "votes of the rival", slices.Equal(b.Trace(x.ID(), all())[0].Case.Rivals[0].Voted, []bool{false, false, true, true}), true)
	// A later generation stands in no way of its own, and is in the way of the others.
	wantTrace(t, "the restart", b, reopened.ID(), all(), step(reopened.ID(), ReasonVotes))
	noError(t, b.AddTx(older))
	noError(t, b.AddQC(n.qc(t, reopened)))
	wantTrace(t, "an older one", b, older.ID(), all(), step(older.ID(), ReasonRival, reopened.ID()))
}

// A chain of payments is followed no further than unexecuted ones can be chained.
func TestTraceIsBounded(t *testing.T) {
	n := newNetwork4(t)
	b := n.newBoard(nil)
	tx := unsigned(n.envelope(0, 1, 1))
	noError(t, b.AddTx(tx))
	for range 2 * MaxDepth {
		tx = unsigned(n.envelope(0, 1, 1, on(tx)))
		noError(t, b.AddTx(tx))
	}
	equal(t, "steps", len(b.Trace(tx.ID(), all())), MaxDepth+1)
}

// With sub-block lanes one member's node alone settles a payment.
func TestTraceKnowsTheHome(t *testing.T) {
	m, _ := members(0, equalWeights(4))
	for i := range m {
		m[i].NodeKey = [32]byte{byte(i + 1)}
	}
	c, err := NewCommittee(testChainID, 1, epochStart, epochEnd, SubBlockLane, m)
	noError(t, err)
	n := newNetwork4(t)
	rules, err := NewRules(Config{
		Committees: []*Committee{c}, Assets: n.Assets(), MaxFees: n.cfg.MaxFees, MinSettle: minSettle, MaxLife: maxLife, DefaultLife: 600,
	})
	noError(t, err)
	e := n.envelope(0, 1, 5)
	e.CommitteeID = c.ID()
	tx := unsigned(e)
	b := NewBoard(rules, DefaultBoardLimits())
	noError(t, b.AddTx(tx))
	equal(t, "home", b.Trace(tx.ID(), all())[0].Case.Home, tx.Lane().Home(c, 0))

	b = n.newBoard(nil)
	tx = n.pay(t, 0, 1, 5)
	noError(t, b.AddTx(tx))
	equal(t, "home where members take turns", b.Trace(tx.ID(), all())[0].Case.Home, -1)
}
