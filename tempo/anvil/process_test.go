package anvil_test

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo/anvil"
	"github.com/allegro-p2p/allegro/tempo/anvil/anviltest"
)

// start starts a program in place of anvil.
func start(t *testing.T, script string, opts anvil.Options) (*anvil.Process, error) {
	t.Helper()
	opts.Path = program(t, filepath.Join(t.TempDir(), "anvil"), script)
	return anvil.Start(t.Context(), opts)
}

// listens is what a program does that listens and runs until it is told to end.
const listens = `echo "args: $*"; printf 'Listening on 127.0.0.1:'; echo 4321; exec sleep 60`

func TestArguments(t *testing.T) {
	const always = "args: --network tempo --host 127.0.0.1 "
	for want, opts := range map[string]anvil.Options{
		"--port 0 --no-mining --order fifo --block-base-fee-per-gas 0 --slots-in-an-epoch 1":      {},
		"--port 0 --no-mining --slots-in-an-epoch 1":                                              {OwnFees: true},
		"--port 0 --no-mining --order fifo --block-base-fee-per-gas 0":                            {OwnFinality: true},
		"--port 8545 --block-time 0.5 --hardfork t4 --timestamp 1900000000 --slots-in-an-epoch 1": {Port: 8545, BlockTime: 500 * time.Millisecond, Hardfork: "t4", GenesisTime: time.Unix(1_900_000_000, 0), OwnFees: true},
	} {
		var printed bytes.Buffer
		opts.Output = &printed
		p, err := start(t, listens, opts)
		require.NoError(t, err)
		require.Equal(t, "http://127.0.0.1:4321", p.URL())
		require.NoError(t, p.Stop())
		got, _, _ := strings.Cut(printed.String(), "\n")
		require.Equal(t, always+want, got)
	}
}

func TestStartOfAProgramThatEnds(t *testing.T) {
	_, err := start(t, "echo no such hardfork >&2; exit 2", anvil.Options{})
	require.ErrorContains(t, err, "exit status 2")
	require.ErrorContains(t, err, "no such hardfork")
	_, err = start(t, "exit 0", anvil.Options{})
	require.ErrorContains(t, err, "ended by itself")
	_, err = anvil.Start(t.Context(), anvil.Options{Path: filepath.Join(t.TempDir(), "nothing")})
	require.ErrorContains(t, err, "starting anvil")
}

// A process that was started ends by Stop, with its context, or by itself, and
// only the last is an error.
func TestEnd(t *testing.T) {
	p, err := start(t, listens, anvil.Options{})
	require.NoError(t, err)
	require.NoError(t, p.Stop())
	require.NoError(t, p.Stop(), "again")
	<-p.Done()

	ctx, cancel := context.WithCancel(t.Context())
	path := program(t, filepath.Join(t.TempDir(), "anvil"), listens)
	p, err = anvil.Start(ctx, anvil.Options{Path: path})
	require.NoError(t, err)
	cancel()
	<-p.Done()
	require.NoError(t, p.Stop())
	_, err = anvil.Start(ctx, anvil.Options{Path: path})
	require.ErrorIs(t, err, context.Canceled)

	p, err = start(t, "echo Listening on 127.0.0.1:4321; echo out of memory; exit 3", anvil.Options{})
	require.NoError(t, err)
	<-p.Done()
	err = p.Stop()
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "out of memory")
}

// npm puts a script in front of the program: both end.
func TestProgramBehindAScriptEnds(t *testing.T) {
	var printed bytes.Buffer
	p, err := start(t, `(trap 'echo child ended; exit' TERM; echo Listening on 127.0.0.1:1; while :; do sleep 0.01; done) & wait`,
		anvil.Options{Output: &printed})
	require.NoError(t, err)
	require.NoError(t, p.Stop())
	require.Contains(t, printed.String(), "child ended")
}

// The real program listens where it says, makes blocks by itself when it is told
// to, and lets go of its port.
func TestAnvil(t *testing.T) {
	p, err := anvil.Start(t.Context(), anvil.Options{Path: anviltest.Path(t), BlockTime: 50 * time.Millisecond})
	require.NoError(t, err)
	for _, scheme := range []string{"http", "ws"} {
		client, err := rpc.DialContext(t.Context(), scheme+strings.TrimPrefix(p.URL(), "http"))
		require.NoError(t, err)
		defer client.Close()
		var id hexutil.Uint64
		require.NoError(t, client.CallContext(t.Context(), &id, "eth_chainId"))
		require.EqualValues(t, 31337, id)
		require.Eventually(t, func() bool {
			var height hexutil.Uint64
			return client.CallContext(t.Context(), &height, "eth_blockNumber") == nil && height > 1
		}, 10*time.Second, 10*time.Millisecond)
	}
	require.NoError(t, p.Stop())
	_, err = net.Dial("tcp", strings.TrimPrefix(p.URL(), "http://"))
	require.Error(t, err)
	_, err = anvil.Start(t.Context(), anvil.Options{Hardfork: "t99"})
	require.ErrorContains(t, err, "t99", "quoted")
}
