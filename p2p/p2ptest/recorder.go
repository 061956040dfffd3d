package p2ptest

import (
	"context"
	"sync"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
)

// Recorder is a [p2p.Sink] and [p2p.Responder] that keeps what it gets, and calls new
// what is new and known what it has. How it judges and answers can be changed at any
// time. Safe for concurrent use.
type Recorder struct {
	mu     sync.Mutex
	judge  func(from p2p.PeerID, v any) error
	submit SubmitFunc
	sync   SyncFunc

	seen     map[string]bool
	payments []fastpay.Payment
	batches  []*fastpay.Batch
	heads    []*fastpay.Head
	evidence []*fastpay.Evidence
	changed  chan struct{} // closed at the next arrival
}

var (
	_ p2p.Sink      = (*Recorder)(nil)
	_ p2p.Responder = (*Recorder)(nil)
)

// SubmitFunc answers submits as [p2p.Responder] does.
type SubmitFunc func(ctx context.Context, from p2p.PeerID, items []fastpay.Payment) []p2p.SubmitResult

// SyncFunc answers sync requests as [p2p.Responder] does.
type SyncFunc func(ctx context.Context, from p2p.PeerID, req p2p.SyncRequest) (p2p.SyncResponse, error)

// JudgeBy makes f decide on gossip before it is kept; nil accepts all. v is a
// fastpay.Payment, *fastpay.Batch, *fastpay.Head or *fastpay.Evidence.
func (r *Recorder) JudgeBy(f func(from p2p.PeerID, v any) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judge = f
}

// SubmitBy makes f answer submits; nil refuses every payment as
// TEMPORARY_UNAVAILABLE.
func (r *Recorder) SubmitBy(f SubmitFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.submit = f
}

// SyncBy makes f answer sync requests; nil answers with nothing.
func (r *Recorder) SyncBy(f SyncFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sync = f
}

// GossipPayment keeps a payment.
func (r *Recorder) GossipPayment(from p2p.PeerID, p fastpay.Payment) error {
	return r.keep(from, p, "tx"+string(p.Tx.Encode()), func() { r.payments = append(r.payments, p) })
}

// GossipBatch keeps votes.
func (r *Recorder) GossipBatch(from p2p.PeerID, b *fastpay.Batch) error {
	return r.keep(from, b, "cert"+string(b.Encode()), func() { r.batches = append(r.batches, b) })
}

// GossipHead keeps a head.
func (r *Recorder) GossipHead(from p2p.PeerID, h *fastpay.Head) error {
	return r.keep(from, h, "head"+string(h.Encode()), func() { r.heads = append(r.heads, h) })
}

// GossipEvidence keeps evidence.
func (r *Recorder) GossipEvidence(from p2p.PeerID, e *fastpay.Evidence) error {
	return r.keep(from, e, "evidence"+string(e.Encode()), func() { r.evidence = append(r.evidence, e) })
}

// keep judges a value, and adds it and wakes waiters unless it is known.
func (r *Recorder) keep(from p2p.PeerID, v any, key string, add func()) error {
	r.mu.Lock()
	judge := r.judge
	r.mu.Unlock()
	if judge != nil {
		if err := judge(from, v); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[key] {
		return fastpay.ErrKnown
	}
	if r.seen == nil {
		r.seen = make(map[string]bool)
	}
	r.seen[key] = true
	add()
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
	return nil
}

// Submit answers a submit.
func (r *Recorder) Submit(ctx context.Context, from p2p.PeerID, items []fastpay.Payment) []p2p.SubmitResult {
	r.mu.Lock()
	answer := r.submit
	r.mu.Unlock()
	if answer != nil {
		return answer(ctx, from, items)
	}
	results := make([]p2p.SubmitResult, len(items))
	for i := range items {
		results[i].Reject = fastpay.RejectOf(fastpay.TemporaryUnavailable)
	}
	return results
}

// Sync answers a sync request.
func (r *Recorder) Sync(ctx context.Context, from p2p.PeerID, req p2p.SyncRequest) (p2p.SyncResponse, error) {
	r.mu.Lock()
	answer := r.sync
	r.mu.Unlock()
	if answer != nil {
		return answer(ctx, from, req)
	}
	resp := p2p.SyncResponse{}
	if req.Kind == p2p.SyncDigests {
		resp.Digests = make([]fastpay.ID, p2p.SyncBuckets)
	}
	return resp, nil
}

// Payments returns the payments that came, in order.
func (r *Recorder) Payments() []fastpay.Payment {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]fastpay.Payment(nil), r.payments...)
}

// Batches returns the votes that came, in order.
func (r *Recorder) Batches() []*fastpay.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*fastpay.Batch(nil), r.batches...)
}

// Heads returns the heads that came, in order.
func (r *Recorder) Heads() []*fastpay.Head {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*fastpay.Head(nil), r.heads...)
}

// Evidence returns the evidence that came, in order.
func (r *Recorder) Evidence() []*fastpay.Evidence {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*fastpay.Evidence(nil), r.evidence...)
}

// Await returns when done holds, which it asks after each arrival, or with the
// context's error.
func (r *Recorder) Await(ctx context.Context, done func() bool) error {
	for {
		r.mu.Lock()
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		if done() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
