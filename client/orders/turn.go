package orders

import (
	"errors"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// turn is a set of changes to the book that become durable together. What it has made is
// told only after that.
type turn struct {
	book  *Book
	write *replica.Write
	made  []madeMessage
	// paid is what was paid for requests, as far as this turn changes it.
	paid map[paidFor]uint256.Int
	// ask says that a payment waits for what the node says of its lane. It is asked once for
	// each, and again after every block.
	ask bool
}

type madeMessage struct {
	payer common.Address
	untold
}

// paidFor is a request as payments name it.
type paidFor struct {
	note  common.Hash
	asset common.Address
}

// commit makes the changes durable, and only then lets the messages be told.
func (t *turn) commit() error {
	b := t.book
	if t.write.Empty() {
		return nil
	}
	for key, sum := range t.paid {
		if err := t.write.Set(paidKey(key.note, key.asset), sum.Bytes()); err != nil {
			return err
		}
	}
	if err := b.cfg.Store.Commit(t.write, true); err != nil {
		return err
	}
	for _, m := range t.made {
		b.queue(m.payer, m.untold)
	}
	if len(t.made) > 0 {
		b.notify()
	}
	return nil
}

// take brings one payment up to date.
func (t *turn) take(f fact) error {
	if o := t.book.open[f.id]; o != nil {
		return t.follow(o, f)
	}
	return t.consider(f)
}

// consider decides on a payment that is no order yet.
func (t *turn) consider(f fact) error {
	b := t.book
	_, known, err := b.get(f.id)
	if err != nil || known {
		return err // it is over
	}
	w := b.waiting[f.id]
	if w == nil {
		w = &waiting{number: b.nextWaiting}
		b.nextWaiting++
	}
	f.payment.Unprovable = w.waitedForProof(f, b.cfg.Now())
	env := f.tx.Envelope()
	d := b.cfg.Policy.Decide(f.payment, b.outstandingOf(env.Asset, env.Sender))
	if !d.Accepted {
		if f.payment.Stage.Terminal() && f.payment.Stage != fastpay.StageFinalized {
			delete(b.waiting, f.id)
		} else {
			t.ask = t.ask || d.Unread && !w.decision.Unread
			w.decision = d
			b.waiting[f.id] = w
		}
		return nil
	}
	delete(b.waiting, f.id)
	o := &openOrder{storedOrder: &storedOrder{
		Number: b.nextOrder, Payer: env.Sender, Asset: env.Asset, Amount: &env.Amount, Note: env.Note,
		State: Accepted, Stage: f.payment.Stage, At: d.At, Rule: d.Rule, Reason: d.Reason,
	}}
	b.nextOrder++
	if f.qc != nil { // else it is final, and nothing more comes of it
		o.QC = f.qc.Encode()
	}
	if err := t.tie(o, f); err != nil {
		return err
	}
	if err := t.write.Set(numberKey(prefixPlace, o.Number, f.id), nil); err != nil {
		return err
	}
	b.open[f.id] = o
	b.kept++
	b.metrics.orders.WithLabelValues(string(Accepted)).Inc()
	if err := t.tell(o, f, KindAccepted); err != nil {
		return err
	}
	return t.follow(o, f)
}

// proofPatience is how long the votes of a payment that is final are waited for, which the
// client asks its members for meanwhile.
const proofPatience = 30 * time.Second

// waitedForProof reports whether a payment has been final without a QC for so long.
func (w *waiting) waitedForProof(f fact, now time.Time) bool {
	switch {
	case f.qc != nil || f.payment.Stage != fastpay.StageFinalized:
		w.unproved = time.Time{}
		return false
	case w.unproved.IsZero():
		w.unproved = now
	}
	return now.Sub(w.unproved) >= proofPatience
}

// tie finds what an order is for.
func (t *turn) tie(o *openOrder, f fact) error {
	b := t.book
	if b.cfg.Requests == nil || o.Note == (common.Hash{}) {
		return nil
	}
	asked, ok := b.cfg.Requests.ByNote(o.Note)
	if !ok {
		return nil
	}
	before, err := t.paidFor(o)
	if err != nil {
		return err
	}
	o.Match = match(asked, o.Asset, *o.Amount, before, f.time)
	return t.pay(o)
}

// paidFor is what was paid for an order's request, in its asset.
func (t *turn) paidFor(o *openOrder) (uint256.Int, error) {
	if sum, changed := t.paid[paidFor{o.Note, o.Asset}]; changed {
		return sum, nil
	}
	return t.book.paidBefore(o.Note, o.Asset)
}

// pay counts an order as payment for its request.
func (t *turn) pay(o *openOrder) error {
	sum, err := t.paidFor(o)
	if _, overflow := sum.AddOverflow(&sum, o.Amount); overflow {
		sum.SetAllOne()
	}
	t.paid[paidFor{o.Note, o.Asset}] = sum
	return err
}

// unpay counts it no more.
func (t *turn) unpay(o *openOrder) error {
	sum, err := t.paidFor(o)
	if _, underflow := sum.SubOverflow(&sum, o.Amount); underflow {
		sum.Clear()
	}
	t.paid[paidFor{o.Note, o.Asset}] = sum
	return err
}

// follow brings an order up to date with its payment.
func (t *turn) follow(o *openOrder, f fact) error {
	b, stage := t.book, f.payment.Stage
	o.Stage = stage
	o.Over = stage == fastpay.StageFinalized || stage.Terminal() && f.final
	var err error
	switch {
	case stage == fastpay.StageFinalized:
		if o.State == Reversed && o.Match != nil {
			err = t.pay(o)
		}
		o.State = Final
		err = errors.Join(err, t.tell(o, f, KindFinal))
	case stage.Terminal() && o.State == Accepted:
		o.State = Reversed
		if o.Match != nil {
			err = t.unpay(o)
		}
		err = errors.Join(err, t.tell(o, f, KindReversed))
	case o.Over:
		err = put(t.write, f.id, o.storedOrder)
	}
	b.count(o, stage)
	if o.Over {
		delete(b.open, f.id)
	}
	return err
}

// tell makes a message of an order, and stores both.
func (t *turn) tell(o *openOrder, f fact, kind Kind) error {
	b := t.book
	view := o.view(f.id)
	m, err := b.newMessage(&view, kind, f.qc, f.height)
	if err != nil {
		return err
	}
	if kind != KindAccepted {
		b.metrics.orders.WithLabelValues(string(o.State)).Inc()
	}
	stored := storedMessage{Kind: kind, Body: m.Body, At: m.At.UnixMicro()}
	if b.cfg.Told {
		stored.Number = b.nextMessage
		b.nextMessage++
		if err := t.write.Set(numberKey(prefixUntold, stored.Number, f.id), []byte(kind)); err != nil {
			return err
		}
		t.made = append(t.made, madeMessage{o.Payer, untold{stored.Number, told{f.id, kind}}})
	}
	o.Messages = append(o.Messages, stored)
	return put(t.write, f.id, o.storedOrder)
}
