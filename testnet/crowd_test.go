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
	cfg.Clients, cfg.Aggregators = testnet.SceneAccounts(12), 0
}

// TestACrowdIsToldAtOnce pays every one of many clients, most of which no validator
// forwards payments to. The votes come to each at once, half a round trip after half a
// round trip, and the payment itself for another one.
func TestACrowdIsToldAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 1, func(cfg *testnet.Config) {
			crowd(cfg)
			cfg.Clients[0].Balance = 100 * testnet.Dollar
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		time.Sleep(5 * time.Second) // meshes are pruned
		payer := v.Clients()[0]
		trip := v.trip(t, ctx, payer)
		unmeshed := 0
		for _, payee := range v.Clients()[1:] {
			if !payee.Node.Forwarded() {
				unmeshed++
			}
			begin := time.Now()
			id := pay(t, ctx, payer, payee, 1)
			requireStage(t, ctx, payee, id, fastpay.StageCertified)
			require.Less(t, time.Since(begin), 5*trip/2, payee.Name)
			time.Sleep(100 * time.Millisecond)
		}
		require.Greater(t, unmeshed, 4, "vacuous: meshes had room for everybody")
	})
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
		trip := v.trip(t, ctx, payer)
		for range 5 {
			disk := v.crash(t, payee)
			v.restart(t, payee, disk)
			_, err := v.Peer(payee).Node.WaitReady(ctx, v.Committee().ID())
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Second) // what is left of dead connections is gone
		_, err := v.Peer(payee).Node.WaitReady(ctx, v.Committee().ID())
		require.NoError(t, err)
		begin := time.Now()
		id := pay(t, ctx, payer, v.Peer(payee), 1)
		requireStage(t, ctx, v.Peer(payee), id, fastpay.StageCertified)
		require.Less(t, time.Since(begin), 5*trip/2)
		for _, member := range v.validators() {
			require.NotEmpty(t, member.Node.Scores())
			for _, s := range member.Node.Scores() {
				require.GreaterOrEqual(t, s.Score, 0., "%s of %s", member.Name, s.ID)
			}
		}
	})
}

// trip is a peer's round trip to a validator.
func (v *virtual) trip(t *testing.T, ctx context.Context, p *testnet.Peer) time.Duration {
	t.Helper()
	d, err := p.Node.Ping(ctx, v.validators()[0].Node.ID())
	require.NoError(t, err)
	return d
}
