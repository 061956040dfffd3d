package testnet_test

import (
	"context"
	"testing"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// TestSceneCanBePlayedAgain: the money comes back by payments, so that the scene can be
// played as often as anybody likes, one at a time.
func TestSceneCanBePlayedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 1, nil)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		res, err := v.Play(ctx, func(testnet.Event) {})
		require.NoError(t, err)
		require.Equal(t, testnet.Pass, res.Verdict, res.Reason)
		for range 2 {
			var kinds []testnet.EventKind
			res, err = v.Replay(ctx, func(e testnet.Event) {
				if len(kinds) == 0 {
					_, err := v.Replay(ctx, func(testnet.Event) {})
					require.ErrorIs(t, err, testnet.ErrPlaying)
				}
				kinds = append(kinds, e.Kind)
			})
			require.NoError(t, err)
			require.Equal(t, testnet.Pass, res.Verdict, res.Reason)
			require.Equal(t, []testnet.EventKind{"edge", "submitted", "accepted", "certified", "submitted", "accepted", "certified",
				"verified", "block", "included", "included"}, kinds)
		}
		v.requireBalances(t, ctx, v.Peer("carol"), map[string]uint64{
			"alice": 5 * testnet.Dollar, "bob": 5 * testnet.Dollar, "carol": 15 * testnet.Dollar,
		})
	})
}

// TestReplaySaysWhenMoneyIsShort: what the clients no longer have cannot be moved back,
// and it says who has what; with little at several of them, each pays its part.
func TestReplaySaysWhenMoneyIsShort(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 1, func(cfg *testnet.Config) {
			cfg.Clients = []testnet.Account{{Name: "alice", Balance: testnet.Dollar}, {Name: "bob", Balance: 5 * testnet.Dollar}, {Name: "carol", Balance: 4 * testnet.Dollar}}
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		carol := v.Peer("carol").Client
		away := func() {
			id, err := carol.Pay(ctx, client.Order{
				To: crypto.PubkeyToAddress(v.sponsors["dave"].PublicKey), Asset: testnet.Asset, Amount: *uint256.NewInt(1), Parents: client.Parents{Auto: true},
			})
			require.NoError(t, err)
			requireStage(t, ctx, v.Peer("carol"), id, fastpay.StageFinalized)
		}
		res, err := v.Replay(ctx, func(testnet.Event) {})
		require.NoError(t, err)
		require.Equal(t, testnet.Pass, res.Verdict, res.Reason)
		away()
		_, err = v.Replay(ctx, func(testnet.Event) {})
		require.ErrorIs(t, err, testnet.ErrMoneyShort)
		require.ErrorContains(t, err, "alice can spend 9.999999 of the 10")
	})
}
