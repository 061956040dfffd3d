package tracing

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope names the instrumentation in exported spans.
const scope = "github.com/allegro-p2p/allegro"

// TxID is the attribute with a payment's whole id, as 0x and 64 hex digits.
const TxID = attribute.Key("allegro.tx_id")

// Tracer records what a peer does with payments. The nil Tracer records nothing, and
// costs nothing. Safe for concurrent use.
type Tracer struct {
	tracer trace.Tracer
}

// NewProvider returns a provider whose traces are payments. Whoever makes it shuts it
// down, which exports what is left.
func NewProvider(options ...sdk.TracerProviderOption) *sdk.TracerProvider {
	return sdk.NewTracerProvider(append(options, sdk.WithIDGenerator(ids{}))...)
}

// New returns the tracer of a peer. The provider is one of [NewProvider]; nil: the
// nil Tracer.
func New(provider *sdk.TracerProvider) *Tracer {
	if provider == nil {
		return nil
	}
	return &Tracer{provider.Tracer(scope)}
}

// Span is something that a peer did with a payment, or that happened to it.
type Span struct {
	Name       string
	Start, End time.Time // a zero Start: at End
	Attributes []attribute.KeyValue
	Events     []Event
	// Failed says why it went wrong; empty: it did not.
	Failed string
}

// Event is a moment within a span.
type Event struct {
	Name       string
	At         time.Time
	Attributes []attribute.KeyValue
}

// On reports whether spans are recorded, for who would go to lengths to describe one.
func (t *Tracer) On() bool { return t != nil }

// Record records a span of a payment. It does not wait: what the exporter's queue has
// no room for is dropped there.
func (t *Tracer) Record(id fastpay.ID, s Span) {
	if t == nil {
		return
	}
	start := s.Start
	if start.IsZero() || start.After(s.End) {
		start = s.End
	}
	ctx := context.WithValue(context.Background(), payment{}, traceID(id))
	_, span := t.tracer.Start(ctx, s.Name, trace.WithTimestamp(start), trace.WithSpanKind(trace.SpanKindInternal))
	if span.IsRecording() {
		span.SetAttributes(append([]attribute.KeyValue{TxID.String(id.Hex())}, s.Attributes...)...)
		for _, e := range s.Events {
			span.AddEvent(e.Name, trace.WithTimestamp(e.At), trace.WithAttributes(e.Attributes...))
		}
		if s.Failed != "" {
			span.SetStatus(codes.Error, s.Failed)
		}
	}
	span.End(trace.WithTimestamp(s.End))
}

// payment is the key under which a context holds the trace id of a payment.
type payment struct{}

// traceID is the first half of a payment's id. It is a hash: no id that can occur is
// all zeros, which OpenTelemetry forbids.
func traceID(id fastpay.ID) trace.TraceID { return trace.TraceID(id[:16]) }

// ids makes the ids of spans: random ones in the trace that the context names.
type ids struct{}

func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, _ := ctx.Value(payment{}).(trace.TraceID)
	return id, newSpanID()
}

func (ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return newSpanID() }

// newSpanID is unpredictable to nobody who matters: it only has to differ.
func newSpanID() (id trace.SpanID) {
	for !id.IsValid() {
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
