package orders

import (
	"encoding/binary"
	"errors"

	"github.com/allegro-p2p/allegro/fastpay"
)

// forget lets go of the details of the oldest orders that are over and told, if more are
// kept than should be. The caller holds mu.
func (b *Book) forget() error {
	excess := b.kept - b.cfg.Keep
	if excess <= 0 {
		return nil
	}
	needed := make(map[fastpay.ID]bool, len(b.open))
	for id := range b.open {
		needed[id] = true
	}
	for _, queue := range b.untold {
		for _, m := range queue {
			needed[m.id] = true
		}
	}
	w, gone := b.cfg.Store.NewWrite(), 0
	err := b.cfg.Store.Range([]byte{prefixPlace}, []byte{prefixPlace + 1}, false, func(key, _ []byte) (bool, error) {
		id := fastpay.ID(key[9:])
		if needed[id] {
			return true, nil
		}
		gone++
		err := errors.Join(w.Set(orderKey(id), nil), w.Delete(numberKey(prefixPlace, binary.BigEndian.Uint64(key[1:9]), id)))
		return gone < excess, err
	})
	if err != nil || w.Empty() {
		return err
	}
	b.kept -= gone
	return b.cfg.Store.Commit(w, false) // a crash forgets later
}
