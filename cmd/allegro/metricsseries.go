package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// series is one labelled metric. A histogram or summary has a Distribution, the
// others have a Value.
type series struct {
	Name         string            `json:"name"`
	Type         string            `json:"type"` // counter, gauge, histogram, summary or untyped
	Labels       map[string]string `json:"labels"`
	Value        *float64          `json:"value,omitempty"` // nil if it is no number
	Distribution *distribution     `json:"distribution,omitempty"`
}

// distribution sums up what was observed. What cannot be told is nil.
type distribution struct {
	Count float64  `json:"count"`
	Sum   *float64 `json:"sum"`
	Mean  *float64 `json:"mean"`
	P50   *float64 `json:"p50"` // nil also if it lies above the highest bucket
	P99   *float64 `json:"p99"` // nil also if it lies above the highest bucket
	// Highest is the upper bound of a histogram's highest finite bucket: what a
	// quantile without a value exceeds.
	Highest *float64 `json:"highest_bucket,omitempty"`
}

// decodeFamilies reads what a peer told.
func decodeFamilies(d expfmt.Decoder) (all []*dto.MetricFamily, err error) {
	for {
		family := new(dto.MetricFamily)
		if err := d.Decode(family); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, family)
	}
}

// seriesIn returns all series, sorted by name and then labels.
func seriesIn(told []*dto.MetricFamily) []series {
	var all []series
	for _, family := range told {
		for _, m := range family.GetMetric() {
			all = append(all, seriesOf(family, m))
		}
	}
	slices.SortFunc(all, func(a, b series) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.labelText(), b.labelText()))
	})
	return all
}

// seriesOf is one metric of a family.
func seriesOf(family *dto.MetricFamily, m *dto.Metric) series {
	s := series{Name: family.GetName(), Type: strings.ToLower(family.GetType().String()), Labels: make(map[string]string)}
	for _, l := range m.GetLabel() {
		s.Labels[l.GetName()] = l.GetValue()
	}
	switch {
	case m.Counter != nil:
		s.Value = number(m.Counter.GetValue())
	case m.Gauge != nil:
		s.Value = number(m.Gauge.GetValue())
	case m.Histogram != nil:
		s.Distribution = histogramOf(m.Histogram)
	case m.Summary != nil:
		s.Distribution = summaryOf(m.Summary)
	default:
		s.Value = number(m.GetUntyped().GetValue())
	}
	return s
}

// summaryOf takes the quantiles that a summary has.
func summaryOf(m *dto.Summary) *distribution {
	d := newDistribution(float64(m.GetSampleCount()), m.GetSampleSum())
	for _, q := range m.GetQuantile() {
		switch q.GetQuantile() {
		case 0.5:
			d.P50 = number(q.GetValue())
		case 0.99:
			d.P99 = number(q.GetValue())
		}
	}
	return d
}

// newDistribution has a count, a sum and the mean that follows.
func newDistribution(count, sum float64) *distribution {
	return &distribution{Count: count, Sum: number(sum), Mean: number(sum / count)}
}

// number returns v, or nil if v is infinite or no number, which JSON cannot say.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// labelText writes the labels as Prometheus does, sorted; "" if there are none.
func (s series) labelText() string {
	if len(s.Labels) == 0 {
		return ""
	}
	var pairs []string
	for name, value := range s.Labels {
		pairs = append(pairs, printable(name)+"="+strconv.Quote(value))
	}
	slices.Sort(pairs)
	return "{" + strings.Join(pairs, ",") + "}"
}

// valueText writes the value for people.
func (s series) valueText() string {
	d := s.Distribution
	if d == nil {
		return s.quantityText(s.Value)
	}
	if d.Count == 0 {
		return "count 0"
	}
	return fmt.Sprintf("count %s  mean %s  p50 %s  p99 %s",
		numberText(d.Count), s.quantityText(d.Mean), s.quantileText(d.P50, d.Highest), s.quantileText(d.P99, d.Highest))
}

// quantileText writes a quantile, or the highest bucket if it lies above that.
func (s series) quantileText(v, highest *float64) string {
	if v == nil && highest != nil {
		return ">" + s.quantityText(highest)
	}
	return s.quantityText(v)
}

// quantityText writes a value in the unit that the name ends in.
func (s series) quantityText(v *float64) string {
	if strings.HasSuffix(s.Name, "_seconds") {
		return unitSeconds.text(v)
	}
	return unitCount.text(v)
}

// text writes a value: durations as such, bytes in their multiples, all else as plain
// numbers; "–" if it is not known.
func (u unit) text(v *float64) string {
	const day = 86_400 // above it, seconds are a date or an age that digits tell better
	switch {
	case v == nil:
		return "–"
	case u == unitBytes:
		return bytesText(*v)
	case u == unitRatio:
		return numberText(*v*100) + "%"
	case u != unitSeconds || math.Abs(*v) > day:
		return numberText(*v)
	}
	d := time.Duration(*v * float64(time.Second))
	for unit := time.Second; unit >= time.Microsecond; unit /= 1000 {
		if d.Abs() >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}

// bytesText writes a number of bytes with three digits.
func bytesText(v float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for v >= 999.5 && len(units) > 1 {
		v, units = v/1024, units[1:]
	}
	return strconv.FormatFloat(v, 'g', 3, 64) + " " + units[0]
}

// numberText writes whole numbers in full and others with four digits.
func numberText(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
