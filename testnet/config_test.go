package testnet_test

import (
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/testnet"
	"github.com/stretchr/testify/require"
)

// TestConfigIsChecked: a network that cannot be made is refused with the reason.
func TestConfigIsChecked(t *testing.T) {
	good := testnet.DefaultConfig()
	good.Dir = "/net"
	require.NoError(t, good.Validate())
	for _, tc := range []struct {
		want string
		edit func(*testnet.Config)
	}{
		{"0 validators", func(c *testnet.Config) { c.Validators = 0 }},
		{"101 validators", func(c *testnet.Config) { c.Validators = 101 }},
		{"0 clients", func(c *testnet.Config) { c.Clients = nil }},
		{"101 clients", func(c *testnet.Config) { c.Clients = make([]testnet.Account, 101) }},
		{"whole seconds", func(c *testnet.Config) { c.BlockTime = 1500 * time.Millisecond }},
		{"whole seconds", func(c *testnet.Config) { c.BlockTime = 0 }},
		{"no folder", func(c *testnet.Config) { c.Dir = "" }},
		{"start from DefaultConfig", func(c *testnet.Config) { c.Now = nil }},
		{"start from DefaultConfig", func(c *testnet.Config) { c.FS = nil }},
		{"start from DefaultConfig", func(c *testnet.Config) { c.Place = nil }},
	} {
		cfg := good
		tc.edit(&cfg)
		require.ErrorContains(t, cfg.Validate(), tc.want)
		_, err := testnet.Start(t.Context(), cfg)
		require.ErrorContains(t, err, tc.want)
	}
}

// TestSceneAccountsHaveNamesOfTheirOwn: however long the chain of hops, each client
// has a name, the first can pay and none can pay from its balance alone.
func TestSceneAccountsHaveNamesOfTheirOwn(t *testing.T) {
	accounts := testnet.SceneAccounts(12)
	names := make(map[string]bool)
	for i, a := range accounts {
		names[a.Name] = true
		if i > 0 {
			require.Less(t, a.Balance, uint64(testnet.HopAmount))
		}
	}
	require.Len(t, names, 13)
	require.GreaterOrEqual(t, accounts[0].Balance, uint64(testnet.HopAmount))
}
