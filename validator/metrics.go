package validator

import "github.com/prometheus/client_golang/prometheus"

// metrics are the series of a validator. No label has unbounded values.
type metrics struct {
	issued    prometheus.Counter
	rejected  *prometheus.CounterVec
	pool      prometheus.Gauge
	dropped   *prometheus.CounterVec
	batchSize prometheus.Histogram
	syncTime  prometheus.Histogram
	reads     *prometheus.CounterVec
	submitted *prometheus.CounterVec

	sponsorBalance prometheus.Gauge
	sponsorDry     prometheus.Gauge

	signing prometheus.Gauge
	pinned  prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		issued: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_cert_issued_total", Help: "Votes signed and published.",
		}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_tx_rejected_total", Help: "Decisions against a payment, by code.",
		}, []string{"code"}),
		pool: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_validator_pool_payments", Help: "Refused payments kept because they may become valid.",
		}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_validator_dropped_total", Help: "Payments dropped because a bounded queue was full.",
		}, []string{"where"}),
		batchSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "allegro_validator_batch_votes", Help: "Votes under one signature.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 11),
		}),
		syncTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "allegro_journal_sync_seconds", Help: "Time of one synced commit of votes.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 14),
		}),
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_validator_chain_reads_total", Help: "Reads of chain state for decisions, by what and result.",
		}, []string{"what", "result"}),
		submitted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_settle_submissions_total", Help: "Payments handed to the node, by its answer, or why not.",
		}, []string{"result"}),
		sponsorBalance: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_settle_sponsor_balance_units", Help: "Fee token units that the sponsor's account held when it was last looked at.",
		}),
		sponsorDry: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_settle_sponsor_dry", Help: "1 while the sponsor's account cannot pay for a payment, so that other members must settle: alert on it.",
		}),
		signing: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_validator_signing", Help: "1 while this validator may sign, 0 while it recovers or has stopped.",
		}),
		pinned: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_validator_pinned_height", Help: "Height of the finalized block that decisions read.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.issued, m.rejected, m.pool, m.dropped, m.batchSize, m.syncTime, m.reads, m.submitted,
			m.sponsorBalance, m.sponsorDry, m.signing, m.pinned)
	}
	return m
}
