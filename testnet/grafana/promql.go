package grafana

import (
	"fmt"
	"strings"
)

// The words of the expressions. All look at the peers that the variable of a dashboard
// chooses. A rate is taken over what Grafana takes for wide enough: some scrapes.

// series selects the series of a metric.
func series(metric string, matchers ...string) string {
	return metric + "{" + strings.Join(append([]string{`instance=~"$instance"`}, matchers...), ", ") + "}"
}

// rate is how fast a counter grows, per second.
func rate(metric string, matchers ...string) string {
	return "rate(" + series(metric, matchers...) + "[$__rate_interval])"
}

// by folds an expression's series into one for each combination of some labels' values.
func by(fold, expr string, labels ...string) string {
	if len(labels) == 0 {
		return fold + "(" + expr + ")"
	}
	return fold + " by (" + strings.Join(labels, ", ") + ") (" + expr + ")"
}

// quantile estimates a quantile of a histogram from its classic buckets.
func quantile(q float64, histogram string, labels ...string) string {
	return fmt.Sprintf("histogram_quantile(%g, %s)", q, by("sum", rate(histogram+"_bucket"), append([]string{"le"}, labels...)...))
}

// quantiles are the queries of the median and the 99th percentile of a histogram, for
// each combination of some labels' values.
func quantiles(histogram string, labels ...string) []Query {
	var legend string
	for _, l := range labels {
		legend += "{{" + l + "}} "
	}
	return []Query{
		{Expr: quantile(.5, histogram, labels...), Legend: legend + "p50"},
		{Expr: quantile(.99, histogram, labels...), Legend: legend + "p99"},
	}
}

// buckets is what a heat map of a histogram shows: how much fell into each bucket.
func buckets(histogram string) []Query {
	return []Query{{Expr: "sum by (le) (increase(" + series(histogram+"_bucket") + "[$__rate_interval]))", Legend: "{{le}}"}}
}

// orZero is 0 where an expression has no series yet.
func orZero(expr string) string { return expr + " or vector(0)" }
