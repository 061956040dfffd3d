package testnet_test

import (
	"context"
	"testing"
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

// inSubBlocks is a network whose lanes are sub-block lanes, each with a home of its
// own.
func inSubBlocks(cfg *testnet.Config) { cfg.Lane = netfile.SubBlockLane }

// atOneHome is such a network whose lanes all have one home.
func atOneHome(cfg *testnet.Config) { cfg.Lane, cfg.OneHome = netfile.SubBlockLane, true }

// TestSceneInSubBlocks plays the whole scene on a chain before T4. Both payments have
// one home, whose sub-block of the next block has them in order.
func TestSceneInSubBlocks(t *testing.T) {
	forSeeds(t, func(t *testing.T, ctx context.Context, seed uint64) {
		v := startVirtual(t, seed, atOneHome)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		res, err := v.Play(ctx, func(testnet.Event) {})
		require.NoError(t, err)
		require.Empty(t, res.Reason)
		require.Equal(t, testnet.Pass, res.Verdict)
		home := v.home(t, v.hand(t, "alice"), 0)
		for _, b := range res.Balances {
			require.Equal(t, b.Want.Dec(), b.Have.Dec(), b.Name)
		}
		for _, hop := range res.Hops {
			require.Equal(t, home, v.home(t, v.hand(t, hop.From), 0))
			require.Equal(t, res.Edge, hop.HeightAtQC, hop.Name)
			require.Equal(t, res.Edge+1, hop.Included, hop.Name)
		}
		for _, p := range v.validators() {
			require.Equal(t, p == home, submissions(t, p) > 0, p.Name)
		}
		v.requireSound(t)
	})
}

// TestParentsAtOtherHomes settles a chain of payments whose lanes have different homes.
// A block has the members' sub-blocks in an order of its own, so what stands on a
// payment of another home waits for its receipt: no child executes before its parents
// (I8).
func TestParentsAtOtherHomes(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 60, func(cfg *testnet.Config) {
			four(cfg)
			inSubBlocks(cfg)
			cfg.Clients, cfg.Aggregators = testnet.SceneAccounts(8), 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		clients := v.Clients()
		waitBlocks(t, ctx, clients[0], 1)
		var ids []fastpay.ID
		var homes []*testnet.Peer
		for i := range len(clients) - 1 {
			homes = append(homes, v.home(t, v.hand(t, clients[i].Name), 0))
			ids = append(ids, payCents(t, ctx, clients[i], clients[i+1], 1000))
		}
		last := clients[len(clients)-1]
		crossed, kept := 0, 0
		for i, id := range ids {
			waitStage(t, ctx, last, id, fastpay.StageFinalized)
			if i == 0 {
				continue
			}
			parent, child := outcome(t, last, ids[i-1]), outcome(t, last, id)
			if homes[i] == homes[i-1] {
				kept++
				require.Equal(t, parent, child, "payment %d and its parent have one home", i)
			} else {
				crossed++
				require.Greater(t, child, parent, "payment %d has another home than its parent", i)
			}
		}
		require.Positive(t, crossed, "one member is the home of all lanes: choose another salt")
		require.Positive(t, kept, "no payment has its parent's home: choose another salt")
		v.requireBalances(t, ctx, last, map[string]uint64{clients[0].Name: 5 * testnet.Dollar, last.Name: 15 * testnet.Dollar})
		v.requireSound(t)
	})
}

// TestHomeIsDown takes the power from a payment's home. The payment stays certified, as
// no other member's node can take it, and settles when the home is back.
func TestHomeIsDown(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 61, func(cfg *testnet.Config) {
			four(cfg)
			inSubBlocks(cfg)
			cfg.Clients, cfg.Aggregators = cfg.Clients[:2], 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		home := v.home(t, v.hand(t, "alice"), 0).Name
		disk := v.crash(t, home)
		id := payCents(t, ctx, alice, bob, 100)
		requireStage(t, ctx, bob, id, fastpay.StageCertified)
		waitBlocks(t, ctx, bob, 12)
		require.Equal(t, fastpay.StageCertified, stage(bob, id))
		for _, p := range v.validators() {
			require.Zero(t, submissions(t, p), p.Name)
		}
		v.restart(t, home, disk)
		waitStage(t, ctx, bob, id, fastpay.StageFinalized)
		require.Positive(t, submissions(t, v.Peer(home)))
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 14 * testnet.Dollar, "bob": 6 * testnet.Dollar})
		v.requireSound(t)
	})
}

// TestSubBlockLanesEndWithT4 starts validators with sub-block lanes on a chain at T4.
// They refuse to run.
func TestSubBlockLanesEndWithT4(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 62, func(cfg *testnet.Config) {
			cfg.Clients, cfg.Aggregators = cfg.Clients[:2], 0
			cfg.EditFile = func(f *netfile.File) {
				f.Chain.Lane = netfile.SubBlockLane
				for i := range f.Committees[0].Members {
					f.Committees[0].Members[i].NodeKey = netfile.Key{byte(i + 1)}
				}
			}
		})
		defer v.close(t)
		v.ends = validator.ErrNoSubBlocks
		for _, p := range v.validators() {
			select {
			case <-p.Done():
			case <-ctx.Done():
				require.Fail(t, "a validator runs on a chain without the network's lanes", p.Name)
			}
			err := p.Stop()
			require.ErrorIs(t, err, validator.ErrNoSubBlocks)
			require.ErrorContains(t, err, "the node is at T4")
		}
	})
}

// TestThrownAwayAndSubmittedAgain lets somebody fill the sub-block of a home before a
// payment and its child come. What the sub-block has no gas for is thrown away; the
// home submits both again, in order.
func TestThrownAwayAndSubmittedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 63, func(cfg *testnet.Config) {
			atOneHome(cfg)
			cfg.Aggregators = 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, carol := v.Peer("alice"), v.Peer("bob"), v.Peer("carol")
		waitBlocks(t, ctx, carol, 1)
		edge := v.Chain.Height()
		// Half of a tenth of 500 million gas, a million each.
		for nonce := range uint64(25) {
			v.fill(t, ctx, v.hand(t, "carol"), nonce)
		}
		t1 := payCents(t, ctx, alice, bob, 1000)
		requireStage(t, ctx, bob, t1, fastpay.StageCertified)
		t2 := payCents(t, ctx, bob, carol, 1000)
		require.Equal(t, edge, v.Chain.Height(), "a block came first")
		for _, id := range []fastpay.ID{t1, t2} {
			waitStage(t, ctx, carol, id, fastpay.StageFinalized)
			require.Greater(t, outcome(t, carol, id), edge+1, "it was not thrown away")
		}
		require.Equal(t, 4.0, v.taken(t, "alice"), "each is taken twice")
		v.requireBalances(t, ctx, carol, map[string]uint64{"alice": 5 * testnet.Dollar, "bob": 5 * testnet.Dollar, "carol": 15 * testnet.Dollar})
		v.requireSound(t)
	})
}

// fill puts a transaction of no use into the sub-block lane of a payer's home, with the
// gas limit of a payment. It uses another nonce key than the payer's lane.
func (v *virtual) fill(t *testing.T, ctx context.Context, payer *hand, nonce uint64) {
	t.Helper()
	lane := payer.lane()
	nonceKey := lane.NonceKey(v.Committee())
	key := nonceKey.Bytes32()
	clear(key[16:])
	asset, fees := testnet.Asset, common.Address(v.File().Fees.FeeToken)
	tx := &tx76.Transaction{
		ChainID: v.Committee().ChainID(), MaxFeePerGas: payer.rules.MaxFee(), Gas: 1_000_000,
		Calls:    []tx76.Call{{To: &asset, Input: tempo.EncodeTransfer(common.HexToAddress("0xacc"), new(uint256.Int))}},
		NonceKey: *new(uint256.Int).SetBytes32(key[:]), Nonce: nonce, Sponsored: true, FeeToken: &fees,
	}
	var err error
	tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), payer.key)
	require.NoError(t, err)
	require.NoError(t, tx.SignSponsor(payer.address, v.sponsors["dave"]))
	node, err := v.Chain.ValidatorClient(v.Committee().Member(lane.Home(v.Committee(), 0)).NodeKey)
	require.NoError(t, err)
	chain := tempo.New(node, tempo.Options{Now: time.Now})
	defer chain.Close()
	_, err = chain.Send(ctx, tx.Encode())
	require.NoError(t, err)
}

// taken is how many submissions the node of a payer's home took as new.
func (v *virtual) taken(t *testing.T, payer string) float64 {
	t.Helper()
	return metric(t, v.home(t, v.hand(t, payer), 0), "allegro_settle_submissions_total", prometheus.Labels{"result": "ok"})
}

// TestHomeFillsItsSubBlockSlowly makes more payments of one lane than a home is sure
// that its sub-block takes. It hands over a few more per block, and nothing is thrown
// away.
func TestHomeFillsItsSubBlockSlowly(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 64, func(cfg *testnet.Config) {
			inSubBlocks(cfg)
			cfg.Clients, cfg.Aggregators = cfg.Clients[:2], 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		waitBlocks(t, ctx, bob, 1)
		var ids []fastpay.ID
		for range 9 {
			ids = append(ids, payCents(t, ctx, alice, bob, 100))
		}
		perBlock := make(map[uint64]int)
		var blocks []uint64
		for _, id := range ids {
			waitStage(t, ctx, bob, id, fastpay.StageFinalized)
			blocks = append(blocks, outcome(t, bob, id))
			perBlock[blocks[len(blocks)-1]]++
		}
		require.IsNonDecreasing(t, blocks)
		first := blocks[0]
		require.Equal(t, map[uint64]int{first: 2, first + 1: 3, first + 2: 4}, perBlock)
		require.Equal(t, 9.0, v.taken(t, "alice"), "something was thrown away, or submitted twice")
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 6 * testnet.Dollar, "bob": 14 * testnet.Dollar})
	})
}
