package replica

import (
	"strconv"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the series of a replica. No label has unbounded values.
type metrics struct {
	stage      *prometheus.CounterVec
	votes      *prometheus.CounterVec
	qcFormed   prometheus.Counter
	qcLatency  prometheus.Histogram
	lead       prometheus.Histogram
	depth      prometheus.Histogram
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
		votes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_cert_received_total", Help: "Valid votes for known payments, each member's once, by the member's index.",
		}, []string{"validator"}),
		qcFormed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_qc_formed_total", Help: "Payments whose QC this peer holds.",
		}),
		qcLatency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "allegro_qc_latency_seconds", Help: "Time from a payment's first sight at this peer to its QC.",
			Buckets:                     []float64{.001, .002, .003, .005, .0075, .01, .015, .02, .03, .05, .1, .25, .5, 1, 2.5, 5},
			NativeHistogramBucketFactor: 1.1,
		}),
		lead: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "allegro_qc_lead_seconds", Help: "Time from a QC to the next height at this peer; not above 0 if the payment's block came first.",
			// Up to the bound 0 are the QCs that came too late: the share of the others
			// is exact.
			Buckets:                     []float64{-1, -.5, -.25, -.1, 0, .05, .1, .25, .5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6},
			NativeHistogramBucketFactor: 1.1,
		}),
		depth: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "allegro_qc_depth", Help: "Certified payments without a block that a new QC's payment stands on.",
			Buckets: []float64{0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32},
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
			Name: "allegro_equivocation_total", Help: "Equivocations proven, by who is convicted; of a validator with its index.",
		}, []string{"kind", "validator"}),
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
	for _, s := range fastpay.Stages() {
		m.stage.WithLabelValues(string(s)) // 0 is told: else the first payment that is stuck or lost would be no growth
	}
	if reg != nil {
		reg.MustRegister(m.stage, m.votes, m.qcFormed, m.qcLatency, m.lead, m.depth, m.recovered, m.fetches, m.turnedAway, m.evidence, m.dropped, m.conflicts, m.payments)
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

// vote counts a member's vote. Indices are those of committees, so they are bounded.
func (m *metrics) vote(signer int) {
	m.votes.WithLabelValues(strconv.Itoa(signer)).Inc()
}

// certified counts a QC: its payment, how long ago that was first seen (negative: in
// an earlier run), and on how many payments it stands.
func (m *metrics) certified(id fastpay.ID, took time.Duration, depth int) {
	m.qcFormed.Inc()
	m.depth.Observe(float64(depth))
	if took >= 0 {
		m.qcLatency.(prometheus.ExemplarObserver).ObserveWithExemplar(took.Seconds(), prometheus.Labels{"tx": id.String()})
	}
}

// convicted counts a proven equivocation.
func (m *metrics) convicted(e *fastpay.Evidence) {
	validator := ""
	if signer, ok := e.Signer(); ok {
		validator = strconv.Itoa(signer)
	}
	m.evidence.WithLabelValues(evidenceKind(e), validator).Inc()
}

// evidenceKind names a kind of evidence in metrics.
func evidenceKind(e *fastpay.Evidence) string {
	if e.Kind() == fastpay.PayerEvidence {
		return "payer"
	}
	return "validator"
}
