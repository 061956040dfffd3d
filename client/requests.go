package client

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/client/request"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/prometheus/client_golang/prometheus"
)

// prefixRequest is the key space of payment requests in the client's store.
const prefixRequest = 'r' // note hash → requestRecord

// MaxRequests bounds the payment requests that are kept: all are in memory, less than a
// kilobyte each.
const MaxRequests = 10_000

// Why a payment request is not kept.
var (
	ErrNoNote          = errors.New("a payment request needs a note, by which its payment is known: give it one")
	ErrNoteTaken       = errors.New("an open payment request has the same note: give this one another, or remove that one")
	ErrTooManyRequests = fmt.Errorf("%d payment requests are open, more are not kept: remove those that are settled, and let new ones expire", MaxRequests)
)

// KeptRequest is a payment request that a client made.
type KeptRequest struct {
	request.Request
	Made time.Time
}

// Expired reports whether the request is void at a time.
func (k *KeptRequest) Expired(now time.Time) bool {
	return k.Expires != 0 && now.Unix() >= 0 && uint64(now.Unix()) >= k.Expires
}

// Requests are the payment requests that a client made, so that a payment can be tied to
// what was asked for. Expired ones are kept while there is room: money may come late. Safe
// for concurrent use.
type Requests struct {
	store   *replica.Store
	dropped prometheus.Counter

	mu     sync.Mutex // held while one is written: a note is given once
	byNote map[common.Hash]KeptRequest
}

// requestRecord is the stored form of a request.
type requestRecord struct {
	URI    string
	Micros uint64 // when it was made, of the Unix epoch
}

// loadRequests returns what the store holds.
func loadRequests(store *replica.Store, dropped prometheus.Counter) (*Requests, error) {
	l := &Requests{store: store, dropped: dropped, byNote: make(map[common.Hash]KeptRequest)}
	err := store.Each([]byte{prefixRequest}, func(_, value []byte) error {
		var rec requestRecord
		err := rlp.DecodeBytes(value, &rec)
		if err != nil {
			return fmt.Errorf("store is damaged: payment request: %w", err)
		}
		r, err := request.Parse(rec.URI)
		if err != nil {
			return fmt.Errorf("store holds a request that cannot be read: %w", err)
		}
		l.byNote[fastpay.NoteHash(r.Note)] = KeptRequest{r, time.UnixMicro(int64(rec.Micros))}
		return nil
	})
	return l, err
}

// Add keeps a request that is made now, and returns once that is durable: only then may
// anybody see it. Of MaxRequests, the one that expired first makes room. The error wraps
// [ErrNoNote], [ErrNoteTaken] or [ErrTooManyRequests], or says what is wrong with the
// request or the store.
func (l *Requests) Add(r request.Request, now time.Time) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if r.Note == "" {
		return ErrNoNote
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	note := fastpay.NoteHash(r.Note)
	before, known := l.byNote[note]
	if known && !before.Expired(now) {
		return fmt.Errorf("%w: %s", ErrNoteTaken, r.Note)
	}
	w := l.store.NewWrite()
	var gone common.Hash
	full := !known && len(l.byNote) >= MaxRequests
	if full {
		var ok bool
		if gone, ok = l.firstExpired(now); !ok {
			return ErrTooManyRequests
		}
		if err := w.Delete(requestKey(gone)); err != nil {
			return fmt.Errorf("dropping an expired payment request: %w", err)
		}
	}
	value, err := rlp.EncodeToBytes(&requestRecord{r.String(), uint64(now.UnixMicro())})
	if err != nil {
		return fmt.Errorf("encoding payment request: %w", err)
	}
	if err := errors.Join(w.Set(requestKey(note), value), l.store.Commit(w, true)); err != nil {
		return fmt.Errorf("the payment request could not be made durable: %w", err)
	}
	if full {
		delete(l.byNote, gone)
		l.dropped.Inc()
	}
	r.Peers = slices.Clone(r.Peers)
	l.byNote[note] = KeptRequest{r, now}
	return nil
}

// Remove forgets the request of a note and returns it, ok is false if there is none.
// Whoever has its URI can still pay it.
func (l *Requests) Remove(note common.Hash) (kept KeptRequest, ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if kept, ok = l.byNote[note]; !ok {
		return kept, false, nil
	}
	w := l.store.NewWrite()
	if err := errors.Join(w.Delete(requestKey(note)), l.store.Commit(w, true)); err != nil {
		return kept, true, fmt.Errorf("removing a payment request: %w", err)
	}
	delete(l.byNote, note)
	return kept, true, nil
}

// ByNote returns the request whose note has a hash, as a payment carries it; expired or
// not.
func (l *Requests) ByNote(note common.Hash) (KeptRequest, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept, ok := l.byNote[note]
	return kept, ok
}

// List returns all requests that are kept, the newest first.
func (l *Requests) List() []KeptRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]KeptRequest, 0, len(l.byNote))
	for _, kept := range l.byNote {
		list = append(list, kept)
	}
	slices.SortFunc(list, func(a, b KeptRequest) int {
		return cmp.Or(b.Made.Compare(a.Made), cmp.Compare(a.Note, b.Note))
	})
	return list
}

// firstExpired is the note hash of the request that expired the longest ago. Call it with
// the lock held.
func (l *Requests) firstExpired(now time.Time) (note common.Hash, ok bool) {
	var at uint64
	for hash, kept := range l.byNote {
		if kept.Expired(now) && (!ok || kept.Expires < at || kept.Expires == at && hash.Cmp(note) < 0) {
			note, at, ok = hash, kept.Expires, true
		}
	}
	return note, ok
}

func requestKey(note common.Hash) []byte { return append([]byte{prefixRequest}, note[:]...) }

// Requests are the payment requests that this client made.
func (c *Client) Requests() *Requests { return c.requests }

// askedOf shows the requests to the book of orders.
type askedOf struct{ requests *Requests }

// ByNote implements [orders.Requests].
func (a askedOf) ByNote(note common.Hash) (orders.Asked, bool) {
	r, ok := a.requests.ByNote(note)
	return orders.Asked{Note: r.Note, Asset: r.Asset, Amount: r.Amount, Expires: r.Expires}, ok
}
