package replica

import (
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the series of a replica. No label has unbounded values.
type metrics struct {
	stage      *prometheus.CounterVec
	votes      prometheus.Counter
	qcFormed   prometheus.Counter
	qcLatency  prometheus.Histogram
	lead       prometheus.Histogram
	recovered  *prometheus.CounterVec
	fetches    *prometheus.CounterVec
	turnedAway prometheus.Counter
	evidence   *prometheus.CounterVec
	dropped    *prometheus.CounterVec
	conflicts  prometheus.Counter
	payments   prometheus.Gauge

	last fastpay.Dropped
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		stage: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_tx_stage_total", Help: "Payments that reached a stage, as this peer derives it.",
		}, []string{"stage"}),
		votes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_cert_received_total", Help: "Valid votes for known payments, each member's once.",
		}),
		qcFormed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_qc_formed_total", Help: "Payments whose QC this peer holds.",
		}),
		qcLatency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "allegro_qc_latency_seconds", Help: "Time from a payment's first sight at this peer to its QC.",
			Buckets: []float64{.001, .002, .003, .005, .0075, .01, .015, .02, .03, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		lead: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "allegro_qc_lead_seconds", Help: "Time from a QC to the next height at this peer.",
			Buckets: []float64{.05, .1, .25, .5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6},
		}),
		recovered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_sync_recovered_items_total", Help: "Payments that sync brought or completed, by why it was asked.",
		}, []string{"kind"}),
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_sync_fetches_total", Help: "Sync requests this peer made, by why and by result.",
		}, []string{"kind", "result"}),
		turnedAway: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_sync_turned_away_total", Help: "Unknown payments not asked for by id, since the members that voted for them named too many.",
		}),
		evidence: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_equivocation_total", Help: "Equivocations proven, by who is convicted.",
		}, []string{"kind"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_board_dropped_total", Help: "What the Board's limits refused or evicted.",
		}, []string{"what"}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_head_conflicts_total", Help: "Members' nodes with another final block than this peer's, once per member and height.",
		}),
		payments: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_board_payments", Help: "Payments held.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.stage, m.votes, m.qcFormed, m.qcLatency, m.lead, m.recovered, m.fetches, m.turnedAway, m.evidence, m.dropped, m.conflicts, m.payments)
	}
	return m
}

// observeBoard copies the Board's own counts.
func (m *metrics) observeBoard(b *fastpay.Board) {
	d := b.Dropped()
	m.dropped.WithLabelValues("payment").Add(float64(d.Payments - m.last.Payments))
	m.dropped.WithLabelValues("stray_vote").Add(float64(d.Votes - m.last.Votes))
	m.dropped.WithLabelValues("settled").Add(float64(d.Settled - m.last.Settled))
	m.last = d
	m.payments.Set(float64(b.Len()))
}

// evidenceKind names a kind of evidence in metrics.
func evidenceKind(e *fastpay.Evidence) string {
	if e.Kind() == fastpay.PayerEvidence {
		return "payer"
	}
	return "validator"
}
