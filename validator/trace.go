package validator

import (
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"go.opentelemetry.io/otel/attribute"
)

// traceDecision records how long a payment waited for its decision: code is of the
// refusal, empty if it is a vote. One that is tried again and refused again is no news.
func (e *engine) traceDecision(req request, code fastpay.Code) {
	if !e.cfg.Tracer.On() || code != "" && req.came.IsZero() {
		return
	}
	decision := "vote"
	if code != "" {
		decision = string(code)
	}
	e.cfg.Tracer.Record(req.tx.ID(), tracing.Span{
		Name: "validator.decide", Start: req.came, End: e.cfg.Now(),
		Attributes: []attribute.KeyValue{attribute.String("allegro.decision", decision), attribute.Int64("allegro.height", int64(e.header.Number))},
	})
}

// traceBatch records what was done for each payment of a batch at once.
func (v *Validator) traceBatch(name string, ids []fastpay.ID, start time.Time, err error) {
	if !v.cfg.Tracer.On() {
		return
	}
	end := v.cfg.Now()
	for _, id := range ids {
		v.cfg.Tracer.Record(id, tracing.Span{
			Name: name, Start: start, End: end, Failed: text(err),
			Attributes: []attribute.KeyValue{attribute.Int("allegro.batch_size", len(ids))},
		})
	}
}

// traceSettlement records one attempt to hand a payment to the node.
func (v *Validator) traceSettlement(id fastpay.ID, start time.Time, result string, err error) {
	v.cfg.Tracer.Record(id, tracing.Span{
		Name: "validator.settle", Start: start, End: v.cfg.Now(), Failed: text(err),
		Attributes: []attribute.KeyValue{attribute.String("allegro.result", result)},
	})
}

// text is what an error says; nil says nothing.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// idsOf names the payments of a batch.
func idsOf(batch []*fastpay.Promise) []fastpay.ID {
	ids := make([]fastpay.ID, len(batch))
	for i, p := range batch {
		ids[i] = p.Tx.ID()
	}
	return ids
}
