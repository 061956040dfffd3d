package tracing_test

import (
	"context"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"github.com/ethereum/go-ethereum/common"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Two peers that have told each other nothing record spans of the same trace: its id is
// the beginning of the payment's.
func ExampleTracer_Record() {
	id := fastpay.ID(common.HexToHash("0x0b1549f1b82223dd943b332a96dc754681b2183a812fefb868b264fcd047260a"))
	spans := tracetest.NewInMemoryExporter() // a real peer exports to a collector
	start := time.Unix(1_700_000_000, 0)
	for _, doing := range []string{"submit", "certify"} {
		provider := tracing.NewProvider(sdk.WithSyncer(spans))
		peer := tracing.New(provider)
		peer.Record(id, tracing.Span{Name: doing, Start: start, End: start.Add(4 * time.Millisecond)})
		defer func() {
			if err := provider.Shutdown(context.Background()); err != nil {
				fmt.Println(err)
			}
		}()
	}
	for _, s := range spans.GetSpans() {
		fmt.Println(s.SpanContext.TraceID(), s.Name, s.EndTime.Sub(s.StartTime))
	}
	// Output:
	// 0b1549f1b82223dd943b332a96dc7546 submit 4ms
	// 0b1549f1b82223dd943b332a96dc7546 certify 4ms
}
