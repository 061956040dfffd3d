package httpapi

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the series of a server. Routes are those of the table, so no label has
// unbounded values.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	clients  prometheus.Gauge
	events   *prometheus.CounterVec
	replayed prometheus.Counter
	dropped  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_http_requests_total", Help: "Answered HTTP requests, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "allegro_http_request_seconds", Help: "Time to answer an HTTP request, streams aside.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_http_refused_total", Help: "HTTP requests refused before they reached a route, by why.",
		}, []string{"code"}),
		clients: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_sse_clients", Help: "Open event streams.",
		}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_sse_events_total", Help: "Events that streams could be told of, by type.",
		}, []string{"type"}),
		replayed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "allegro_sse_replayed_events_total", Help: "Events sent to readers that came back.",
		}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_sse_dropped_total", Help: "Event streams ended by the server, by why: slow did not receive in time, behind was overtaken by the ring.",
		}, []string{"reason"}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds, m.refused, m.clients, m.events, m.replayed, m.dropped)
	}
	return m
}

// observe counts an answered request.
func (m *metrics) observe(route string, status int, took time.Duration, stream bool) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	if !stream {
		m.seconds.WithLabelValues(route).Observe(took.Seconds())
	}
}
