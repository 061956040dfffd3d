package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/testnet"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// told decodes metrics as a peer tells them.
func told(t *testing.T, text string) families {
	t.Helper()
	all, err := decodeFamilies(expfmt.NewDecoder(strings.NewReader(text), expfmt.NewFormat(expfmt.TypeTextPlain)))
	if err != nil {
		t.Fatal(err)
	}
	return familiesOf(all)
}

// vitalIn finds a line by its name.
func vitalIn(t *testing.T, lines []vitalLine, name string) vitalLine {
	t.Helper()
	for _, l := range lines {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("there is no %s", name)
	return vitalLine{}
}

// Each series that the table reads is in the registry of a role, under that name.
func TestVitalsReadSeriesThatExist(t *testing.T) {
	cfg := testnet.DefaultConfig()
	cfg.Dir, cfg.Version = t.TempDir(), "test"
	n, err := testnet.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	names := make(map[string]bool)
	for i := range vitals {
		v := &vitals[i]
		if names[v.name] {
			t.Errorf("two lines are called %s", v.name)
		}
		names[v.name] = true
		for _, name := range v.of.series() {
			exists := false
			for _, p := range n.Peers {
				// A name that is taken cannot be registered with another meaning, even
				// while no series of it has a value.
				probe := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "Whether the name is taken."})
				if err := p.Registry.Register(probe); err != nil {
					exists = true
					break
				}
				p.Registry.Unregister(probe)
			}
			if !exists {
				t.Errorf("%s reads %s, which no role has", v.name, name)
			}
		}
		if s, ok := v.of.(share); ok {
			for _, p := range n.Peers {
				told, err := p.Registry.Gather()
				if err != nil {
					t.Fatal(err)
				}
				all, _ := familiesOf(told).histogram(s.of.name)
				if !slices.ContainsFunc(all.buckets, func(b bucket) bool { return b.upper == 0 }) {
					t.Errorf("%s reads %s, of which no bucket ends at 0", v.name, s.of.name)
				}
			}
		}
		for _, c := range []*condition{v.warn, v.bad} {
			if c != nil && (c.of == ofTail || c.of == ofMedian) != (v.of.tail() != "") {
				t.Errorf("the threshold of %s is about what it has not", v.name)
			}
		}
	}
}

const firstLook = `# TYPE allegro_tx_stage_total counter
allegro_tx_stage_total{stage="ACCEPTED"} 10
allegro_tx_stage_total{stage="CERTIFIED"} 8
# TYPE allegro_qc_latency_seconds histogram
allegro_qc_latency_seconds_bucket{role="client",le="0.01"} 90
allegro_qc_latency_seconds_bucket{role="client",le="0.1"} 100
allegro_qc_latency_seconds_bucket{role="client",le="+Inf"} 100
allegro_qc_latency_seconds_sum{role="client"} 1
allegro_qc_latency_seconds_count{role="client"} 100
# TYPE allegro_gossip_messages_total counter
allegro_gossip_messages_total{topic="tx",result="delivered"} 10
allegro_gossip_messages_total{topic="cert",result="delivered"} 10
allegro_gossip_messages_total{topic="tx",result="duplicate"} 60
allegro_gossip_messages_total{topic="tx",result="rejected"} 3
# TYPE allegro_committee_reachable gauge
allegro_committee_reachable{epoch="1"} 3
allegro_committee_reachable{epoch="2"} 9
# TYPE allegro_committee_threshold gauge
allegro_committee_threshold{epoch="1"} 3
allegro_committee_threshold{epoch="2"} 3
allegro_committee_threshold{epoch="3"} 5
# TYPE allegro_gossip_drop_total counter
allegro_gossip_drop_total{where="outbound"} 0
# TYPE allegro_gossip_bytes_total counter
allegro_gossip_bytes_total{dir="in"} 100
allegro_gossip_bytes_total{dir="out"} 300
# TYPE allegro_gossip_mesh_peers gauge
allegro_gossip_mesh_peers{topic="tx"} 3
allegro_gossip_mesh_peers{topic="cert"} 0
allegro_gossip_mesh_peers{topic="evidence"} 2
# TYPE allegro_cert_invalid_total counter
allegro_cert_invalid_total{reason="INVALID_FORMAT"} 2
# TYPE allegro_cert_verify_seconds histogram
allegro_cert_verify_seconds_bucket{le="0.001"} 10
allegro_cert_verify_seconds_bucket{le="0.05"} 10
allegro_cert_verify_seconds_bucket{le="+Inf"} 10
allegro_cert_verify_seconds_sum 0.005
allegro_cert_verify_seconds_count 10
# TYPE allegro_chain_head_age_seconds gauge
allegro_chain_head_age_seconds 31
# TYPE allegro_peers gauge
allegro_peers{role="client"} 2
allegro_peers{role="validator"} 2
`

const secondLook = `# TYPE allegro_tx_stage_total counter
allegro_tx_stage_total{stage="ACCEPTED"} 30
allegro_tx_stage_total{stage="CERTIFIED"} 4
# TYPE allegro_qc_latency_seconds histogram
allegro_qc_latency_seconds_bucket{role="client",le="0.01"} 90
allegro_qc_latency_seconds_bucket{role="client",le="0.1"} 110
allegro_qc_latency_seconds_bucket{role="client",le="+Inf"} 120
allegro_qc_latency_seconds_sum{role="client"} 21
allegro_qc_latency_seconds_count{role="client"} 120
# TYPE allegro_gossip_messages_total counter
allegro_gossip_messages_total{topic="tx",result="delivered"} 20
allegro_gossip_messages_total{topic="cert",result="delivered"} 20
allegro_gossip_messages_total{topic="tx",result="duplicate"} 70
allegro_gossip_messages_total{topic="tx",result="rejected"} 3
# TYPE allegro_gossip_drop_total counter
allegro_gossip_drop_total{where="outbound"} 4
# TYPE allegro_validator_dropped_total counter
allegro_validator_dropped_total{where="batch"} 2
# TYPE allegro_cert_invalid_total counter
allegro_cert_invalid_total{reason="INVALID_FORMAT"} 2
allegro_cert_invalid_total{reason="WRONG_COMMITTEE"} 1
# TYPE allegro_cert_verify_seconds histogram
allegro_cert_verify_seconds_bucket{le="0.001"} 10
allegro_cert_verify_seconds_bucket{le="0.05"} 10
allegro_cert_verify_seconds_bucket{le="+Inf"} 20
allegro_cert_verify_seconds_sum 5
allegro_cert_verify_seconds_count 20
# TYPE allegro_chain_head_age_seconds gauge
allegro_chain_head_age_seconds 2
`

func TestVitals(t *testing.T) {
	once := readVitals(nil, told(t, firstLook), 0)
	twice := readVitals(told(t, firstLook), told(t, secondLook), 2*time.Second)
	text := func(v *float64) string { return unitCount.text(v) }
	for _, c := range []struct {
		lines   []vitalLine
		name    string
		value   string
		rate    string
		verdict verdict
	}{
		{once, "payments accepted", "10", "–", ""},
		{twice, "payments accepted", "30", "10", ""},
		{twice, "payments certified", "4", "2", ""}, // the peer began anew
		{once, "payments included", "–", "–", ""},
		{once, "QC latency", "100", "–", verdictOK},
		{twice, "QC latency", "120", "10", verdictWarn}, // above the highest bucket, which is 100ms
		{once, "gossip rejected", "3", "–", verdictWarn},
		{twice, "gossip rejected", "3", "0", verdictWarn},
		{once, "queues dropped", "0", "–", verdictOK},
		{twice, "queues dropped", "6", "3", verdictBad}, // a validator's own and those of gossip
		{once, "gossip bytes", "400", "–", ""},
		{once, "fewest mesh peers", "0", "–", ""},
		{once, "quorum margin", "0", "–", verdictWarn}, // epoch 3 is not joined: nothing is reached of it
		{twice, "quorum margin", "–", "–", ""},
		{once, "chain head age", "31", "–", verdictBad},
		{twice, "chain head age", "2", "–", verdictOK},
		{once, "invalid batches of votes", "2", "–", verdictWarn},
		{twice, "invalid batches of votes", "3", "0.5", verdictBad},
		{once, "vote verification", "10", "–", verdictOK},
		{twice, "vote verification", "20", "5", verdictBad},
		{once, "copies per message", "3", "–", verdictOK},
		{twice, "copies per message", "0.5", "–", verdictOK},
		{once, "peers", "4", "–", verdictOK},
	} {
		l := vitalIn(t, c.lines, c.name)
		got := verdict("")
		if l.Verdict != nil {
			got = *l.Verdict
		}
		if text(l.Value) != c.value || text(l.Rate) != c.rate || got != c.verdict {
			t.Errorf("%s is %s, %s/s, %q, want %s, %s/s, %q", c.name, text(l.Value), text(l.Rate), got, c.value, c.rate, c.verdict)
		}
		if l.Present != (c.value != "–") {
			t.Errorf("%s: present is %v", c.name, l.Present)
		}
	}
	if l := vitalIn(t, once, "QC latency"); l.Over != overInterval || *l.P50 > .01 || *l.Tail < .09 || *l.Tail > .1 {
		t.Errorf("QC latency is %s and %s over %s", text(l.P50), text(l.Tail), l.Over)
	}
	// Nothing was observed in between: what was before counts.
	quiet := vitalIn(t, readVitals(told(t, firstLook), told(t, firstLook), time.Second), "QC latency")
	if quiet.Over != overLife || quiet.P50 == nil || text(quiet.Rate) != "0" {
		t.Errorf("QC latency without observations is %+v", quiet)
	}
}

// People see a line for each vital that the peer has, and the names of the others.
func TestVitalsInATable(t *testing.T) {
	var out strings.Builder
	all := readVitals(nil, told(t, secondLook), 0)
	if err := printVitals(&out, all); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	none := lines[len(lines)-1]
	if !strings.HasPrefix(none, "  none: payments included, ") {
		t.Errorf("the last line is %q", none)
	}
	shown := 0
	for _, l := range all {
		named := slices.Contains(strings.Split(strings.TrimPrefix(none, "  none: "), ", "), l.Name)
		if l.Present {
			shown++
		}
		if l.Present == named || l.Present != strings.Contains(out.String(), "\n  "+l.Name+" ") {
			t.Errorf("%s: present is %v, told as none %v, in\n%s", l.Name, l.Present, named, out.String())
		}
	}
	if want := 1 + shown + 1; len(lines) != want {
		t.Errorf("%d lines, want %d:\n%s", len(lines), want, out.String())
	}
}

// Little is bad of a lead: the first percentile is judged, and its median.
func TestVitalsOfALead(t *testing.T) {
	lead := func(short, all int) vitalLine {
		return vitalIn(t, readVitals(nil, told(t, fmt.Sprintf(`# TYPE allegro_qc_lead_seconds histogram
allegro_qc_lead_seconds_bucket{le="0.1"} %d
allegro_qc_lead_seconds_bucket{le="1"} %d
allegro_qc_lead_seconds_bucket{le="+Inf"} %d
allegro_qc_lead_seconds_sum 1
allegro_qc_lead_seconds_count %d
`, short, all, all, all)), 0), "QC lead to the next block")
	}
	for _, c := range []struct {
		short, all int
		want       verdict
	}{{0, 100, verdictWarn}, {10, 100, verdictWarn}, {60, 100, verdictBad}} {
		if l := lead(c.short, c.all); l.Verdict == nil || *l.Verdict != c.want {
			t.Errorf("%d of %d leads below 100ms: %+v, want %s", c.short, c.all, l.Verdict, c.want)
		}
	}
	if l := lead(0, 0); l.Verdict != nil || !l.Present {
		t.Errorf("no lead at all is %+v", l)
	}
}

// The share of QCs that came before the next block is that of the last interval, or of the
// peer's life if none came; without any there is nothing to judge.
func TestVitalsOfAShare(t *testing.T) {
	leads := func(late, all int) families {
		return told(t, fmt.Sprintf(`# TYPE allegro_qc_lead_seconds histogram
allegro_qc_lead_seconds_bucket{le="-0.1"} %d
allegro_qc_lead_seconds_bucket{le="0"} %d
allegro_qc_lead_seconds_bucket{le="1"} %d
allegro_qc_lead_seconds_bucket{le="+Inf"} %d
allegro_qc_lead_seconds_sum 1
allegro_qc_lead_seconds_count %d
`, late/2, late, all, all, all))
	}
	for _, c := range []struct {
		before, now families
		value, over string
		verdict     verdict
	}{
		{nil, leads(0, 0), "–", overLife, ""},
		{nil, leads(0, 7), "100%", overInterval, verdictOK},
		{leads(20, 100), leads(20, 300), "100%", overInterval, verdictOK},
		{leads(0, 100), leads(2, 150), "96%", overInterval, verdictWarn},
		{leads(0, 100), leads(20, 140), "50%", overInterval, verdictBad},
		{leads(50, 200), leads(50, 200), "75%", overLife, verdictBad},
		{leads(50, 200), leads(0, 100), "100%", overInterval, verdictOK}, // the peer began anew
	} {
		l := vitalIn(t, readVitals(c.before, c.now, time.Second), "QCs before the next block")
		got := verdict("")
		if l.Verdict != nil {
			got = *l.Verdict
		}
		if l.Unit.text(l.Value) != c.value || l.Over != c.over || got != c.verdict || !l.Present {
			t.Errorf("share is %s over %s, %q, want %s over %s, %q", l.Unit.text(l.Value), l.Over, got, c.value, c.over, c.verdict)
		}
	}
	if l := vitalIn(t, readVitals(nil, families{}, 0), "QCs before the next block"); l.Present {
		t.Errorf("a peer without leads has %+v", l)
	}
	for v, want := range map[float64]string{0: "0%", 0.996: "99.6%", 0.99996: "100%", 1: "100%"} {
		if got := unitRatio.text(&v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

// pages serves one page after the other, and the last again and again.
func pages(t *testing.T, texts ...string) string {
	t.Helper()
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := min(int(served.Add(1)), len(texts))
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write([]byte(texts[n-1]))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestMetricsOfManyPeers(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	first, second := pages(t, firstLook, secondLook), pages(t, secondLook)
	r := command(t, nil, "metrics", "--interval", "10ms", first, second)
	r.expect(t, exitOK, first+"/metrics   rates over 0.0", "\n\n"+second+"/metrics   rates over", "warn  (warn p99 > 100ms, bad p99 > 1s)", ">100ms", "bad   (warn > 0, bad > 0/s)")
	for line := range strings.Lines(r.stdout) {
		if strings.HasSuffix(line, " \n") {
			t.Errorf("%q ends in spaces", line)
		}
	}
	// Those that answer are shown, and the program says by its code that one did not.
	r = command(t, nil, "metrics", "--interval", "10ms", "-o", "json", closed.URL, second)
	if r.exit != exitUnreachable || !strings.Contains(r.errors, closed.URL) {
		t.Errorf("exit code %d, %s", r.exit, r.errors)
	}
	var d metricsDocument
	decodeOne(t, r.stdout, &d)
	if len(d.Peers) != 2 || d.Peers[0].Error == nil || d.Peers[0].Vitals != nil || d.Peers[1].Error != nil || len(d.Peers[1].Vitals) != len(vitals) {
		t.Errorf("document is %+v", d)
	}
	r = command(t, nil, "metrics", "--interval", "10ms", second, closed.URL)
	if r.exit != exitUnreachable || !strings.Contains(r.stdout, "  no metrics: no answer from "+closed.URL) {
		t.Errorf("exit code %d, printed %s", r.exit, r.stdout)
	}
}

// Watching writes one document a line until it is interrupted, and goes on while a peer
// is away.
func TestMetricsWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var interrupt atomic.Pointer[context.CancelFunc]
	defer cancel()
	interrupt.Store(&cancel)
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch served.Add(1) {
		case 3:
			w.WriteHeader(http.StatusInternalServerError)
			return
		case 6:
			(*interrupt.Load())()
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write([]byte(firstLook))
	}))
	defer server.Close()
	r := commandWithin(t, ctx, nil, "metrics", "--watch", "5ms", "-o", "json", server.URL)
	r.expect(t, exitOK)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(lines) < 4 {
		t.Fatalf("%d lines:\n%s", len(lines), r.stdout)
	}
	for i, line := range lines[:4] {
		var d metricsDocument
		decodeOne(t, line, &d)
		if away := i == 1; (d.Peers[0].Error != nil) != away || (d.Peers[0].Vitals == nil) != away {
			t.Errorf("line %d is %s", i, line)
		}
	}
	// In text each look has its time.
	again, cancelAgain := context.WithCancel(t.Context())
	defer cancelAgain()
	interrupt.Store(&cancelAgain)
	served.Store(3)
	r = commandWithin(t, again, nil, "metrics", "--watch", "5ms", "--all", server.URL)
	r.expect(t, exitOK, "--- ", `allegro_tx_stage_total`)
}

func TestBytesText(t *testing.T) {
	for v, want := range map[float64]string{0: "0 B", 999: "999 B", 1000: "0.977 KiB", 1536: "1.5 KiB", 5 << 20: "5 MiB", 3e18: "2.73e+06 TiB"} {
		if got := unitBytes.text(&v); got != want {
			t.Errorf("%v bytes are written %s, want %s", v, got, want)
		}
	}
}
