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

// wants are the payments that votes named and that were not held. A payment is
// asked for if any of the members that named it has a share left.
type wants struct {
	named  map[memberKey][]fastpay.ID // at most a batch each
	shares map[memberKey]*rate.Limiter
}

func newWants() wants {
	return wants{named: make(map[memberKey][]fastpay.ID), shares: make(map[memberKey]*rate.Limiter)}
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

// take empties the list and returns what is to be asked for, the members that voted for
// any of it, and how many payments are not asked for, because who named them has used up
// its share.
func (w *wants) take(now time.Time, held func(fastpay.ID) bool) (ids []fastpay.ID, voters map[memberKey]bool, turnedAway int) {
	asked := make(map[fastpay.ID]bool) // false: nobody has a share left for it
	voters = make(map[memberKey]bool)
	members := slices.SortedFunc(maps.Keys(w.named), func(a, b memberKey) int { return bytes.Compare(a[:], b[:]) })
	for _, member := range members {
		for _, id := range w.named[member] {
			switch {
			case held(id):
			case asked[id]:
				voters[member] = true
			case w.shares[member].AllowN(now, 1):
				asked[id], voters[member] = true, true
				ids = append(ids, id)
			default:
				asked[id] = false
			}
		}
	}
	clear(w.named)
	return ids, voters, len(asked) - len(ids)
}
