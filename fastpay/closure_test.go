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
	for _, most := range []int{0, 1, 4, 5, 6} {
		order, complete := w.PendingClosureWithin(tx.ID(), most)
		equal(t, fmt.Sprintf("complete within %d", most), complete, most >= 5)
		equal(t, fmt.Sprintf("closure within %d is whole or none", most), len(order), map[bool]int{true: 5}[complete])
	}
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

// The depth is that of the longest way down, and the first to expire counts.
func TestDepth(t *testing.T) {
	n := newNetwork4(t)
	grand := n.pay(t, 2, 1, 5, until(1_140))
	below := n.pay(t, 1, 3, 2)
	parent := n.pay(t, 1, 0, 8, on(below), citing(grand))
	lone := n.pay(t, 3, 0, 1, until(1_150))
	tx := n.pay(t, 0, 3, 9, citing(parent, lone))
	for _, c := range []struct {
		order   []*Tx
		depth   int
		expires uint64
	}{
		{[]*Tx{tx}, 0, tx.env.ValidBefore},
		{[]*Tx{lone, tx}, 1, 1_150},
		{[]*Tx{below, grand, parent, lone, tx}, 2, 1_140},
		{[]*Tx{parent, lone, tx}, 1, 1_150}, // a block has what the parent stood on
	} {
		depth, expires := Depth(c.order)
		equal(t, "depth", depth, c.depth)
		equal(t, "expires", expires, c.expires)
	}
}

// A parent that died unexecuted is counted 0 by every decision, so that a payment
// which cites it can be certified: it must not wait for it for ever. What it stands
// on in its own lane it does wait for.
func TestDeadParentsHoldNothingBack(t *testing.T) {
	n := newNetwork4(t)
	m := newModel(n, 1_100, 10, 10, 10, 10)
	w := newWatcher(m)
	dying := n.pay(t, 1, 0, 5, until(1_150))
	above := n.pay(t, 1, 0, 1, on(dying)) // it cannot execute once dying is dead
	failing, conflicted := n.pay(t, 2, 0, 20), n.pay(t, 3, 0, 5)
	first := n.pay(t, 0, 3, 1)
	tx := n.pay(t, 0, 3, 5, on(first), citing(dying, above, failing, conflicted))
	for _, p := range []*Tx{dying, above, failing, conflicted, first, tx} {
		noError(t, w.AddQC(n.qc(t, p)))
	}
	w.follow(0)
	w.ask()
	order, complete := w.PendingClosure(tx.ID())
	equal(t, "complete", complete, true)
	equal(t, "closure while all live", len(order), 6)
	equal(t, "unfunded while all live", w.Unfunded(order), false)

	noError(t, m.mine(60, includes(failing), burns(3)))
	w.follow(0)
	order, _ = w.PendingClosure(tx.ID())
	equal(t, "closure before the block is final", len(order), 4) // nobody knows yet that dying is dead
	w.follow(1)
	w.ask()
	for p, want := range map[*Tx]Stage{dying: StageExpired, above: StageCertified, failing: StageFailed, conflicted: StageConflicted} {
		equal(t, "stage", w.Stage(p.ID()), want)
	}
	order, complete = w.PendingClosure(tx.ID())
	equal(t, "complete", complete, true)
	if !slices.EqualFunc(order, []*Tx{first, tx}, func(a, b *Tx) bool { return a.ID() == b.ID() }) {
		t.Errorf("closure of %d payments, want the predecessor and the payment", len(order))
	}
	equal(t, "ready", w.Ready(tx.ID()), false)
	equal(t, "unfunded", w.Unfunded(order), true)
	equal(t, "unfunded predecessor", w.Unfunded([]*Tx{first}), false)
	for _, dead := range []*Tx{dying, above, failing, conflicted} {
		equal(t, "unfunded by one parent", w.Unfunded([]*Tx{n.pay(t, 0, 3, 5, on(first), citing(dead))}), true)
		equal(t, "unfunded in its lane", w.Unfunded([]*Tx{n.pay(t, 0, 3, 5, on(dead))}), true)
	}
	noError(t, m.mine(5, includes(first)))
	w.follow(2)
	equal(t, "ready", w.Ready(tx.ID()), true)
	equal(t, "unfunded by what a block has", w.Unfunded([]*Tx{n.pay(t, 3, 0, 1, citing(first))}), false)

	// A dead predecessor is demanded: the payment stands on it.
	if order, _ := w.PendingClosure(above.ID()); len(order) != 2 || order[0] != dying {
		t.Errorf("closure of %d payments, want the dead predecessor first", len(order))
	}
}

// first is the first of two results.
func first[T any](v T, _ bool) T { return v }

// Of a closure a member hands over what goes through its own node, up to what stands
// on payments that do not: they execute in an order that nobody promises.
func TestAtHome(t *testing.T) {
	n := newNetwork4(t)
	c := subBlockCommittee(t, 3)
	foreign := subBlockCommittee(t, 2)
	var payers [3][]int // by the home of their lanes
	for i := range 12 {
		home := Lane{ChainID: testChainID, Asset: usd, Sender: account(i)}.Home(c, 0)
		payers[home] = append(payers[home], i)
	}
	from := func(payer int, committee *Committee, changes ...change) *Tx {
		e := n.envelope(payer, 3, 1, changes...)
		e.CommitteeID = committee.ID()
		return unsigned(e)
	}
	grand := from(payers[0][0], c)
	parent := from(payers[0][1], c, citing(grand))
	below := from(payers[0][2], c)
	tx := from(payers[0][2], c, on(below), citing(parent))
	other := from(payers[1][0], c, citing(grand))
	onOther := from(payers[0][3], c, citing(other, grand))
	onThat := from(payers[0][3], c, on(onOther))
	earlier := from(payers[0][0], foreign) // of another committee, whose home is another node
	onEarlier := from(payers[0][1], c, citing(earlier))
	for _, tc := range []struct {
		name        string
		order, want []*Tx
		member      int
	}{
		{"all at one home", []*Tx{grand, parent, below, tx}, []*Tx{grand, parent, below, tx}, 0},
		{"another's home", []*Tx{grand, parent, below, tx}, nil, 1},
		{"a parent at another home", []*Tx{grand, other, onOther, onThat}, []*Tx{grand}, 0},
		{"a grandparent at another home", []*Tx{grand, other}, nil, 1},
		{"that parent executed", []*Tx{onOther, onThat}, []*Tx{onOther, onThat}, 0},
		{"its parent executed", []*Tx{other}, []*Tx{other}, 1},
		{"another committee", []*Tx{earlier, onEarlier, below}, []*Tx{below}, 0},
	} {
		got := AtHome(tc.order, c, tc.member)
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %d payments, want %d", tc.name, len(got), len(tc.want))
		}
	}
}
