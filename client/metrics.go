package client

import (
	"slices"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the series of a client.
type metrics struct {
	paid    prometheus.Counter
	submits *prometheus.CounterVec
	answers *prometheus.CounterVec
	open    prometheus.Gauge

	requestsDropped prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		paid: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_client_payments_total", Help: "Payments signed and journaled.",
		}),
		submits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_client_submits_total", Help: "Submit requests to validators, by result.",
		}, []string{"result"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_client_answers_total", Help: "Validators' answers to payments: certificate, the reject code, or other for a code that the protocol does not have.",
		}, []string{"answer"}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_client_open_payments", Help: "Own payments without a QC.",
		}),
		requestsDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_client_requests_dropped_total", Help: "Expired payment requests that made room for new ones.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.paid, m.submits, m.answers, m.open, m.requestsDropped)
	}
	return m
}

// answerOf is how an answer is counted. Validators write codes as they like, and one that
// makes them up must not make series without end.
func answerOf(res p2p.SubmitResult) string {
	switch {
	case res.Certificate != nil:
		return "certificate"
	case slices.Contains(fastpay.Codes(), res.Reject.Code):
		return string(res.Reject.Code)
	}
	return "other"
}
