package replica

import (
	"context"
	"errors"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"
)

// Bounds of what a Replica asks for.
const (
	// maxJoined is the number of new peers waiting to be caught up with. One that
	// does not fit is reached by the next repair.
	maxJoined = 64
	// maxWanted is the number of unknown payments asked for by id at once.
	maxWanted = 4 * fastpay.MaxBatch
	// maxBuckets is the number of differing buckets that one repair fetches.
	maxBuckets = 16
	// repairInterval is the time between two comparisons with a peer. What gossip
	// and the targeted requests lost is back after about this long.
	repairInterval = 5 * time.Second
	// fetchTimeout bounds one request.
	fetchTimeout = 10 * time.Second
	// wantDelay lets the payment that a vote names arrive by gossip first.
	wantDelay = 50 * time.Millisecond
)

// Why sync was asked, as metrics name it.
const (
	kindJoin   = "join"
	kindWanted = "wanted"
	kindRepair = "repair"
	kindLane   = "lane"
	kindIDs    = "ids"
)

// PeerEvent tells the Replica who comes and goes; see [p2p.Node.OnPeer].
func (r *Replica) PeerEvent(e p2p.PeerEvent) {
	if !e.Joined {
		return
	}
	select {
	case r.joined <- e.Peer:
	default:
	}
}

// Run catches up with every new peer, asks for payments that votes name, and
// compares with a peer now and then, until ctx ends.
func (r *Replica) Run(ctx context.Context, network Network) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.runJoined(ctx, network) })
	g.Go(func() error { return r.runWanted(ctx, network) })
	g.Go(func() error { return r.runRepair(ctx, network) })
	return g.Wait()
}

// runJoined takes everything that a new peer has. Gossip before its connection
// is lost to this peer otherwise.
func (r *Replica) runJoined(ctx context.Context, network Network) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case peer := <-r.joined:
			if err := r.CatchUp(ctx, network, peer); err != nil && ctx.Err() == nil {
				logger.Debugw("catching up", "peer", peer.ID, "error", err)
			}
		}
	}
}

// CatchUp takes everything that a peer has changed since the beginning of its
// run.
func (r *Replica) CatchUp(ctx context.Context, network Network, peer p2p.PeerInfo) error {
	req := p2p.SyncRequest{Kind: p2p.SyncSince, Limit: p2p.MaxSyncItems}
	return r.fetchPages(ctx, network, peer, kindJoin, req)
}

// fetchPages follows the cursor of a request until there is no more.
func (r *Replica) fetchPages(ctx context.Context, network Network, peer p2p.PeerInfo, kind string, req p2p.SyncRequest) error {
	for {
		resp, err := r.fetch(ctx, network, peer, kind, req)
		if err != nil {
			return err
		}
		if !resp.More || len(resp.Items) == 0 {
			return nil
		}
		req.Cursor = resp.Next
	}
}

// fetch makes one request and adds what it brings to the Board.
func (r *Replica) fetch(ctx context.Context, network Network, peer p2p.PeerInfo, kind string, req p2p.SyncRequest) (p2p.SyncResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	resp, err := network.Sync(ctx, peer.ID, req)
	if err != nil {
		r.metrics.fetches.WithLabelValues(kind, "error").Inc()
		return resp, err
	}
	r.metrics.fetches.WithLabelValues(kind, "ok").Inc()
	fresh := 0
	err = r.Update(func(b *fastpay.Board) {
		for _, item := range resp.Items {
			if addItem(b, peer, item) {
				fresh++
			}
		}
	})
	r.metrics.recovered.WithLabelValues(kind).Add(float64(fresh))
	return resp, err
}

// addItem adds a payment with its votes, and reports whether any of it is new.
func addItem(b *fastpay.Board, peer p2p.PeerInfo, item p2p.SyncItem) bool {
	fresh := false
	committee, ok := b.Rules().Committee(item.Tx.CommitteeID())
	if ok {
		if qc := fastpay.NewQC(committee, item.Tx, item.Certificates); qc != nil {
			fresh = b.AddQC(qc) == nil
		}
	}
	fresh = b.AddTx(item.Tx) == nil || fresh
	if _, held := b.Tx(item.Tx.ID()); !held {
		return fresh // no room for an uncertified payment
	}
	for _, cert := range item.Certificates {
		fresh = b.AddCertificate(cert) == nil || fresh
	}
	if !ok {
		return fresh
	}
	if signer, member := committee.Index(peer.Member); member {
		for _, reject := range item.Rejects {
			b.NoteReject(item.Tx.ID(), signer, reject)
		}
	}
	return fresh
}

// runWanted asks for payments that votes name and gossip did not bring.
func (r *Replica) runWanted(ctx context.Context, network Network) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.wake:
		}
		if err := pause(ctx, wantDelay); err != nil {
			return err
		}
		ids := r.takeWanted()
		if err := r.FetchIDs(ctx, network, kindWanted, ids); err != nil && ctx.Err() == nil {
			logger.Debugw("asking for voted payments", "payments", len(ids), "error", err)
		}
	}
}

// takeWanted empties the list of wanted payments.
func (r *Replica) takeWanted() []fastpay.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]fastpay.ID, 0, len(r.wanted))
	for id := range r.wanted {
		ids = append(ids, id)
	}
	clear(r.wanted)
	return ids
}

// FetchIDs asks the connected peers, one after another, for payments until all
// are known.
func (r *Replica) FetchIDs(ctx context.Context, network Network, kind string, ids []fastpay.ID) error {
	var errs []error
	for _, peer := range Greeted(network) {
		ids = r.unknown(ids)
		if len(ids) == 0 {
			return nil
		}
		for start := 0; start < len(ids); start += p2p.MaxSyncItems {
			part := ids[start:min(start+p2p.MaxSyncItems, len(ids))]
			if _, err := r.fetch(ctx, network, peer, kind, p2p.SyncRequest{Kind: p2p.SyncIDs, IDs: part}); err != nil {
				errs = append(errs, err)
				break
			}
		}
	}
	return errors.Join(errs...)
}

// unknown returns the payments that are not held.
func (r *Replica) unknown(ids []fastpay.ID) []fastpay.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []fastpay.ID
	for _, id := range ids {
		if _, held := r.board.Tx(id); !held {
			out = append(out, id)
		}
	}
	return out
}

// Refresh asks every connected validator for what it holds of payments, whatever
// is known here: a payer or payee that waits for a quorum does not rely on gossip.
func (r *Replica) Refresh(ctx context.Context, network Network, ids []fastpay.ID) error {
	var errs []error
	for _, peer := range Greeted(network) {
		if peer.Member == nil {
			continue
		}
		for start := 0; start < len(ids); start += p2p.MaxSyncItems {
			part := ids[start:min(start+p2p.MaxSyncItems, len(ids))]
			if _, err := r.fetch(ctx, network, peer, kindIDs, p2p.SyncRequest{Kind: p2p.SyncIDs, IDs: part}); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// FetchLane asks every connected peer for a lane from a slot on.
func (r *Replica) FetchLane(ctx context.Context, network Network, lane common.Hash, from uint64) error {
	var errs []error
	for _, peer := range Greeted(network) {
		req := p2p.SyncRequest{Kind: p2p.SyncLane, Lane: lane, FromSeq: from, Limit: p2p.MaxSyncItems}
		if _, err := r.fetch(ctx, network, peer, kindLane, req); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// runRepair compares digests with one peer after another.
func (r *Replica) runRepair(ctx context.Context, network Network) error {
	for turn := 0; ; turn++ {
		wait := repairInterval + time.Duration(r.cfg.Jitter()*float64(repairInterval)/5)
		if err := pause(ctx, wait); err != nil {
			return err
		}
		peers := Greeted(network)
		if len(peers) == 0 {
			continue
		}
		if err := r.repair(ctx, network, peers[turn%len(peers)]); err != nil && ctx.Err() == nil {
			logger.Debugw("repair", "error", err)
		}
	}
}

// repair fetches the buckets in which a peer's evidence differs.
func (r *Replica) repair(ctx context.Context, network Network, peer p2p.PeerInfo) error {
	resp, err := r.fetch(ctx, network, peer, kindRepair, p2p.SyncRequest{Kind: p2p.SyncDigests})
	if err != nil {
		return err
	}
	r.mu.Lock()
	own := r.board.Digests()
	r.mu.Unlock()
	fetched := 0
	for i, theirs := range resp.Digests {
		if theirs == own[i] || theirs == (common.Hash{}) {
			continue // equal, or nothing to be had
		}
		if fetched++; fetched > maxBuckets {
			break
		}
		req := p2p.SyncRequest{Kind: p2p.SyncBucket, Bucket: uint8(i), Limit: p2p.MaxSyncItems}
		if err := r.fetchPages(ctx, network, peer, kindRepair, req); err != nil {
			return err
		}
	}
	return nil
}

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
