package tempo

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		registry := prometheus.NewRegistry()
		f, err := NewFollower(n.inProcess(t, Options{Registerer: registry}), FollowerConfig{})
		require.NoError(t, err)
		require.Zero(t, gauge(t, registry, "allegro_chain_head_age_seconds"))
		done := make(chan error, 1)
		go func() { done <- f.Run(t.Context(), func(Update) error { return nil }) }()
		settle()

		n.extendBy(5)
		n.finalize(3)
		time.Sleep(10 * time.Second)
		require.Equal(t, 10.0, gauge(t, registry, "allegro_chain_head_age_seconds"))
		n.rollback(3)
		n.extendBy(2)
		n.extendBy(1)
		n.script(func() { n.fail = failing(errors.New("down")) })
		settle()
		n.script(func() { n.fail = failing(rpcError{code: -32005, message: "busy"}, "eth_chainId") })
		settle()
		_, err = f.chain.ChainID(t.Context())
		require.ErrorIs(t, err, ErrUnreachable)

		require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
			# HELP allegro_chain_finalized_height Number of the newest finalized block followed.
			# TYPE allegro_chain_finalized_height gauge
			allegro_chain_finalized_height 3
			# HELP allegro_chain_height Number of the newest block followed.
			# TYPE allegro_chain_height gauge
			allegro_chain_height 6
			# HELP allegro_chain_reconnects_total Times that the node answered again after an outage or the head subscription was renewed.
			# TYPE allegro_chain_reconnects_total counter
			allegro_chain_reconnects_total 1
			# HELP allegro_chain_reorgs_total Times that blocks which were not final were replaced.
			# TYPE allegro_chain_reorgs_total counter
			allegro_chain_reorgs_total 1
		`), "allegro_chain_finalized_height", "allegro_chain_height", "allegro_chain_reconnects_total", "allegro_chain_reorgs_total"))
		requests := f.chain.metrics.requests
		require.Equal(t, 1.0, testutil.ToFloat64(requests.WithLabelValues("eth_chainId", "unreachable")))
		require.Equal(t, 1.0, testutil.ToFloat64(requests.WithLabelValues("eth_subscribe", "ok")))
		require.Positive(t, testutil.ToFloat64(requests.WithLabelValues("eth_getBlockByNumber", "ok")))
		require.Positive(t, testutil.ToFloat64(requests.WithLabelValues("eth_getBlockByNumber", "error")))
		require.EqualValues(t, n.count("eth_getLogs"), testutil.ToFloat64(requests.WithLabelValues("eth_getLogs", "ok")))
	})
}

// gauge returns the value of a metric without labels.
func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
