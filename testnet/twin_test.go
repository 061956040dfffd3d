package testnet_test

import (
	"context"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/stretchr/testify/require"
)

// TestSecondSignerOfAKeyRefuses starts a second peer with a validator's vote key, in
// a fresh home with a transport key of its own. It finds the first one before it
// signs anything and ends; the first one goes on.
func TestSecondSignerOfAKeyRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		var dave validator.Config
		v := startVirtual(t, 3, func(cfg *testnet.Config) {
			cfg.EditValidator = func(name string, c *validator.Config) {
				switch name {
				case "dave":
					dave = *c
				case "twin":
					c.Signer = dave.Signer
				}
			}
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))

		v.ends = validator.ErrTwin
		require.NoError(t, v.Add(ctx, "twin", p2p.RoleValidator))
		twin := v.Peer("twin")
		select {
		case <-twin.Done():
		case <-ctx.Done():
			t.Fatal("the second signer goes on")
		}
		require.ErrorIs(t, twin.Stop(), validator.ErrTwin)
		_, reason := twin.Validator.MaySign(v.Committee().ID())
		require.Error(t, reason, "the second signer opened its seat")

		id := pay(t, ctx, v.Peer("alice"), v.Peer("bob"), 10)
		requireStage(t, ctx, v.Peer("bob"), id, fastpay.StageFinalized)
		require.NoError(t, v.Peer("dave").Validator.Halted())
	})
}
