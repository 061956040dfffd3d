package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"
)

// Bounds of what a Replica asks for, and of how long it waits for a peer that
// does not answer, or never comes to an end.
const (
	// maxJoined is the number of new peers waiting to be caught up with. One that
	// does not fit is reached by the next repair.
	maxJoined = 64
	// maxStrangers is the number of peers that are no members and are caught up
	// with at once: anybody can be one. Members are always caught up with.
	maxStrangers = 4
	// strangerTimeout is how long catching up with one of those may take.
	strangerTimeout = time.Minute
	// maxPages bounds the pages of one answer: a million payments, more than a
	// peer keeps that is no aggregator.
	maxPages = 4096
	// maxLanePages is the same for one lane: far more slots than can be pending.
	maxLanePages = 16
	// maxAsked is the number of peers asked the same at once.
	maxAsked = 8
	// maxBuckets is the number of differing buckets that one repair fetches. Each
	// repair begins elsewhere, so that buckets that never agree hide no others.
	maxBuckets = 16
	// repairInterval is the time between two comparisons with a peer. What gossip
	// and the targeted requests lost is back after about this long.
	repairInterval = 5 * time.Second
	// repairTimeout bounds one comparison.
	repairTimeout = 30 * time.Second
	// fetchTimeout bounds one request for a page, which may be large.
	fetchTimeout = 10 * time.Second
	// askTimeout bounds one request for a few payments: who is slower holds up
	// nobody else for longer.
	askTimeout = 3 * time.Second
	// hedgeDelay is how long one peer is waited for before the next one is asked
	// too.
	hedgeDelay = 300 * time.Millisecond
	// wantDelay lets the payment that a vote names arrive by gossip first, where a
	// neighbour forwards payments, and is the least time between two looks at what is wanted.
	wantDelay = 50 * time.Millisecond
)

// Why sync was asked, as metrics name it.
const (
	kindJoin    = "join"
	kindWanted  = "wanted"
	kindRepair  = "repair"
	kindLane    = "lane"
	kindIDs     = "ids"
	kindAccount = "account"
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

// Run catches up with every new peer, asks for payments that votes name, compares
// with a peer now and then, and answers the Board's questions about the chain,
// until ctx ends.
func (r *Replica) Run(ctx context.Context, network Node) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.runJoined(ctx, network) })
	g.Go(func() error { return r.runWanted(ctx, network) })
	g.Go(func() error { return r.runRepair(ctx, network) })
	if r.cfg.Chain != nil {
		g.Go(func() error { return r.runQuestions(ctx) })
	}
	return g.Wait()
}

// runJoined takes everything that a new peer has. Gossip before its connection
// is lost to this peer otherwise. A peer that never comes to an end keeps nobody
// else waiting.
func (r *Replica) runJoined(ctx context.Context, network Network) error {
	var g errgroup.Group
	busy := make(map[p2p.PeerID]bool) // true for strangers
	done := make(chan p2p.PeerID)
	strangers := 0
	for {
		select {
		case <-ctx.Done():
			_ = g.Wait() // they return nothing
			return ctx.Err()
		case id := <-done:
			if busy[id] {
				strangers--
			}
			delete(busy, id)
		case peer := <-r.joined:
			stranger := peer.Member == nil
			if _, running := busy[peer.ID]; running || stranger && strangers == maxStrangers {
				continue // what goes on gets it, or the next repair
			}
			busy[peer.ID] = stranger
			if stranger {
				strangers++
			}
			g.Go(func() error {
				r.catchUpJoined(ctx, network, peer)
				select {
				case done <- peer.ID:
				case <-ctx.Done():
				}
				return nil
			})
		}
	}
}

// catchUpJoined catches up with a new peer, with a stranger for a limited time.
func (r *Replica) catchUpJoined(ctx context.Context, network Network, peer p2p.PeerInfo) {
	if peer.Member == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, strangerTimeout)
		defer cancel()
	}
	if err := r.CatchUp(ctx, network, peer); err != nil && ctx.Err() == nil {
		logger.Debugw("catching up", "peer", peer.ID, "error", err)
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
	for range maxPages {
		resp, err := r.fetch(ctx, network, peer, kind, req)
		if err != nil {
			return err
		}
		if !resp.More || bytes.Equal(resp.Next, req.Cursor) {
			return nil
		}
		req.Cursor = resp.Next
	}
	return fmt.Errorf("peer %s does not come to an end", peer.ID)
}

// fetch makes one request and adds what it brings to the Board.
func (r *Replica) fetch(ctx context.Context, network Network, peer p2p.PeerInfo, kind string, req p2p.SyncRequest) (p2p.SyncResponse, error) {
	asked, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	resp, err := network.Sync(asked, peer.ID, req)
	if err != nil {
		r.metrics.fetches.WithLabelValues(kind, "error").Inc()
		return resp, err
	}
	r.metrics.fetches.WithLabelValues(kind, "ok").Inc()
	fresh := 0
	var brought []*fastpay.Tx
	err = r.Update(func(b *fastpay.Board) {
		for _, item := range resp.Items {
			_, known := b.Tx(item.Tx.ID())
			if addItem(b, peer, item) {
				fresh++
			}
			_, held := b.Tx(item.Tx.ID())
			if _, certified := b.QC(item.Tx.ID()); held && !known && !certified {
				brought = append(brought, item.Tx)
			}
		}
	})
	r.metrics.recovered.WithLabelValues(kind).Add(float64(fresh))
	if r.cfg.OnPayment != nil {
		for _, tx := range brought {
			r.cfg.OnPayment(ctx, tx)
		}
	}
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

// runWanted asks for payments that votes name and gossip did not bring. In a network
// with many clients most are in nobody's mesh: members flood their votes to all, and
// payments come to those clients like this, or by an IHAVE of some later heartbeat.
func (r *Replica) runWanted(ctx context.Context, network Node) error {
	var g errgroup.Group
	defer func() { _ = g.Wait() }() // errands return nothing
	var looked time.Time
	var again <-chan time.Time
	for {
		gossiped := false // gossip may bring what is wanted
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again:
		case <-r.wake:
			gossiped = network.Forwarded()
		}
		wait := wantDelay
		if !gossiped {
			wait -= time.Since(looked)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		looked = time.Now()
		errands, later := r.takeWanted()
		if again = nil; later {
			again = time.After(hedgeDelay)
		}
		for _, e := range errands {
			g.Go(func() error {
				found, err := r.fetchWanted(ctx, network, e)
				if err != nil && ctx.Err() == nil {
					logger.Debugw("asking for voted payments", "payments", len(e.ids), "error", err)
				}
				r.mu.Lock()
				more := r.wanted.done(e, found, r.cfg.Now())
				r.mu.Unlock()
				if more {
					r.wakeWanted()
				}
				return nil
			})
		}
	}
}

// wakeWanted says that there are payments to be asked for.
func (r *Replica) wakeWanted() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// takeWanted returns the requests to make now, and whether others are to follow.
func (r *Replica) takeWanted() (errands []errand, later bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	errands, turnedAway, later := r.wanted.take(r.cfg.Now(), func(id fastpay.ID) bool {
		_, held := r.board.Tx(id)
		return held
	})
	r.metrics.turnedAway.Add(float64(turnedAway))
	return errands, later
}

// fetchWanted asks the connected peers for the payments that a member voted for, the next
// one when one has answered or is slow, until all are known, and reports whether they are.
// The member is the first: it holds what it voted for.
func (r *Replica) fetchWanted(ctx context.Context, network Network, e errand) (found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	ids, peers := e.ids, Greeted(network)
	if i := slices.IndexFunc(peers, e.isOf); i > 0 {
		peers[0], peers[i] = peers[i], peers[0]
	}
	answers := make(chan error, len(peers))
	var g errgroup.Group
	defer func() {
		cancel()
		_ = g.Wait() // they tell on answers
	}()
	var errs []error
	for open := 0; ; {
		if ids = r.unknown(ids); len(ids) == 0 {
			return true, nil
		}
		var hedge <-chan time.Time
		if len(peers) > 0 {
			peer, ask := peers[0], ids
			peers = peers[1:]
			g.Go(func() error {
				ctx, cancel := context.WithTimeout(ctx, askTimeout)
				defer cancel()
				answers <- r.ask(ctx, network, peer, kindWanted, ask)
				return nil
			})
			open++
			hedge = time.After(hedgeDelay)
		}
		if open == 0 {
			return false, errors.Join(errs...)
		}
		select {
		case err := <-answers:
			open--
			errs = append(errs, err)
		case <-hedge:
		}
	}
}

// ask asks one peer for payments.
func (r *Replica) ask(ctx context.Context, network Network, peer p2p.PeerInfo, kind string, ids []fastpay.ID) error {
	for part := range slices.Chunk(ids, p2p.MaxSyncItems) {
		if _, err := r.fetch(ctx, network, peer, kind, p2p.SyncRequest{Kind: p2p.SyncIDs, IDs: part}); err != nil {
			return err
		}
	}
	return nil
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
	return eachMember(ctx, network, func(ctx context.Context, peer p2p.PeerInfo) error {
		return r.ask(ctx, network, peer, kindIDs, ids)
	})
}

// FetchLane asks every connected validator for a lane from a slot on.
func (r *Replica) FetchLane(ctx context.Context, network Network, lane common.Hash, from uint64) error {
	return eachMember(ctx, network, func(ctx context.Context, peer p2p.PeerInfo) error {
		req := p2p.SyncRequest{Kind: p2p.SyncLane, Lane: lane, FromSeq: from, Limit: p2p.MaxSyncItems}
		for range maxLanePages {
			resp, err := r.fetch(ctx, network, peer, kindLane, req)
			if err != nil || !resp.More || len(resp.Items) == 0 {
				return err
			}
			// The last slot may have been cut.
			req.FromSeq = max(resp.Items[len(resp.Items)-1].Tx.Seq(), req.FromSeq+1)
		}
		return nil
	})
}

// FetchAccount asks every connected validator for the newest payments from and to an
// account: a wallet that lacks funds may only lack the news of a payment.
func (r *Replica) FetchAccount(ctx context.Context, network Network, account common.Address) error {
	return eachMember(ctx, network, func(ctx context.Context, peer p2p.PeerInfo) error {
		req := p2p.SyncRequest{Kind: p2p.SyncAccount, Account: account, Limit: p2p.MaxSyncItems}
		_, err := r.fetch(ctx, network, peer, kindAccount, req)
		return err
	})
}

// eachMember asks all connected validators, and returns when all have answered,
// failed or run out of time.
func eachMember(ctx context.Context, network Network, ask func(ctx context.Context, peer p2p.PeerInfo) error) error {
	peers := Greeted(network)
	errs := make([]error, len(peers))
	var g errgroup.Group
	g.SetLimit(maxAsked)
	for i, peer := range peers {
		if peer.Member == nil {
			break // members come first
		}
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			errs[i] = ask(ctx, peer)
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
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
	ctx, cancel := context.WithTimeout(ctx, repairTimeout)
	defer cancel()
	resp, err := r.fetch(ctx, network, peer, kindRepair, p2p.SyncRequest{Kind: p2p.SyncDigests})
	if err != nil {
		return err
	}
	r.mu.Lock()
	own := r.board.Digests()
	r.mu.Unlock()
	fetched := 0
	first := int(r.cfg.Jitter() * fastpay.Buckets)
	for n := range resp.Digests {
		i := (first + n) % fastpay.Buckets
		if theirs := resp.Digests[i]; theirs == own[i] || theirs == (common.Hash{}) {
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
