package replica

import (
	"cmp"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
)

// Timeline is when one peer learned each thing of a payment, on that peer's
// monotonic clock. Zero times have not happened here, or in an earlier run of the peer.
type Timeline struct {
	FirstSeen time.Time
	Votes     map[int]time.Time // by signer index; those of an earlier run are zero
	QC        time.Time
	// HeightAtQC is the height this peer's node had shown when the QC formed.
	HeightAtQC uint64
	// NextBlock is when the height first moved after the QC formed here.
	NextBlock time.Time
	Queued    time.Time
	Included  time.Time
	Finalized time.Time

	stage     fastpay.Stage
	certified bool // a QC is held
	gossiped  bool // gossip brought it, so that it was forwarded
}

// Lead is the time from the QC to the next height. It is known only after that
// height was seen, and only if the QC formed here.
func (t Timeline) Lead() (time.Duration, bool) {
	if t.QC.IsZero() || t.NextBlock.IsZero() {
		return 0, false
	}
	return t.NextBlock.Sub(t.QC), true
}

// BlockSeen is a height with the moment this peer first saw it.
type BlockSeen struct {
	Block fastpay.Block
	Seen  time.Time
}

// maxBlocksSeen bounds the memory of heights: an hour and a half at 5 s.
const maxBlocksSeen = 1024

// Timeline returns what is known of a payment's way.
func (r *Replica) Timeline(id fastpay.ID) (Timeline, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, ok := r.timelines[id]
	if !ok {
		return Timeline{}, false
	}
	out := *t
	out.Votes = make(map[int]time.Time, len(t.Votes))
	for signer, at := range t.Votes {
		out.Votes[signer] = at
	}
	return out, true
}

// BlocksSeen returns the last heights seen, ascending.
func (r *Replica) BlocksSeen() []BlockSeen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]BlockSeen(nil), r.blocks...)
}

// BlocksAfter returns the last heights seen above one, ascending.
func (r *Replica) BlocksAfter(height uint64) []BlockSeen {
	r.mu.Lock()
	defer r.mu.Unlock()
	from, _ := slices.BinarySearchFunc(r.blocks, height+1, func(b BlockSeen, h uint64) int { return cmp.Compare(b.Block.Number, h) })
	return slices.Clone(r.blocks[from:])
}

// observeBlock notes a new height. seen is when this process first saw it.
func (r *Replica) observeBlock(b fastpay.Block, seen time.Time) {
	if n := len(r.blocks); n > 0 && r.blocks[n-1].Block.Number >= b.Number {
		return
	}
	r.blocks = append(r.blocks, BlockSeen{b, seen})
	if len(r.blocks) > maxBlocksSeen {
		r.blocks = r.blocks[1:]
	}
	for id := range r.awaiting {
		t := r.timelines[id]
		t.NextBlock = seen
		r.metrics.lead.Observe(seen.Sub(t.QC).Seconds())
		delete(r.awaiting, id)
	}
}

// observe brings a payment's timeline up to date with the Board.
func (r *Replica) observe(id fastpay.ID, now time.Time) {
	b := r.board
	t := r.timelines[id]
	if t == nil {
		t = &Timeline{FirstSeen: now, Votes: make(map[int]time.Time)}
		r.timelines[id] = t
	}
	for _, c := range b.Certificates(id) {
		if _, known := t.Votes[c.Signer()]; !known {
			t.Votes[c.Signer()] = now
			r.metrics.votes.Inc()
		}
	}
	if _, ok := b.QC(id); ok && !t.certified {
		t.certified, t.QC, t.HeightAtQC = true, now, b.Latest().Number
		r.awaiting[id] = struct{}{}
		r.metrics.qcFormed.Inc()
		if !t.FirstSeen.IsZero() {
			r.metrics.qcLatency.Observe(now.Sub(t.FirstSeen).Seconds())
		}
	}
	stage := b.Stage(id)
	if stage == t.stage {
		return
	}
	t.stage = stage
	r.metrics.stage.WithLabelValues(string(stage)).Inc()
	switch stage {
	case fastpay.StageQueuedOnchain:
		setOnce(&t.Queued, now)
	case fastpay.StageIncluded:
		setOnce(&t.Included, now)
	case fastpay.StageFinalized:
		setOnce(&t.Included, now)
		setOnce(&t.Finalized, now)
	}
}

func setOnce(t *time.Time, now time.Time) {
	if t.IsZero() {
		*t = now
	}
}
