package replica

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
)

// Timeline is when one peer learned each thing of a payment, on that peer's
// monotonic clock. Zero times have not happened here, or in an earlier run of the peer.
type Timeline struct {
	FirstSeen time.Time
	Votes     map[int]time.Time // by signer index; those of an earlier run are zero
	// Refused is since when each member has given its last refusal, by signer index: the
	// same one again is no news. None is kept from an earlier run.
	Refused map[int]time.Time
	QC      time.Time
	// HeightAtQC is the height this peer's node had shown when the QC formed.
	HeightAtQC uint64
	// NextBlock is when the height first moved after the QC formed here; zero if the
	// payment was in a block by then.
	NextBlock time.Time
	Queued    time.Time
	Included  time.Time
	Finalized time.Time
	// Events are the steps of the payment's way in the order in which this peer
	// learned of them: each once, and none that a reorganisation took back.
	Events []Event

	refusals  map[int]fastpay.Reject // those that Refused is about
	stage     fastpay.Stage
	certified bool // a QC is held
	gossiped  bool // gossip brought it, so that it was forwarded
}

// Event is one step of a payment's way, as one peer learned of it.
type Event struct {
	Kind   EventKind
	At     time.Time // zero: in an earlier run of the peer
	Height uint64    // that the peer's node had shown by then; 0 if At is zero
	Signer int       // whose vote it is, of EventVote
}

// EventKind is what a step is.
type EventKind string

// The kinds of steps. Where a payment ends, its kind is that of the stage.
const (
	EventFirstSeen  EventKind = "first_seen"
	EventVote       EventKind = "vote"
	EventCertified  EventKind = "certified"
	EventQueued     EventKind = "queued"
	EventIncluded   EventKind = "included"
	EventFinalized  EventKind = "finalized"
	EventRejected   EventKind = "rejected"
	EventExpired    EventKind = "expired"
	EventFailed     EventKind = "failed"
	EventConflicted EventKind = "conflicted"
)

// entered are the steps that a stage stands for, beside those that evidence does.
var entered = map[fastpay.Stage][]EventKind{
	fastpay.StageQueuedOnchain: {EventQueued},
	fastpay.StageIncluded:      {EventIncluded},
	fastpay.StageFinalized:     {EventIncluded, EventFinalized},
	fastpay.StageRejected:      {EventRejected},
	fastpay.StageExpired:       {EventExpired},
	fastpay.StageFailed:        {EventFailed},
	fastpay.StageConflicted:    {EventConflicted},
}

// Holds reports whether a step that was taken is still one of a payment in a stage:
// blocks that are not final can be taken back, and refusals withdrawn.
func (k EventKind) Holds(stage fastpay.Stage) bool {
	switch k {
	case EventFirstSeen, EventVote, EventCertified, EventQueued:
		return true
	}
	return slices.Contains(entered[stage], k)
}

// note adds a step, and reports false if it was taken before.
func (t *Timeline) note(e Event) bool {
	if slices.ContainsFunc(t.Events, func(o Event) bool { return o.Kind == e.Kind && o.Signer == e.Signer }) {
		return false
	}
	t.Events = append(t.Events, e)
	return true
}

// noteRefusal notes a refusal that is another one than the member's last.
func (t *Timeline) noteRefusal(signer int, r fastpay.Reject, now time.Time) {
	if last, known := t.refusals[signer]; known && last == r {
		return
	}
	if t.refusals == nil {
		t.refusals, t.Refused = make(map[int]fastpay.Reject), make(map[int]time.Time)
	}
	t.refusals[signer], t.Refused[signer] = r, now
}

// Lead is the time from the QC to the next height. It is known only after that
// height was seen, and only if the QC formed here before a block had the payment.
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
	return t.clone(), true
}

// clone returns a copy that shares nothing.
func (t *Timeline) clone() Timeline {
	out := *t
	out.Votes, out.Refused, out.Events = maps.Clone(t.Votes), maps.Clone(t.Refused), slices.Clone(t.Events)
	return out
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
	height := b.Latest().Number
	t := r.timelines[id]
	if t == nil {
		t = &Timeline{FirstSeen: now, Votes: make(map[int]time.Time)}
		r.timelines[id] = t
		r.step(id, t, Event{Kind: EventFirstSeen, At: now, Height: height})
	}
	for _, c := range b.Certificates(id) {
		if _, known := t.Votes[c.Signer()]; !known {
			t.Votes[c.Signer()] = now
			r.step(id, t, Event{EventVote, now, height, c.Signer()})
			r.metrics.vote(c.Signer())
		}
	}
	for signer, reject := range b.Rejects(id) {
		t.noteRefusal(signer, reject, now)
	}
	if _, ok := b.QC(id); ok && !t.certified {
		t.certified, t.QC, t.HeightAtQC = true, now, height
		r.step(id, t, Event{Kind: EventCertified, At: now, Height: height})
		r.awaiting[id] = struct{}{}
		took := time.Duration(-1)
		if !t.FirstSeen.IsZero() {
			took = now.Sub(t.FirstSeen)
		}
		r.metrics.certified(id, took, r.depth(id))
	}
	if o, used := b.Outcome(id); used && !t.QC.IsZero() && o.BlockNumber <= t.HeightAtQC {
		t.NextBlock = time.Time{} // its block was there before the QC
		if _, awaited := r.awaiting[id]; awaited {
			r.observeLate(t, o.BlockNumber)
			delete(r.awaiting, id)
		}
	}
	stage := b.Stage(id)
	if stage == t.stage {
		return
	}
	t.stage = stage
	r.metrics.stage.WithLabelValues(string(stage)).Inc()
	t.Events = slices.DeleteFunc(t.Events, func(e Event) bool { return !e.Kind.Holds(stage) })
	for _, kind := range entered[stage] {
		r.step(id, t, Event{Kind: kind, At: now, Height: height})
	}
	switch stage {
	case fastpay.StageQueuedOnchain:
		setOnce(&t.Queued, now)
	case fastpay.StageIncluded:
		setOnce(&t.Included, now)
	case fastpay.StageFinalized:
		setOnce(&t.Included, now)
		setOnce(&t.Finalized, now)
	default:
		t.Included = time.Time{} // not any more
	}
}

// depth is on how many certified payments without a block a certified one stands.
func (r *Replica) depth(id fastpay.ID) int {
	order, _ := r.board.PendingClosure(id)
	return max(0, len(order)-1) // the payment is the last
}

// observeLate measures by how much a QC came after its payment's block. It says
// nothing of a payment that this peer came to know only after that block: it was
// behind, not the quorum.
func (r *Replica) observeLate(t *Timeline, block uint64) {
	i, _ := slices.BinarySearchFunc(r.blocks, block, func(b BlockSeen, height uint64) int { return cmp.Compare(b.Block.Number, height) })
	if i == len(r.blocks) || t.FirstSeen.IsZero() || r.blocks[i].Seen.Before(t.FirstSeen) {
		return
	}
	r.metrics.lead.Observe(r.blocks[i].Seen.Sub(t.QC).Seconds())
}

func setOnce(t *time.Time, now time.Time) {
	if t.IsZero() {
		*t = now
	}
}
