package testnet_test

import (
	"context"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/stretchr/testify/require"
)

// TestSecondPaymentForASlotNeverCertifies lets a payer sign two payments for one
// slot and send them to different validators. At most one certifies, every peer
// learns the proof and it is gossiped, and only the payer is convicted. Whether
// the votes are split or one payment has its quorum, the lane goes on by the
// rules: on top of what certified, or by a restart when both have expired.
func TestSecondPaymentForASlotNeverCertifies(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 3, func(cfg *testnet.Config) {
			attacked(cfg)
			cfg.EditFile = shortLives
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		require.NoError(t, v.Peer("mallory").Stop())
		mallory := v.hand(t, "mallory")
		hand := v.stranger(t, ctx, "stranger", nil)

		// Slot 0: one payment has its quorum before the other one is sent.
		toAlice := mallory.sign(t, mallory.envelope(alice.Client.Address(), 5))
		toBob := mallory.sign(t, mallory.envelope(bob.Client.Address(), 5))
		for _, name := range []string{"dave", "edgar", "frank"} {
			hand.vote(t, ctx, name, toAlice)
		}
		requireStage(t, ctx, alice, toAlice.ID(), fastpay.StageCertified)
		hand.refused(t, ctx, "grace", fastpay.Equivocation, toBob)
		v.requireConvicted(t, ctx, hand, mallory, 1)
		waitStage(t, ctx, bob, toAlice.ID(), fastpay.StageFinalized)

		// Slot 1: the votes are split.
		split := []*fastpay.Tx{
			mallory.sign(t, mallory.after(toAlice, alice.Client.Address(), 15)), mallory.sign(t, mallory.after(toAlice, bob.Client.Address(), 15)),
		}
		hand.split(t, ctx, split[0], split[1])
		v.requireConvicted(t, ctx, hand, mallory, 2)
		// The payees, who sent nothing, learn from the members that neither will come.
		waitStage(t, ctx, alice, split[0].ID(), fastpay.StageRejected)
		waitStage(t, ctx, bob, split[1].ID(), fastpay.StageRejected)
		for _, tx := range split {
			waitStage(t, ctx, bob, tx.ID(), fastpay.StageExpired)
		}

		// The restart releases the slot, not one second early.
		restart := mallory.after(toAlice, bob.Client.Address(), 15)
		last := max(split[0].Envelope().ValidBefore, split[1].Envelope().ValidBefore)
		restart.Restart = last - 1
		restart.Prev = mallory.lane().Restart(1, restart.Restart)
		hand.refused(t, ctx, "dave", fastpay.Equivocation, mallory.sign(t, restart))
		restart.Restart = last
		restart.Prev = mallory.lane().Restart(1, restart.Restart)
		lawful := mallory.sign(t, restart)
		for _, p := range v.validators() {
			hand.vote(t, ctx, p.Name, lawful)
		}
		waitStage(t, ctx, bob, lawful.ID(), fastpay.StageFinalized)
		for _, p := range v.Peers {
			if p.Name != "mallory" {
				require.Equal(t, fastpay.StageExpired, stage(p, split[0].ID()), p.Name)
				require.Equal(t, fastpay.StageExpired, stage(p, split[1].ID()), p.Name)
			}
		}
		payCents(t, ctx, alice, bob, 100)
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 20 * testnet.Dollar, "bob": 20 * testnet.Dollar, "mallory": 0})
		v.requireSound(t, mallory.address)
	})
}

// requireConvicted waits until every running peer holds the proofs of n offences of
// a payer, and a stranger heard them by gossip.
func (v *virtual) requireConvicted(t *testing.T, ctx context.Context, s *stranger, payer *hand, n int) {
	t.Helper()
	for _, p := range v.Peers {
		if p.Client != nil && p.Client.Address() == payer.address {
			continue // it does not run
		}
		waitBoard(t, ctx, p, "evidence", func(b *fastpay.Board) bool { return len(b.Evidence()) >= n })
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	require.NoError(t, s.heard.Await(ctx, func() bool {
		offences := make(map[fastpay.ID]bool)
		for _, e := range s.heard.Evidence() {
			if a, _ := e.Payments(); a.Sender() == payer.address {
				offences[e.Key()] = true
			}
		}
		return len(offences) == n
	}))
}

// TestUnluckyPayerPaysAgainAfterExpiry lets an honest payer reach too few members,
// so that its payment expires. The next payment restarts the lane, certifies and
// executes; the first one never does, and nobody is convicted.
func TestUnluckyPayerPaysAgainAfterExpiry(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 4, func(cfg *testnet.Config) {
			four(cfg)
			cfg.EditFile = shortLives
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")

		frank, grace := v.crash(t, "frank"), v.crash(t, "grace")
		lost := pay(t, ctx, alice, bob, 10)
		waitStage(t, ctx, bob, lost, fastpay.StageAccepted)
		waitStage(t, ctx, alice, lost, fastpay.StageExpired)
		v.restart(t, "frank", frank)
		v.restart(t, "grace", grace)
		require.NoError(t, v.WaitReady(ctx))

		again := pay(t, ctx, alice, bob, 10)
		var env fastpay.Envelope
		alice.Replica.Read(func(b *fastpay.Board) {
			tx, _ := b.Tx(again)
			env = tx.Envelope()
		})
		require.Zero(t, env.Seq, "the slot that was released is used again")
		require.NotZero(t, env.Restart)
		require.Equal(t, env.Lane().Restart(0, env.Restart), env.Prev)
		waitStage(t, ctx, bob, again, fastpay.StageFinalized)
		require.Equal(t, fastpay.StageExpired, stage(bob, lost), "who has its slot now does not matter")
		next := pay(t, ctx, alice, bob, 1)
		waitStage(t, ctx, bob, next, fastpay.StageFinalized)
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 4 * testnet.Dollar, "bob": 16 * testnet.Dollar})
		v.requireSound(t)
	})
}
