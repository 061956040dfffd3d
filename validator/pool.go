package validator

import (
	"container/list"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

// maxPoolLane is the number of payments of one lane in the pool: twice what may
// be open in it at once, since a vote tries all of them again.
const maxPoolLane = 2 * fastpay.MaxDepth

// pool keeps payments that were refused for now, with what may change that. It
// is bounded: the oldest goes first, and a lane that has its share gets no more.
// One owner.
type pool struct {
	limit    int
	items    map[fastpay.ID]*list.Element // of *fastpay.Tx
	order    *list.List
	byLane   map[common.Hash]map[fastpay.ID]struct{}
	byParent map[fastpay.ID]map[fastpay.ID]struct{}
}

func newPool(limit int) *pool {
	return &pool{
		limit:    limit,
		items:    make(map[fastpay.ID]*list.Element),
		order:    list.New(),
		byLane:   make(map[common.Hash]map[fastpay.ID]struct{}),
		byParent: make(map[fastpay.ID]map[fastpay.ID]struct{}),
	}
}

// add keeps a payment and reports whether one, this or an older one, had to go.
func (p *pool) add(tx *fastpay.Tx) (dropped bool) {
	if _, ok := p.items[tx.ID()]; ok {
		return false
	}
	if len(p.byLane[tx.LaneID()]) >= maxPoolLane {
		return true
	}
	if len(p.items) >= p.limit {
		p.remove(p.order.Front().Value.(*fastpay.Tx))
		dropped = true
	}
	p.items[tx.ID()] = p.order.PushBack(tx)
	link(p.byLane, tx.LaneID(), tx.ID())
	for _, parent := range tx.Envelope().Parents {
		link(p.byParent, parent, tx.ID())
	}
	return dropped
}

// remove drops a payment.
func (p *pool) remove(tx *fastpay.Tx) {
	e, ok := p.items[tx.ID()]
	if !ok {
		return
	}
	p.order.Remove(e)
	delete(p.items, tx.ID())
	unlink(p.byLane, tx.LaneID(), tx.ID())
	for _, parent := range tx.Envelope().Parents {
		unlink(p.byParent, parent, tx.ID())
	}
}

// all returns every payment, the oldest first.
func (p *pool) all() []*fastpay.Tx {
	out := make([]*fastpay.Tx, 0, len(p.items))
	for e := p.order.Front(); e != nil; e = e.Next() {
		out = append(out, e.Value.(*fastpay.Tx))
	}
	return out
}

// waitingFor returns the payments that a QC of a payment, or a vote in a lane,
// may have made valid.
func (p *pool) waitingFor(id fastpay.ID, lane common.Hash) []*fastpay.Tx {
	var out []*fastpay.Tx
	for _, ids := range []map[fastpay.ID]struct{}{p.byParent[id], p.byLane[lane]} {
		for waiting := range ids {
			out = append(out, p.items[waiting].Value.(*fastpay.Tx))
		}
	}
	return out
}

// len is the number of payments kept.
func (p *pool) len() int { return len(p.items) }

func link(index map[common.Hash]map[fastpay.ID]struct{}, key common.Hash, id fastpay.ID) {
	if index[key] == nil {
		index[key] = make(map[fastpay.ID]struct{})
	}
	index[key][id] = struct{}{}
}

func unlink(index map[common.Hash]map[fastpay.ID]struct{}, key common.Hash, id fastpay.ID) {
	delete(index[key], id)
	if len(index[key]) == 0 {
		delete(index, key)
	}
}
