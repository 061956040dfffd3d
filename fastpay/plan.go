package fastpay

import (
	"math/big"
	"sort"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Funds is what an account holds and may spend in one asset at a block, in token
// units. It is four numbers because no single one is true: CertifiedIn and
// CertifiedOut are conditional until the chain has them.
type Funds struct {
	Confirmed    uint256.Int // balance at the block
	CertifiedIn  *big.Int    // pending credits with a QC that count
	CertifiedOut *big.Int    // pending payments of the account, certified or promised
	Spendable    *big.Int    // what the next payment may move, citing at most 8 credits
}

// Plan is where an account's next payment stands and what funds it.
type Plan struct {
	Seq     uint64
	Prev    common.Hash
	Restart uint64
	Parents []ID   // ascending
	Expiry  uint64 // the latest valid_before that the credits allow; 0 if none limits it
	Funds   Funds
}

// Plan finds the next slot of a lane, and for an amount the credits to cite:
// none if the balance covers it, else the fewest. amount nil asks for Funds
// alone. It returns a [NeedError] if the snapshot lacks something, and an error
// that wraps a [Code] if no payment of the amount can be made now.
func (l *Ledger) Plan(lane Lane, snap *Snapshot, amount *uint256.Int) (Plan, error) {
	e := newEvaluation(l.board, l.committee, snap, l.without)
	account, ok := e.account(lane)
	if !ok {
		return Plan{}, e.needs()
	}
	v := l.view(lane.ID(), account.Nonce)
	plan, pending, slotErr := l.nextSlot(lane, v, account, snap)

	cited, rest := e.balance(pending, account)
	spare := e.uncited(lane, pending)
	if err := e.needs(); err != nil {
		return Plan{}, err
	}
	plan.Funds = fundsOf(account, pending, cited, spare, rest)
	if slotErr != nil {
		return plan, slotErr
	}
	for _, c := range cited {
		plan.limit(c)
	}
	if amount == nil {
		return plan, nil
	}
	need := amount.ToBig()
	for _, c := range spare {
		if rest.Cmp(need) >= 0 || len(plan.Parents) == MaxParents {
			break
		}
		plan.Parents = append(plan.Parents, c.rec.tx.id)
		plan.limit(c)
		rest.Add(rest, c.rec.tx.env.Amount.ToBig())
	}
	if rest.Cmp(need) < 0 {
		return plan, e.tooLittle(plan.Funds, need)
	}
	sort.Slice(plan.Parents, func(i, j int) bool { return plan.Parents[i].Cmp(plan.Parents[j]) < 0 })
	return plan, nil
}

// limit lowers the plan's expiry to that of a credit.
func (p *Plan) limit(c *credit) {
	if p.Expiry == 0 || c.expiry < p.Expiry {
		p.Expiry = c.expiry
	}
}

// nextSlot finds the first free slot of the lane's newest generation, and the
// pending positions below it. If promises of that generation have died
// unexecuted, the lane restarts at the chain's nonce once all of them have
// (section 4.5). Promises of older generations are void.
func (l *Ledger) nextSlot(lane Lane, v *laneView, account Account, snap *Snapshot) (Plan, []*Tx, error) {
	now := snap.block.Time
	plan := Plan{Seq: account.Nonce, Prev: account.Tip}
	if g, known := l.board.generationOf(account.Tip, lane, account.Nonce-1); known {
		plan.Restart = g
	}
	all := append(v.promised[:len(v.promised):len(v.promised)], v.certified...)
	for _, tx := range all {
		plan.Restart = max(plan.Restart, tx.env.Restart)
	}
	dead, last := false, uint64(0)
	for _, tx := range all {
		if tx.env.Restart == plan.Restart {
			dead = dead || tx.env.ValidBefore <= now
			last = max(last, tx.env.ValidBefore)
		}
	}
	if dead && last <= now {
		return Plan{Seq: account.Nonce, Prev: lane.Restart(account.Nonce, now), Restart: now}, nil, nil
	}
	var pending []*Tx
	for {
		at := v.position(plan.Seq, plan.Restart)
		if at == nil {
			break
		}
		plan.Seq, plan.Prev = at.env.Seq+1, at.id
		pending = append(pending, at)
	}
	if dead {
		return plan, pending, refuse(TemporaryUnavailable, "a payment of the lane expired unexecuted: the lane restarts when the last one expires at chain time %d, it is %d", last, now)
	}
	return plan, pending, nil
}

// uncited returns the pending credits of a lane's account that none of its
// pending payments cites and that live long enough to be spent before they
// execute, the largest first.
func (e *evaluation) uncited(lane Lane, pending []*Tx) []*credit {
	used := make(map[ID]bool)
	for _, tx := range pending {
		for _, id := range tx.env.Parents {
			used[id] = true
		}
	}
	var out []*credit
	for id, rec := range e.board.accounts[lane.Sender] {
		if used[id] || rec.qc == nil || rec.tx.env.Recipient != lane.Sender || rec.tx.env.Asset != lane.Asset {
			continue
		}
		if _, executed := e.board.lanes[rec.tx.lane].outcomes[rec.tx.env.Seq]; executed && rec.done != nil {
			continue // final: the balance has it at every block from here on
		}
		if c := e.credit(id); c.state == creditPending && c.expiry-e.snap.block.Time >= e.board.rules.MinSettle() {
			out = append(out, c)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i].rec.tx, out[j].rec.tx
		if !a.env.Amount.Eq(&b.env.Amount) {
			return a.env.Amount.Gt(&b.env.Amount)
		}
		return a.id.Cmp(b.id) < 0
	})
	return out
}

// fundsOf sums up. rest is balance − debits + cited credits.
func fundsOf(account Account, pending []*Tx, cited, spare []*credit, rest *big.Int) Funds {
	f := Funds{Confirmed: account.Balance, CertifiedIn: new(big.Int), CertifiedOut: new(big.Int), Spendable: new(big.Int).Set(rest)}
	for _, tx := range pending {
		f.CertifiedOut.Add(f.CertifiedOut, tx.env.Amount.ToBig())
	}
	for _, c := range cited {
		f.CertifiedIn.Add(f.CertifiedIn, c.rec.tx.env.Amount.ToBig())
	}
	for i, c := range spare {
		f.CertifiedIn.Add(f.CertifiedIn, c.rec.tx.env.Amount.ToBig())
		if i < MaxParents {
			f.Spendable.Add(f.Spendable, c.rec.tx.env.Amount.ToBig())
		}
	}
	return f
}
