package main

import (
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// expression reads a vital from two looks at a peer.
type expression interface {
	// series names what it reads.
	series() []string
	// read returns nil if the peer does not have the series.
	read(before, now families, passed time.Duration) *reading
	// tail names the quantile of the end that may be bad; empty if there is none.
	tail() string
}

// labels are those that a series must have.
type labels map[string]string

// counter is the sum of counters: its value since the start, and how fast it grows.
type counter struct {
	names  []string
	labels labels
}

// total is the sum of all series of some counters.
func total(names ...string) counter { return counter{names: names} }

// of is the sum of those series whose label has a value.
func (c counter) of(label, value string) counter {
	c.labels = labels{label: value}
	return c
}

func (c counter) series() []string { return c.names }
func (c counter) tail() string     { return "" }

func (c counter) read(before, now families, passed time.Duration) *reading {
	v, ok := c.sum(now)
	if !ok {
		return nil
	}
	return &reading{Value: &v, Rate: perSecond(c.grown(before, v), passed)}
}

// sum is its value at one look; ok is false if the peer has none of the series.
func (c counter) sum(at families) (sum float64, ok bool) {
	for _, name := range c.names {
		if v, has := at.sum(name, c.labels); has {
			sum, ok = sum+v, true
		}
	}
	return sum, ok
}

// grown is what a counter that is at v now grew by. One that is below what it was began
// anew with the peer.
func (c counter) grown(before families, v float64) float64 {
	if old, ok := c.sum(before); ok && old <= v {
		return v - old
	}
	return v
}

// perSecond is a rate; nil if no time has passed.
func perSecond(n float64, passed time.Duration) *float64 {
	if passed <= 0 {
		return nil
	}
	return number(n / passed.Seconds())
}

// gauge is the sum of a gauge's series.
type gauge struct{ name string }

func (g gauge) series() []string { return []string{g.name} }
func (g gauge) tail() string     { return "" }

func (g gauge) read(_, now families, _ time.Duration) *reading {
	v, ok := now.sum(g.name, nil)
	if !ok {
		return nil
	}
	return &reading{Value: &v}
}

// least is the lowest of a gauge's series.
type least struct{ of string }

func (l least) series() []string { return []string{l.of} }
func (l least) tail() string     { return "" }

func (l least) read(_, now families, _ time.Duration) *reading {
	all := now[l.of]
	if len(all) == 0 {
		return nil
	}
	lowest := valueOf(all[0])
	for _, s := range all[1:] {
		lowest = min(lowest, valueOf(s))
	}
	return &reading{Value: &lowest}
}

// ratio is what one counter grew by for each one that another grew by, lately or, if
// that did not grow, since the start.
type ratio struct{ of, over counter }

func (r ratio) series() []string { return slices.Concat(r.of.names, r.over.names) }
func (r ratio) tail() string     { return "" }

func (r ratio) read(before, now families, _ time.Duration) *reading {
	of, ok := r.of.sum(now)
	over, also := r.over.sum(now)
	if !ok || !also {
		return nil
	}
	if lately := r.over.grown(before, over); lately > 0 {
		return &reading{Value: number(r.of.grown(before, of) / lately), Over: overInterval}
	}
	return &reading{Value: number(of / over), Over: overLife}
}

// margin is the least difference of two gauges with the same labels.
type margin struct{ of, over string }

func (m margin) series() []string { return []string{m.of, m.over} }
func (m margin) tail() string     { return "" }

func (m margin) read(_, now families, _ time.Duration) *reading {
	var least *float64
	for _, s := range now[m.of] {
		for _, other := range now[m.over] {
			if labelsOf(s).equal(labelsOf(other)) {
				if d := valueOf(s) - valueOf(other); least == nil || d < *least {
					least = &d
				}
			}
		}
	}
	if least == nil {
		return nil
	}
	return &reading{Value: least}
}

// histogram is the distribution of what the histograms of a name observed, lately or,
// if nothing was, since the start.
type histogram struct {
	name string
	low  bool // little is bad, not much
}

func (h histogram) series() []string { return []string{h.name} }

func (h histogram) tail() string {
	if h.low {
		return "p1"
	}
	return "p99"
}

func (h histogram) read(before, now families, passed time.Duration) *reading {
	all, lately, ok := h.look(before, now)
	if !ok {
		return nil
	}
	r := &reading{Value: number(all.count), Rate: perSecond(lately.count, passed)}
	lately, r.Over = lately.or(all)
	q := 0.99
	if h.low {
		q = 0.01
	}
	r.P50, r.Tail = quantile(0.5, lately.buckets, lately.count), quantile(q, lately.buckets, lately.count)
	if n := len(lately.buckets); n > 0 && lately.count > 0 {
		r.highest = number(lately.buckets[n-1].upper)
	}
	return r
}

// look returns what the histograms observed since the start, and between two looks; ok is
// false if the peer has none.
func (h histogram) look(before, now families) (all, lately cumulated, ok bool) {
	if all, ok = now.histogram(h.name); !ok {
		return all, all, false
	}
	if old, ok := before.histogram(h.name); ok && old.count <= all.count {
		return all, all.minus(old), true
	}
	return all, all, true
}

// share is which part of what a histogram observed was above 0, lately or, if nothing was
// observed, since the start. One of the buckets ends at 0.
type share struct{ of histogram }

func (s share) series() []string { return s.of.series() }
func (s share) tail() string     { return "" }

func (s share) read(before, now families, _ time.Duration) *reading {
	all, lately, ok := s.of.look(before, now)
	if !ok {
		return nil
	}
	r := &reading{}
	lately, r.Over = lately.or(all)
	for _, b := range lately.buckets {
		if b.upper == 0 && lately.count > 0 {
			r.Value = number(1 - b.cumulative/lately.count)
		}
	}
	return r
}

// families are a peer's series by name, as it told them at one moment.
type families map[string][]*dto.Metric

// sum adds up the values of the series that have the labels; ok is false if none has.
func (f families) sum(name string, want labels) (sum float64, ok bool) {
	for _, m := range f[name] {
		if labelsOf(m).have(want) {
			sum, ok = sum+valueOf(m), true
		}
	}
	return sum, ok
}

// cumulated is the sum of histograms with the same buckets.
type cumulated struct {
	buckets []bucket // finite, ascending
	count   float64
}

// histogram adds up the histograms of a name.
func (f families) histogram(name string) (sum cumulated, ok bool) {
	for _, m := range f[name] {
		if m.Histogram == nil {
			continue
		}
		one := cumulated{finiteBuckets(m.Histogram), countOf(m.Histogram)}
		if !ok {
			sum, ok = one, true
			continue
		}
		sum.count += one.count
		for i := range min(len(sum.buckets), len(one.buckets)) {
			sum.buckets[i].cumulative += one.buckets[i].cumulative
		}
	}
	return sum, ok
}

// minus is what was observed after an earlier look.
func (c cumulated) minus(old cumulated) cumulated {
	out := cumulated{slices.Clone(c.buckets), c.count - old.count}
	for i := range min(len(out.buckets), len(old.buckets)) {
		out.buckets[i].cumulative -= old.buckets[i].cumulative
	}
	return out
}

// or returns c, or all if nothing was observed, and which of them it is.
func (c cumulated) or(all cumulated) (cumulated, string) {
	if c.count == 0 {
		return all, overLife
	}
	return c, overInterval
}

// valueOf is the value of a counter, gauge or untyped series.
func valueOf(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	default:
		return m.Untyped.GetValue()
	}
}

func labelsOf(m *dto.Metric) labels {
	l := make(labels, len(m.GetLabel()))
	for _, pair := range m.GetLabel() {
		l[pair.GetName()] = pair.GetValue()
	}
	return l
}

func (l labels) have(want labels) bool {
	for name, value := range want {
		if l[name] != value {
			return false
		}
	}
	return true
}

func (l labels) equal(other labels) bool { return len(l) == len(other) && l.have(other) }
