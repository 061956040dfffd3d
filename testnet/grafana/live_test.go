package grafana_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/testnet/grafana"
	"github.com/allegro-p2p/allegro/testnet/prometheus/prometheustest"
)

// pollInterval is how often Prometheus is asked again: nothing tells when it has scraped.
const pollInterval = 200 * time.Millisecond

// prometheusFolder has what Prometheus is configured with.
const prometheusFolder = "../prometheus"

// prometheusConfig reads prometheus.yml.
func prometheusConfig(t *testing.T) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(prometheusFolder, "prometheus.yml"))
	require.NoError(t, err)
	config := make(map[string]any)
	require.NoError(t, yaml.Unmarshal(data, &config))
	return config
}

// discovery is where a configuration says in which file the targets are.
func discovery(t *testing.T, config map[string]any) map[string]any {
	t.Helper()
	jobs := config["scrape_configs"].([]any)
	require.Len(t, jobs, 1)
	return jobs[0].(map[string]any)["file_sd_configs"].([]any)[0].(map[string]any)
}

// targetsOf is the file in which a configuration finds targets.
func targetsOf(t *testing.T, config map[string]any) string {
	t.Helper()
	return discovery(t, config)["files"].([]any)[0].(string)
}

// configure writes a configuration like the repository's for the peers of a network, and
// returns its path.
func configure(t *testing.T, urls map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	var targets []map[string]any
	for name, url := range urls {
		address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/metrics")
		targets = append(targets, map[string]any{"targets": []string{address}, "labels": map[string]string{"instance": name}})
	}
	data, err := json.Marshal(targets)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.json"), data, 0o600))
	config := prometheusConfig(t)
	discovery(t, config)["files"] = []string{"prometheus.json"}
	config["global"] = map[string]string{"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"} // a busy machine answers late
	for i, file := range config["rule_files"].([]any) {
		path, err := filepath.Abs(filepath.Join(prometheusFolder, file.(string)))
		require.NoError(t, err)
		config["rule_files"].([]any)[i] = path
	}
	data, err = yaml.Marshal(config)
	require.NoError(t, err)
	path := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// until asks again until nothing is lacking. ask may outlive ctx: what lacks is told then.
func until(t *testing.T, ctx context.Context, ask func() (lacks string)) {
	t.Helper()
	for {
		lacks := ask()
		if lacks == "" {
			return
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			require.NoError(t, ctx.Err(), lacks)
		}
	}
}

// scraped starts a network of four validators and a Prometheus that scrapes all of its
// peers, and returns them once it does. Both end with the test.
func scraped(t *testing.T, ctx context.Context) (*testnet.Network, *prometheustest.Server) {
	t.Helper()
	prometheustest.Path(t, "prometheus") // else nothing is started
	cfg := testnet.DefaultConfig()
	cfg.Dir, cfg.BlockTime, cfg.Validators = t.TempDir(), time.Second, 4
	n, err := testnet.Start(ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	require.NoError(t, n.WaitReady(ctx))
	urls, stop, err := n.ServeMetrics()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	server := prometheustest.Start(t, configure(t, urls))
	until(t, ctx, func() string {
		up, err := server.Query(t.Context(), "up == 1")
		require.NoError(t, err)
		if len(up) == len(urls) {
			return ""
		}
		return fmt.Sprintf("%d of %d peers are up: %v", len(up), len(urls), up)
	})
	return n, server
}

// TestPrometheusShowsALiveNetwork: Prometheus scrapes a network in which people pay, and
// evaluates every rule and every expression of the dashboards. What needs nothing bad to
// happen has data then, and no alert fires.
func TestPrometheusShowsALiveNetwork(t *testing.T) {
	t.Parallel() // it waits for scrapes, most of the time
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	n, server := scraped(t, ctx)
	_, err := n.Play(ctx, func(testnet.Event) {})
	require.NoError(t, err)

	// What is counted from its first time on grows with the second one.
	missing := expressions(t)
	until(t, ctx, func() string {
		_, err := n.Replay(t.Context(), func(testnet.Event) {})
		require.NoError(t, err)
		for where, q := range missing {
			samples, err := server.Query(t.Context(), dashboardWords.Replace(q.Expr))
			require.NoError(t, err, where)
			if q.Quiet != "" || slices.ContainsFunc(samples, isNumber) {
				delete(missing, where)
			}
		}
		if len(missing) == 0 {
			return ""
		}
		return "no data for " + strings.Join(slices.Sorted(maps.Keys(missing)), "; ")
	})

	until(t, ctx, func() string {
		all, err := server.Rules(t.Context())
		require.NoError(t, err)
		require.Len(t, all, len(rules(t, "../prometheus/rules.yml"))+len(rules(t, "../prometheus/alerts.yml")))
		for _, r := range all {
			require.NotEqual(t, "err", r.Health, "%s: %s", r.Name, r.LastError)
			require.NotEqual(t, "firing", r.State, r.Name)
			switch {
			case r.Health != "ok":
				return r.Name + " was not evaluated"
			case r.Type == "recording":
				samples, err := server.Query(t.Context(), r.Name)
				require.NoError(t, err)
				if !slices.ContainsFunc(samples, isNumber) {
					return r.Name + " has no data"
				}
			}
		}
		return ""
	})
}

// expressions are the queries of all dashboards, by where they are.
func expressions(t *testing.T) map[string]grafana.Query {
	t.Helper()
	all := make(map[string]grafana.Query)
	for _, d := range grafana.Dashboards() {
		for _, p := range panels(d) {
			for i, q := range p.Queries {
				where := d.Name + ": " + p.Title + " " + strconv.Itoa(i+1)
				require.NotContains(t, all, where, "two panels have one title")
				all[where] = q
			}
		}
	}
	return all
}

// isNumber reports whether a sample can be drawn. A quantile of nothing is no number.
func isNumber(s prometheustest.Sample) bool {
	return s.Value != "NaN" && s.Value != "+Inf" && s.Value != "-Inf"
}
