package grafana_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/testnet/grafana"
)

// labels is a set of label names.
type labels map[string]bool

func setOf(names ...string) labels {
	s := make(labels)
	for _, n := range names {
		s[n] = true
	}
	return s
}

// metrics are the names of series with their labels, the bounds of buckets aside.
type metrics map[string]labels

// ofTarget are the labels that Prometheus gives every series.
var ofTarget = []string{"instance", "job"}

// described is how a registry's descriptions print: it is the only way to get at a
// series that has no sample yet.
var described = regexp.MustCompile(`^Desc\{fqName: "(\w+)", .*, variableLabels: \{([^}]*)\}\}$`)

// registered returns the metrics that the peers of a network have, of all roles.
func registered(t *testing.T) metrics {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := testnet.DefaultConfig()
	cfg.Dir = t.TempDir()
	n, err := testnet.Start(ctx, cfg)
	require.NoError(t, err)
	all := metrics{"up": setOf(ofTarget...)}
	for _, p := range n.Peers {
		descs := make(chan *prometheus.Desc)
		go func() {
			p.Registry.Describe(descs)
			close(descs)
		}()
		for d := range descs {
			match := described.FindStringSubmatch(d.String())
			require.NotNil(t, match, "%s", d)
			all[match[1]] = setOf(append(strings.FieldsFunc(match[2], func(r rune) bool { return r == ',' }), ofTarget...)...)
		}
	}
	require.NoError(t, n.Close())
	return all
}

// of returns the labels of a metric, or of a part of a histogram.
func (m metrics) of(name string) (found labels, ok bool) {
	if found, ok = m[name]; ok {
		return found, true
	}
	for _, part := range []string{"_bucket", "_count", "_sum"} {
		if base, isPart := strings.CutSuffix(name, part); isPart && m[base] != nil {
			found = maps.Clone(m[base])
			if part == "_bucket" {
				found["le"] = true
			}
			return found, true
		}
	}
	return nil, false
}

// check returns the labels that the result of an expression has. The error names a
// metric or label that the expression asks for and that no peer has.
func (m metrics) check(expr metricsql.Expr) (labels, error) {
	switch e := expr.(type) {
	case *metricsql.NumberExpr, *metricsql.StringExpr:
		return labels{}, nil
	case *metricsql.MetricExpr:
		return m.checkSeries(e)
	case *metricsql.RollupExpr:
		return m.check(e.Expr)
	case *metricsql.AggrFuncExpr:
		return m.checkAggregation(e)
	case *metricsql.BinaryOpExpr:
		return m.checkBinary(e)
	case *metricsql.FuncExpr:
		return m.checkCall(e)
	default:
		return nil, fmt.Errorf("%s: this test does not know %T", text(expr), expr)
	}
}

// text is an expression as it is written.
func text(e metricsql.Expr) string { return string(e.AppendString(nil)) }

func (m metrics) checkSeries(e *metricsql.MetricExpr) (labels, error) {
	if len(e.LabelFilterss) != 1 || e.LabelFilterss[0][0].Label != "__name__" {
		return nil, fmt.Errorf("%s names no metric", text(e))
	}
	filters := e.LabelFilterss[0]
	found, ok := m.of(filters[0].Value)
	if !ok {
		return nil, fmt.Errorf("no peer has the metric %s", filters[0].Value)
	}
	for _, filter := range filters[1:] {
		if !found[filter.Label] {
			return nil, fmt.Errorf("%s has no label %s", filters[0].Value, filter.Label)
		}
	}
	return found, nil
}

func (m metrics) checkAggregation(e *metricsql.AggrFuncExpr) (labels, error) {
	inner, err := m.check(e.Args[len(e.Args)-1])
	if err != nil {
		return nil, err
	}
	for _, name := range e.Modifier.Args {
		if !inner[name] {
			return nil, fmt.Errorf("%s groups by %s, which the series do not have", text(e), name)
		}
	}
	if e.Modifier.Op != "without" {
		return setOf(e.Modifier.Args...), nil
	}
	inner = maps.Clone(inner)
	for _, name := range e.Modifier.Args {
		delete(inner, name)
	}
	return inner, nil
}

func (m metrics) checkBinary(e *metricsql.BinaryOpExpr) (labels, error) {
	left, err := m.check(e.Left)
	if err != nil {
		return nil, err
	}
	right, err := m.check(e.Right)
	if err != nil {
		return nil, err
	}
	if _, number := e.Left.(*metricsql.NumberExpr); number {
		return right, nil
	}
	if e.Op != "or" {
		return left, nil
	}
	both := make(labels) // a series is of one side or of the other
	for name := range left {
		both[name] = right[name]
	}
	return both, nil
}

func (m metrics) checkCall(e *metricsql.FuncExpr) (labels, error) {
	found := labels{}
	for _, arg := range e.Args {
		inner, err := m.check(arg)
		if err != nil {
			return nil, err
		}
		maps.Copy(found, inner) // one argument has series
	}
	switch e.Name {
	case "histogram_quantile":
		if !found["le"] {
			return nil, fmt.Errorf("%s has no buckets", text(e))
		}
		delete(found, "le")
	case "label_replace":
		found[e.Args[1].(*metricsql.StringExpr).S] = true
	}
	return found, nil
}

// dashboardWords stand for the words of a dashboard in what Prometheus evaluates. The
// time is longer than a test.
var dashboardWords = strings.NewReplacer("$__rate_interval", "10m", "$instance", ".*")

// shownLabel is a label in a legend or in a text of an alert.
var shownLabel = regexp.MustCompile(`(?:\{\{|\$labels\.)(\w+)`)

// labelValues is how the variable of a dashboard asks for its choices.
var labelValues = regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`)

// rule is a recording or alerting rule as its file has it.
type rule struct {
	Record, Alert, Expr string
	Annotations         map[string]string
}

// rules reads the rules of a file of Prometheus.
func rules(t *testing.T, path string) (all []rule) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var file struct{ Groups []struct{ Rules []rule } }
	require.NoError(t, yaml.Unmarshal(data, &file), path)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

// TestEveryExpressionNamesWhatPeersHave: each expression of the rules, the alerts and the
// dashboards parses, and the metrics and labels that it, its legend or its text names are
// those of peers or of a recording rule. The parser is that of another database, which
// takes more than Prometheus does: its own would bring the libraries of three clouds along.
func TestEveryExpressionNamesWhatPeersHave(t *testing.T) {
	known := registered(t)
	check := func(where, expr string, legends ...string) labels {
		t.Helper()
		parsed, err := metricsql.Parse(dashboardWords.Replace(expr))
		if err != nil {
			t.Errorf("%s: %v", where, err)
			return nil
		}
		found, err := known.check(parsed)
		if err != nil {
			t.Errorf("%s: %v", where, err)
		}
		for _, legend := range legends {
			for _, label := range shownLabel.FindAllStringSubmatch(legend, -1) {
				if err == nil && !found[label[1]] {
					t.Errorf("%s: %q shows the label %s, which the result does not have", where, legend, label[1])
				}
			}
		}
		return found
	}
	for _, r := range rules(t, "../prometheus/rules.yml") {
		known[r.Record] = check(r.Record, r.Expr)
	}
	for _, r := range rules(t, "../prometheus/alerts.yml") {
		check(r.Alert, r.Expr, slices.Collect(maps.Values(r.Annotations))...)
	}
	for _, d := range grafana.Dashboards() {
		for _, v := range load(t, d).Templating.List {
			if v.Type == "query" {
				values := labelValues.FindStringSubmatch(v.Query)
				require.NotNil(t, values, "%s: %s", d.Name, v.Query)
				if found := check(d.Name+": variable "+v.Name, values[1]); !found[values[2]] {
					t.Errorf("%s: %s has no label %s", d.Name, values[1], values[2])
				}
			}
		}
		for _, panel := range panels(d) {
			for _, q := range panel.Queries {
				check(d.Name+": "+panel.Title, q.Expr, q.Legend)
			}
		}
	}
}

// panels are all panels of a dashboard.
func panels(d grafana.Dashboard) (all []grafana.Panel) {
	for _, row := range d.Rows {
		all = append(all, row.Panels...)
	}
	return all
}
