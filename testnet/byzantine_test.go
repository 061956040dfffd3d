package testnet_test

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// impostor takes a validator's place with its keys, and does what the test says.
func (v *virtual) impostor(t *testing.T, ctx context.Context, name string, change func(*p2ptest.Recorder)) *stranger {
	t.Helper()
	require.NoError(t, v.Peer(name).Stop())
	return v.stranger(t, ctx, name, func(cfg *p2p.Config, r *p2ptest.Recorder) {
		key := v.signers[name].Key()
		cfg.Role, cfg.ValidatorKey, cfg.SignHello = p2p.RoleValidator, key[:], v.signers[name].SignHello
		if change != nil {
			change(r)
		}
	})
}

// head is a member's signed view of its node.
func (v *virtual) head(t *testing.T, ctx context.Context, member string, view fastpay.HeadView) *fastpay.Head {
	t.Helper()
	signer := v.signer(member)
	signature, err := v.signers[member].SignHead(ctx, v.Committee(), signer, view)
	require.NoError(t, err)
	h, err := fastpay.NewHead(v.Committee(), signer, view, signature)
	require.NoError(t, err)
	return h
}

// TestOneDishonestMemberStopsNothing gives one of four members to an attacker. It
// lies about the time, votes for what does not exist and for two payments of one
// slot, never answers a submit and never ends a sync. Payments certify with lives
// as long as they should be, a restarted validator recovers, the double vote is
// proven, and nobody honest is convicted.
func TestOneDishonestMemberStopsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 40, func(cfg *testnet.Config) {
			attacked(cfg)
			cfg.Aggregators = 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		first := qc(t, bob, payCents(t, ctx, alice, bob, 1))
		var page atomic.Uint64
		grace := v.impostor(t, ctx, "grace", func(r *p2ptest.Recorder) {
			r.SubmitBy(func(ctx context.Context, _ p2p.PeerID, items []fastpay.Payment) []p2p.SubmitResult {
				<-ctx.Done()
				return nil
			})
			r.SyncBy(func(_ context.Context, _ p2p.PeerID, req p2p.SyncRequest) (p2p.SyncResponse, error) {
				if req.Kind == p2p.SyncDigests {
					digests := make([]fastpay.ID, p2p.SyncBuckets)
					for i := range digests {
						digests[i][0] = 1 // differs from everybody's, for ever
					}
					return p2p.SyncResponse{Digests: digests}, nil
				}
				time.Sleep(500 * time.Millisecond) // so that its pages last for the whole test
				return p2p.SyncResponse{
					Items: []p2p.SyncItem{{Tx: first.Tx(), Certificates: first.Certificates()}},
					Next:  binary.BigEndian.AppendUint64(nil, page.Add(1)), More: true,
				}, nil
			})
		})

		// Lies about the time move no expiry.
		for _, lie := range []uint64{0, 1 << 39} {
			var at fastpay.Block
			alice.Replica.Read(func(b *fastpay.Board) { at = b.Finalized() })
			for n := range uint64(3) { // whichever block the wallet is pinned to
				view := fastpay.HeadView{Height: 1 << 40, Time: lie, FinalizedHeight: at.Number + n, FinalizedTime: lie}
				require.NoError(t, grace.PublishHead(ctx, v.head(t, ctx, "grace", view)))
			}
			time.Sleep(time.Second)
			env := qc(t, bob, payCents(t, ctx, alice, bob, 1)).Tx().Envelope()
			require.InDelta(t, float64(time.Now().Unix()+3600), float64(env.ValidBefore), 15)
		}

		// Votes for payments that do not exist are kept within a bound.
		for n := range uint64(12) {
			ids := make([]fastpay.ID, fastpay.MaxBatch)
			for i := range ids {
				binary.BigEndian.PutUint64(ids[i][:], n<<32|uint64(i)+1)
			}
			require.NoError(t, grace.PublishBatch(ctx, v.batch(t, ctx, "grace", ids...)))
		}
		time.Sleep(2 * time.Second) // they are large
		payCents(t, ctx, alice, bob, 1)
		require.NotZero(t, metric(t, v.Peer("dave"), "allegro_board_dropped_total", prometheus.Labels{"what": "stray_vote"}))

		// A validator recovers although this member never ends.
		disk := v.crash(t, "dave")
		v.restart(t, "dave", disk)
		within, stop := context.WithTimeout(ctx, 20*time.Second)
		require.NoError(t, v.Peer("dave").Validator.AwaitSigning(within, v.Committee().ID()))
		stop()
		id := payCents(t, ctx, alice, bob, 1)
		waitBoard(t, ctx, bob, "dave's vote", func(b *fastpay.Board) bool {
			_, ok := b.Certificate(id, v.signer("dave"))
			return ok
		})

		// A double vote is proven.
		require.NoError(t, v.Peer("mallory").Stop())
		mallory := v.hand(t, "mallory")
		pair := []*fastpay.Tx{
			mallory.sign(t, mallory.envelope(bob.Client.Address(), 1)), mallory.sign(t, mallory.envelope(alice.Client.Address(), 1)),
		}
		for _, tx := range pair {
			require.NoError(t, grace.PublishPayments(ctx, v.Committee().ID(), []fastpay.Payment{{Tx: tx}}))
			require.NoError(t, grace.PublishBatch(ctx, v.batch(t, ctx, "grace", tx.ID())))
		}
		for _, p := range []string{"alice", "bob", "dave", "edgar", "frank"} {
			waitBoard(t, ctx, v.Peer(p), "two proofs", func(b *fastpay.Board) bool { return len(b.Evidence()) == 2 })
			v.Peer(p).Replica.Read(func(b *fastpay.Board) {
				for _, e := range b.Evidence() {
					if signer, member := e.Signer(); member {
						require.Equal(t, v.signer("grace"), signer)
					}
					a, _ := e.Payments()
					require.Equal(t, mallory.address, a.Sender())
				}
			})
		}
		last := payCents(t, ctx, alice, bob, 1)
		waitStage(t, ctx, bob, last, fastpay.StageFinalized)
		for _, p := range v.validators() {
			require.NoError(t, p.Validator.Halted())
		}
	})
}
