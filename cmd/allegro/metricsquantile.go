package main

import (
	"cmp"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// bucket is a histogram's bucket: how many observations are at most upper.
type bucket struct {
	upper      float64
	cumulative float64
}

// finiteBuckets are a classic histogram's buckets, ascending, but for the one without a
// bound.
func finiteBuckets(m *dto.Histogram) []bucket {
	var finite []bucket
	for _, b := range m.GetBucket() {
		if upper := b.GetUpperBound(); number(upper) != nil {
			finite = append(finite, bucket{upper, max(float64(b.GetCumulativeCount()), b.GetCumulativeCountFloat())})
		}
	}
	slices.SortFunc(finite, func(a, b bucket) int { return cmp.Compare(a.upper, b.upper) })
	return finite
}

// countOf is how many observations a histogram has.
func countOf(m *dto.Histogram) float64 {
	return max(float64(m.GetSampleCount()), m.GetSampleCountFloat())
}

// histogramOf sums up a classic histogram.
func histogramOf(m *dto.Histogram) *distribution {
	finite := finiteBuckets(m)
	d := newDistribution(countOf(m), m.GetSampleSum())
	if len(finite) > 0 {
		d.Highest = number(finite[len(finite)-1].upper)
	}
	d.P50, d.P99 = quantile(0.5, finite, d.Count), quantile(0.99, finite, d.Count)
	return d
}

// quantile estimates the q-quantile of count observations from a histogram's
// finite buckets, ascending, as Prometheus' histogram_quantile does: evenly
// within a bucket, whose lower bound is the upper bound of the one before; the
// first bucket starts at 0, or is taken as its upper bound if that is not above
// 0. It is nil without observations or if it lies above the highest bucket.
func quantile(q float64, finite []bucket, count float64) *float64 {
	if !(count > 0) {
		return nil
	}
	rank := q * count
	i := slices.IndexFunc(finite, func(b bucket) bool { return b.cumulative >= rank })
	if i < 0 {
		return nil
	}
	var below bucket
	if i > 0 {
		below = finite[i-1]
	} else if finite[0].upper <= 0 {
		return number(finite[0].upper)
	}
	share := (rank - below.cumulative) / (finite[i].cumulative - below.cumulative)
	return number(below.upper + (finite[i].upper-below.upper)*share)
}
