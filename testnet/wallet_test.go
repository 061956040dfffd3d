package testnet_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// envelopeOf is what a payer authorised, as a peer holds it.
func envelopeOf(t *testing.T, p *testnet.Peer, id fastpay.ID) (env fastpay.Envelope) {
	t.Helper()
	p.Replica.Read(func(b *fastpay.Board) {
		tx, ok := b.Tx(id)
		require.True(t, ok)
		env = tx.Envelope()
	})
	return env
}

// TestWalletCitesTheFewestParents lets a wallet choose its funds: none while its
// balance covers a payment, else the fewest credits that do, the largest first. A
// payment never outlives what it cites. Parents that are named are cited as they
// are, also when they are executed already.
func TestWalletCitesTheFewestParents(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 50, nil)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, carol := v.Peer("alice"), v.Peer("bob"), v.Peer("carol")
		waitBlocks(t, ctx, bob, 1)
		small, large, medium := payCents(t, ctx, alice, bob, 100), payCents(t, ctx, alice, bob, 700), payCents(t, ctx, carol, bob, 300)

		covered := envelopeOf(t, bob, payNow(t, ctx, bob, carol, 500))
		require.Empty(t, covered.Parents, "the balance covers it")
		one := envelopeOf(t, bob, payNow(t, ctx, bob, carol, 600))
		require.Equal(t, []fastpay.ID{large}, one.Parents, "one credit covers it")
		require.LessOrEqual(t, one.ValidBefore, envelopeOf(t, bob, large).ValidBefore)
		// 1 is left of the first credit.
		two := envelopeOf(t, bob, payNow(t, ctx, bob, carol, 500))
		want := []fastpay.ID{medium, small}
		slices.SortFunc(want, fastpay.ID.Cmp)
		require.Equal(t, want, two.Parents, "both are needed")
		_, err := bob.Client.Pay(ctx, orderOf(carol, 1))
		require.ErrorIs(t, err, fastpay.InsufficientFunds)

		// The same by naming them, and after they were executed.
		back := payCents(t, ctx, carol, bob, 200)
		named := client.Order{To: alice.Client.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(testnet.Dollar), Parents: client.Parents{IDs: []fastpay.ID{back}}}
		id, err := bob.Client.Pay(ctx, named)
		require.NoError(t, err)
		require.Equal(t, []fastpay.ID{back}, envelopeOf(t, bob, id).Parents)
		waitStage(t, ctx, bob, id, fastpay.StageFinalized)
		id, err = bob.Client.Pay(ctx, named)
		require.NoError(t, err)
		waitStage(t, ctx, alice, id, fastpay.StageFinalized)
		require.Greater(t, envelopeOf(t, bob, id).ValidBefore, envelopeOf(t, bob, back).ValidBefore, "an executed parent limits nothing")
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 9 * testnet.Dollar, "bob": 0, "carol": 16 * testnet.Dollar})
		v.requireSound(t)
	})
}

// TestConcurrentPaymentsOfOneWallet pays from many goroutines at once. The wallet
// makes them consecutive slots, each on top of the one before, and all certify.
// Nobody's gossip is rejected on the way.
func TestConcurrentPaymentsOfOneWallet(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 51, func(cfg *testnet.Config) { cfg.Aggregators = 0 })
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		ids := make([]fastpay.ID, fastpay.MaxDepth)
		var g errgroup.Group
		for i := range ids {
			g.Go(func() (err error) {
				ids[i], err = alice.Client.Pay(ctx, orderOf(bob, 10))
				return err
			})
		}
		require.NoError(t, g.Wait())
		slices.SortFunc(ids, func(a, b fastpay.ID) int {
			return int(envelopeOf(t, alice, a).Seq) - int(envelopeOf(t, alice, b).Seq)
		})
		prev := envelopeOf(t, alice, ids[0]).Prev
		for i, id := range ids {
			env := envelopeOf(t, alice, id)
			require.Equal(t, uint64(i), env.Seq)
			require.Equal(t, prev, env.Prev)
			prev = id
			requireStage(t, ctx, bob, id, fastpay.StageCertified)
			requireStage(t, ctx, alice, id, fastpay.StageCertified)
		}
		// Some more while those are pending: with QCs below, and still none cited.
		for range 8 {
			payCents(t, ctx, alice, bob, 1)
		}
		time.Sleep(11 * time.Second) // scores are inspected
		for _, p := range v.validators() {
			got, connected := score(p, string(alice.Node.ID()))
			require.True(t, connected)
			require.GreaterOrEqual(t, got, 0.0, "%s blames an honest wallet", p.Name)
		}
		waitStage(t, ctx, bob, ids[len(ids)-1], fastpay.StageFinalized)
		v.requireSound(t)
	})
}

// TestFortyHopsOfOneCoin passes the same money forty times between three wallets
// with nothing else, faster than the chain executes. Where the depth limit is
// reached the wallet says that the funds are not there yet, and goes on with the
// next block.
func TestFortyHopsOfOneCoin(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 52, func(cfg *testnet.Config) {
			cfg.Aggregators = 0
			cfg.Clients = []testnet.Account{{Name: "alice", Balance: testnet.Dollar}, {Name: "bob"}, {Name: "carol"}}
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		clients := v.Clients()
		waited := false
		var last fastpay.ID
		for hop := range 40 {
			from, to := clients[hop%3], clients[(hop+1)%3]
			for {
				id, err := from.Client.Pay(ctx, orderOf(to, 100))
				if errors.Is(err, fastpay.InsufficientFunds) {
					waited = true
					waitBlocks(t, ctx, from, 1)
					continue
				}
				require.NoError(t, err, "hop %d", hop)
				last = id
				break
			}
			requireStage(t, ctx, to, last, fastpay.StageCertified)
		}
		require.True(t, waited, "the depth limit was never reached")
		waitStage(t, ctx, clients[1], last, fastpay.StageFinalized)
		v.requireBalances(t, ctx, clients[0], map[string]uint64{"alice": 0, "bob": testnet.Dollar, "carol": 0})
		v.requireSound(t)
	})
}

// slowSigner takes some time for a batch, so that votes gather meanwhile.
type slowSigner struct{ validator.Signer }

func (s slowSigner) SignBatch(ctx context.Context, committee common.Hash, count int, root common.Hash) ([]byte, error) {
	time.Sleep(5 * time.Millisecond)
	return s.Signer.SignBatch(ctx, committee, count, root)
}

// TestThreeHundredPayments lets three wallets pay each other as fast as they can.
// Every payment is executed exactly once, no balance goes below what came in (I1),
// and validators signed batches of more than one vote.
func TestThreeHundredPayments(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		const perClient = 100
		v := startVirtual(t, 53, func(cfg *testnet.Config) {
			cfg.Aggregators = 0
			cfg.EditValidator = func(_ string, c *validator.Config) { c.Signer = slowSigner{c.Signer} }
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		clients := v.Clients()
		paid := make([][]fastpay.ID, len(clients))
		var g errgroup.Group
		for i, from := range clients {
			g.Go(func() error {
				for n := range perClient {
					order := orderOf(clients[(i+1+n%2)%3], 10)
					for {
						id, err := from.Client.Pay(ctx, order)
						if fastpay.Classify(err).Retryable {
							time.Sleep(time.Second)
							continue
						}
						if err != nil {
							return err
						}
						paid[i] = append(paid[i], id)
						break
					}
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		want := make(map[string]uint64)
		slots := make(map[string]bool)
		for i, cents := range []uint64{1500, 500, 500} {
			want[clients[i].Name] = cents
		}
		for i, ids := range paid {
			for n, id := range ids {
				waitStage(t, ctx, clients[0], id, fastpay.StageFinalized)
				env := envelopeOf(t, clients[0], id)
				slots[fmt.Sprint(env.Sender, env.Seq)] = true
				want[clients[i].Name] -= 10
				want[clients[(i+1+n%2)%3].Name] += 10
			}
		}
		require.Len(t, slots, 3*perClient, "two payments share a slot")
		for name := range want {
			want[name] *= testnet.Dollar / 100
		}
		v.requireBalances(t, ctx, clients[0], want)
		for _, p := range v.validators() {
			votes, batches := metric(t, p, "allegro_cert_issued_total", nil), histogramCount(t, p, "allegro_validator_batch_votes")
			require.Greater(t, votes, float64(batches), "%s signed every vote by itself", p.Name)
		}
		v.requireSound(t)
	})
}
