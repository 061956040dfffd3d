package onchain_test

import (
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo/anvil"
	"github.com/allegro-p2p/allegro/testnet"
)

// TestValidatorsNodeDies kills the node of the member whose turn it is to submit T2,
// between T1 and T2. The next member submits it; when the node is back, its validator
// knows what the others know and settles again.
func TestValidatorsNodeDies(t *testing.T) {
	t.Parallel()
	n := start(t, t4, func(cfg *testnet.Config) { cfg.Validators = 4 })
	home := n.home("bob", 0)
	t1 := n.pay("alice", "bob", 10)
	n.nodes[home.Name].kill()
	t2 := n.pay("bob", "carol", 10)
	n.wait(n.Peer("carol"), "T2 on the chain", func(b *fastpay.Board) bool { return b.Stage(t2) == fastpay.StageFinalized })
	require.False(t, queued(home, t2), "its node is dead")
	require.True(t, queued(n.home("bob", 1), t2), "the next member took over")

	n.nodes[home.Name].back()
	for _, id := range []fastpay.ID{t1, t2} {
		require.Equal(t, fastpay.CauseSettled, n.ends(id, fastpay.StageFinalized).Cause)
	}
	n.balances(map[string]uint64{"alice": 5, "bob": 5, "carol": 15})
	t3 := n.pay("bob", "carol", 1)
	n.until("the member submits again", func() bool { return queued(home, t3) })
	n.ends(t3, fastpay.StageFinalized)
}

// queued reports whether a validator has handed a payment to its node.
func queued(p *testnet.Peer, id fastpay.ID) bool {
	timeline, _ := p.Replica.Timeline(id)
	return !timeline.Queued.IsZero()
}

// TestChainStandsStill stops the chain for the time of twelve blocks. Payments certify
// meanwhile, nothing expires by anybody's clock, and all of it settles afterwards.
func TestChainStandsStill(t *testing.T) {
	t.Parallel()
	n := start(t, t4, nil)
	n.halt()
	t1, t2 := n.pay("alice", "bob", 10), n.pay("bob", "carol", 10)
	time.Sleep(12 * blockTime)
	n.waits(t1)
	n.waits(t2)
	n.resume()
	n.ends(t1, fastpay.StageFinalized)
	n.ends(t2, fastpay.StageFinalized)
	n.balances(map[string]uint64{"alice": 5, "bob": 5, "carol": 15})
}

// sponsorOf is the account that pays a validator's fees.
func (n *network) sponsorOf(p *testnet.Peer) common.Address {
	return crypto.PubkeyToAddress(n.sponsors[p.Name].PublicKey)
}

// dry is whether a validator says that its sponsor's account has run dry.
func dry(t *testing.T, p *testnet.Peer) bool {
	t.Helper()
	return metric(t, p, "allegro_settle_sponsor_dry", "") == 1
}

// TestSponsorRunsDry takes the fee tokens from the member whose turn it is. It says so,
// submits nothing, and the next member settles. With fee tokens it settles again.
func TestSponsorRunsDry(t *testing.T) {
	t.Parallel()
	n := start(t, t4, nil)
	home, next := n.home("alice", 0), n.home("alice", 1)
	n.hold(testnet.FeeToken, n.sponsorOf(home), 39_999)
	t1 := n.pay("alice", "bob", 10)
	n.ends(t1, fastpay.StageFinalized)
	require.True(t, dry(t, home))
	require.False(t, dry(t, next))
	require.Positive(t, metric(t, home, "allegro_settle_submissions_total", "sponsor_dry"))
	require.Equal(t, 39_999.0, metric(t, home, "allegro_settle_sponsor_balance_units", ""))
	require.Zero(t, submissions(t, home))
	require.Positive(t, submissions(t, next))

	n.hold(testnet.FeeToken, n.sponsorOf(home), testnet.SponsorBalance)
	n.until("the account is seen to have money", func() bool { return !dry(t, home) })
	n.ends(n.pay("alice", "bob", 1), fastpay.StageFinalized)
	require.Positive(t, submissions(t, home))
	n.balances(map[string]uint64{"alice": 4, "bob": 16})
}

// TestNobodyMaySubmit lets every sponsor run dry. A certified payment then expires, by
// the time of a finalized block and not by a clock: the chain stands still until the
// clocks are past it. Its slot is free again then.
func TestNobodyMaySubmit(t *testing.T) {
	t.Parallel()
	n := start(t, t4, func(cfg *testnet.Config) {
		edit := cfg.EditFile
		cfg.EditFile = func(f *netfile.File) {
			edit(f)
			f.Limits.DefaultLifeSeconds = f.Limits.MinSettleSeconds + 5 // the least that wallets give
		}
	})
	for _, p := range n.validators() {
		n.hold(testnet.FeeToken, n.sponsorOf(p), 0)
	}
	id := n.pay("alice", "bob", 10)
	n.halt()
	time.Sleep(time.Until(time.Unix(int64(n.tx(id).Envelope().ValidBefore)+2, 0)))
	n.waits(id)
	n.resume()
	require.Equal(t, fastpay.CauseUnused, n.ends(id, fastpay.StageExpired).Cause)

	for _, p := range n.validators() {
		require.True(t, dry(t, p))
		n.hold(testnet.FeeToken, n.sponsorOf(p), testnet.SponsorBalance)
	}
	again := n.pay("alice", "bob", 10)
	require.Zero(t, n.tx(again).Seq())
	n.ends(again, fastpay.StageFinalized)
	n.ends(id, fastpay.StageExpired) // still
	n.balances(map[string]uint64{"alice": 5, "bob": 15})
}

// TestNodesSwallowTransactions lets both nodes answer and forget, and anvil itself drop
// what leaves a gap in the lane. Everything is submitted again until it is executed.
func TestNodesSwallowTransactions(t *testing.T) {
	t.Parallel()
	n := start(t, t4, nil)
	n.swallow(true)
	t1 := n.pay("alice", "bob", 5)
	n.until("both nodes have swallowed it", func() bool {
		for _, node := range n.nodes {
			if node.swallowed() == 0 {
				return false
			}
		}
		return true
	})
	n.waits(t1)
	n.swallow(false)
	t2 := n.pay("alice", "bob", 5) // the payment below it is not in the pool
	require.Equal(t, t1, n.tx(t2).Envelope().Prev)
	n.ends(t1, fastpay.StageFinalized)
	n.ends(t2, fastpay.StageFinalized)
	n.balances(map[string]uint64{"alice": 5, "bob": 15})
}

// TestChainWithoutFinality is an anvil as it starts by itself: its finalized block stays
// the genesis block for a minute. Money that came later does not count, and whoever
// refuses a payment for it names the block.
func TestChainWithoutFinality(t *testing.T) {
	t.Parallel()
	n := start(t, anvil.Options{Hardfork: "t4", OwnFinality: true}, func(cfg *testnet.Config) { cfg.Funded = true })
	n.waitBlocks(1) // before that, it would be part of block 0
	n.hold(testnet.Asset, n.address("alice"), 15*testnet.Dollar)
	n.waitBlocks(1)
	n.balances(map[string]uint64{"alice": 15})
	_, err := n.Peer("alice").Client.Pay(n.ctx, n.order("bob", 10))
	require.ErrorIs(t, err, fastpay.InsufficientFunds)
	require.ErrorContains(t, err, "at block 0")

	env := fastpay.Envelope{
		ChainID: n.Committee().ChainID(), CommitteeID: n.Committee().ID(), Asset: testnet.Asset, Sender: n.address("alice"),
		Recipient: n.address("bob"), Amount: n.order("bob", 10).Amount, ValidBefore: uint64(time.Now().Unix()) + life,
	}
	rules, err := n.File().Rules()
	require.NoError(t, err)
	env.MaxFee, env.Prev = rules.MaxFee(), env.Lane().Genesis()
	for _, text := range n.refused(fastpay.InsufficientFunds, n.sign("alice", env)) {
		require.Contains(t, text, "at block 0")
	}
}
