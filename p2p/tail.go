package p2p

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

// Heard is a gossip message as this node met it: its first copy, whatever became of
// it, or what the node published itself.
type Heard struct {
	At        time.Time
	Topic     string // its name
	Kind      string // as in [TopicInfo]
	Committee common.Hash
	ID        [messageIDLen]byte
	From      PeerID          // the neighbour that sent it; the node itself if Own
	Own       bool            // published here
	Data      []byte          // as it came: nobody vouches for it; not to be changed
	Verdict   fastpay.Verdict // what became of it
	Problem   error           // why it was not forwarded; nil with an accepted one
	Dropped   uint64          // messages that the reader missed before this one, being slow
}

const (
	// maxTails bounds the readers of a node: they are people at terminals.
	maxTails = 8
	// tailMessages and tailBytes bound what waits for one reader: some seconds of a
	// busy network's small messages, or a burst of the largest.
	tailMessages = 2048
	tailBytes    = 16 * fastpay.MaxMessageSize
)

// ErrTooManyTails says that a node's gossip is read by as many as it allows.
var ErrTooManyTails = errors.New("too many readers of gossip")

// Tail is one reader's queue of what a node hears. Safe for concurrent use.
type Tail struct {
	tails *tails
	added signal

	mu      sync.Mutex
	waiting []Heard // guarded by mu
	bytes   int     // of waiting; guarded by mu
	dropped uint64  // since the last message that was queued; guarded by mu
}

// tails are a node's readers. Without one, a message costs an atomic load.
type tails struct {
	mu   sync.Mutex
	open atomic.Pointer[[]*Tail] // replaced, never changed; written under mu
}

// Tail begins to queue the messages that the node hears from now on, duplicates
// aside. What a slow reader has no room for is dropped and counted, and gossip does
// not wait. The caller closes it. The error is [ErrTooManyTails].
func (n *Node) Tail() (*Tail, error) {
	s := &n.gossip.tails
	s.mu.Lock()
	defer s.mu.Unlock()
	readers := s.readers()
	if len(readers) == maxTails {
		return nil, fmt.Errorf("%w: %d are possible, end one of them", ErrTooManyTails, maxTails)
	}
	t := &Tail{tails: s}
	readers = append(slices.Clone(readers), t)
	s.open.Store(&readers)
	return t, nil
}

// Close ends the queue. More than once is no error.
func (t *Tail) Close() {
	s := t.tails
	s.mu.Lock()
	defer s.mu.Unlock()
	readers := slices.DeleteFunc(slices.Clone(s.readers()), func(other *Tail) bool { return other == t })
	s.open.Store(&readers)
}

// Next returns the oldest message that waits, and waits for one if none does. The
// error is that of ctx.
func (t *Tail) Next(ctx context.Context) (Heard, error) {
	for {
		added := t.added.wait()
		if h, ok := t.take(); ok {
			return h, nil
		}
		select {
		case <-added:
		case <-ctx.Done():
			return Heard{}, ctx.Err()
		}
	}
}

func (t *Tail) take() (h Heard, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		return Heard{}, false
	}
	h = t.waiting[0]
	t.waiting[0] = Heard{} // lets go of its data
	t.waiting = t.waiting[1:]
	t.bytes -= len(h.Data)
	return h, true
}

// put queues a message, or counts it if there is no room.
func (t *Tail) put(h Heard) {
	t.mu.Lock()
	room := len(t.waiting) < tailMessages && t.bytes+len(h.Data) <= tailBytes
	if room {
		h.Dropped, t.dropped = t.dropped, 0
		t.waiting = append(t.waiting, h)
		t.bytes += len(h.Data)
	} else {
		t.dropped++
	}
	t.mu.Unlock()
	if room {
		t.added.broadcast()
	}
}

func (s *tails) readers() []*Tail {
	if open := s.open.Load(); open != nil {
		return *open
	}
	return nil
}

// tell queues a message for every reader.
func (s *tails) tell(heard func() Heard) {
	readers := s.readers()
	if len(readers) == 0 {
		return
	}
	h := heard()
	for _, t := range readers {
		t.put(h)
	}
}
