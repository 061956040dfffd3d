package fastpay

import (
	"fmt"
	"slices"
	"testing"
)

func TestPendingClosureIsInOrderOfExecution(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 10, 10, 10)
	w := newWatcher(m)
	grand := n.pay(t, 2, 1, 5)
	below := n.pay(t, 1, 3, 2)
	parent := n.pay(t, 1, 0, 8, on(below), citing(grand))
	first := n.pay(t, 0, 3, 1)
	tx := n.pay(t, 0, 3, 9, on(first), citing(parent))
	closure := func(want ...*Tx) {
		t.Helper()
		order, complete := w.PendingClosure(tx.ID())
		equal(t, "complete", complete, true)
		if !slices.EqualFunc(order, want, func(a, b *Tx) bool { return a.ID() == b.ID() }) {
			t.Errorf("closure of %d payments is not the one in order", len(order))
		}
	}
	incomplete := func(what string) {
		t.Helper()
		order, complete := w.PendingClosure(tx.ID())
		equal(t, what+" complete", complete, false)
		equal(t, what, len(order), 0)
	}
	incomplete("closure of an unknown payment")
	for i, p := range []*Tx{tx, parent, grand, first} {
		noError(t, w.AddQC(n.qc(t, p)))
		incomplete(fmt.Sprintf("closure with %d of 5 known", i+1))
	}
	noError(t, w.AddTx(below)) // certified through its descendant
	closure(first, below, grand, parent, tx)
	equal(t, "ready", w.Ready(tx.ID()), false)
	equal(t, "lowest ready", w.Ready(below.ID()), true)

	noError(t, m.mine(5, includes(below), includes(first)))
	w.follow(0)
	closure(grand, parent, tx)
	noError(t, m.mine(5, includes(grand), includes(parent)))
	w.follow(0)
	equal(t, "ready", w.Ready(tx.ID()), true)
	noError(t, m.mine(5, includes(tx)))
	w.follow(0)
	closure() // nothing is left to execute
}

func TestUncertifiedPartsHoldAClosureBack(t *testing.T) {
	n := newNetwork4(t)
	b := n.newBoard(nil)
	parent := n.pay(t, 1, 0, 5)
	tx := n.pay(t, 0, 2, 5, citing(parent))
	noError(t, b.AddTx(parent))
	noError(t, b.AddQC(n.qc(t, tx)))
	if _, complete := b.PendingClosure(tx.ID()); complete {
		t.Error("a payment is submitted with an uncertified parent")
	}
	noError(t, b.AddQC(n.qc(t, parent)))
	equal(t, "closure", len(first(b.PendingClosure(tx.ID()))), 2)

	restarted := n.pay(t, 3, 2, 5, reopen(4, 1_050))
	noError(t, b.AddQC(n.qc(t, restarted)))
	equal(t, "a restart stands on nothing", len(first(b.PendingClosure(restarted.ID()))), 1)
}

// first is the first of two results.
func first[T any](v T, _ bool) T { return v }
