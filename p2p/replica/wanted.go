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
	// wantRate is the number of payments asked for in a second after that: in full
	// requests ten of every peer, which answers fifty.
	wantRate = 10 * p2p.MaxSyncItems
)

// memberKey is a member's vote key.
type memberKey [32]byte

// wants are the payments that votes named and that were not held. Each member's are
// asked for on their own, one request after another: what a dishonest one names, which
// nobody has, holds up nobody else's.
type wants struct {
	namers map[memberKey]*namer
	// asked is when a payment was asked for, for as long as its answer may be near.
	asked map[fastpay.ID]time.Time
}

// namer is a member that named payments.
type namer struct {
	named []fastpay.ID // at most a batch
	share *rate.Limiter
	busy  bool // an errand for what it named is under way
	// rest is when its next errand may begin. One that did not find everything has asked
	// all peers: the member rests for pause then, so that all members together cause no
	// more of those than one alone.
	rest  time.Time
	pause time.Duration
}

// errand is a request for payments that a member named.
type errand struct {
	member memberKey
	ids    []fastpay.ID
}

// isOf reports whether a peer is the member.
func (e *errand) isOf(p p2p.PeerInfo) bool { return bytes.Equal(p.Member, e.member[:]) }

func newWants() wants {
	return wants{namers: make(map[memberKey]*namer), asked: make(map[fastpay.ID]time.Time)}
}

// add notes an unknown payment that a member voted for, and reports false if it
// has named enough.
func (w *wants) add(c *fastpay.Committee, signer int, id fastpay.ID) bool {
	member := memberKey(c.Key(signer))
	n := w.namers[member]
	if n == nil {
		n = &namer{
			share: rate.NewLimiter(wantRate/rate.Limit(c.Len()), max(maxWanted/c.Len(), 1)),
			pause: wantDelay * time.Duration(c.Len()),
		}
		w.namers[member] = n
	}
	if len(n.named) >= fastpay.MaxBatch {
		return false
	}
	n.named = append(n.named, id)
	return true
}

// take returns what is to be asked for now; [wants.done] follows each errand. turnedAway
// is how many payments are not asked for, because who named them has used up its share.
// later reports that there will be more to ask for without another vote: what one member
// named and another named first, or what one named that has to rest.
func (w *wants) take(now time.Time, held func(fastpay.ID) bool) (errands []errand, turnedAway int, later bool) {
	maps.DeleteFunc(w.asked, func(_ fastpay.ID, at time.Time) bool { return now.Sub(at) >= hedgeDelay })
	refused := make(map[fastpay.ID]struct{})
	members := slices.SortedFunc(maps.Keys(w.namers), func(a, b memberKey) int { return bytes.Compare(a[:], b[:]) })
	for _, member := range members {
		n := w.namers[member]
		if n.busy {
			continue
		}
		if now.Before(n.rest) {
			later = later || len(n.named) > 0
			continue
		}
		e := errand{member: member}
		left := n.named[:0]
		for _, id := range n.named {
			_, near := w.asked[id]
			switch {
			case held(id):
			case near:
				left = append(left, id)
			case n.share.AllowN(now, 1):
				w.asked[id] = now
				e.ids = append(e.ids, id)
			default:
				refused[id] = struct{}{}
			}
		}
		n.named = left
		later = later || len(left) > 0
		if len(e.ids) > 0 {
			n.busy = true
			errands = append(errands, e)
		}
	}
	for id := range refused {
		if _, near := w.asked[id]; !near {
			turnedAway++
		}
	}
	return errands, turnedAway, later
}

// done ends an errand, which found everything or did not, and reports whether the member
// has named more meanwhile.
func (w *wants) done(e errand, found bool, now time.Time) bool {
	n := w.namers[e.member]
	n.busy = false
	if !found {
		n.rest = now.Add(n.pause)
	}
	return len(n.named) > 0
}
