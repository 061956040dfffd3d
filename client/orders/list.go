package orders

import (
	"slices"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/fastpay"
)

// List returns at most max orders of a state, or of all if that is empty: those that
// wait, then those that were accepted, the newest first.
func (b *Book) List(state State, max int) ([]Order, error) {
	var out []Order
	if state == "" || state == Waiting {
		out = b.listWaiting()
		out = out[:min(len(out), max)]
	}
	if state == Waiting {
		return out, nil
	}
	err := b.cfg.Store.Range([]byte{prefixPlace}, []byte{prefixPlace + 1}, true, func(key, _ []byte) (bool, error) {
		if len(out) >= max {
			return false, nil
		}
		o, known, err := b.Show(fastpay.ID(key[9:]))
		if known && (state == "" || state == o.State) {
			out = append(out, o)
		}
		return true, err
	})
	return out, err
}

// listWaiting returns the payments that are no order yet, by id.
func (b *Book) listWaiting() (out []Order) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cfg.Replica.Read(func(board *fastpay.Board) {
		for id, w := range b.waiting {
			if tx, held := board.Tx(id); held {
				out = append(out, waitingOrder(board, tx, w.decision))
			}
		}
	})
	slices.SortFunc(out, func(x, y Order) int { return x.ID.Cmp(y.ID) })
	return out
}

func waitingOrder(board *fastpay.Board, tx *fastpay.Tx, d acceptance.Decision) Order {
	env := tx.Envelope()
	return Order{
		ID: tx.ID(), Payer: env.Sender, Asset: env.Asset, Amount: env.Amount, Note: env.Note,
		State: Waiting, Stage: board.Stage(tx.ID()), Decision: d,
	}
}

// Show returns one order. It reports false for a payment that is none, and for one whose
// details were let go.
func (b *Book) Show(id fastpay.ID) (Order, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.waiting[id]; w != nil {
		var o Order
		held := false
		b.cfg.Replica.Read(func(board *fastpay.Board) {
			var tx *fastpay.Tx
			if tx, held = board.Tx(id); held {
				o = waitingOrder(board, tx, w.decision)
			}
		})
		return o, held, nil
	}
	return b.show(id)
}

// show returns an accepted order. The caller holds mu.
func (b *Book) show(id fastpay.ID) (Order, bool, error) {
	s, known, err := b.get(id)
	if err != nil || !known || s == nil {
		return Order{}, false, err
	}
	o := s.view(id)
	if current, open := b.open[id]; open {
		o.Stage = current.Stage
	}
	for i := range o.Messages {
		m := &o.Messages[i]
		tried := b.tries[told{id, m.Kind}]
		m.Attempts, m.Problem = tried.attempts, tried.problem
	}
	return o, true, nil
}
