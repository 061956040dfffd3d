package replica

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a Replica needs.
type Config struct {
	Rules  *fastpay.Rules
	Limits fastpay.BoardLimits
	// Chain is asked about lanes that were decided before this peer watched. nil:
	// nobody is.
	Chain LaneReader
	// Store keeps the evidence over restarts. nil keeps it in memory only.
	Store *Store
	// Now is the peer's clock. Only differences matter.
	Now func() time.Time
	// Boot tells this run of the peer from earlier ones: cursors that others
	// hold of an earlier run start over.
	Boot [8]byte
	// Jitter returns numbers in [0,1) that spread repairs in time.
	Jitter     func() float64
	Registerer prometheus.Registerer
	// Tracer records the stages of payments. nil: nothing is traced.
	Tracer *tracing.Tracer
	// VoteKey is the vote key of a validator: sync tells what it refused for good.
	// nil: nobody decides here.
	VoteKey ed25519.PublicKey
	// OnPayment hears of every payment without a QC that sync brought and that was
	// not held: a role that decides on payments gets those of gossip and submits
	// anyway. It may wait, while ctx lasts. nil: nobody decides here.
	OnPayment func(ctx context.Context, tx *fastpay.Tx)
	// OnEvidence hears of evidence that this peer put together, to publish it.
	// It must not block.
	OnEvidence func(*fastpay.Evidence)
}

// Network is what a Replica asks of its node.
type Network interface {
	// Sync makes one sync request; what comes back is verified.
	Sync(ctx context.Context, peer p2p.PeerID, req p2p.SyncRequest) (p2p.SyncResponse, error)
	// Peers describes the peers that the node knows.
	Peers() []p2p.PeerInfo
}

// Node is what a running Replica asks of its node.
type Node interface {
	Network
	// Forwarded reports whether a neighbour forwards payments to the node as they come.
	Forwarded() bool
}

// Greeted returns the connected peers that completed a hello, validators first:
// they hold what counts.
func Greeted(network Network) []p2p.PeerInfo {
	var members, others []p2p.PeerInfo
	for _, peer := range network.Peers() {
		switch {
		case peer.State != p2p.PeerReady:
		case peer.Member != nil:
			members = append(members, peer)
		default:
			others = append(others, peer)
		}
	}
	return append(members, others...)
}

// Replica owns one peer's Board. It implements [p2p.Sink] and the sync half of
// [p2p.Responder]. Safe for concurrent use.
type Replica struct {
	cfg     Config
	metrics *metrics

	mu        sync.Mutex // guards everything below
	board     *fastpay.Board
	timelines map[fastpay.ID]*Timeline
	awaiting  map[fastpay.ID]struct{} // QC formed, next height not seen
	blocks    []BlockSeen
	changed   chan struct{} // closed at the next change
	wanted    wants
	forks     forks
	failed    error

	joined  chan p2p.PeerInfo
	wake    chan struct{} // wanted is not empty
	asking  chan struct{} // holds one: a block whose questions nobody has asked
	hurried chan struct{} // holds one: questions that do not wait for a block
}

// New returns a Replica with what its store holds.
func New(cfg Config) (*Replica, error) {
	r := &Replica{
		cfg:       cfg,
		metrics:   newMetrics(cfg.Registerer),
		board:     fastpay.NewBoard(cfg.Rules, cfg.Limits),
		timelines: make(map[fastpay.ID]*Timeline),
		awaiting:  make(map[fastpay.ID]struct{}),
		changed:   make(chan struct{}),
		wanted:    newWants(),
		forks:     forks{raised: make(map[headKey]uint64)},
		joined:    make(chan p2p.PeerInfo, maxJoined),
		wake:      make(chan struct{}, 1),
		asking:    make(chan struct{}, 1),
		hurried:   make(chan struct{}, 1),
	}
	if cfg.Store == nil {
		return r, nil
	}
	skipped, err := cfg.Store.load(r.board)
	if err != nil {
		return nil, err
	}
	if skipped > 0 {
		logger.Warnw("stored evidence does not verify under this network file and was skipped", "items", skipped)
	}
	ids, _ := r.board.Since(0, r.board.Len())
	for _, id := range ids {
		// What an earlier run saw has no time on this run's clock.
		t := &Timeline{stage: r.board.Stage(id), Votes: make(map[int]time.Time)}
		t.note(Event{Kind: EventFirstSeen})
		for _, c := range r.board.Certificates(id) {
			t.Votes[c.Signer()] = time.Time{}
			t.note(Event{Kind: EventVote, Signer: c.Signer()})
		}
		if _, t.certified = r.board.QC(id); t.certified {
			t.note(Event{Kind: EventCertified})
		}
		r.timelines[id] = t
	}
	r.board.TakeProven()
	return r, nil
}

// Read lets f see the Board. f must not keep it, block, or change it.
func (r *Replica) Read(f func(*fastpay.Board)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r.board)
}

// Update lets f change the Board, stores what changed and wakes who waits. f
// must not keep the Board or block. The error is the store's: what f did stands
// in memory, but a later start may not know it.
func (r *Replica) Update(f func(*fastpay.Board)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.board.Version()
	f(r.board)
	return r.commit(before)
}

// commit follows up a change of the Board since a version. The caller holds mu.
func (r *Replica) commit(before uint64) error {
	proven := r.board.TakeProven()
	removed := r.board.TakeRemoved()
	if r.board.Version() == before && len(proven) == 0 && len(removed) == 0 {
		return r.failed
	}
	ids, _ := r.board.Since(before, r.board.Len())
	now := r.cfg.Now()
	for _, id := range ids {
		r.observe(id, now)
	}
	for _, id := range removed {
		if _, back := r.board.Tx(id); !back {
			delete(r.timelines, id)
			delete(r.awaiting, id)
		}
	}
	for _, e := range proven {
		r.metrics.convicted(e)
		if r.cfg.OnEvidence != nil {
			r.cfg.OnEvidence(e)
		}
	}
	r.metrics.observeBoard(r.board)
	r.notifyLocked()
	return r.persist(ids, removed, proven)
}

// persist stores changes without waiting for the disk: the next synced commit
// of the same store makes them durable.
func (r *Replica) persist(changed, removed []fastpay.ID, proven []*fastpay.Evidence) error {
	if r.cfg.Store == nil {
		return nil
	}
	if r.failed != nil {
		return r.failed
	}
	w := r.cfg.Store.NewWrite()
	var errs []error
	for _, set := range [][]fastpay.ID{changed, removed} {
		for _, id := range set {
			errs = append(errs, putPayment(w, r.board, id))
		}
	}
	for _, e := range proven {
		key := e.Key()
		errs = append(errs, w.Set(append([]byte{prefixEvidence}, key[:]...), e.Encode()))
	}
	if err := errors.Join(append(errs, r.cfg.Store.Commit(w, false))...); err != nil {
		r.failed = fmt.Errorf("storing evidence: %w", err)
		logger.Errorw("evidence is kept in memory only from here on", "error", err)
	}
	return r.failed
}

// Changed returns a channel that is closed at the next change of the Board. Take
// it before reading, so that no change is missed.
func (r *Replica) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// Wait blocks until done, which sees the Board under the lock, returns true.
func (r *Replica) Wait(ctx context.Context, done func(*fastpay.Board) bool) error {
	for {
		changed := r.Changed()
		ok := false
		r.Read(func(b *fastpay.Board) { ok = done(b) })
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Advance stores a step of the chain as the peer's own node sees it. What it makes
// the Board ask of the node is asked beside, by Run: payments that cost nothing
// hold up no block. seen is when this process first saw the latest block.
func (r *Replica) Advance(v fastpay.ChainView, seen time.Time) {
	if err := r.applyChain(v, seen); err != nil {
		logger.Errorw("evidence was not stored", "error", err)
	}
	select {
	case r.asking <- struct{}{}:
	default:
	}
}

func (r *Replica) applyChain(v fastpay.ChainView, seen time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.board.Version()
	r.observeBlock(v.Latest, seen)
	r.board.ApplyChain(v)
	r.compareHeads(v.Finalized)
	err := r.commit(before)
	if r.board.Version() == before {
		r.notifyLocked() // a height is news even if it changed no payment
	}
	return err
}

// GossipPayment implements [p2p.Sink]. A payment that came by a stream first is
// still forwarded once: the neighbours may not have it. One whose time is over is
// not taken: sync brings it to who wants it.
func (r *Replica) GossipPayment(_ p2p.PeerID, p fastpay.Payment) error {
	if err := r.checkExpiry(p.Tx); err != nil {
		return err
	}
	err := r.AddPayment(p)
	if err != nil && !errors.Is(err, fastpay.ErrKnown) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.timelines[p.Tx.ID()]
	if t == nil || t.gossiped {
		return err
	}
	t.gossiped = true
	return nil
}

// checkExpiry refuses a payment that no block can execute any more.
func (r *Replica) checkExpiry(tx *fastpay.Tx) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now, expiry := r.board.Finalized().Time, tx.Envelope().ValidBefore; now >= expiry {
		return fmt.Errorf("%w: valid_before %d has passed, the finalized time is %d", fastpay.Expired, expiry, now)
	}
	return nil
}

// AddPayment stores a verified payment with the QCs of its parents. It returns
// [fastpay.ErrKnown] if all of it is held, [fastpay.ErrBusy] if there is no room.
func (r *Replica) AddPayment(p fastpay.Payment) error {
	result := error(nil)
	err := r.Update(func(b *fastpay.Board) {
		fresh := false
		for _, qc := range p.Parents {
			fresh = b.AddQC(qc) == nil || fresh
		}
		result = b.AddTx(p.Tx)
		if fresh && errors.Is(result, fastpay.ErrKnown) {
			result = nil
		}
	})
	return errors.Join(result, err)
}

// GossipBatch implements [p2p.Sink]. Payments that it names and that are not
// known are asked for by sync.
func (r *Replica) GossipBatch(_ p2p.PeerID, batch *fastpay.Batch) error {
	result, want := error(nil), false
	err := r.Update(func(b *fastpay.Board) {
		result = b.AddBatch(batch)
		c, ok := b.Rules().Committee(batch.CommitteeID())
		if result != nil || !ok {
			return
		}
		for _, id := range batch.IDs() {
			if _, known := b.Tx(id); known {
				continue
			}
			if r.wanted.add(c, batch.Signer(), id) {
				want = true
			} else {
				r.metrics.turnedAway.Inc()
			}
		}
	})
	if want {
		r.wakeWanted()
	}
	return errors.Join(result, err)
}

// GossipEvidence implements [p2p.Sink].
func (r *Replica) GossipEvidence(_ p2p.PeerID, e *fastpay.Evidence) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.board.AddEvidence(e); err != nil {
		return err
	}
	a, b := e.Payments()
	logger.Warnw("equivocation proven", "kind", evidenceKind(e), "payer", a.Sender(), "tx_a", a.ID(), "tx_b", b.ID())
	r.metrics.convicted(e)
	r.notifyLocked()
	return r.persist(nil, nil, []*fastpay.Evidence{e})
}

// Failed returns why the store failed, or nil.
func (r *Replica) Failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// notifyLocked wakes who waits for a change. The caller holds mu.
func (r *Replica) notifyLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}
