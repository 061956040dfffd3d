// Package otlp exports the spans of a peer to the collector that the environment
// names, by the variables that the OpenTelemetry specification gives: nothing is
// exported, nor recorded, unless OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set. It knows HTTP with protobuf alone, which
// every collector takes.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/p2p/tracing"
	log "github.com/ipfs/go-log/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

var logger = log.Logger("allegro/otlp")

// Variables of the OpenTelemetry specification. The exporter and the SDK read more of
// them: headers, timeouts, samplers, the size of batches and of the queue.
const (
	Endpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	TracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	disabled       = "OTEL_SDK_DISABLED"
	exporters      = "OTEL_TRACES_EXPORTER"
)

// closeTimeout is how long the last spans may take to leave.
const closeTimeout = 2 * time.Second

// Peer is whose spans they are.
type Peer struct {
	Name, Role, Version string
}

// Export is a running export; nil: the environment wants none.
type Export struct {
	provider *sdk.TracerProvider
}

// Open returns the export of a peer's spans, or nil if the environment wants none. It
// does not connect: a collector that is away costs spans and a warning, never a
// payment. The error names a variable that asks for what this program cannot do.
func Open(ctx context.Context, peer Peer) (*Export, error) {
	if os.Getenv(Endpoint) == "" && os.Getenv(TracesEndpoint) == "" || strings.EqualFold(os.Getenv(disabled), "true") {
		return nil, nil
	}
	switch e := os.Getenv(exporters); e {
	case "", "otlp":
	case "none":
		return nil, nil
	default:
		return nil, fmt.Errorf("%s is %q: this program exports by otlp only, unset it or set it to none", exporters, e)
	}
	for _, name := range []string{tracesProtocol, protocol} {
		if p := os.Getenv(name); p != "" && p != "http/protobuf" {
			return nil, fmt.Errorf("%s is %q: this program speaks http/protobuf only, which collectors take on port 4318", name, p)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("exporting spans as the OTEL_ variables say: %w", err)
	}
	who, err := resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", "allegro"), attribute.String("service.version", peer.Version),
			attribute.String("service.instance.id", peer.Name), attribute.String("allegro.role", peer.Role),
		),
		resource.WithFromEnv(), // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
	)
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	warn()
	return &Export{tracing.NewProvider(sdk.WithBatcher(exporter), sdk.WithResource(who))}, nil
}

// warn sends what goes wrong with exporting to the log, once per process.
var warn = sync.OnceFunc(func() {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		logger.Warnw("spans were not exported, payments go on", "error", err)
	}))
})

// Tracer records the peer's spans; nil if nothing is exported.
func (e *Export) Tracer() *tracing.Tracer {
	if e == nil {
		return nil
	}
	return tracing.New(e.provider)
}

// Close exports what is left, for a moment. It says in the log what was lost.
func (e *Export) Close() {
	if e == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := e.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		logger.Warnw("the last spans were not exported", "error", err)
	}
}
