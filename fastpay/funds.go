package fastpay

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
)

// evaluation computes what an account may spend at one block (section 4.3): a
// pure function of the block and the evidence, never a running counter. It
// collects what the snapshot lacks.
type evaluation struct {
	board     *Board
	committee *Committee
	snap      *Snapshot
	without   rule

	memo         map[ID]*credit
	needLanes    map[common.Hash]Lane
	needTransfer *Transfer
}

// credit is what a cited payment is worth at the block.
type credit struct {
	rec    *record
	state  creditState
	expiry uint64 // effective: the least valid_before on its pending path
	depth  int    // longest chain of pending credits that ends here
}

type creditState uint8

const (
	creditUnread   creditState = iota // the snapshot lacks its lane
	creditUnknown                     // its FastPayTx or its QC is not held
	creditExecuted                    // the balance has it
	creditForeign                     // of another committee
	creditDead                        // its expiry has been reached
	creditUnsound                     // its path is broken or not covered
	creditPending                     // counts in full
)

func newEvaluation(b *Board, c *Committee, snap *Snapshot, without rule) *evaluation {
	return &evaluation{
		board: b, committee: c, snap: snap, without: without,
		memo:      make(map[ID]*credit),
		needLanes: make(map[common.Hash]Lane),
	}
}

// account reads a lane from the snapshot, or notes that it is needed.
func (e *evaluation) account(l Lane) (Account, bool) {
	id := l.ID()
	a, ok := e.snap.Account(id)
	if !ok {
		e.needLanes[id] = l
	}
	return a, ok
}

// needs returns what was missing, or nil.
func (e *evaluation) needs() error {
	if len(e.needLanes) == 0 && e.needTransfer == nil {
		return nil
	}
	need := &NeedError{}
	for _, l := range e.needLanes {
		need.Lanes = append(need.Lanes, l)
	}
	if e.needTransfer != nil {
		need.Transfers = []Transfer{*e.needTransfer}
	}
	return need
}

// anticipate reports everything at once that the snapshot surely lacks for a
// payment: its lane, the lanes of the parents that are known, the policy. What
// lies further back shows when those are read.
func (e *evaluation) anticipate(tx *Tx) error {
	e.account(tx.Lane())
	for _, id := range tx.env.Parents {
		if rec, ok := e.board.records[id]; ok {
			e.account(rec.tx.Lane())
		}
	}
	e.policy(tx)
	return e.needs()
}

// checkFunds is rule 7 and the part of rule 6 that concerns credits: avail
// covers the amount. It returns the QCs of the credits counted.
func (e *evaluation) checkFunds(tx *Tx, prefix []*Tx, account Account, now uint64) ([]*QC, error) {
	counted, rest := e.balance(append(prefix[:len(prefix):len(prefix)], tx), account)
	if err := e.needs(); err != nil {
		return nil, err
	}
	for _, id := range tx.env.Parents {
		if err := e.checkParent(tx, e.memo[id], id); err != nil {
			return nil, err
		}
	}
	var qcs []*QC
	for _, c := range counted {
		if !hasMargin(c.expiry, e.snap, now, e.board.rules) {
			return nil, refuse(TemporaryUnavailable, "credit %s expires at %d: wait until it is executed", short(c.rec.tx.id), c.expiry)
		}
		if tx.env.ValidBefore > c.expiry {
			return nil, refuse(TemporaryUnavailable, "payment lives until %d, its credit %s only until %d: shorten valid_before or wait for the block", tx.env.ValidBefore, short(c.rec.tx.id), c.expiry)
		}
		qcs = append(qcs, c.rec.qc)
	}
	if rest.Sign() < 0 {
		amount := tx.env.Amount.ToBig()
		return nil, e.tooLittle(fundsOf(account, prefix, counted, nil, rest.Add(rest, amount)), amount)
	}
	return qcs, nil
}

// tooLittle refuses a payment of need units with all that was counted, and at which
// block: who asks why sees where the evaluations of two peers differ.
func (e *evaluation) tooLittle(f Funds, need *big.Int) error {
	return refuse(InsufficientFunds, "%s units are spendable at block %d, the payment needs %s (%s confirmed, certified in %s, out %s)",
		f.Spendable, e.snap.block.Number, need, f.Confirmed.Dec(), f.CertifiedIn, f.CertifiedOut)
}

// checkParent refuses a payment that cites what cannot fund it, or cannot yet.
func (e *evaluation) checkParent(tx *Tx, c *credit, id ID) error {
	if c.state == creditUnknown {
		return refuse(MissingParentQC, "parent %s: its QC is not held here", short(id))
	}
	p := c.rec.tx
	switch {
	case p.env.Recipient != tx.env.Sender || p.env.Asset != tx.env.Asset || p.env.ChainID != tx.env.ChainID:
		return refuse(InvalidParentQC, "parent %s does not pay %s in %s", short(id), tx.env.Sender, tx.env.Asset)
	case c.state == creditForeign:
		return refuse(TemporaryUnavailable, "parent %s is pending under another committee: wait until it is executed", short(id))
	}
	return nil
}

// balance computes balance − debits + credits over payments of one account: the
// pending positions of its lane, and the credits that any of them cites.
func (e *evaluation) balance(debits []*Tx, account Account) (counted []*credit, rest *big.Int) {
	rest = account.Balance.ToBig()
	seen := make(map[ID]bool)
	for _, d := range debits {
		rest.Sub(rest, d.env.Amount.ToBig())
		for _, id := range d.env.Parents {
			if seen[id] {
				continue
			}
			seen[id] = true
			c := e.credit(id)
			if c.state != creditPending || c.rec.tx.env.Recipient != d.env.Sender || c.rec.tx.env.Asset != d.env.Asset {
				continue
			}
			counted = append(counted, c)
			rest.Add(rest, c.rec.tx.env.Amount.ToBig())
		}
	}
	return counted, rest
}

// credit evaluates a cited payment. Payments cite by hash, so there is no cycle.
func (e *evaluation) credit(id ID) *credit {
	if c, ok := e.memo[id]; ok {
		return c
	}
	c := &credit{}
	e.memo[id] = c
	c.state = e.evaluate(c, id)
	return c
}

func (e *evaluation) evaluate(c *credit, id ID) creditState {
	rec, ok := e.board.records[id]
	if !ok {
		return creditUnknown
	}
	c.rec = rec
	p := rec.tx
	account, ok := e.account(p.Lane())
	if !ok {
		return creditUnread
	}
	switch {
	case p.env.Seq < account.Nonce && rec.qc != nil && e.without&ruleExecuted != 0:
		c.expiry = p.env.ValidBefore
		return creditPending
	case p.env.Seq < account.Nonce:
		return creditExecuted
	case p.env.CommitteeID != e.committee.ID():
		return creditForeign
	case rec.qc == nil:
		return creditUnknown
	}
	path, linked := e.pendingPath(rec, account)
	c.expiry = p.env.ValidBefore
	for _, t := range path {
		c.expiry = min(c.expiry, t.env.ValidBefore)
	}
	if e.snap.block.Time >= c.expiry {
		return creditDead
	}
	if !linked {
		return creditUnsound
	}
	credits, rest := e.balance(path, account)
	c.depth = 1
	for _, cited := range credits {
		c.depth = max(c.depth, cited.depth+1)
	}
	if rest.Sign() < 0 || c.depth > MaxDepth {
		return creditUnsound
	}
	return creditPending
}

// pendingPath follows prev from a payment down to the lane's nonce. It returns
// the payments from the bottom up, and whether the lowest one stands on exactly
// what the chain has there, on the lane's genesis, or on a restart.
func (e *evaluation) pendingPath(rec *record, account Account) (path []*Tx, linked bool) {
	lane := e.board.lanes[rec.tx.lane]
	for at := rec; ; {
		path = append(path, at.tx)
		if at.tx.env.Seq == account.Nonce {
			env := &at.tx.env
			restart := env.Restart > 0 && env.Prev == lane.lane.Restart(env.Seq, env.Restart)
			linked = env.Prev == account.Tip || restart
			break
		}
		below := lane.predecessor(at)
		if below == nil {
			break
		}
		at = below
	}
	for i, j := 0, len(path)-1; i < j; i, j = i+1, j-1 {
		path[i], path[j] = path[j], path[i]
	}
	return path, linked
}

// policy reads from the snapshot whether the token lets the sender pay the
// recipient, or notes that it is needed.
func (e *evaluation) policy(tx *Tx) (refusal error, known bool) {
	t := Transfer{tx.env.Asset, tx.env.Sender, tx.env.Recipient}
	refusal, known = e.snap.policies[t]
	if !known {
		e.needTransfer = &t
	}
	return refusal, known
}

// checkPolicy is the last part of rule 7.
func (e *evaluation) checkPolicy(tx *Tx) error {
	refusal, known := e.policy(tx)
	if !known {
		return e.needs()
	}
	if refusal != nil {
		return refuse(NotPaymentTx, "the token refuses the transfer: %v", refusal)
	}
	return nil
}
