package testnet_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/stretchr/testify/require"
)

// TestSceneIsPlayedAgainFromAPage: a page is served on the next free port, refuses to
// play before the first scene has ended, and then plays it again, step by step.
func TestSceneIsPlayedAgainFromAPage(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	cfg := testnet.DefaultConfig()
	cfg.BlockTime, cfg.Dir = time.Second, t.TempDir()
	n, err := testnet.Start(ctx, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, n.Close()) }()
	require.NoError(t, n.WaitReady(ctx))
	port := taken.Addr().(*net.TCPAddr).Port
	urls, stop, err := n.ServePages(ctx, port)
	require.NoError(t, err)
	defer func() { require.NoError(t, stop()) }()
	require.NotContains(t, urls["olivia"], taken.Addr().String())
	post := func() *http.Response {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, urls["olivia"]+"/api/v1/demo/chained-flow", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		return response
	}
	early := post()
	refused, err := bufio.NewReader(early.Body).ReadString(0)
	require.Error(t, err, "it ends")
	require.NoError(t, early.Body.Close())
	require.Contains(t, refused, testnet.ErrPlaying.Error())

	first, err := n.Play(ctx, func(testnet.Event) {})
	require.NoError(t, err)
	require.NotEqual(t, testnet.Failed, first.Verdict, first.Reason)
	response := post()
	defer response.Body.Close()
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	var steps []httpapi.DemoStepName
	var done *httpapi.DemoDone
	heads, event := 0, ""
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case name == "event":
			event = value
		case name != "data":
		case event == "step":
			var step httpapi.DemoStep
			require.NoError(t, json.Unmarshal([]byte(value), &step))
			steps = append(steps, step.Step)
		case event == "chain_head":
			heads++
		case event == "done":
			require.NoError(t, json.Unmarshal([]byte(value), &done))
		default:
			require.Fail(t, "unexpected event", "%s: %s", event, value)
		}
	}
	require.NoError(t, lines.Err())
	require.Equal(t, []httpapi.DemoStepName{
		httpapi.StepAliceSubmit, httpapi.StepAliceQC, httpapi.StepBobImport, httpapi.StepBobSubmit, httpapi.StepBobQC,
	}, steps)
	require.Equal(t, 2, heads)
	require.NotNil(t, done)
	require.True(t, done.Success)
	require.NotNil(t, done.Verdict.QC1MarginMS)
	require.NotNil(t, done.Verdict.QC2MarginMS)
}

// TestPagesOfOtherChainsGiveNoKeys: the accounts of a demo that settles on a chain of
// others are of that run alone.
func TestPagesOfOtherChainsGiveNoKeys(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		for _, salt := range []string{"", "a run of its own"} {
			v := startVirtual(t, 1, func(cfg *testnet.Config) { cfg.Salt = salt })
			require.Equal(t, salt == "", len(testnet.DemoAccounts(v.Network)) > 0)
			v.close(t)
		}
	})
}
