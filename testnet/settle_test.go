package testnet_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// home is the validator that submits a payer's payments at an attempt.
func (v *virtual) home(t *testing.T, payer *hand, attempt uint64) *testnet.Peer {
	t.Helper()
	index := payer.lane().Home(v.Committee(), attempt)
	p := v.Peer(v.File().MemberName(v.Committee().ID(), index))
	require.NotNil(t, p)
	return p
}

// submissions is how often a validator handed a payment to its node.
func submissions(t *testing.T, p *testnet.Peer) float64 {
	t.Helper()
	return metric(t, p, "allegro_settle_submissions_total", prometheus.Labels{"result": "ok"}) +
		metric(t, p, "allegro_settle_submissions_total", prometheus.Labels{"result": "known"})
}

// TestNextMemberTakesOverSettlement takes the power from the member whose turn it
// is to submit. The next one does two block times later, and nobody else.
func TestNextMemberTakesOverSettlement(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 30, func(cfg *testnet.Config) {
			four(cfg)
			cfg.Clients, cfg.Aggregators = cfg.Clients[:2], 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		payer := v.hand(t, "alice")
		v.crash(t, v.home(t, payer, 0).Name)
		time.Sleep(10 * time.Second)

		id := payCents(t, ctx, alice, bob, 100)
		certified := time.Now()
		waitBoard(t, ctx, bob, "inclusion", func(b *fastpay.Board) bool { return b.Stage(id).Rank() >= fastpay.StageIncluded.Rank() })
		require.GreaterOrEqual(t, time.Since(certified), 2*5*time.Second, "somebody submitted out of turn")
		require.LessOrEqual(t, time.Since(certified), 3*5*time.Second+time.Second)
		require.Equal(t, 1.0, submissions(t, v.home(t, payer, 1)))
		require.Zero(t, submissions(t, v.home(t, payer, 2)))
		require.Zero(t, submissions(t, v.home(t, payer, 3)))
		v.requireSound(t)
	})
}

// TestEverybodySubmitsAndItExecutesOnce lets payments with different submitters
// stand on each other, so that several members submit the same ones. Each is
// executed once, and fees are paid by sponsors alone.
func TestEverybodySubmitsAndItExecutesOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 31, func(cfg *testnet.Config) {
			four(cfg)
			cfg.Clients, cfg.Aggregators = testnet.SceneAccounts(6), 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		clients := v.Clients()
		homes := make(map[string]bool)
		var ids []fastpay.ID
		for i := range len(clients) - 1 {
			homes[v.home(t, v.hand(t, clients[i].Name), 0).Name] = true
			ids = append(ids, payCents(t, ctx, clients[i], clients[i+1], 1000))
		}
		require.Greater(t, len(homes), 1, "one member submits everything: choose other names")
		last := clients[len(clients)-1]
		want := map[string]uint64{clients[0].Name: 5 * testnet.Dollar, last.Name: 15 * testnet.Dollar}
		for _, p := range clients[1 : len(clients)-1] {
			want[p.Name] = 5 * testnet.Dollar
		}
		for _, id := range ids {
			waitStage(t, ctx, last, id, fastpay.StageFinalized)
		}
		total := 0.0
		for _, p := range v.validators() {
			total += submissions(t, p)
		}
		require.Greater(t, total, float64(len(ids)), "nothing was submitted twice")
		v.requireBalances(t, ctx, last, want)
		v.requireSound(t)
	})
}

// TestOneLevelPerBlockWithoutOrder settles a chain of payments on a chain that
// keeps no order: each is submitted when what it stands on is executed, so that no
// child executes before its parents (I8).
func TestOneLevelPerBlockWithoutOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 32, func(cfg *testnet.Config) {
			cfg.Clients, cfg.Aggregators = testnet.SceneAccounts(3), 0
			cfg.EditFile = func(f *netfile.File) { f.Chain.FIFO = false }
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		clients := v.Clients()
		waitBlocks(t, ctx, clients[0], 1)
		var ids []fastpay.ID
		for i := range len(clients) - 1 {
			ids = append(ids, payCents(t, ctx, clients[i], clients[i+1], 1000))
		}
		last := clients[len(clients)-1]
		var blocks []uint64
		for _, id := range ids {
			waitStage(t, ctx, last, id, fastpay.StageFinalized)
			blocks = append(blocks, outcome(t, last, id))
		}
		require.IsIncreasing(t, blocks)
		v.requireBalances(t, ctx, last, map[string]uint64{clients[0].Name: 5 * testnet.Dollar, last.Name: 15 * testnet.Dollar})
	})
}

// TestSponsoringIsLimitedPerPayer lets a payer make more payments than the members
// sponsor within an hour. The rest stays certified and expires unexecuted: the
// money is still the payer's, and everybody sees the same.
func TestSponsoringIsLimitedPerPayer(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 33, func(cfg *testnet.Config) {
			cfg.Aggregators = 0
			cfg.EditFile = shortLives
			cfg.EditValidator = func(_ string, c *validator.Config) { c.Settlement.PerPayer = 1 }
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, carol := v.Peer("alice"), v.Peer("bob"), v.Peer("carol")
		var ids []fastpay.ID
		for range 3 {
			ids = append(ids, payCents(t, ctx, alice, bob, 100))
		}
		other := payCents(t, ctx, carol, bob, 100)
		for _, id := range []fastpay.ID{ids[0], ids[1], other} {
			waitStage(t, ctx, bob, id, fastpay.StageFinalized)
		}
		for _, p := range v.Peers {
			waitStage(t, ctx, p, ids[2], fastpay.StageExpired)
		}
		synctest.Wait() // the settlers have seen it too
		for _, p := range v.validators() {
			require.NotZero(t, metric(t, p, "allegro_settle_submissions_total", prometheus.Labels{"result": "payer_limit"}), p.Name)
			for _, id := range ids[:2] {
				_, held := p.Validator.Submission(id)
				require.False(t, held, "%s remembers what it did for a payment that the chain has", p.Name)
			}
			done, held := p.Validator.Submission(ids[2])
			require.True(t, held, "%s has forgotten why it did not settle a payment", p.Name)
			require.Equal(t, "payer_limit", done.Result, p.Name)
			require.Error(t, done.Err, p.Name)
		}
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 13 * testnet.Dollar, "bob": 8 * testnet.Dollar})
		v.requireSound(t)
	})
}

// TestDeadParentHoldsNothingBack lets a certified payment expire unexecuted and its
// payee make a payment from its own balance that cites it all the same. That one is
// certified, since the dead parent counts for nothing, and settles without it.
func TestDeadParentHoldsNothingBack(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 36, func(cfg *testnet.Config) {
			cfg.Aggregators = 0
			cfg.EditFile = shortLives
			cfg.EditValidator = func(_ string, c *validator.Config) { c.Settlement.PerPayer = 1 }
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, carol := v.Peer("alice"), v.Peer("bob"), v.Peer("carol")
		var dead fastpay.ID
		for range len(v.validators()) + 1 { // each sponsors one of them
			dead = payCents(t, ctx, alice, bob, 100)
		}
		for _, p := range v.Peers {
			waitStage(t, ctx, p, dead, fastpay.StageExpired)
		}

		require.NoError(t, bob.Stop())
		hand, payer := v.stranger(t, ctx, "stranger", nil), v.hand(t, "bob")
		env := payer.envelope(carol.Client.Address(), 4)
		env.Parents = []fastpay.ID{dead}
		tx := payer.sign(t, env)
		for _, p := range v.validators() {
			hand.vote(t, ctx, p.Name, tx)
		}
		waitStage(t, ctx, carol, tx.ID(), fastpay.StageFinalized)
		v.requireBalances(t, ctx, carol, map[string]uint64{"alice": 13 * testnet.Dollar, "bob": 3 * testnet.Dollar, "carol": 9 * testnet.Dollar})
		v.requireSound(t)
	})
}

// foreign puts a transaction of a payer's own into the pool, outside the protocol.
// A sponsor pays the fee, so that balances stay exact.
func (v *virtual) foreign(t *testing.T, ctx context.Context, payer *hand, nonceKey uint256.Int, nonce uint64, to common.Address, dollars uint64) common.Hash {
	t.Helper()
	asset, fees := testnet.Asset, common.Address(v.File().Fees.FeeToken)
	tx := &tx76.Transaction{
		ChainID: v.Committee().ChainID(), MaxFeePerGas: payer.rules.MaxFee(), Gas: 1_000_000,
		Calls:    []tx76.Call{{To: &asset, Input: tempo.EncodeTransfer(to, uint256.NewInt(dollars*testnet.Dollar))}},
		NonceKey: nonceKey, Nonce: nonce, Sponsored: true, FeeToken: &fees,
	}
	var err error
	tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), payer.key)
	require.NoError(t, err)
	require.NoError(t, tx.SignSponsor(payer.address, v.sponsors["dave"]))
	chain := tempo.New(v.Chain.Client(), tempo.Options{Now: time.Now})
	defer chain.Close()
	hash, err := chain.Send(ctx, tx.Encode())
	require.NoError(t, err)
	return hash
}

// TestForeignTransactionInTheLane lets a payer use its lane's next slot by its own
// transaction, after its payment was certified. Everybody sees the payment as
// CONFLICTED, nobody certifies anything on top of it, and the lane goes on from
// what the chain has.
func TestForeignTransactionInTheLane(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 34, attacked)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		require.NoError(t, v.Peer("mallory").Stop())
		alice, bob, mallory := v.Peer("alice"), v.Peer("bob"), v.hand(t, "mallory")
		hand := v.stranger(t, ctx, "stranger", nil)
		waitBlocks(t, ctx, bob, 1)

		// It waits in the pool: no block shows it yet.
		lane := mallory.lane()
		hash := v.foreign(t, ctx, mallory, lane.NonceKey(v.Committee()), 0, alice.Client.Address(), 1)
		tx := mallory.sign(t, mallory.envelope(bob.Client.Address(), 15))
		for _, p := range v.validators() {
			hand.vote(t, ctx, p.Name, tx)
		}
		requireStage(t, ctx, bob, tx.ID(), fastpay.StageCertified)
		for _, p := range v.Peers {
			if p.Name != "mallory" {
				waitStage(t, ctx, p, tx.ID(), fastpay.StageConflicted)
			}
		}
		waitBlocks(t, ctx, bob, 2) // the block is final
		hand.refused(t, ctx, "dave", fastpay.Equivocation, mallory.sign(t, mallory.after(tx, bob.Client.Address(), 1)))
		_, err := bob.Client.Pay(ctx, orderOf(alice, 600))
		require.ErrorIs(t, err, fastpay.InsufficientFunds, "bob was not paid")

		env := mallory.after(tx, bob.Client.Address(), 15)
		env.Prev = lane.Foreign(0, hash)
		onward := mallory.sign(t, env)
		for _, p := range v.validators() {
			hand.vote(t, ctx, p.Name, onward)
		}
		waitStage(t, ctx, bob, onward.ID(), fastpay.StageFinalized)
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 16 * testnet.Dollar, "bob": 20 * testnet.Dollar, "mallory": 4 * testnet.Dollar})
		v.requireSound(t, mallory.address) // it signed two payments for slot 1
	})
}

// TestForeignOutflowVoidsWhatItFunded lets a payer move its money away by its own
// transaction, after its payment was certified and the payee spent it on. Both
// payments revert: for everybody the first is CONFLICTED and the second, which relies
// on it, FAILED. Nothing is certified on top of them, the payee loses nothing it had,
// and an honest third payer goes on.
func TestForeignOutflowVoidsWhatItFunded(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 35, attacked)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		require.NoError(t, v.Peer("mallory").Stop())
		alice, bob, mallory := v.Peer("alice"), v.Peer("bob"), v.hand(t, "mallory")
		hand := v.stranger(t, ctx, "stranger", nil)
		waitBlocks(t, ctx, bob, 1)

		outflow := v.foreign(t, ctx, mallory, *uint256.NewInt(77), 0, common.HexToAddress("0xacc"), 10)
		tx := mallory.sign(t, mallory.envelope(bob.Client.Address(), 15))
		for _, p := range v.validators() {
			hand.vote(t, ctx, p.Name, tx)
		}
		requireStage(t, ctx, bob, tx.ID(), fastpay.StageCertified)
		spent := payCents(t, ctx, bob, alice, 2000)
		for _, p := range v.Peers {
			if p.Name != "mallory" {
				waitStage(t, ctx, p, tx.ID(), fastpay.StageConflicted)
				waitStage(t, ctx, p, spent, fastpay.StageFailed)
				p.Replica.Read(func(b *fastpay.Board) {
					first, _ := b.StageEvidence(tx.ID())
					require.Equal(t, fastpay.CauseOutflow, first.Cause)
					require.Equal(t, outflow, first.Outflow)
					second, _ := b.StageEvidence(spent)
					require.Equal(t, fastpay.CauseBeforeParent, second.Cause)
					require.Equal(t, tx.ID(), second.Parent)
				})
			}
		}
		waitBlocks(t, ctx, bob, 2) // the block is final
		_, err := alice.Client.Pay(ctx, orderOf(bob, 1600))
		require.ErrorIs(t, err, fastpay.InsufficientFunds, "alice was not paid")
		hand.refused(t, ctx, "dave", fastpay.Equivocation, mallory.sign(t, mallory.after(tx, bob.Client.Address(), 1)))

		ids := []fastpay.ID{payCents(t, ctx, alice, bob, 500), payCents(t, ctx, bob, alice, 1000)}
		for _, id := range ids {
			waitStage(t, ctx, bob, id, fastpay.StageFinalized)
		}
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 20 * testnet.Dollar, "bob": 0, "mallory": 10 * testnet.Dollar})
		v.requireSound(t)
	})
}
