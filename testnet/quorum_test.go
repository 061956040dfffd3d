package testnet_test

import (
	"context"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

// TestThreeOfFourSuffice plays the scene with one of four validators down
// throughout.
func TestThreeOfFourSuffice(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 10, four)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		v.crash(t, "edgar")
		time.Sleep(10 * time.Second)
		res, err := v.Play(ctx, func(testnet.Event) {})
		require.NoError(t, err)
		require.Empty(t, res.Reason)
		require.Equal(t, testnet.Pass, res.Verdict)
		for _, hop := range res.Hops {
			require.NotContains(t, hop.Signers, "edgar")
		}
		v.requireSound(t)
	})
}

// TestTwoOfTwoWaitForTheSecond lets a payment go on without one of two members: it
// stays ACCEPTED, no QC exists, and it certifies when the member is back.
func TestTwoOfTwoWaitForTheSecond(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 11, nil)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		disk := v.crash(t, "edgar")
		id := pay(t, ctx, alice, bob, 10)
		waitStage(t, ctx, bob, id, fastpay.StageAccepted)
		time.Sleep(time.Minute)
		for _, p := range []*testnet.Peer{alice, bob, v.Peer("dave"), v.Peer("olivia")} {
			require.Equal(t, fastpay.StageAccepted, stage(p, id), p.Name)
		}
		v.restart(t, "edgar", disk)
		waitStage(t, ctx, bob, id, fastpay.StageFinalized)
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 5 * testnet.Dollar, "bob": 15 * testnet.Dollar})
		v.requireSound(t)
	})
}

// TestPartitionHeals cuts a validator, the payer's rival and the mirror off while
// the majority certifies and settles. Nothing is certified twice, and after the
// heal every peer holds the same payments, QCs and stages.
func TestPartitionHeals(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 12, four)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, carol := v.Peer("alice"), v.Peer("bob"), v.Peer("carol")
		v.net.Partition([]string{"dave", "carol", "olivia"}, []string{"edgar", "frank", "grace", "alice", "bob"})

		t1 := payCents(t, ctx, alice, bob, 1000)
		t2 := payNow(t, ctx, bob, carol, 1000)
		requireStage(t, ctx, bob, t2, fastpay.StageCertified)
		// The minority's payer gets a vote and no quorum.
		t3 := payNow(t, ctx, carol, bob, 100)
		waitStage(t, ctx, carol, t3, fastpay.StageAccepted)
		waitStage(t, ctx, bob, t2, fastpay.StageFinalized)
		require.Equal(t, fastpay.StageAccepted, stage(carol, t3))

		v.net.Heal()
		ids := []fastpay.ID{t1, t2, t3}
		v.requireAgreement(t, ctx, ids...)
		for _, id := range ids {
			require.Equal(t, fastpay.StageFinalized, stage(carol, id))
		}
		v.requireBalances(t, ctx, carol, map[string]uint64{"alice": 5 * testnet.Dollar, "bob": 6 * testnet.Dollar, "carol": 14 * testnet.Dollar})
		v.requireSound(t)
	})
}

// requireAgreement waits until every running peer holds the same payments and QCs,
// and shows the payments in their final stage (I9).
func (v *virtual) requireAgreement(t *testing.T, ctx context.Context, ids ...fastpay.ID) {
	t.Helper()
	var want [fastpay.Buckets]common.Hash
	for i, p := range v.Peers {
		select {
		case <-p.Done():
			continue
		default:
		}
		for _, id := range ids {
			waitBoard(t, ctx, p, "a final stage of "+id.String(), func(b *fastpay.Board) bool { return b.Stage(id).Terminal() })
			require.Equal(t, stage(v.Peers[0], id), stage(p, id), p.Name)
		}
		if i == 0 {
			p.Replica.Read(func(b *fastpay.Board) { want = b.Digests() })
			continue
		}
		waitBoard(t, ctx, p, "the same evidence", func(b *fastpay.Board) bool { return b.Digests() == want })
	}
}

// TestLateJoinersSeeTheSame starts a mirror and a payee with empty disks after
// payments were certified, executed, expired and convicted. They show what
// everybody shows, and the payee can spend what it was paid.
func TestLateJoinersSeeTheSame(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 13, func(cfg *testnet.Config) {
			attacked(cfg)
			cfg.EditFile = shortLives
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		for _, name := range []string{"mallory", "bob", "olivia"} {
			require.NoError(t, v.Peer(name).Stop())
		}
		mallory := v.hand(t, "mallory")
		hand := v.stranger(t, ctx, "stranger", nil)
		to := bob.Client.Address()

		settled := payNow(t, ctx, alice, bob, 300)
		waitStage(t, ctx, alice, settled, fastpay.StageFinalized)
		lost, rival := mallory.sign(t, mallory.envelope(to, 1)), mallory.sign(t, mallory.envelope(alice.Client.Address(), 1))
		hand.split(t, ctx, lost, rival)
		waitStage(t, ctx, alice, lost.ID(), fastpay.StageExpired)
		fresh := payNow(t, ctx, alice, bob, 700)

		for _, name := range []string{"bob", "olivia"} {
			v.restart(t, name, vfs.NewCrashableMem())
		}
		late := v.Peer("bob")
		require.NoError(t, late.Client.WaitReady(ctx))
		requireStage(t, ctx, late, fresh, fastpay.StageCertified)
		for _, p := range []*testnet.Peer{late, v.Peer("olivia")} {
			waitStage(t, ctx, p, settled, fastpay.StageFinalized)
			waitStage(t, ctx, p, lost.ID(), fastpay.StageExpired)
			waitBoard(t, ctx, p, "evidence", func(b *fastpay.Board) bool { return len(b.Evidence()) == 1 })
		}
		next := payNow(t, ctx, late, alice, 1500)
		waitStage(t, ctx, alice, next, fastpay.StageFinalized)
		v.requireAgreement(t, ctx, settled, fresh, next, lost.ID())
		v.requireBalances(t, ctx, alice, map[string]uint64{"alice": 20 * testnet.Dollar, "bob": 0})
		v.requireSound(t, mallory.address)
	})
}

// TestPaymentsInAnyOrder hands a validator payments before what they stand on. It
// keeps them, fetches the missing predecessor or parent by sync, and votes without
// being asked again. A payment that it learns of only by another member's vote, it
// fetches and votes for as well.
func TestPaymentsInAnyOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 14, func(cfg *testnet.Config) {
			attacked(cfg)
			cfg.Aggregators = 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		require.NoError(t, v.Peer("mallory").Stop())
		require.NoError(t, v.Peer("alice").Stop())
		require.NoError(t, v.Peer("bob").Stop())
		mallory, alice, bob := v.hand(t, "mallory"), v.hand(t, "alice"), v.hand(t, "bob")
		hand := v.stranger(t, ctx, "stranger", nil)
		majority := []string{"edgar", "frank", "grace"}
		voted := func(name string, tx *fastpay.Tx) func(*fastpay.Board) bool {
			return func(b *fastpay.Board) bool {
				_, ok := b.Certificate(tx.ID(), v.signer(name))
				return ok
			}
		}

		// Only edgar is handed the payment; nobody gossips it.
		one := mallory.sign(t, mallory.envelope(bob.address, 1))
		hand.vote(t, ctx, "edgar", one)
		waitBoard(t, ctx, v.Peer("edgar"), "dave's vote", voted("dave", one))
		waitBoard(t, ctx, v.Peer("edgar"), "the quorum", func(b *fastpay.Board) bool { _, ok := b.QC(one.ID()); return ok })

		// Dave is alone while the others certify the predecessor and the parent.
		v.net.Partition([]string{"dave"}, majority)
		first := alice.sign(t, alice.envelope(bob.address, 15))
		second := bob.sign(t, func() fastpay.Envelope {
			env := bob.envelope(mallory.address, 20)
			env.Parents, env.ValidBefore = []fastpay.ID{first.ID()}, first.Envelope().ValidBefore
			return env
		}())
		third := bob.sign(t, func() fastpay.Envelope {
			env := bob.after(second, alice.address, 1)
			env.Parents, env.ValidBefore = []fastpay.ID{one.ID()}, second.Envelope().ValidBefore
			return env
		}())
		for _, name := range majority {
			hand.vote(t, ctx, name, first)
		}
		waitBoard(t, ctx, v.Peer("grace"), "the quorum", func(b *fastpay.Board) bool { _, ok := b.QC(first.ID()); return ok })
		for _, tx := range []*fastpay.Tx{second, third} {
			for _, name := range majority {
				hand.vote(t, ctx, name, tx)
			}
			waitBoard(t, ctx, v.Peer("grace"), "the quorum", func(b *fastpay.Board) bool { _, ok := b.QC(tx.ID()); return ok })
		}
		require.True(t, hand.refused(t, ctx, "dave", fastpay.NonceSeqTooHigh, third).Retryable)
		require.True(t, hand.refused(t, ctx, "dave", fastpay.MissingParentQC, second).Retryable)
		v.net.Heal()
		// The parent is executed only later: dave's votes need its QC.
		for _, tx := range []*fastpay.Tx{second, third} {
			waitBoard(t, ctx, v.Peer("dave"), "its own vote", voted("dave", tx))
		}
		waitBoard(t, ctx, v.Peer("dave"), "the end", func(b *fastpay.Board) bool { return b.Stage(third.ID()) == fastpay.StageFinalized })
		v.requireSound(t)
	})
}

// TestUncertifiedPaymentOfAPayerThatIsGone leaves a payment with one validator of
// two, whose power fails between its promise and its signature. Nobody submits the
// payment again: the validator signs its promise when it is back, the other one
// learns of it by sync, and the payee has its QC.
func TestUncertifiedPaymentOfAPayerThatIsGone(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		disk, signer := &cutDisk{}, &cutSigner{}
		v := startVirtual(t, 15, func(cfg *testnet.Config) {
			faulty(disk, signer)(cfg)
			cfg.Aggregators = 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		bob := v.Peer("bob")
		require.NoError(t, v.Peer("alice").Stop())
		alice := v.hand(t, "alice")
		cut := &powerCut{net: v, name: "dave"}
		signer.before.Store(cut)
		tx := alice.sign(t, alice.envelope(bob.Client.Address(), 10))
		_, err := v.stranger(t, ctx, "stranger", nil).Submit(ctx, v.Peer("dave").Node.ID(), []fastpay.Payment{{Tx: tx}})
		require.Error(t, err)
		signer.before.Store(nil)
		require.Equal(t, fastpay.StageUnknown, stage(bob, tx.ID()))
		require.NoError(t, v.Peer("dave").Stop())
		v.restart(t, "dave", cut.disk)
		requireStage(t, ctx, bob, tx.ID(), fastpay.StageCertified)
		waitStage(t, ctx, bob, tx.ID(), fastpay.StageFinalized)
		v.requireSound(t)
	})
}

// TestPaymentSurvivesItsPayersCrash takes the payer's power right after its journal
// was synced, with no validator in reach. After the restart the same payment, under
// the same id, is completed. A crash before the sync leaves nothing.
func TestPaymentSurvivesItsPayersCrash(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 16, nil)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		before := v.disks["alice"].CrashClone(vfs.CrashCloneCfg{})

		v.net.Partition([]string{"alice"}, []string{"dave", "edgar", "bob", "carol", "olivia"})
		id := pay(t, ctx, alice, bob, 10)
		var raw []byte
		alice.Replica.Read(func(b *fastpay.Board) {
			tx, _ := b.Tx(id)
			raw = tx.Encode()
		})
		after := v.crash(t, "alice")
		time.Sleep(20 * time.Second)
		v.net.Heal()

		// A disk from before the sync knows nothing, and nothing was sent.
		v.restart(t, "alice", before)
		require.NoError(t, v.Peer("alice").Client.WaitReady(ctx))
		time.Sleep(10 * time.Second)
		for _, p := range v.Peers {
			require.Equal(t, fastpay.StageUnknown, stage(p, id), p.Name)
		}
		require.NoError(t, v.Peer("alice").Stop())

		v.restart(t, "alice", after)
		requireStage(t, ctx, bob, id, fastpay.StageCertified)
		bob.Replica.Read(func(b *fastpay.Board) {
			tx, _ := b.Tx(id)
			require.Equal(t, raw, tx.Encode())
		})
		waitStage(t, ctx, bob, id, fastpay.StageFinalized)
		again := payNow(t, ctx, v.Peer("alice"), bob, 500)
		waitStage(t, ctx, bob, again, fastpay.StageFinalized)
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 0, "bob": 20 * testnet.Dollar})
		v.requireSound(t)
	})
}

// TestWalletRefusesWhatCannotBePaid asks a wallet for payments that validators
// would refuse. It refuses them itself, with the code, and sends nothing.
func TestWalletRefusesWhatCannotBePaid(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 17, nil)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, carol := v.Peer("alice"), v.Peer("bob"), v.Peer("carol")
		order := func(change func(*client.Order)) client.Order {
			o := orderOf(bob, 100)
			change(&o)
			return o
		}
		for _, tc := range []struct {
			name  string
			order client.Order
			want  fastpay.Code
		}{
			{"over the balance", orderOf(bob, 1501), fastpay.InsufficientFunds},
			{"to oneself", orderOf(alice, 1), fastpay.InvalidFormat},
			{"nothing", orderOf(bob, 0), fastpay.InvalidFormat},
			{"to nobody", order(func(o *client.Order) { o.To = common.Address{} }), fastpay.InvalidFormat},
			{"to a token", order(func(o *client.Order) { o.To = testnet.Asset }), fastpay.InvalidFormat},
			{"an unlisted asset", order(func(o *client.Order) { o.Asset = common.HexToAddress("0x20c0000000000000000000000000000000000009") }), fastpay.NotPaymentTx},
			{"citing an unknown payment", order(func(o *client.Order) { o.Parents = client.Parents{IDs: []fastpay.ID{{1}}} }), fastpay.MissingParentQC},
		} {
			_, err := alice.Client.Pay(ctx, tc.order)
			require.ErrorIs(t, err, tc.want, tc.name)
		}
		// A credit that pays somebody else funds nothing.
		id := payCents(t, ctx, bob, carol, 100)
		waitBoard(t, ctx, alice, "the QC", func(b *fastpay.Board) bool { _, ok := b.QC(id); return ok })
		_, err := alice.Client.Pay(ctx, order(func(o *client.Order) { o.Parents = client.Parents{IDs: []fastpay.ID{id}} }))
		require.ErrorIs(t, err, fastpay.InvalidParentQC)

		time.Sleep(10 * time.Second)
		require.Zero(t, metric(t, alice, "allegro_client_payments_total", nil))
		for _, p := range v.Peers {
			p.Replica.Read(func(b *fastpay.Board) { require.Equal(t, 1, b.Len(), "%s holds a refused payment", p.Name) })
		}
		v.requireSound(t)
	})
}
