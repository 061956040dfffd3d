package daemon

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/stretchr/testify/require"
)

// Profiles are for the owner of the home: neither those who read metrics nor those who
// look at the page get them.
func TestProfilesAreServedOnTheSocketAlone(t *testing.T) {
	w := newWorld(t)
	w.home(p2p.RoleValidator, "dave")
	h := w.home(p2p.RoleAggregator, "board")
	h.Config().Metrics.Listen, h.Config().Aggregator.Listen = "127.0.0.1:0", "127.0.0.1:0"
	client := w.run(h, time.Now)
	profile, err := client.Raw(t.Context(), api.RouteProfile, "goroutine", nil)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(profile, []byte{0x1f, 0x8b}), "it is no gzip, as profiles are")

	running, err := h.Running()
	require.NoError(t, err)
	metrics := running.Metrics[:len(running.Metrics)-len("/metrics")]
	for _, address := range []string{metrics, running.HTTP} {
		resp, err := http.Get(address + "/debug/pprof/goroutine")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusNotFound, resp.StatusCode, address)
	}
}
