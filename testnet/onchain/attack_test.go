package onchain_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo/anvil"
	"github.com/allegro-p2p/allegro/testnet"
)

// t4 is the newest chain that anvil makes.
var t4 = anvil.Options{Hardfork: "t4"}

// priced is t4 where who offers more comes first, as on a Tempo node.
var priced = anvil.Options{Hardfork: "t4", OwnFees: true}

// swallow lets every validator's node swallow transactions, or not.
func (n *network) swallow(on bool) {
	for _, node := range n.nodes {
		node.swallow(on)
	}
}

// above is a payment of a dollar in the slot above another one, on top of it.
func (n *network) above(id fastpay.ID, name, to string) fastpay.Envelope {
	env := n.tx(id).Envelope()
	env.Seq, env.Prev, env.Parents = env.Seq+1, id, nil
	env.Recipient, env.Amount = n.address(to), *uint256.NewInt(testnet.Dollar)
	return env
}

// TestPayeeSpendsBeforeItIsPaid lets Bob have T2 executed before T1, which it relies
// on. T2 is burnt and FAILED, for everybody, by the transaction that reverted. Nothing
// is certified on top of it, in its lane or by its payee, until the chain has shown
// what is in its slot. T1 is executed all the same.
func TestPayeeSpendsBeforeItIsPaid(t *testing.T) {
	t.Parallel()
	n := start(t, t4, nil)
	stranger := n.stranger()
	n.swallow(true) // T1 is not on its way yet
	t1, t2 := n.pay("alice", "bob", 10), n.pay("bob", "carol", 10)
	require.Equal(t, []fastpay.ID{t1}, n.tx(t2).Envelope().Parents)
	burnt := n.submit(stranger, t2)
	for _, p := range n.Peers {
		n.wait(p, "what becomes of T2", func(b *fastpay.Board) bool { _, used := b.Outcome(t2); return used })
	}
	n.swallow(false)

	evidence := n.ends(t2, fastpay.StageFailed)
	require.Equal(t, fastpay.CauseBeforeParent, evidence.Cause)
	require.Equal(t, burnt, evidence.ChainTx)
	require.Equal(t, t1, evidence.Parent)
	paid := n.ends(t1, fastpay.StageFinalized)
	require.Greater(t, paid.Block.Number, evidence.Block.Number)

	n.refused(fastpay.Equivocation, n.sign("bob", n.above(t2, "bob", "carol")))
	order := n.order("alice", 6)
	order.Parents = client.Parents{IDs: []fastpay.ID{t2}}
	_, err := n.Peer("carol").Client.Pay(n.ctx, order)
	require.ErrorIs(t, err, fastpay.InsufficientFunds, "Carol was not paid")

	n.ends(n.pay("bob", "carol", 10), fastpay.StageFinalized) // the lane goes on from what the chain has
	n.balances(map[string]uint64{"alice": 5, "bob": 5, "carol": 15})
}

// TestPayerMovesTheMoneyAway lets payers spend what they have promised by transactions
// of their own, outside their lanes, which offer more and so come first. The payments
// revert and are CONFLICTED, by the transaction that took the money; what was made of
// them is void.
func TestPayerMovesTheMoneyAway(t *testing.T) {
	for name, nonceKey := range map[string]uint256.Int{"by another nonce key": *uint256.NewInt(77), "by the protocol nonce": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, priced, nil)
			stranger := n.stranger()
			n.halt()
			t1 := n.pay("alice", "bob", 10)
			n.waitQueued(t1)
			away := n.foreign(stranger, "alice", nonceKey, common.HexToAddress("0xacc"), 10)
			t2 := n.pay("bob", "carol", 10)
			n.resume()

			evidence := n.ends(t1, fastpay.StageConflicted)
			require.Equal(t, fastpay.CauseOutflow, evidence.Cause)
			require.Equal(t, away, evidence.Outflow)
			require.NotEqual(t, away, evidence.ChainTx)
			void := n.ends(t2, fastpay.StageFailed)
			require.Equal(t, fastpay.CauseBeforeParent, void.Cause)
			require.Equal(t, t1, void.Parent)
			n.waitBlocks(3) // all of it is final

			n.refused(fastpay.Equivocation, n.sign("alice", n.above(t1, "alice", "bob")))
			order := n.order("carol", 6)
			order.Parents = client.Parents{IDs: []fastpay.ID{t1}}
			_, err := n.Peer("bob").Client.Pay(n.ctx, order)
			require.ErrorIs(t, err, fastpay.InsufficientFunds, "Bob was not paid")
			n.balances(map[string]uint64{"alice": 5, "bob": 5, "carol": 5})
		})
	}
}

// TestPayerTakesTheSlot lets Alice use her lane's next slot by a transaction of her own
// that offers more than the certified payment in it, and pays somebody else. The payment
// is CONFLICTED, by that transaction.
func TestPayerTakesTheSlot(t *testing.T) {
	t.Parallel()
	n := start(t, priced, nil)
	stranger := n.stranger()
	n.halt()
	t1 := n.pay("alice", "bob", 10)
	n.waitQueued(t1)
	lane := n.tx(t1).Lane()
	taken := n.foreign(stranger, "alice", lane.NonceKey(n.Committee()), n.address("carol"), 1)
	n.resume()

	evidence := n.ends(t1, fastpay.StageConflicted)
	require.Equal(t, fastpay.CauseSlotTaken, evidence.Cause)
	require.Equal(t, taken, evidence.ChainTx)
	n.waitBlocks(3) // it is final

	n.refused(fastpay.Equivocation, n.sign("alice", n.above(t1, "alice", "bob")))
	onward := n.pay("alice", "bob", 10) // on what the chain has
	require.Equal(t, lane.Foreign(0, taken), n.tx(onward).Envelope().Prev)
	n.ends(onward, fastpay.StageFinalized)
	n.balances(map[string]uint64{"alice": 4, "bob": 15, "carol": 6})
}

// TestStrangerSettles lets somebody who is in no network sponsor and submit both
// payments, in order. They are executed as what they are, once, although the validators
// submit them too.
func TestStrangerSettles(t *testing.T) {
	t.Parallel()
	n := start(t, t4, nil)
	stranger := n.stranger()
	n.swallow(true)
	t1, t2 := n.pay("alice", "bob", 10), n.pay("bob", "carol", 10)
	n.halt()
	by := map[fastpay.ID]common.Hash{t1: n.submit(stranger, t1), t2: n.submit(stranger, t2)}
	before := n.submissions()
	n.swallow(false)
	n.waitSubmissions(before + 2) // beside the stranger's, which wait for a block
	n.resume()
	for id, hash := range by {
		require.Equal(t, hash, n.ends(id, fastpay.StageFinalized).ChainTx)
	}
	n.waitBlocks(3)
	n.balances(map[string]uint64{"alice": 5, "bob": 5, "carol": 15})
}
