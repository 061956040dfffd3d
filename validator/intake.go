package validator

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
)

// Submit implements [p2p.Responder].
func (v *Validator) Submit(ctx context.Context, _ p2p.PeerID, items []fastpay.Payment) []p2p.SubmitResult {
	results := make([]p2p.SubmitResult, len(items))
	replies := make([]chan p2p.SubmitResult, len(items))
	for i, item := range items {
		results[i].ID = item.Tx.ID()
		if err := v.take(item, &replies[i]); err != nil {
			results[i].Reject = fastpay.RejectOf(err)
		}
	}
	for i, reply := range replies {
		if reply == nil {
			continue
		}
		select {
		case results[i] = <-reply:
		case <-ctx.Done():
			results[i].Reject = fastpay.RejectOf(fmt.Errorf("%w: no decision in time, ask again", fastpay.TemporaryUnavailable))
		}
	}
	return results
}

// take stores a submitted payment and queues it for the engine.
func (v *Validator) take(p fastpay.Payment, reply *chan p2p.SubmitResult) error {
	if err := v.replica.AddPayment(p); err != nil && !errors.Is(err, fastpay.ErrKnown) {
		return err
	}
	answer := make(chan p2p.SubmitResult, 1)
	select {
	case v.engine.requests <- request{p.Tx, answer, v.cfg.Now()}:
		*reply = answer
		return nil
	default:
		v.metrics.dropped.WithLabelValues("intake").Inc()
		return fastpay.ErrBusy
	}
}

// GossipPayment implements [p2p.Sink]: payments come by gossip too, from payers
// that reach only some of the members.
func (v *Validator) GossipPayment(from p2p.PeerID, p fastpay.Payment) error {
	if err := v.replica.GossipPayment(from, p); err != nil {
		return err
	}
	select {
	case v.engine.requests <- request{tx: p.Tx, came: v.cfg.Now()}:
	default:
		// It is on the Board and forwarded; its payer submits it again.
		v.metrics.dropped.WithLabelValues("intake").Inc()
	}
	return nil
}

// GossipBatch implements [p2p.Sink]. A vote of ours that our store does not know
// ends our part in its epoch (section 4.4), also if nobody has shown us its
// payment yet.
func (v *Validator) GossipBatch(from p2p.PeerID, b *fastpay.Batch) error {
	err := v.replica.GossipBatch(from, b)
	s, ok := v.engine.seats[b.CommitteeID()]
	if err != nil || !ok || s.index != b.Signer() {
		return err
	}
	for _, id := range b.IDs() {
		known, err := v.journal.has(id)
		if err != nil {
			return err
		}
		if known {
			continue
		}
		select {
		case v.engine.abstain <- gate{b.CommitteeID(), unknownVote(id)}:
		default: // one is enough
		}
	}
	return nil
}

// GossipHead implements [p2p.Sink].
func (v *Validator) GossipHead(from p2p.PeerID, h *fastpay.Head) error {
	return v.replica.GossipHead(from, h)
}

// GossipEvidence implements [p2p.Sink].
func (v *Validator) GossipEvidence(from p2p.PeerID, e *fastpay.Evidence) error {
	return v.replica.GossipEvidence(from, e)
}

// Sync implements [p2p.Responder]: answered from the start, also while this
// validator may not sign yet.
func (v *Validator) Sync(ctx context.Context, from p2p.PeerID, req p2p.SyncRequest) (p2p.SyncResponse, error) {
	return v.replica.Sync(ctx, from, req)
}
