package orders

import (
	log "github.com/ipfs/go-log/v2"
	"github.com/prometheus/client_golang/prometheus"
)

var logger = log.Logger("allegro/orders")

// metrics are the series of a book.
type metrics struct {
	orders *prometheus.CounterVec
	told   *prometheus.CounterVec
	untold prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		orders: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_orders_total", Help: "Orders that came to a state: accepted, reversed or final.",
		}, []string{"state"}),
		told: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "allegro_orders_told_total", Help: "Attempts to tell a message of an order, by result.",
		}, []string{"result"}),
		untold: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "allegro_orders_untold", Help: "Messages of orders that nobody has taken yet.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.orders, m.told, m.untold)
	}
	return m
}
