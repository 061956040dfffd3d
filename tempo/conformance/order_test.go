package conformance_test

import (
	"fmt"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
)

// T1 is Alice to Bob, T2 is Bob to Carol out of what T1 brings.
func TestPaymentOutOfPaymentInOneBlock(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		t1 := c.send(c.sponsored(draft(0, payment(c.bob, dollars(10), 1)), c.alice))
		t2 := c.send(c.sponsored(draft(0, payment(c.carol, dollars(10), 2)), c.bob))
		block := c.mine()
		for i, hash := range []common.Hash{t1, t2} {
			r := c.ends(hash, types.ReceiptStatusSuccessful)
			require.Equal(t, block.Hash, r.BlockHash)
			require.EqualValues(t, i, r.TransactionIndex, "in order of arrival")
		}
		c.has(c.alice, dollars(5))
		c.has(c.bob, dollars(5))
		c.has(c.carol, dollars(10))
	})
}

// The other way round T2 fails, and its position is gone for ever.
func TestPaymentBeforeItsParentBurnsItsNonce(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		raw := c.sponsored(draft(0, payment(c.carol, dollars(10), 2)), c.bob)
		t2 := c.send(raw)
		t1 := c.send(c.sponsored(draft(0, payment(c.bob, dollars(10), 1)), c.alice))
		block := c.mine()
		failed := c.ends(t2, types.ReceiptStatusFailed)
		require.Zero(t, failed.TransactionIndex)
		require.Equal(t, tempo.NonceIncremented{Account: c.bob.address, NonceKey: lane, NewNonce: 1}, *failed.use)
		require.Empty(t, failed.transfers)
		require.Empty(t, failed.memos)
		require.EqualValues(t, 1, c.ends(t1, types.ReceiptStatusSuccessful).TransactionIndex)

		c.has(c.alice, dollars(5))
		c.has(c.bob, dollars(15))
		c.has(c.carol, dollars(0))
		bob := c.account(tempo.PathUSD, c.bob)
		require.EqualValues(t, 1, bob.Nonce)
		require.Equal(t, t2, bob.Last.TxHash)
		require.False(t, bob.Last.Success)
		require.Empty(t, bob.Last.Transfers)
		require.Zero(t, bob.Last.Plain)
		require.Equal(t, common.Hash{2}, bob.Last.Attempted)

		// The same bytes are of no use any more, the next position is.
		_, _ = c.node.Send(t.Context(), raw.Encode()) // refused or dropped
		next := c.send(c.sponsored(draft(1, payment(c.carol, dollars(10), 3)), c.bob))
		c.mine()
		require.Equal(t, block.Hash, c.result(t2).BlockHash)
		c.ends(next, types.ReceiptStatusSuccessful)
		c.has(c.carol, dollars(10))
	})
}

// Each of six people spends only what the one before paid, all in one block.
func TestSixHopsInOneBlock(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		from := c.alice
		var hashes []common.Hash
		for i := range 6 {
			to := newPerson(t, fmt.Sprint("hop ", i))
			hashes = append(hashes, c.send(c.sponsored(draft(0, payment(to, dollars(15), byte(i))), from)))
			from = to
		}
		block := c.mine()
		for i, hash := range hashes {
			r := c.ends(hash, types.ReceiptStatusSuccessful)
			require.Equal(t, block.Hash, r.BlockHash)
			require.EqualValues(t, i, r.TransactionIndex)
		}
		c.has(c.alice, dollars(0))
		c.has(from, dollars(15))
	})
}

// Positions of one lane run in one block if they arrive in order.
func TestLaneGoesOnWithinABlock(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		var hashes []common.Hash
		for i := range 4 {
			hashes = append(hashes, c.send(c.sponsored(draft(uint64(i), payment(c.bob, dollars(1), byte(i))), c.alice)))
		}
		c.mine()
		for i, hash := range hashes {
			r := c.ends(hash, types.ReceiptStatusSuccessful)
			require.EqualValues(t, i, r.TransactionIndex)
			require.EqualValues(t, i+1, r.use.NewNonce)
		}
		c.has(c.bob, dollars(9))
	})
}

// Of two transactions for one position the first that arrived takes effect.
func TestFirstOfTwoForOnePositionWins(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		first := c.send(c.sponsored(draft(0, payment(c.bob, dollars(1), 1)), c.alice))
		second := c.sponsored(draft(0, payment(c.carol, dollars(2), 2)), c.alice)
		_, _ = c.node.Send(t.Context(), second.Encode()) // refused or dropped
		c.mine()
		c.mine()
		c.ends(first, types.ReceiptStatusSuccessful)
		c.absent(second.Hash())
		c.has(c.alice, dollars(14))
		require.EqualValues(t, 1, c.nonce(c.alice.address, &lane))
	})
}

// Two sponsors of one payment make two transactions, of which one takes effect.
func TestPaymentWithTwoSponsors(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		other := newPerson(t, "other sponsor")
		c.give(tempo.AlphaUSD, other.address, dollars(100))
		c.mine()
		one := c.sponsored(draft(0, payment(c.bob, dollars(10), 1)), c.alice)
		two := draft(0, payment(c.bob, dollars(10), 1))
		two.FeeToken = &tempo.AlphaUSD
		c.sponsoredBy(two, c.alice, other)
		require.Equal(t, one.SignHash(), two.SignHash())
		require.NotEqual(t, one.Hash(), two.Hash())
		c.send(one)
		_, _ = c.node.Send(t.Context(), two.Encode()) // refused or dropped
		c.mine()
		c.ends(one.Hash(), types.ReceiptStatusSuccessful)
		c.absent(two.Hash())
		c.has(c.bob, dollars(15))
	})
}

// Submitting again is harmless while the transaction waits and after it ran.
func TestDuplicates(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		tx := c.sponsored(draft(0, payment(c.bob, dollars(10), 1)), c.alice)
		c.send(tx)
		require.ErrorIs(t, c.offer(tx), tempo.ErrCheckNonce)
		block := c.mine()
		if err := c.offer(tx); err != nil {
			require.ErrorIs(t, err, tempo.ErrCheckNonce)
		}
		c.mine()
		require.Equal(t, block.Hash, c.ends(tx.Hash(), types.ReceiptStatusSuccessful).BlockHash)
		c.has(c.bob, dollars(15))
		require.EqualValues(t, 1, c.nonce(c.alice.address, &lane))
	})
}

// A position that is not the next one is never used out of turn.
func TestGapIsNotUsed(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		ahead := c.sponsored(draft(1, payment(c.bob, dollars(1), 1)), c.alice)
		_, _ = c.node.Send(t.Context(), ahead.Encode()) // kept or dropped
		c.mine()
		c.absent(ahead.Hash())
		first := c.send(c.sponsored(draft(0, payment(c.bob, dollars(1), 0)), c.alice))
		c.mine()
		c.ends(first, types.ReceiptStatusSuccessful)
		if c.nonce(c.alice.address, &lane) == 1 { // it was dropped, so it comes again
			c.send(ahead)
			c.mine()
		}
		require.EqualValues(t, 2, c.ends(ahead.Hash(), types.ReceiptStatusSuccessful).use.NewNonce)
	})
}
