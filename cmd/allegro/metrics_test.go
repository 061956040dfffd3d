package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsServer serves the metrics of a peer that has worked a little.
func metricsServer(t *testing.T) *httptest.Server {
	t.Helper()
	registry := prometheus.NewRegistry()
	height := prometheus.NewGauge(prometheus.GaugeOpts{Name: "allegro_chain_height", Help: "Height."})
	age := prometheus.NewGauge(prometheus.GaugeOpts{Name: "allegro_chain_head_age_seconds", Help: "Age."})
	stages := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "allegro_tx_stage_total", Help: "Stages."}, []string{"stage"})
	latency := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "allegro_qc_latency_seconds", Help: "Latency.", Buckets: []float64{.001, .01, .1, 1}}, []string{"role"})
	depth := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "allegro_qc_depth", Help: "Depth.", Buckets: []float64{1, 2}})
	foreign := prometheus.NewCounter(prometheus.CounterOpts{Name: "libp2p_swarm_dials_total", Help: "Dials."})
	summary := prometheus.NewSummary(prometheus.SummaryOpts{Name: "go_gc_duration_seconds", Help: "GC.", Objectives: map[float64]float64{0.5: 0.01, 0.99: 0.001}})
	registry.MustRegister(height, age, stages, latency, depth, foreign, summary)
	height.Set(41)
	age.Set(1.25)
	stages.WithLabelValues("CERTIFIED").Add(12)
	stages.WithLabelValues("ACCEPTED").Add(13)
	for range 90 {
		latency.WithLabelValues("client").Observe(.005)
	}
	for range 10 {
		latency.WithLabelValues("client").Observe(5)
	}
	latency.WithLabelValues("validator")
	summary.Observe(.002)
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestMetrics(t *testing.T) {
	server := metricsServer(t)
	host := strings.TrimPrefix(server.URL, "http://")
	const want = `allegro_chain_head_age_seconds                             1.25s
allegro_chain_height                                       41
allegro_qc_depth                                           count 0
allegro_qc_latency_seconds      {role="client"}     count 100  mean 504.5ms  p50 6ms  p99 >1s
allegro_qc_latency_seconds      {role="validator"}  count 0
allegro_tx_stage_total          {stage="ACCEPTED"}  13
allegro_tx_stage_total          {stage="CERTIFIED"}  12
`
	for _, address := range []string{host, host + "/metrics", server.URL, server.URL + "/", server.URL + "/metrics"} {
		r := command(t, nil, "metrics", "--all", address)
		r.expect(t, exitOK)
		if got, want := strings.Fields(r.stdout), strings.Fields(want); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: printed\n%s", address, r.stdout)
		}
	}
	command(t, nil, "metrics", "--raw", host).expect(t, exitOK, "# HELP allegro_chain_height Height.\n", "libp2p_swarm_dials_total 0\n")
}

func TestMetricsFilter(t *testing.T) {
	host := metricsServer(t).URL
	r := command(t, nil, "metrics", "--filter", `stage="C|^libp2p_|^go_`, host)
	r.expect(t, exitOK, "allegro_tx_stage_total", "libp2p_swarm_dials_total", "count 1  mean 2ms  p50 2ms  p99 2ms")
	if n := strings.Count(r.stdout, "\n"); n != 3 {
		t.Errorf("%d lines:\n%s", n, r.stdout)
	}
	r = command(t, nil, "metrics", "--filter", "nothing", host)
	r.expect(t, exitOK)
	if r.stdout != "" || !strings.Contains(r.stderr, "none of the ") {
		t.Errorf("printed %q and %q", r.stdout, r.stderr)
	}
}

func TestMetricsJSON(t *testing.T) {
	host := metricsServer(t).URL
	r := command(t, nil, "metrics", "--all", "-o", "json", host)
	r.expect(t, exitOK)
	var d metricsDocument
	decodeOne(t, r.stdout, &d)
	if d.Schema != "allegro.metrics/v1" || len(d.Peers) != 1 || d.Peers[0].Source != host+"/metrics" || len(d.Peers[0].Series) != 7 || d.Peers[0].Vitals != nil {
		t.Fatalf("document is %+v", d)
	}
	all := d.Peers[0].Series
	if s := all[1]; s.Name != "allegro_chain_height" || s.Type != "gauge" || *s.Value != 41 || s.Distribution != nil {
		t.Errorf("second series is %+v", s)
	}
	s := all[3]
	if h := s.Distribution; s.Type != "histogram" || s.Labels["role"] != "client" || h.Count != 100 || h.P99 != nil || *h.Highest != 1 || *h.P50 < .005 || *h.P50 > .007 {
		t.Errorf("fourth series is %+v with %+v", s, h)
	}
	r = command(t, nil, "metrics", "-o", "json", "--filter", "nothing", host)
	r.expect(t, exitOK, `"series": []`)
}

// Whatever does not answer with metrics is reported with what was tried.
func TestMetricsUnreachable(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	answer := func(h http.HandlerFunc) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for _, c := range []struct {
		name, address string
		want          string
	}{
		{"nothing listens", closed.URL, "connection refused"},
		{"silence", answer(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-release:
			}
		}), "nothing came within 200ms"},
		{"silence in the middle", answer(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("a 1\n"))
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-release:
			}
		}), "nothing came within 200ms"},
		{"not found", answer(http.NotFound), "the answer is 404 Not Found"},
		{"a page", answer(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello</html>")) }), "not in Prometheus' text format"},
		{"a flood", answer(func(w http.ResponseWriter, _ *http.Request) {
			line := []byte("# " + strings.Repeat("x", 1<<16) + "\n")
			for range maxMetricsPage>>16 + 1 {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		}), "more than 16777216 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			timeout := "10s"
			if strings.Contains(c.want, "200ms") {
				timeout = "200ms"
			}
			command(t, nil, "metrics", "--timeout", timeout, c.address).expect(t, exitUnreachable, c.address+"/metrics", c.want, "  hint: ")
		})
	}
	r := command(t, nil, "metrics", "-o", "json", closed.URL)
	r.expect(t, exitUnreachable)
	var d errorDocument
	decodeOne(t, r.errors, &d)
	if d.Error.Code != "unreachable" || d.Error.Hint == "" {
		t.Errorf("error is %+v", d.Error)
	}
}

func TestMetricsInterrupted(t *testing.T) {
	arrived := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	commandWithin(t, ctx, nil, "metrics", "--timeout", "1m", server.URL).expect(t, exitInterrupted)
}

func TestMetricsUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--raw", "127.0.0.1:1", "127.0.0.1:2"}, "--raw prints everything of one peer"},
		{[]string{"--raw", "--watch", "1s", "127.0.0.1:1"}, "--raw prints everything of one peer"},
		{[]string{"--interval", "0s", "127.0.0.1:1"}, "interval 0s is not positive"},
		{[]string{"--watch", "0s", "127.0.0.1:1"}, "watch 0s is not positive"},
		{[]string{"--all", "--filter", "a", "127.0.0.1:1"}, "--filter allegro_ lists all"},
		{[]string{t.TempDir(), t.TempDir()}, "none of the 2 folders is a home of a peer"},
		{[]string{t.TempDir()}, "is no home of a peer"},
		{[]string{"--home", t.TempDir()}, "is no home of a peer"},
		{[]string{"127.0.0.1"}, `"127.0.0.1" is no folder, no host:port and no URL`},
		{[]string{"127.0.0.1:http-port"}, "is not a URL of http or https"},
		{[]string{"ftp://127.0.0.1:1"}, "is not a URL of http or https"},
		{[]string{"--filter", "(", "127.0.0.1:1"}, `filter "(" is not a regular expression`},
		{[]string{"--timeout", "0s", "127.0.0.1:1"}, "timeout 0s is not positive"},
		{[]string{"--raw", "-o", "json", "127.0.0.1:1"}, "--raw prints everything of one peer as it is"},
		{[]string{"--raw", "--filter", "a", "127.0.0.1:1"}, "--raw prints everything of one peer as it is"},
	} {
		command(t, nil, append([]string{"metrics"}, c.args...)...).expect(t, exitUsage, c.want)
	}
}

func TestMetricsURL(t *testing.T) {
	for address, want := range map[string]string{
		":9460":                            "http://127.0.0.1:9460/metrics",
		"localhost:9460/":                  "http://localhost:9460/metrics",
		"[::1]:9460":                       "http://[::1]:9460/metrics",
		"https://peer.example.org":         "https://peer.example.org/metrics",
		"http://127.0.0.1:1/peers/metrics": "http://127.0.0.1:1/peers/metrics",
	} {
		if got, err := metricsURL(address); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", address, got, err, want)
		}
	}
}

func TestQuantityText(t *testing.T) {
	for _, c := range []struct {
		name  string
		value float64
		want  string
	}{
		{"allegro_a_seconds", 0, "0s"}, {"allegro_a_seconds", 1.23456, "1.23s"}, {"allegro_a_seconds", .0123456, "12.35ms"},
		{"allegro_a_seconds", .0000123456, "12.35µs"}, {"allegro_a_seconds", .0000000123, "12ns"}, {"allegro_a_seconds", -1.5, "-1.5s"},
		{"allegro_start_time_seconds", 1767225600, "1767225600"},
		{"allegro_a_total", 1234567890, "1234567890"}, {"allegro_a_ratio", .98765432, "0.9877"}, {"allegro_a", 1e21, "1e+21"},
	} {
		if got := (series{Name: c.name}).quantityText(&c.value); got != c.want {
			t.Errorf("%s of %v is written %s, want %s", c.name, c.value, got, c.want)
		}
	}
	if got := (series{}).quantityText(nil); got != "–" {
		t.Errorf("no value is written %s", got)
	}
}

// A peer's labels cannot move the cursor.
func TestMetricsEscapes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("allegro_x{a=\"\x1b[2J\"} 1\n"))
	})}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	command(t, nil, "metrics", "--all", listener.Addr().String()).expect(t, exitOK, `allegro_x  {a="\x1b[2J"}  1`)
}
