package fastpay

import (
	"go/ast"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// The members of a trial: three honest ones, and one that signs everything.
const (
	memberA = iota
	memberB
	memberC
	memberZ
)

// trial is a committee of four, each honest member with its own evidence. What
// a member learns, and when, is for the adversary to choose.
type trial struct {
	*network
	t       testing.TB
	chain   *model
	honest  [3]*party
	votes   map[ID][]int // honest signers
	txs     map[ID]*Tx
	refused int
}

// newTrial returns a trial in which some rules are switched off.
func newTrial(t testing.TB, without rule, balances ...uint64) *trial {
	n := newNetwork4(t)
	x := &trial{network: n, t: t, chain: newModel(n, epochStart+100, balances...), votes: make(map[ID][]int), txs: make(map[ID]*Tx)}
	for i := range x.honest {
		x.honest[i] = newParty(x.chain)
		x.honest[i].ledger.without = without
	}
	return x
}

// offer asks members to vote for a payment and returns it.
func (x *trial) offer(tx *Tx, members ...int) *Tx {
	x.t.Helper()
	x.txs[tx.ID()] = tx
	for _, m := range members {
		p, err := x.honest[m].decide(tx)
		if err != nil {
			x.refused++
			continue
		}
		x.honest[m].ledger.Record(p)
		x.votes[tx.ID()] = append(x.votes[tx.ID()], m)
	}
	return tx
}

// certified reports whether the votes for a payment, z's included, make a QC.
func (x *trial) certified(tx *Tx) bool {
	return uint64(len(x.votes[tx.ID()]))+1 >= x.c.Quorum()
}

// learn gives members the QC of a payment, if there is one.
func (x *trial) learn(tx *Tx, members ...int) {
	x.t.Helper()
	qc := NewQC(x.c, tx, x.network.votes(x.t, tx, append(x.votes[tx.ID()], memberZ)...))
	if x.certified(tx) != (qc != nil) {
		x.t.Fatal("a QC without a quorum, or a quorum without QC")
	}
	for _, m := range members {
		if qc != nil {
			_ = x.honest[m].board.AddQC(qc)
		}
	}
}

// mine adds a block and moves all members to it.
func (x *trial) mine(seconds uint64, effects ...effect) {
	x.t.Helper()
	noError(x.t, x.chain.mine(seconds, effects...))
	for _, p := range x.honest {
		p.pin(x.chain.head().Number)
	}
}

// committed is the sum of account 0's certified payments that the chain has
// executed or still would: what I1 bounds.
func (x *trial) committed() uint64 {
	now, nonce := x.chain.head().Time, x.chain.states[len(x.chain.states)-1].lanes[x.chain.lane(0)].nonce
	var sum uint64
	for _, tx := range x.txs {
		live := tx.Seq() >= nonce && tx.env.ValidBefore > now
		if tx.Sender() == account(0) && live && x.certified(tx) {
			sum += tx.env.Amount.Uint64()
		}
	}
	return sum
}

// pay is a payment of account 0.
func (x *trial) pay(to int, amount uint64, changes ...change) *Tx {
	x.t.Helper()
	return x.network.pay(x.t, 0, to, amount, changes...)
}

// traces are the losses of section 9 that a rule of signing prevents.
var traces = []struct {
	name     string
	without  rule
	balances []uint64
	inflow   uint64 // what account 0 ever had
	loss     uint64 // what is certified without the rule
	play     func(x *trial)
}{
	{
		name: "9c predecessor not named", without: ruleLink, balances: []uint64{10}, inflow: 10, loss: 12,
		play: func(x *trial) {
			// Each member holds one small rival that the others do not have.
			a0 := x.offer(x.pay(1, 4), memberA, memberB)
			x.offer(x.pay(2, 1), memberC)
			a1 := x.offer(x.pay(1, 4, on(a0)), memberB, memberC)
			x.offer(x.pay(2, 1, on(a0)), memberA)
			x.offer(x.pay(1, 4, on(a1)), memberA, memberC)
		},
	},
	{
		name: "9d prefix not known in full", without: rulePrefix, balances: []uint64{10}, inflow: 10, loss: 14,
		play: func(x *trial) {
			t0 := x.offer(x.pay(1, 4), memberA, memberB)
			t1 := x.offer(x.pay(1, 1, on(t0)), memberA, memberB)
			x.learn(t1, memberC)
			t2 := x.offer(x.pay(1, 4, on(t1)), memberB, memberC)
			t3 := x.offer(x.pay(1, 1, on(t2)), memberB, memberC)
			x.learn(t3, memberA)
			x.offer(x.pay(1, 4, on(t3)), memberA, memberC)
		},
	},
	{
		name: "9e included parent counted twice", without: ruleExecuted, balances: []uint64{5, 10}, inflow: 15, loss: 20,
		play: func(x *trial) {
			parent := x.offer(x.network.pay(x.t, 1, 0, 10), memberA, memberB, memberC)
			x.learn(parent, memberA, memberB, memberC)
			x.mine(5, includes(parent))
			x.offer(x.pay(2, 20, citing(parent)), memberA, memberB, memberC)
		},
	},
	{
		name: "9f void payments stay positions", without: ruleVoid | ruleMargin, balances: []uint64{10}, inflow: 10, loss: 18,
		play: func(x *trial) {
			expired := x.offer(x.pay(1, 1, until(1_200)), memberA, memberB, memberC)
			x.learn(expired, memberA, memberB, memberC)
			x.mine(100)
			x.offer(x.pay(1, 9, reopen(0, 1_200)), memberA, memberB, memberC)
			x.offer(x.pay(1, 9, on(expired)), memberA, memberB, memberC)
		},
	},
	{
		name: "9l slots above a voided one stay", without: ruleTogether, balances: []uint64{10}, inflow: 10, loss: 18,
		play: func(x *trial) {
			t0 := x.offer(x.pay(1, 1, until(1_200)), memberA, memberB, memberC)
			t1 := x.offer(x.pay(1, 9, on(t0)), memberA, memberB, memberC)
			x.learn(t0, memberA, memberB, memberC)
			x.learn(t1, memberA, memberB, memberC)
			x.mine(100)
			x.offer(x.pay(1, 9, reopen(0, 1_200)), memberA, memberB, memberC)
		},
	},
}

func TestTracesOfSection9CertifyNoMoreThanTheInflow(t *testing.T) {
	for _, trace := range traces {
		t.Run(trace.name, func(t *testing.T) {
			x := newTrial(t, 0, trace.balances...)
			trace.play(x)
			if x.committed() > trace.inflow {
				t.Errorf("%d units certified on %d", x.committed(), trace.inflow)
			}
			if x.refused == 0 {
				t.Error("vacuous: no member refused anything")
			}
		})
	}
}

// Each trace is an attack: with its rule switched off, the same steps certify
// more than there is.
func TestTracesOfSection9LoseWithoutTheirRule(t *testing.T) {
	for _, trace := range traces {
		t.Run(trace.name, func(t *testing.T) {
			x := newTrial(t, trace.without, trace.balances...)
			trace.play(x)
			equal(t, "certified without the rule", x.committed(), trace.loss)
			equal(t, "refused without the rule", x.refused, 0)
		})
	}
}

// Two rules stand against 9f, and each suffices.
func TestVoidPositionsAreRefusedTwice(t *testing.T) {
	for _, trace := range traces {
		if trace.without != ruleVoid|ruleMargin {
			continue
		}
		for _, without := range []rule{ruleVoid, ruleMargin} {
			x := newTrial(t, without, trace.balances...)
			trace.play(x)
			equal(t, "certified", x.committed(), 9)
			equal(t, "refused", x.refused, 3)
		}
		return
	}
	t.Error("vacuous: no trace needs both rules off")
}

// 9a: with several lanes per account, the members sign two of three payments
// each, and all three get a quorum. With one lane all three are for one slot.
func TestOneLanePerAccountBoundsWhatIsCertified(t *testing.T) {
	play := func(x *trial, laneOf func(i int, tx *Tx) common.Hash) {
		for i, members := range [][]int{{memberA, memberB}, {memberB, memberC}, {memberA, memberC}} {
			tx := x.pay(1, 5, noted(byte(i)))
			tx.lane = laneOf(i, tx)
			x.offer(tx, members...)
		}
	}
	x := newTrial(t, 0, 10)
	play(x, func(_ int, tx *Tx) common.Hash { return tx.Lane().ID() })
	equal(t, "certified with one lane", x.committed(), 5)
	equal(t, "refused with one lane", x.refused, 3)

	x = newTrial(t, 0, 10)
	play(x, func(i int, tx *Tx) common.Hash { return H("lane of a mutant", tx.lane[:], []byte{byte(i)}) })
	equal(t, "certified with several lanes", x.committed(), 15)
}

// Nothing but a test switches a rule off.
func TestProductionCodeSwitchesNoRuleOff(t *testing.T) {
	n := newNetwork4(t)
	equal(t, "rules off in a new ledger", NewLedger(n.newBoard(nil), n.c).without, 0)
	mentions := 0
	for name, file := range sources(t) {
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.SelectorExpr:
				if node.Sel.Name == "without" {
					mentions++
				}
			case *ast.AssignStmt:
				for _, left := range node.Lhs {
					if s, ok := left.(*ast.SelectorExpr); ok && s.Sel.Name == "without" {
						t.Errorf("%s assigns to without", name)
					}
				}
			case *ast.UnaryExpr:
				if s, ok := node.X.(*ast.SelectorExpr); ok && s.Sel.Name == "without" {
					t.Errorf("%s takes the address of without", name)
				}
			case *ast.KeyValueExpr:
				key, ok := node.Key.(*ast.Ident)
				value, passed := node.Value.(*ast.Ident)
				if ok && key.Name == "without" && !(passed && value.Name == "without") {
					t.Errorf("%s sets without to something else than what it was given", name)
				}
			}
			return true
		})
	}
	if mentions == 0 {
		t.Error("vacuous: no source mentions without")
	}
}
