package replica

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"golang.org/x/time/rate"
)

// Bounds of what votes make a Replica ask for by id, over all members of a
// committee. Each has an equal share, since a dishonest one names what nobody has.
const (
	// maxWanted is the number of payments asked for at once.
	maxWanted = 4 * fastpay.MaxBatch
	// wantRate is the number of payments asked for in a second after that: ten
	// requests of every peer, a fifth of what it answers.
	wantRate = 10 * p2p.MaxSyncItems
)

// memberKey is a member's vote key.
type memberKey [32]byte

// wants are the payments that votes named and that were not held. Each member's are
// asked for on their own, one request after another: what a dishonest one names, which
// nobody has, holds up nobody else's.
type wants struct {
	named  map[memberKey][]fastpay.ID // at most a batch each
	shares map[memberKey]*rate.Limiter
	busy   map[memberKey]bool // a request for what it named is under way
	// asked is when a payment was asked for, for as long as its answer may be near.
	asked map[fastpay.ID]time.Time
}

// errand is a request for payments that a member named.
type errand struct {
	member memberKey
	ids    []fastpay.ID
}

// isOf reports whether a peer is the member.
func (e *errand) isOf(p p2p.PeerInfo) bool { return bytes.Equal(p.Member, e.member[:]) }

func newWants() wants {
	return wants{
		named: make(map[memberKey][]fastpay.ID), shares: make(map[memberKey]*rate.Limiter),
		busy: make(map[memberKey]bool), asked: make(map[fastpay.ID]time.Time),
	}
}

// add notes an unknown payment that a member voted for, and reports false if it
// has named enough.
func (w *wants) add(c *fastpay.Committee, signer int, id fastpay.ID) bool {
	member := memberKey(c.Key(signer))
	if len(w.named[member]) >= fastpay.MaxBatch {
		return false
	}
	if w.shares[member] == nil {
		w.shares[member] = rate.NewLimiter(wantRate/rate.Limit(c.Len()), max(maxWanted/c.Len(), 1))
	}
	w.named[member] = append(w.named[member], id)
	return true
}

// take returns what is to be asked for now; [wants.done] follows each errand. turnedAway
// is how many payments are not asked for, because who named them has used up its share.
// later reports that payments are left which another member named first: if that request
// has brought nothing after hedgeDelay, they are asked for again.
func (w *wants) take(now time.Time, held func(fastpay.ID) bool) (errands []errand, turnedAway int, later bool) {
	maps.DeleteFunc(w.asked, func(_ fastpay.ID, at time.Time) bool { return now.Sub(at) >= hedgeDelay })
	members := slices.SortedFunc(maps.Keys(w.named), func(a, b memberKey) int { return bytes.Compare(a[:], b[:]) })
	for _, member := range members {
		if w.busy[member] {
			continue
		}
		e := errand{member: member}
		left := w.named[member][:0]
		for _, id := range w.named[member] {
			_, near := w.asked[id]
			switch {
			case held(id):
			case near:
				left = append(left, id)
			case w.shares[member].AllowN(now, 1):
				w.asked[id] = now
				e.ids = append(e.ids, id)
			default:
				turnedAway++
			}
		}
		if w.named[member] = left; len(left) == 0 {
			delete(w.named, member)
		}
		if len(e.ids) > 0 {
			w.busy[member] = true
			errands = append(errands, e)
		}
		later = later || len(left) > 0
	}
	return errands, turnedAway, later
}

// done ends an errand, and reports whether the member has named more meanwhile.
func (w *wants) done(e errand) bool {
	delete(w.busy, e.member)
	return len(w.named[e.member]) > 0
}
