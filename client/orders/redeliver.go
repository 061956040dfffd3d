package orders

import (
	"errors"
	"fmt"
	"slices"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

// ErrUnknown means that there is no such order, or that its details were let go.
var ErrUnknown = errors.New("there is no such order")

// Redeliver tells all messages of an order again, behind the payer's others; those that
// nobody has taken yet keep their place. None of its payer waits any longer after failures.
// The error wraps [ErrUnknown] if there is no such order, or is [ErrNobody].
func (b *Book) Redeliver(id fastpay.ID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, known, err := b.stored(id)
	if err != nil {
		return err
	}
	if !known || s == nil {
		return fmt.Errorf("%w: %s", ErrUnknown, id)
	}
	if !b.cfg.Told {
		return ErrNobody
	}
	w := b.cfg.Store.NewWrite()
	var again []untold
	for i := range s.Messages {
		m := &s.Messages[i]
		if b.isUntold(s.Payer, told{id, m.Kind}) {
			continue // it is on its way
		}
		m.Number, m.Delivered = b.nextMessage, 0
		b.nextMessage++
		again = append(again, untold{m.Number, told{id, m.Kind}})
		if err := w.Set(numberKey(prefixUntold, m.Number, id), []byte(m.Kind)); err != nil {
			return err
		}
	}
	if err := put(w, id, s); err != nil {
		return err
	}
	if err := b.cfg.Store.Commit(w, true); err != nil {
		return err
	}
	for _, m := range again {
		b.queue(s.Payer, m)
	}
	b.hurried[s.Payer] = true
	b.notify()
	return nil
}

// ErrNobody means that the book has no [Deliverer].
var ErrNobody = errors.New("nobody is told of orders: set delivery.webhook or delivery.command, then start again")

// isUntold reports whether a message waits to be taken.
func (b *Book) isUntold(payer common.Address, m told) bool {
	return slices.ContainsFunc(b.untold[payer], func(u untold) bool { return u.told == m })
}
