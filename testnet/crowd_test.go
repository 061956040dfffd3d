package testnet_test

import (
	"context"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/stretchr/testify/require"
)

// crowd is far more clients than two validators have room for in their meshes.
func crowd(cfg *testnet.Config) {
	cfg.Clients, cfg.Aggregators = testnet.SceneAccounts(19), 0
}

// TestAPayeeThatWasKilledIsStillTold kills a payee again and again within seconds. Each
// time it grafts to validators whose backoff it cannot know of any more; that must not
// cost it what they say: it has the next QC as soon as the network can bring it.
func TestAPayeeThatWasKilledIsStillTold(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 1, crowd)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		payer, payee := v.Clients()[0], v.Clients()[10].Name
		trip, err := payer.Node.Ping(ctx, v.Peer("dave").Node.ID())
		require.NoError(t, err)
		for range 5 {
			disk := v.crash(t, payee)
			v.restart(t, payee, disk)
			_, err := v.Peer(payee).Node.WaitReady(ctx, v.Committee().ID())
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		for _, member := range v.validators() {
			for _, s := range member.Node.Scores() {
				t.Logf("%s %+v", member.Name, s)
			}
		}
		begin := time.Now()
		id := pay(t, ctx, payer, v.Peer(payee), 1)
		requireStage(t, ctx, v.Peer(payee), id, fastpay.StageCertified)
		require.Less(t, time.Since(begin), 5*trip)
		for _, member := range v.validators() {
			for _, s := range member.Node.Scores() {
				require.GreaterOrEqual(t, s.Score, 0., "%s of %s", member.Name, s.ID)
			}
		}
	})
}
