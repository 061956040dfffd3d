package httpapi

import (
	"slices"
	"sync"

	"github.com/ethereum/go-ethereum/common"
)

// EventType is the type of a server-sent event.
type EventType string

// The types of events.
const (
	EventPayment       EventType = "payment"        // a [document.Payment] that changed
	EventHead          EventType = "head"           // a [Head]
	EventValidatorHead EventType = "validator_head" // a [document.Head]
	EventPeer          EventType = "peer"           // a [document.Peer] that came, went or changed
)

// eventTypes are all that a reader can ask for. [eventReset] reaches everybody.
var eventTypes = []EventType{EventPayment, EventHead, EventValidatorHead, EventPeer}

// eventReset tells a reader that events between its last one and the next are lost: it
// fetches anew what it shows.
const eventReset = "reset"

// event is one event as readers get it.
type event struct {
	seq      uint64 // from 1, without gaps
	kind     EventType
	data     []byte           // JSON on one line
	accounts []common.Address // that it concerns; nil: all
}

// ring keeps the last events, bounded in number and in bytes, for readers that come late
// or back. Writing never waits for a reader. Safe for concurrent use.
type ring struct {
	maxEvents, maxBytes int

	mu      sync.Mutex // guards what is below
	events  []event    // ascending by seq
	bytes   int        // of their data
	last    uint64     // seq of the newest event ever
	changed chan struct{}
}

func newRing(maxEvents, maxBytes int) *ring {
	return &ring{maxEvents: maxEvents, maxBytes: maxBytes, changed: make(chan struct{})}
}

// add appends an event and wakes the readers.
func (r *ring) add(kind EventType, data []byte, accounts []common.Address) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.events = append(r.events, event{r.last, kind, data, accounts})
	r.bytes += len(data)
	for len(r.events) > r.maxEvents || r.bytes > r.maxBytes && len(r.events) > 1 {
		r.bytes -= len(r.events[0].data)
		r.events[0] = event{} // lets go of the data
		r.events = r.events[1:]
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// after returns up to limit events behind one, and a channel that is closed when there
// are more than the ring holds now. ok is false if some between are lost, or seq has not
// been yet.
func (r *ring) after(seq uint64, limit int) (events []event, more <-chan struct{}, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.last - uint64(len(r.events)) + 1 // seq of the oldest one held
	if seq > r.last || seq+1 < first {
		return nil, r.changed, false
	}
	rest := r.events[seq+1-first:]
	return slices.Clone(rest[:min(limit, len(rest))]), r.changed, true
}

// newest is the seq of the last event.
func (r *ring) newest() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}
