package archive

import (
	"container/list"

	"github.com/allegro-p2p/allegro/fastpay"
)

// recent are the last payments that changed, each once, in the order of their changes.
type recent struct {
	version uint64
	order   *list.List // of change, the earliest first
	places  map[fastpay.ID]*list.Element
}

// change is the last one of a payment.
type change struct {
	id      fastpay.ID
	version uint64
}

func newRecent() recent {
	return recent{order: list.New(), places: make(map[fastpay.ID]*list.Element)}
}

// touch notes a change of a payment.
func (r *recent) touch(id fastpay.ID) {
	r.version++
	r.remove(id)
	r.places[id] = r.order.PushBack(change{id, r.version})
	if r.order.Len() > maxRecent {
		r.remove(r.order.Front().Value.(change).id)
	}
}

// remove forgets a payment.
func (r *recent) remove(id fastpay.ID) {
	if e, ok := r.places[id]; ok {
		r.order.Remove(e)
		delete(r.places, id)
	}
}

// since returns up to max payments that changed after a version, the earliest change
// first, and the version up to which that is complete.
func (r *recent) since(version uint64, max int) (ids []fastpay.ID, upTo uint64) {
	e := r.order.Back()
	if e == nil || e.Value.(change).version <= version {
		return nil, r.version
	}
	for p := e.Prev(); p != nil && p.Value.(change).version > version; p = p.Prev() {
		e = p
	}
	upTo = version
	for ; e != nil; e = e.Next() {
		c := e.Value.(change)
		if len(ids) == max {
			return ids, upTo
		}
		ids, upTo = append(ids, c.id), c.version
	}
	return ids, r.version
}
