package replica

import (
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"go.opentelemetry.io/otel/attribute"
)

// step adds a step to a payment's timeline, and tells the log and the trace of it:
// all that one peer sees of a payment is found by its id.
func (r *Replica) step(id fastpay.ID, t *Timeline, e Event) {
	if !t.note(e) {
		return
	}
	if e.Kind == EventVote {
		logger.Debugw("payment", "tx", id, "step", e.Kind, "height", e.Height, "signer", e.Signer)
		return // the QC's span has it
	}
	logger.Debugw("payment", "tx", id, "step", e.Kind, "height", e.Height)
	if r.cfg.Tracer.On() {
		r.cfg.Tracer.Record(id, t.span(e))
	}
}

// span is the way of a payment to a step: to its QC since this peer first saw it, to
// the chain since its QC, to finality since its block.
func (t *Timeline) span(e Event) tracing.Span {
	s := tracing.Span{
		Name: "payment." + string(e.Kind), Start: t.FirstSeen, End: e.At,
		Attributes: []attribute.KeyValue{attribute.Int64("allegro.height", int64(e.Height))},
	}
	switch e.Kind {
	case EventCertified:
		for _, vote := range t.Events {
			if vote.Kind == EventVote && !vote.At.IsZero() {
				s.Events = append(s.Events, tracing.Event{Name: "vote", At: vote.At, Attributes: []attribute.KeyValue{attribute.Int("allegro.signer", vote.Signer)}})
			}
		}
	case EventQueued, EventIncluded:
		s.Start = firstOf(t.QC, t.FirstSeen)
	case EventFinalized:
		s.Start = firstOf(t.Included, t.QC, t.FirstSeen)
	case EventRejected, EventExpired, EventFailed, EventConflicted:
		s.Failed = "the payment is over without effect"
	}
	return s
}

// firstOf returns the first moment that this run of the peer knows, else none.
func firstOf(moments ...time.Time) time.Time {
	for _, m := range moments {
		if !m.IsZero() {
			return m
		}
	}
	return time.Time{}
}
