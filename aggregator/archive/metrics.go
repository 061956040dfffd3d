package archive

import "github.com/prometheus/client_golang/prometheus"

// Why retention drops a payment, as metrics name it.
const (
	tooOld  = "age"
	tooMuch = "size"
	evicted = "uncertified" // the Board's limits have evicted it
)

// metrics are the series of an archive. No label has unbounded values.
type metrics struct {
	payments prometheus.Gauge
	bytes    prometheus.Gauge
	dropped  *prometheus.CounterVec
	syncTime prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		payments: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_archive_payments", Help: "Payments archived.",
		}),
		bytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_archive_bytes", Help: "What the archived payments take, as retention counts it.",
		}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_archive_dropped_total", Help: "Payments dropped from the archive, by why.",
		}, []string{"why"}),
		syncTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "allegro_archive_sync_seconds", Help: "Time of one synced commit of changed payments.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 14),
		}),
	}
	if reg != nil {
		reg.MustRegister(m.payments, m.bytes, m.dropped, m.syncTime)
	}
	return m
}

// observe copies what the archive counts.
func (m *metrics) observe(s *state) {
	m.payments.Set(float64(s.Payments))
	m.bytes.Set(float64(s.Bytes))
}
