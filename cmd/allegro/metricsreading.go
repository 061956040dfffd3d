package main

import (
	"time"

	dto "github.com/prometheus/client_model/go"
)

// What the quantiles and ratios of a reading are over.
const (
	overInterval = "interval" // between the two looks
	overLife     = "life"     // since the peer started: nothing happened between them
)

// reading is what a vital was between two looks at a peer. What is not known, or does not
// apply, is nil.
type reading struct {
	Value *float64 `json:"value"`      // now: a total since the start, or a level; of a distribution its count
	Rate  *float64 `json:"per_second"` // how fast a total grew
	P50   *float64 `json:"p50"`
	Tail  *float64 `json:"tail"` // see vitalLine.TailQuantile
	Over  string   `json:"over,omitempty"`

	highest *float64 // upper bound of the highest bucket: what a quantile without a value exceeds
}

// quantity is one of the numbers.
func (r *reading) quantity(of quantity) *float64 {
	switch of {
	case ofValue:
		return r.Value
	case ofRate:
		return r.Rate
	case ofMedian:
		return r.P50
	default:
		return r.Tail
	}
}

// exceeds reports whether a quantile without a value is known to be above a bound: it
// lies above the highest bucket.
func (r *reading) exceeds(of quantity, bound float64) bool {
	return (of == ofMedian || of == ofTail) && r.highest != nil && *r.highest >= bound
}

// vitalLine is a vital as it was read.
type vitalLine struct {
	Name         string   `json:"name"`
	Series       []string `json:"series"` // what it is made of
	Unit         unit     `json:"unit"`
	Present      bool     `json:"present"` // the peer has the series
	TailQuantile string   `json:"tail_quantile,omitempty"`
	reading
	Verdict   *verdict `json:"verdict"` // null where nothing is to be judged
	Threshold string   `json:"threshold,omitempty"`
}

// readVitals reads all vitals from two looks at a peer.
func readVitals(before, now families, passed time.Duration) []vitalLine {
	lines := []vitalLine{}
	for i := range vitals {
		v := &vitals[i]
		line := vitalLine{Name: v.name, Series: v.of.series(), Unit: v.unit, TailQuantile: v.of.tail(), Threshold: v.threshold()}
		if r := v.of.read(before, now, passed); r != nil {
			line.Present, line.reading = true, *r
			if judged := v.judge(r); judged != "" {
				line.Verdict = &judged
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// familiesOf sorts what a peer told by name.
func familiesOf(told []*dto.MetricFamily) families {
	f := make(families, len(told))
	for _, family := range told {
		f[family.GetName()] = family.GetMetric()
	}
	return f
}
