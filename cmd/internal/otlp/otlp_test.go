package otlp_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/otlp"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collect runs a collector and returns where it is and what it gets.
func collect(t *testing.T) (string, <-chan *collector.ExportTraceServiceRequest) {
	t.Helper()
	got := make(chan *collector.ExportTraceServiceRequest, 8)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body = unzipped
		}
		data, err := io.ReadAll(body)
		req := new(collector.ExportTraceServiceRequest)
		if err != nil || proto.Unmarshal(data, req) != nil {
			http.Error(w, "no export request", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		got <- req
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

var peer = otlp.Peer{Name: "dave", Role: "validator", Version: "v1"}

// A payment's spans reach a collector under the payment's own trace id, with the name
// of the peer.
func TestSpansReachACollector(t *testing.T) {
	url, got := collect(t)
	t.Setenv(otlp.Endpoint, url)
	export, err := otlp.Open(t.Context(), peer)
	require.NoError(t, err)
	id := fastpay.ID{1, 2, 3}
	end := time.Unix(1_700_000_000, 5_000_000)
	export.Tracer().Record(id, tracing.Span{Name: "validator.sign", Start: end.Add(-time.Millisecond), End: end, Failed: "no disk"})
	export.Close()

	spans := (<-got).ResourceSpans
	require.Len(t, spans, 1)
	who := make(map[string]string)
	for _, a := range spans[0].Resource.Attributes {
		who[a.Key] = a.Value.GetStringValue()
	}
	require.Equal(t, map[string]string{"service.name": "allegro", "service.version": "v1", "service.instance.id": "dave", "allegro.role": "validator"}, who)
	span := spans[0].ScopeSpans[0].Spans[0]
	require.Equal(t, id[:16], span.TraceId)
	require.Empty(t, span.ParentSpanId)
	require.Equal(t, "validator.sign", span.Name)
	require.EqualValues(t, end.UnixNano(), span.EndTimeUnixNano)
	require.EqualValues(t, time.Millisecond, span.EndTimeUnixNano-span.StartTimeUnixNano)
	require.Equal(t, "no disk", span.Status.Message)
	require.Equal(t, id.Hex(), span.Attributes[0].Value.GetStringValue())
}

// Nothing is exported unless the environment asks for it, and what cannot be done is
// said.
func TestOnlyTheEnvironmentTurnsItOn(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		on   bool
		says string
	}{
		"nothing set":          {},
		"an endpoint":          {env: map[string]string{otlp.Endpoint: "http://127.0.0.1:4318"}, on: true},
		"an endpoint of spans": {env: map[string]string{otlp.TracesEndpoint: "http://127.0.0.1:4318/v1/traces"}, on: true},
		"disabled":             {env: map[string]string{otlp.Endpoint: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}},
		"no exporter":          {env: map[string]string{otlp.Endpoint: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}},
		"another exporter":     {env: map[string]string{otlp.Endpoint: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "zipkin"}, says: "OTEL_TRACES_EXPORTER"},
		"gRPC":                 {env: map[string]string{otlp.Endpoint: "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, says: "http/protobuf"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{otlp.Endpoint, otlp.TracesEndpoint, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
				t.Setenv(key, test.env[key])
			}
			export, err := otlp.Open(t.Context(), peer)
			if test.says != "" {
				require.ErrorContains(t, err, test.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.on, export.Tracer().On())
			export.Tracer().Record(fastpay.ID{1}, tracing.Span{})
			if !test.on {
				export.Close()
			}
		})
	}
}

// A collector that is away costs spans, and nothing else.
func TestACollectorThatIsAwayHoldsUpNobody(t *testing.T) {
	t.Setenv(otlp.Endpoint, "http://127.0.0.1:1")
	export, err := otlp.Open(t.Context(), peer)
	require.NoError(t, err)
	for range 10_000 { // several times what the queue holds
		export.Tracer().Record(fastpay.ID{1}, tracing.Span{End: time.Unix(1, 0)})
	}
	export.Close()
}
