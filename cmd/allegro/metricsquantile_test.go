package main

import (
	"math"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

func TestQuantile(t *testing.T) {
	some := []bucket{{1, 10}, {2, 30}, {4, 40}}
	negative := []bucket{{-1, 4}, {0, 8}, {2, 10}}
	for _, c := range []struct {
		q       float64
		buckets []bucket
		count   float64
		want    float64 // NaN for none
	}{
		{0.5, some, 40, 1.5},
		{0.25, some, 40, 1},
		{0.1, some, 40, 0.4},
		{1, some, 40, 4},
		{0.99, some, 50, math.NaN()}, // above the highest bucket
		{0.2, negative, 10, -1},      // the first bucket has no lower bound
		{0.6, negative, 10, -0.5},
		{0.9, negative, 10, 1},
		{0.5, some, 0, math.NaN()},
		{0.5, some, math.NaN(), math.NaN()},
		{0.5, nil, 10, math.NaN()},
		{0.5, []bucket{{1, 5}, {2, 3}, {3, 9}}, 10, 1}, // not cumulative: still a bound of a bucket
	} {
		got := quantile(c.q, c.buckets, c.count)
		if got == nil {
			if !math.IsNaN(c.want) {
				t.Errorf("quantile %v of %v in %v is none, want %v", c.q, c.count, c.buckets, c.want)
			}
		} else if math.Abs(*got-c.want) > 1e-9 || math.IsNaN(c.want) {
			t.Errorf("quantile %v of %v in %v is %v, want %v", c.q, c.count, c.buckets, *got, c.want)
		}
	}
}

// Buckets count in any order, and the infinite one is no bound.
func TestHistogramBuckets(t *testing.T) {
	bucketOf := func(upper float64, n uint64) *dto.Bucket {
		return &dto.Bucket{UpperBound: &upper, CumulativeCount: &n}
	}
	count, sum := uint64(4), 8.0
	d := histogramOf(&dto.Histogram{SampleCount: &count, SampleSum: &sum, Bucket: []*dto.Bucket{
		bucketOf(math.Inf(1), 4), bucketOf(4, 3), bucketOf(2, 2),
	}})
	if d.Count != 4 || *d.Mean != 2 || *d.P50 != 2 || d.P99 != nil || *d.Highest != 4 {
		t.Errorf("distribution is %+v", d)
	}
}
