package testnet_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// traces are the spans of all peers of a network, by peer.
type traces struct {
	mu    sync.Mutex
	peers map[string]*tracetest.InMemoryExporter
}

func (s *traces) tracer(name string, _ p2p.Role) (*tracing.Tracer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peers[name] = tracetest.NewInMemoryExporter()
	return tracing.New(tracing.NewProvider(sdk.WithSyncer(s.peers[name]))), nil
}

// names are the spans that a peer has of a payment, sorted.
func (s *traces) names(t *testing.T, peer string, id fastpay.ID) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, span := range s.peers[peer].GetSpans() {
		if span.SpanContext.TraceID() != trace.TraceID(id[:16]) {
			continue
		}
		require.False(t, span.EndTime.Before(span.StartTime), span.Name)
		require.Equal(t, codes.Unset, span.Status.Code, "%s: %s", span.Name, span.Status.Description)
		names = append(names, span.Name)
	}
	slices.Sort(names)
	return names
}

// Who knows a payment's id finds its way through every peer in one trace, although
// nothing about traces goes over the wire.
func TestOneTraceFollowsAPaymentThroughAllPeers(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		spans := &traces{peers: make(map[string]*tracetest.InMemoryExporter)}
		v := startVirtual(t, 1, func(cfg *testnet.Config) { cfg.Tracer = spans.tracer })
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		result, err := v.Play(ctx, func(testnet.Event) {})
		require.NoError(t, err)
		require.Equal(t, testnet.Pass, result.Verdict, result.Reason)

		seen := []string{"payment.certified", "payment.first_seen", "payment.included"}
		voted := append([]string{"validator.decide", "validator.journal", "validator.sign"}, seen...)
		paid := append([]string{"client.pay", "client.submit", "client.submit"}, seen...)
		for _, hop := range result.Hops {
			settled := 0
			for _, peer := range v.Peers {
				names := spans.names(t, peer.Name, hop.ID)
				// Whose turn it is hands the payment to its node, maybe more than once.
				of := func(name string) bool { return name == "validator.settle" || name == "payment.queued" }
				if slices.ContainsFunc(names, of) {
					settled++
				}
				names = slices.DeleteFunc(names, of)
				want := seen
				switch {
				case peer.Validator != nil:
					want = voted
				case slices.Contains(names, "client.pay"):
					want = paid
				}
				require.ElementsMatch(t, want, names, "%s of %s", hop.Name, peer.Name)
			}
			require.Positive(t, settled, "nobody handed %s to a node", hop.Name)
		}
	})
}
