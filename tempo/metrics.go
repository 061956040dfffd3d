package tempo

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the instruments of one Chain and its Follower.
type metrics struct {
	height     prometheus.Gauge
	finalized  prometheus.Gauge
	requests   *prometheus.CounterVec
	reconnects prometheus.Counter
	reorgs     prometheus.Counter
	node       prometheus.Gauge
	switches   prometheus.Counter

	headSeen atomic.Pointer[time.Time] // nil until a Follower saw a head
}

// newMetrics makes the instruments and registers them, if registerer is not
// nil. It panics if the registerer holds those of another Chain.
func newMetrics(registerer prometheus.Registerer, now func() time.Time) *metrics {
	m := &metrics{
		height: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_chain_height",
			Help: "Number of the newest block followed.",
		}),
		finalized: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_chain_finalized_height",
			Help: "Number of the newest finalized block followed.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_chain_rpc_requests_total",
			Help: "Requests to the node by method and result; the queries of a batch count one by one.",
		}, []string{"method", "result"}),
		reconnects: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_chain_reconnects_total",
			Help: "Times that the node answered again after an outage or the head subscription was renewed.",
		}),
		reorgs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_chain_reorgs_total",
			Help: "Times that blocks which were not final were replaced.",
		}),
		node: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_chain_node",
			Help: "The node in use: 0 the own one, 1 the first backup, and so on.",
		}),
		switches: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_chain_node_switches_total",
			Help: "Times that another node was put in use: a backup, or the own one again.",
		}),
	}
	if registerer != nil {
		age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "allegro_chain_head_age_seconds",
			Help: "Seconds since a new head was first seen; 0 before the first one.",
		}, func() float64 {
			seen := m.headSeen.Load()
			if seen == nil {
				return 0
			}
			return now().Sub(*seen).Seconds()
		})
		registerer.MustRegister(m.height, m.finalized, m.requests, m.reconnects, m.reorgs, m.node, m.switches, age)
	}
	return m
}

// request counts one query. The methods are those that this package calls and
// the results those below, so the number of series is bounded.
func (m *metrics) request(method string, err error) {
	m.requests.WithLabelValues(method, resultOf(err)).Inc()
}

// resultOf names how a query ended.
func resultOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "canceled"
	case errors.Is(err, ErrUnreachable):
		return "unreachable"
	case errors.Is(err, ErrBadAnswer):
		return "bad_answer"
	default:
		return "error"
	}
}
