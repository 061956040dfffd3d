package replica

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
)

// cursorSize is the length of a cursor: the run of the peer and a version of its
// Board.
const cursorSize = 16

// Submit answers for a peer that is no validator; see [p2p.Responder].
func (r *Replica) Submit(_ context.Context, _ p2p.PeerID, items []fastpay.Payment) []p2p.SubmitResult {
	results := make([]p2p.SubmitResult, len(items))
	for i, item := range items {
		err := fmt.Errorf("%w: this peer is no validator", fastpay.TemporaryUnavailable)
		results[i] = p2p.SubmitResult{ID: item.Tx.ID(), Reject: fastpay.RejectOf(err)}
	}
	return results
}

// Sync answers a sync request from the Board; see [p2p.Responder]. It is served
// from the start, also while a validator may not sign yet.
func (r *Replica) Sync(ctx context.Context, _ p2p.PeerID, req p2p.SyncRequest) (p2p.SyncResponse, error) {
	if req.Kind == p2p.SyncSince {
		return r.syncSince(ctx, req)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []fastpay.ID
	more := false
	switch req.Kind {
	case p2p.SyncIDs:
		ids = req.IDs
	case p2p.SyncLane:
		ids = r.board.LaneFrom(req.Lane, req.FromSeq, req.Limit+1)
		if more = len(ids) > req.Limit; more {
			ids = ids[:req.Limit]
		}
	case p2p.SyncAccount:
		return r.page(r.board.Account(req.Account, r.board.Len()), req), nil
	case p2p.SyncBucket:
		return r.page(r.board.Bucket(req.Bucket), req), nil
	case p2p.SyncDigests:
		digests := r.board.Digests()
		return p2p.SyncResponse{Digests: append([]common.Hash(nil), digests[:]...)}, nil
	}
	items := r.items(ids)
	n := p2p.FitSync(items)
	return p2p.SyncResponse{Items: items[:n], More: req.Kind == p2p.SyncLane && (more || n < len(items))}, nil
}

// page cuts a list at a numeric cursor.
func (r *Replica) page(ids []fastpay.ID, req p2p.SyncRequest) p2p.SyncResponse {
	from := uint64(0)
	if len(req.Cursor) == 8 {
		from = binary.BigEndian.Uint64(req.Cursor)
	}
	if from > uint64(len(ids)) {
		from = uint64(len(ids))
	}
	ids = ids[from:]
	more := len(ids) > req.Limit
	if more {
		ids = ids[:req.Limit]
	}
	items := r.items(ids)
	n := p2p.FitSync(items)
	return p2p.SyncResponse{
		Items: items[:n],
		More:  more || n < len(items),
		Next:  binary.BigEndian.AppendUint64(nil, from+uint64(n)),
	}
}

// syncSince answers what changed after a cursor, waiting for a change if asked.
func (r *Replica) syncSince(ctx context.Context, req p2p.SyncRequest) (p2p.SyncResponse, error) {
	var deadline <-chan time.Time
	if req.Wait > 0 {
		timer := time.NewTimer(req.Wait)
		defer timer.Stop()
		deadline = timer.C
	}
	for {
		resp, changed := r.changesSince(req)
		if len(resp.Items) > 0 || deadline == nil {
			return resp, nil
		}
		select {
		case <-changed:
		case <-deadline:
			return resp, nil
		case <-ctx.Done():
			return p2p.SyncResponse{}, ctx.Err()
		}
	}
}

func (r *Replica) changesSince(req p2p.SyncRequest) (p2p.SyncResponse, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	version := uint64(0)
	if len(req.Cursor) == cursorSize && [8]byte(req.Cursor[:8]) == r.cfg.Boot {
		version = binary.BigEndian.Uint64(req.Cursor[8:])
	}
	ids, upTo := r.board.Since(version, req.Limit)
	items := r.items(ids)
	if n := p2p.FitSync(items); n < len(items) {
		items = items[:n]
		_, upTo = r.board.Since(version, n)
	}
	return p2p.SyncResponse{
		Items: items,
		More:  len(items) > 0 && upTo < r.board.Version(),
		Next:  binary.BigEndian.AppendUint64(append([]byte(nil), r.cfg.Boot[:]...), upTo),
	}, r.changed
}

// items collects what the Board holds of payments. Unknown ids are left out.
func (r *Replica) items(ids []fastpay.ID) []p2p.SyncItem {
	items := make([]p2p.SyncItem, 0, len(ids))
	for _, id := range ids {
		tx, ok := r.board.Tx(id)
		if !ok {
			continue
		}
		items = append(items, p2p.SyncItem{
			Tx:           tx,
			Certificates: r.board.Certificates(id),
			Rejects:      r.ownRefusal(tx),
			Stage:        r.board.Stage(id),
		})
	}
	return items
}

// ownRefusal is why this validator never votes for a payment, if it told so. What holds
// only for now is told to who submits. What others refused is theirs to tell: it is
// nobody's evidence.
func (r *Replica) ownRefusal(tx *fastpay.Tx) []fastpay.Reject {
	c, ok := r.board.Rules().Committee(tx.CommitteeID())
	if !ok {
		return nil
	}
	self, member := c.Index(r.cfg.VoteKey)
	if !member {
		return nil
	}
	reject, refused := r.board.Rejects(tx.ID())[self]
	if _, voted := r.board.Certificate(tx.ID(), self); voted || !refused || reject.Retryable {
		return nil
	}
	return []fastpay.Reject{reject}
}
