package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/stretchr/testify/require"
)

// serveFakes runs a server of fakes for the length of a test.
func serveFakes(t *testing.T, f *fakes) *served {
	t.Helper()
	v := serve(t, f.server(t))
	t.Cleanup(func() { require.NoError(t, v.stop()) })
	return v
}

// TestOnlyKnownHostsAreAnswered: a page elsewhere that makes its own name point here gets
// nothing, whatever it asks for.
func TestOnlyKnownHostsAreAnswered(t *testing.T) {
	f := newFakes(t)
	f.config.Hosts = []string{"Wallet.example.org"}
	v := serveFakes(t, f)
	for _, host := range []string{"localhost", "localhost:8080", "LOCALHOST:8080", "127.0.0.1:8080", "192.168.1.7:8080", "[::1]:8080", "[::1]", "wallet.example.org:443"} {
		require.Equal(t, http.StatusOK, v.do(http.MethodGet, "/version", "", func(r *http.Request) { r.Host = host }).StatusCode, host)
	}
	for _, host := range []string{"evil.example.org", "evil.example.org:8080", "localhost.evil.example.org", "127.0.0.1.evil.example.org"} {
		for _, path := range []string{"/version", "/api/v1/payments", "/", "/metrics"} {
			requireError(t, v.do(http.MethodGet, path, "", func(r *http.Request) { r.Host = host }), http.StatusMisdirectedRequest, httpapi.WrongHost)
		}
	}
	require.Equal(t, 16.0, f.counter(t, "allegro_http_refused_total", httpapi.WrongHost))
}

// TestOnlyListedOriginsReadAndWrite: a browser is told of a listed origin, never of any,
// and a page of another one cannot write.
func TestOnlyListedOriginsReadAndWrite(t *testing.T) {
	f := newFakes(t)
	f.config.Origins = []string{"https://wallet.example.org"}
	v := serveFakes(t, f)
	listed, other := header("Origin", "https://wallet.example.org"), header("Origin", "https://evil.example.org")

	a := v.do(http.MethodGet, "/version", "", listed)
	require.Equal(t, "https://wallet.example.org", a.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, a.Header.Values("Vary"), "Origin")
	a = v.do(http.MethodGet, "/version", "", other)
	require.Equal(t, http.StatusOK, a.StatusCode, "programs say anything")
	require.Empty(t, a.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, a.Header.Values("Vary"), "Origin")

	a = v.do(http.MethodOptions, "/api/v1/submit-raw-tx", "", func(r *http.Request) {
		listed(r)
		r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	})
	require.Equal(t, http.StatusNoContent, a.StatusCode)
	require.Contains(t, a.Header.Get("Access-Control-Allow-Methods"), http.MethodPost)
	require.Contains(t, a.Header.Get("Access-Control-Allow-Headers"), "Content-Type")
	a = v.do(http.MethodOptions, "/api/v1/submit-raw-tx", "", func(r *http.Request) {
		other(r)
		r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	})
	require.Empty(t, a.Header.Get("Access-Control-Allow-Methods"))

	for _, path := range []string{"/api/v1/submit-raw-tx", "/api/v1/demo/chained-flow"} {
		requireError(t, v.do(http.MethodPost, path, "{}", other), http.StatusForbidden, httpapi.WrongOrigin)
		require.NotEqual(t, http.StatusForbidden, v.do(http.MethodPost, path, "{}", listed).StatusCode)
		require.NotEqual(t, http.StatusForbidden, v.do(http.MethodPost, path, "{}", header("Origin", "http://localhost:8080")).StatusCode)
		require.NotEqual(t, http.StatusForbidden, v.do(http.MethodPost, path, "{}", nil).StatusCode)
	}
}

// TestAnswersCannotBeMadeMoreOf: every answer has the headers that keep a browser from
// running, framing or guessing it.
func TestAnswersCannotBeMadeMoreOf(t *testing.T) {
	v := serveFakes(t, newFakes(t))
	for _, path := range []string{"/version", "/nothing", "/api/v1/payments", "/openapi.yaml", "/metrics"} {
		a := v.get(path)
		require.Equal(t, "default-src 'none'; frame-ancestors 'none'", a.Header.Get("Content-Security-Policy"), path)
		require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "DENY", a.Header.Get("X-Frame-Options"), path)
		require.Equal(t, "no-referrer", a.Header.Get("Referrer-Policy"), path)
	}
}

// TestAnAddressHasARate: who asks too often is told to wait, and nobody else waits; reads
// do not use up what writes may.
func TestAnAddressHasARate(t *testing.T) {
	f := newFakes(t)
	f.config.Limits.Requests, f.config.Limits.Burst = 1e-6, 3
	f.config.Limits.Writes, f.config.Limits.WriteBurst = 1e-6, 1
	v := serveFakes(t, f)
	for range 3 {
		require.Equal(t, http.StatusOK, v.get("/version").StatusCode)
	}
	a := v.get("/version")
	requireError(t, a, http.StatusTooManyRequests, httpapi.RateLimited)
	require.Equal(t, "1", a.Header.Get("Retry-After"))
	requireError(t, v.do(http.MethodPost, "/api/v1/submit-raw-tx", "{}", nil), http.StatusBadRequest, "INVALID_FORMAT")
	requireError(t, v.do(http.MethodPost, "/api/v1/submit-raw-tx", "{}", nil), http.StatusTooManyRequests, httpapi.RateLimited)
	require.Equal(t, 2.0, f.counter(t, "allegro_http_refused_total", httpapi.RateLimited))

	for _, from := range []string{"10.0.0.2:1", "[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1"} {
		v.client = v.listener.Client(from)
		require.Equal(t, http.StatusOK, v.get("/version").StatusCode, from)
		v.client.CloseIdleConnections()
	}
	v.client = v.listener.Client("[2001:db8:0:1:ffff::9]:1")
	for range 2 {
		require.Equal(t, http.StatusOK, v.get("/version").StatusCode)
	}
	requireError(t, v.get("/version"), http.StatusTooManyRequests, httpapi.RateLimited)
}

// TestBodiesAreRefused: a body that is too large, of another type, no JSON, or has a
// member that nobody reads.
func TestBodiesAreRefused(t *testing.T) {
	v := serveFakes(t, newFakes(t))
	const submit, prepare = "/api/v1/submit-raw-tx", "/api/v1/payments/prepare"
	large := `{"signed_tx":"0x` + strings.Repeat("00", 64<<10) + `"}`
	for _, path := range []string{submit, prepare} {
		requireError(t, v.do(http.MethodPost, path, large, nil), http.StatusRequestEntityTooLarge, httpapi.BodyTooLarge)
		requireError(t, v.do(http.MethodPost, path, `{}`, header("Content-Type", "text/plain")), http.StatusUnsupportedMediaType, httpapi.WrongMediaType)
		requireError(t, v.do(http.MethodPost, path, `{`, nil), http.StatusBadRequest, httpapi.BadRequest)
		requireError(t, v.do(http.MethodPost, path, `{} {}`, nil), http.StatusBadRequest, httpapi.BadRequest)
		doc := requireError(t, v.do(http.MethodPost, path, `{"signed_txx":"0x00"}`, nil), http.StatusBadRequest, httpapi.BadRequest)
		require.Contains(t, doc["error"], "signed_txx")
	}
}

// TestWhatTheAPIDoesNotHave: another path and another method are told apart, in JSON.
func TestWhatTheAPIDoesNotHave(t *testing.T) {
	v := serveFakes(t, newFakes(t))
	requireError(t, v.get("/api/v1/nothing"), http.StatusNotFound, httpapi.NotFound)
	requireError(t, v.get("/api/v2/payments"), http.StatusNotFound, httpapi.NotFound)
	requireError(t, v.get("/"), http.StatusNotFound, httpapi.NotFound)
	a := v.get("/api/v1/submit-raw-tx")
	requireError(t, a, http.StatusMethodNotAllowed, httpapi.MethodNotAllowed)
	require.Equal(t, "POST", a.Header.Get("Allow"))
	for _, path := range []string{"/api/v1/payments", "/healthz"} {
		a = v.do(http.MethodPost, path, "{}", nil)
		requireError(t, a, http.StatusMethodNotAllowed, httpapi.MethodNotAllowed)
		require.Equal(t, "GET", a.Header.Get("Allow"))
	}
}

// TestThePageIsBehindTheAPI: what is no route is the page's, with a policy of its own.
func TestThePageIsBehindTheAPI(t *testing.T) {
	f := newFakes(t)
	f.config.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		_, _ = io.WriteString(w, "page "+r.URL.Path)
	})
	v := serveFakes(t, f)
	for _, path := range []string{"/", "/assets/x.js"} {
		a := v.get(path)
		require.Equal(t, "page "+path, string(a.body))
		require.Equal(t, "default-src 'self'", a.Header.Get("Content-Security-Policy"))
	}
	requireError(t, v.get("/api/nothing"), http.StatusNotFound, httpapi.NotFound)
	requireError(t, v.do(http.MethodPost, "/", "{}", nil), http.StatusNotFound, httpapi.NotFound)
	requireError(t, v.do(http.MethodPost, "/healthz", "{}", nil), http.StatusMethodNotAllowed, httpapi.MethodNotAllowed)
}

// TestRequestsAreCounted: by route as the table has it, so that nobody can make series.
func TestRequestsAreCounted(t *testing.T) {
	f := newFakes(t)
	v := serveFakes(t, f)
	v.get("/api/v1/payments/0x01")
	v.get("/api/v1/payments/0x02")
	v.get("/nothing/1")
	v.get("/nothing/2")
	require.Equal(t, 2.0, f.counter(t, "allegro_http_requests_total", "GET /api/v1/payments/{id}"))
	require.Equal(t, 2.0, f.counter(t, "allegro_http_requests_total", "/"))
	require.Contains(t, string(v.get("/metrics").body), "allegro_http_request_seconds_bucket")
}

// TestConfigNamesWhatIsMissing: a server is not made with a part missing, or with a host
// or an origin that would never match.
func TestConfigNamesWhatIsMissing(t *testing.T) {
	for _, tc := range []struct {
		want string
		edit func(*httpapi.Config)
	}{
		{"no network file", func(c *httpapi.Config) { c.File = nil }},
		{"no network file", func(c *httpapi.Config) { c.Rules = nil }},
		{"no aggregator", func(c *httpapi.Config) { c.Archive = nil }},
		{"no aggregator", func(c *httpapi.Config) { c.Chain = nil }},
		{"no aggregator", func(c *httpapi.Config) { c.Node = nil }},
		{"no aggregator", func(c *httpapi.Config) { c.Relay = nil }},
		{"no aggregator", func(c *httpapi.Config) { c.Describer = nil }},
		{"no clock", func(c *httpapi.Config) { c.Now = nil }},
		{"no metrics", func(c *httpapi.Config) { c.Gatherer = nil }},
		{"limits of body", func(c *httpapi.Config) { c.Limits.Streams = 0 }},
		{"limits of requests", func(c *httpapi.Config) { c.Limits.Writes = 0 }},
		{"limits of time", func(c *httpapi.Config) { c.Limits.Slow = 0 }},
		{`host "*"`, func(c *httpapi.Config) { c.Hosts = []string{"*"} }},
		{`host "a:80"`, func(c *httpapi.Config) { c.Hosts = []string{"a:80"} }},
		{`origin "*"`, func(c *httpapi.Config) { c.Origins = []string{"*"} }},
		{`origin "https://a/b"`, func(c *httpapi.Config) { c.Origins = []string{"https://a/b"} }},
	} {
		f := newFakes(t)
		tc.edit(&f.config)
		_, err := httpapi.New(f.config)
		require.ErrorContains(t, err, tc.want)
	}
}

// TestHealthAndReadinessSayWhy: a disk that failed wants a restart; what is late or not
// reached is told with its cause.
func TestHealthAndReadinessSayWhy(t *testing.T) {
	f := newFakes(t)
	v := serveFakes(t, f)
	for _, at := range []string{"", "/api/v1"} {
		require.Equal(t, http.StatusOK, v.get(at+"/healthz").StatusCode)
		a := v.get(at + "/readyz")
		require.Equal(t, http.StatusServiceUnavailable, a.StatusCode)
		require.Contains(t, string(a.body), "the chain node has shown no block yet")
		require.Contains(t, string(a.body), "validator 1 (edgar): it is away")
	}
	requireError(t, v.get("/api/v1/chain/head"), http.StatusServiceUnavailable, httpapi.NotReady)
	f.block(1)
	require.NotContains(t, string(v.get("/readyz").body), "no block yet")
	require.Equal(t, http.StatusOK, v.get("/api/v1/chain/head").StatusCode)

	f.mu.Lock()
	f.failed = errors.New("store failed: check the disk, then start again")
	f.mu.Unlock()
	for _, path := range []string{"/healthz", "/readyz"} {
		a := v.get(path)
		require.Equal(t, http.StatusServiceUnavailable, a.StatusCode)
		require.Contains(t, string(a.body), "check the disk")
	}
	requireError(t, v.get("/api/v1/payments"), http.StatusInternalServerError, httpapi.Internal)
}

// TestANodeThatDoesNotAnswerIsNotWaitedForForEver: the request ends in time and says so.
func TestANodeThatDoesNotAnswerIsNotWaitedForForEver(t *testing.T) {
	f := newFakes(t)
	f.config.Limits.Request = 1 // at once
	f.funds = func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	v := serveFakes(t, f)
	requireError(t, v.get("/api/v1/accounts/0x00000000000000000000000000000000000a11ce"), http.StatusGatewayTimeout, httpapi.Deadline)
}
