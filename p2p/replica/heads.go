package replica

import (
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
)

// maxFinals is the number of own final blocks that members' Heads are compared
// with: ten minutes at 5 s, far more than nodes are apart.
const maxFinals = 128

// forks raises the alarm when a member's node has another final block than this
// peer's: one of the two follows a fork, or the member lies. It decides nothing
// (section 4).
type forks struct {
	finals []final // of the own node, ascending
	raised map[headKey]uint64
}

// final is a final block of the own node.
type final struct {
	number uint64
	hash   common.Hash
}

// headKey is a member of a committee.
type headKey struct {
	committee common.Hash
	signer    int
}

// note adds the own node's final block, and reports whether it is new.
func (f *forks) note(b fastpay.Block) bool {
	if n := len(f.finals); n > 0 && f.finals[n-1].number >= b.Number {
		return false
	}
	f.finals = append(f.finals, final{b.Number, b.Hash})
	if len(f.finals) > maxFinals {
		f.finals = f.finals[1:]
	}
	return true
}

// differing returns the own final block that a view contradicts.
func (f *forks) differing(v fastpay.HeadView) (final, bool) {
	for _, own := range f.finals {
		if own.number == v.FinalizedHeight && own.hash != v.FinalizedHash {
			return own, true
		}
	}
	return final{}, false
}

// conflict returns the own final block that a Head contradicts, once per member
// and height.
func (f *forks) conflict(h *fastpay.Head) (final, bool) {
	view, key := h.View(), headKey{h.CommitteeID(), h.Signer()}
	if at, ok := f.raised[key]; ok && at == view.FinalizedHeight {
		return final{}, false
	}
	own, found := f.differing(view)
	if found {
		f.raised[key] = own.number
	}
	return own, found
}

// Fork is a final block of a member's node that is another one than this peer's node
// has: one of the two follows a fork, or the member lies.
type Fork struct {
	Signer      int
	Height      uint64
	Own, Theirs common.Hash
}

// Forks compares what the members of a committee last said of their nodes with the own
// one, by signer index.
func (r *Replica) Forks(committee common.Hash) []Fork {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Fork
	for _, h := range r.board.Heads(committee) {
		if own, ok := r.forks.differing(h.View()); ok {
			out = append(out, Fork{h.Signer(), own.number, own.hash, h.View().FinalizedHash})
		}
	}
	return out
}

// GossipHead implements [p2p.Sink].
func (r *Replica) GossipHead(_ p2p.PeerID, h *fastpay.Head) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.board.AddHead(h); err != nil {
		return err
	}
	r.compareHead(h)
	r.notifyLocked()
	return nil
}

// compareHeads looks at all Heads once more when the own node shows a final block:
// those of members whose nodes were faster. The caller holds mu.
func (r *Replica) compareHeads(b fastpay.Block) {
	if !r.forks.note(b) {
		return
	}
	for _, c := range r.board.Rules().Committees() {
		for _, h := range r.board.Heads(c.ID()) {
			r.compareHead(h)
		}
	}
}

// compareHead raises the alarm if a Head names another final block than the own
// node's. The caller holds mu.
func (r *Replica) compareHead(h *fastpay.Head) {
	if own, ok := r.forks.conflict(h); ok {
		r.metrics.conflicts.Inc()
		logger.Errorw("a member's node has another final block than this peer's: one of them follows a fork, or the member lies",
			"committee", h.CommitteeID(), "signer", h.Signer(), "height", own.number, "own", own.hash, "theirs", h.View().FinalizedHash)
	}
}
