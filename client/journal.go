package client

import (
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
)

// prefixPaid is the key space of signed payments in the client's store.
const prefixPaid = 'j' // tx id → fastpay.Promise

// journal is the durable record of what this account signed. A second payment
// for a slot is never signed, whatever crashes between. The height of a restart
// names the block that released the slot (section 4.5).
type journal struct {
	store *replica.Store
}

// append makes a signed payment durable.
func (j *journal) append(p *fastpay.Promise) error {
	id := p.Tx.ID()
	w := j.store.NewWrite()
	if err := w.Set(append([]byte{prefixPaid}, id[:]...), p.Encode()); err != nil {
		return fmt.Errorf("recording payment %s: %w", id, err)
	}
	return j.store.Commit(w, true)
}

// load returns all signed payments.
func (j *journal) load(rules *fastpay.Rules) ([]*fastpay.Promise, error) {
	var out []*fastpay.Promise
	err := j.store.Each([]byte{prefixPaid}, func(_, value []byte) error {
		p, err := rules.ParsePromise(value)
		if errors.Is(err, fastpay.WrongCommittee) {
			return nil // no rule asks for it any more
		}
		if err != nil {
			return fmt.Errorf("store holds a payment that does not verify: %w", err)
		}
		out = append(out, p)
		return nil
	})
	return out, err
}
