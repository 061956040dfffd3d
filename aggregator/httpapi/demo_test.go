package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

// scene is a demo that plays what a test wants.
type scene struct {
	play func(report func(httpapi.DemoEvent)) error
}

func (s *scene) Accounts() []httpapi.DemoAccount {
	return []httpapi.DemoAccount{{Name: "alice", Address: alice.Hex(), PrivateKey: common.Hash{1}.Hex()}}
}

func (s *scene) Play(_ context.Context, report func(httpapi.DemoEvent)) error { return s.play(report) }

// TestTheSceneIsPlayedAgain: its steps are streamed in the original system's words, one
// scene at a time, and what kept it from being played is told.
func TestTheSceneIsPlayedAgain(t *testing.T) {
	inNetwork(t, func(t *testing.T, ctx context.Context, w *world) {
		goOn := make(chan struct{})
		w.demo.play = func(report func(httpapi.DemoEvent)) error {
			report(httpapi.DemoEvent{Step: &httpapi.DemoStep{Step: httpapi.StepAliceQC, TxHash: ptr("0x01"), CertCount: ptr(2), TimestampMS: 5}})
			<-goOn
			report(httpapi.DemoEvent{Head: &httpapi.ChainHead{BlockHeight: 3}})
			report(httpapi.DemoEvent{Done: &httpapi.DemoDone{Success: true, TotalMS: 5_000, Verdict: httpapi.DemoVerdict{QC1MarginMS: ptr(int64(4)), Proved: true}}})
			return nil
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/api/v1/demo/chained-flow", nil)
		require.NoError(t, err)
		resp, err := w.client.Do(req)
		require.NoError(t, err)
		r := newReader(t, resp)
		require.Equal(t, []string{": the scene begins at the edge of a block, once the money for it is there"}, r.block())
		require.Equal(t, []string{"event: step", `data: {"step":"alice_qc_formed","label":"","description":"","tx_hash":"0x01","cert_count":2,"timestamp_ms":5}`}, r.block())
		requireError(t, w.do(http.MethodPost, "/api/v1/demo/chained-flow", "", nil), http.StatusConflict, httpapi.DemoRunning)
		close(goOn)
		require.Equal(t, "event: chain_head", r.block()[0])
		require.Equal(t, []string{"event: done", `data: {"success":true,"total_ms":5000,"start_block_height":0,"verdict":{"qc1_margin_ms":4,"qc2_margin_ms":null,"height_at_qc":0,"proved":true}}`}, r.block())
		require.Nil(t, r.block())
		r.close()

		w.demo.play = func(func(httpapi.DemoEvent)) error { return errors.New("money is short") }
		a := w.do(http.MethodPost, "/api/v1/demo/chained-flow", "", nil)
		require.Contains(t, string(a.body), "event: error\ndata: {\"message\":\"money is short\"}\n")
	})
}

// TestElsewhereThereIsNoDemo: its routes say so.
func TestElsewhereThereIsNoDemo(t *testing.T) {
	v := serveFakes(t, newFakes(t))
	requireError(t, v.get("/api/v1/demo/accounts"), http.StatusNotFound, httpapi.NoDemo)
	requireError(t, v.do(http.MethodPost, "/api/v1/demo/chained-flow", "", nil), http.StatusNotFound, httpapi.NoDemo)
	require.False(t, into[httpapi.Network](t, v.get("/api/v1/network")).Demo)
}
