package onchain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo/anvil"
	"github.com/allegro-p2p/allegro/testnet"
)

// TestScene plays the demo's scene: Alice pays Bob, who pays Carol out of that, and
// the chain has both, exactly.
func TestScene(t *testing.T) {
	for _, fork := range []string{"t0", "t4"} {
		t.Run(fork, func(t *testing.T) {
			t.Parallel()
			n := start(t, anvil.Options{Hardfork: fork}, nil)
			res, err := n.Play(n.ctx, func(testnet.Event) {})
			require.NoError(t, err)
			require.NotEqual(t, testnet.Failed, res.Verdict, res.Reason) // a slow machine may see a block first
			for _, hop := range res.Hops {
				require.GreaterOrEqual(t, hop.Stage.Rank(), fastpay.StageIncluded.Rank(), hop.Name)
				evidence := n.ends(hop.ID, fastpay.StageFinalized)
				require.Equal(t, fastpay.CauseSettled, evidence.Cause)
				require.Equal(t, hop.ChainTx, evidence.ChainTx)
				require.Equal(t, hop.Included, evidence.Block.Number)
			}
			n.balances(map[string]uint64{"alice": 5, "bob": 5, "carol": 15})
		})
	}
}
