package testnet_test

import (
	"context"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/testnet"
	"github.com/stretchr/testify/require"
)

// TestSceneOnLoopback plays the demo's scene over real sockets, disk and clock.
func TestSceneOnLoopback(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cfg := testnet.DefaultConfig()
	cfg.BlockTime = 2 * time.Second
	cfg.Dir = t.TempDir()
	n, err := testnet.Start(ctx, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, n.Close()) }()
	require.NoError(t, n.WaitReady(ctx))
	res, err := n.Play(ctx, func(e testnet.Event) { t.Logf("%s at height %d", e.Kind, e.Height) })
	require.NoError(t, err)
	require.Empty(t, res.Reason)
	require.Equal(t, testnet.Pass, res.Verdict)
}
