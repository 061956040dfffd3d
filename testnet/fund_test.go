package testnet_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// chainOf starts a development chain behind a socket. Blocks come by Mine.
func chainOf(t *testing.T, change func(*devchain.Config)) (chain *devchain.Chain, url string) {
	t.Helper()
	cfg := devchain.DefaultConfig()
	cfg.Manual, cfg.FinalityLag = true, 0
	if change != nil {
		change(&cfg)
	}
	chain, err := devchain.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(chain.Handler())
	t.Cleanup(func() {
		require.NoError(t, chain.Close())
		server.Close()
	})
	return chain, server.URL
}

// fund gives 25 accounts one unit of the asset each.
func fund(ctx context.Context, url string, finality netfile.Finality) error {
	nodes, err := testnet.DialNodes(ctx, []string{url})
	if err != nil {
		return err
	}
	defer nodes.Close()
	file := testnet.NewFile(netfile.PaymentLane, time.Minute)
	testnet.ForChain(file, nodes.ChainID, finality)
	var grants []testnet.Grant
	for i := range 25 {
		grants = append(grants, testnet.Grant{Token: testnet.Asset, To: grantee(i), Units: 1})
	}
	return nodes.Fund(ctx, file, grants)
}

func grantee(i int) common.Address { return common.BytesToAddress([]byte{0xfd, byte(i + 1)}) }

// mining makes blocks until the test ends, as a running chain does.
func mining(t *testing.T, chain *devchain.Chain) {
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				done <- nil
				return
			case <-ticker.C:
				if _, err := chain.Mine(); err != nil {
					done <- err
					return
				}
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		require.NoError(t, <-done)
	})
}

// Accounts get their money once, however often it is asked for and however many they
// are.
func TestFundIsMadeOnce(t *testing.T) {
	chain, url := chainOf(t, nil)
	mining(t, chain)
	for range 2 {
		require.NoError(t, fund(t.Context(), url, netfile.Finalized))
	}
	node, err := tempo.Dial(t.Context(), url, tempo.Options{})
	require.NoError(t, err)
	defer node.Close()
	head, err := node.Header(t.Context(), tempo.Latest)
	require.NoError(t, err)
	for i := range 25 {
		account, err := node.Account(t.Context(), head, testnet.Asset, grantee(i), *uint256.NewInt(1))
		require.NoError(t, err)
		require.EqualValues(t, 1, account.Balance.Uint64())
	}
}

// What keeps accounts from being funded is told as what it is.
func TestFundTellsWhatIsMissing(t *testing.T) {
	_, poor := chainOf(t, func(c *devchain.Config) {
		c.Alloc = map[common.Address]map[common.Address]*uint256.Int{testnet.Asset: {devchain.DevAccounts()[0]: uint256.NewInt(24)}}
	})
	err := fund(t.Context(), poor, netfile.Finalized)
	require.ErrorContains(t, err, "holds 24 units of token 0x20C0000000000000000000000000000000000000 on chain 31337, the accounts get 25")
	require.ErrorContains(t, err, "tempo_fundAddress")

	chain, endless := chainOf(t, func(c *devchain.Config) { c.FinalityLag = 10_000 })
	mining(t, chain)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	require.ErrorContains(t, fund(ctx, endless, netfile.Finalized), "does the chain finalize? anvil wants --slots-in-an-epoch 1")
	require.NoError(t, fund(t.Context(), endless, netfile.Latest), "the newest block counts as final")

	_, err = testnet.DialNodes(t.Context(), []string{"http://127.0.0.1:1/secret"})
	require.ErrorIs(t, err, tempo.ErrUnreachable)
	require.ErrorContains(t, err, "node at 127.0.0.1:1: ")
	require.NotContains(t, err.Error(), "secret")
	_, other := chainOf(t, func(c *devchain.Config) { c.GenesisTime = time.Unix(1_800_000_000, 0) })
	_, err = testnet.DialNodes(t.Context(), []string{poor, other})
	require.ErrorContains(t, err, "are of two chains")
}

// Only development chains are taken for ones that keep the order of submission, and a
// public chain's newest block counts for nothing.
func TestForChain(t *testing.T) {
	for id, fifo := range map[uint64]bool{31337: true, 1337: false, 4217: false, 42431: false} {
		file := testnet.NewFile(netfile.PaymentLane, time.Second)
		testnet.ForChain(file, id, netfile.Finalized)
		require.Equal(t, id, file.Chain.ID)
		require.Equal(t, fifo, file.Chain.FIFO)
	}
}
