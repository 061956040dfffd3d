package p2p

import (
	"fmt"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

// SyncKind says what a sync request asks for.
type SyncKind uint8

const (
	// SyncIDs asks for payments by tx id.
	SyncIDs SyncKind = 1
	// SyncLane asks for a lane's payments from a slot on, ascending.
	SyncLane SyncKind = 2
	// SyncAccount asks for the payments an account sent or received.
	SyncAccount SyncKind = 3
	// SyncSince asks for what the responder learned after a cursor. The request
	// may wait until there is something.
	SyncSince SyncKind = 4
	// SyncDigests asks for one digest per bucket of lanes.
	SyncDigests SyncKind = 5
	// SyncBucket asks for the payments of one bucket of lanes.
	SyncBucket SyncKind = 6
)

// Limits of the sync stream (section 3).
const (
	// MaxSyncItems bounds ids of a request and items of a response. 256 payments
	// with a quorum's certificates of a small committee fill about half of
	// MaxSyncBytes.
	MaxSyncItems = 256
	// MaxSyncBytes bounds an encoded response, so that the streams a node serves at
	// once hold a few hundred MiB at the very worst.
	MaxSyncBytes = 1 << 20
	// MaxSyncCursor bounds a cursor, which is opaque to all but its maker: a few
	// integers or a database key fit.
	MaxSyncCursor = 64
	// MaxSyncWait bounds how long a SyncSince request may wait. Longer, and a
	// middlebox forgets the connection.
	MaxSyncWait = 30 * time.Second
	// SyncBuckets is the number of digests in an answer to SyncDigests: lanes are
	// put into buckets by the first byte of their id.
	SyncBuckets = 256
)

// SyncRequest asks a peer for what it has verified. A field that its Kind does not
// name must be zero.
type SyncRequest struct {
	Kind    SyncKind
	IDs     []fastpay.ID   // SyncIDs: 1 to MaxSyncItems tx ids
	Lane    common.Hash    // SyncLane: the lane's id
	FromSeq uint64         // SyncLane: the first slot wanted
	Account common.Address // SyncAccount
	Cursor  []byte         // SyncAccount, SyncSince, SyncBucket: where the last answer ended; empty for the beginning
	Limit   int            // SyncLane, SyncAccount, SyncSince, SyncBucket: most items wanted, 1 to MaxSyncItems
	Wait    time.Duration  // SyncSince: how long to wait for something new, in whole seconds up to MaxSyncWait
	Bucket  uint8          // SyncBucket: the first byte of the lane ids wanted
}

// SyncResponse is a peer's answer.
type SyncResponse struct {
	Items   []SyncItem
	Next    []byte        // cursor behind the last item; empty if the kind has none
	More    bool          // there is more behind Next, or behind the last slot, at once
	Digests []common.Hash // SyncDigests: SyncBuckets of them; else none

	// Dropped counts what [Node.Sync] left out of the answer: payments and
	// certificates that did not verify here, or were not asked for.
	Dropped int
}

// SyncItem is a payment with what the responder holds about it.
type SyncItem struct {
	Tx           *fastpay.Tx
	Certificates []*fastpay.Certificate
	Rejects      []fastpay.Reject // of the responder itself, at most 16: nobody's evidence
	Stage        fastpay.Stage    // as the responder derives it: a hint, never a proof
}

// check reports the first thing in r that the protocol does not allow.
func (r *SyncRequest) check() error {
	if r.Kind < SyncIDs || r.Kind > SyncBucket {
		return fmt.Errorf("sync request of kind %d is unknown", r.Kind)
	}
	paged := r.Kind != SyncIDs && r.Kind != SyncDigests
	switch {
	case r.Kind == SyncIDs && (len(r.IDs) == 0 || len(r.IDs) > MaxSyncItems):
		return fmt.Errorf("sync request for %d tx ids: between 1 and %d are possible", len(r.IDs), MaxSyncItems)
	case paged && (r.Limit < 1 || r.Limit > MaxSyncItems):
		return fmt.Errorf("sync request for at most %d items: between 1 and %d are possible", r.Limit, MaxSyncItems)
	case len(r.Cursor) > MaxSyncCursor:
		return fmt.Errorf("sync cursor has %d bytes: at most %d are possible", len(r.Cursor), MaxSyncCursor)
	case r.Wait < 0 || r.Wait > MaxSyncWait || r.Wait%time.Second != 0:
		return fmt.Errorf("sync request may wait %s: want whole seconds, at most %s", r.Wait, MaxSyncWait)
	}
	return r.checkUnused()
}

// checkUnused makes sure that there is one form of each request.
func (r *SyncRequest) checkUnused() error {
	cursor := r.Kind == SyncAccount || r.Kind == SyncSince || r.Kind == SyncBucket
	for _, f := range []struct {
		name string
		set  bool
		used bool
	}{
		{"ids", len(r.IDs) != 0, r.Kind == SyncIDs},
		{"lane", r.Lane != common.Hash{}, r.Kind == SyncLane},
		{"from_seq", r.FromSeq != 0, r.Kind == SyncLane},
		{"account", r.Account != common.Address{}, r.Kind == SyncAccount},
		{"cursor", len(r.Cursor) != 0, cursor},
		{"limit", r.Limit != 0, cursor || r.Kind == SyncLane},
		{"wait_seconds", r.Wait != 0, r.Kind == SyncSince},
		{"bucket", r.Bucket != 0, r.Kind == SyncBucket},
	} {
		if f.set && !f.used {
			return fmt.Errorf("sync request of kind %d has a %s: it must be zero", r.Kind, f.name)
		}
	}
	return nil
}

// most is the number of items an answer may have.
func (r *SyncRequest) most() int {
	switch r.Kind {
	case SyncIDs:
		return len(r.IDs)
	case SyncDigests:
		return 0
	default:
		return r.Limit
	}
}

// wants reports whether tx answers r.
func (r *SyncRequest) wants(tx *fastpay.Tx) bool {
	switch r.Kind {
	case SyncIDs:
		return slices.Contains(r.IDs, tx.ID())
	case SyncLane:
		return tx.LaneID() == r.Lane && tx.Seq() >= r.FromSeq
	case SyncAccount:
		return tx.Sender() == r.Account || tx.Recipient() == r.Account
	case SyncBucket:
		return tx.LaneID()[0] == r.Bucket
	default:
		return true
	}
}

// String names the kind as metrics do.
func (k SyncKind) String() string {
	switch k {
	case SyncIDs:
		return "ids"
	case SyncLane:
		return "lane"
	case SyncAccount:
		return "account"
	case SyncSince:
		return "since"
	case SyncDigests:
		return "digests"
	case SyncBucket:
		return "bucket"
	default:
		return "unknown"
	}
}
