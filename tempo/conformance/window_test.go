package conformance_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
)

// A block may include a transaction if its timestamp is before valid_before. Later
// ones do not, and the position stays free.
func TestValidBefore(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		limit := c.head().Time + 100
		late := draft(0, payment(c.bob, dollars(1), 1))
		late.ValidBefore = limit
		c.send(c.sponsored(late, c.alice))
		c.mineAt(limit)
		c.absent(late.Hash())
		c.mine()
		c.absent(late.Hash())
		require.Zero(t, c.nonce(c.alice.address, &lane))
		require.ErrorIs(t, c.offer(late), tempo.ErrRefused, "it has expired")

		limit = c.head().Time + 100
		last := draft(0, payment(c.bob, dollars(2), 2))
		last.ValidBefore = limit
		hash := c.send(c.sponsored(last, c.alice))
		block := c.mineAt(limit - 1)
		require.Equal(t, block.Hash, c.ends(hash, types.ReceiptStatusSuccessful).BlockHash)
		c.has(c.bob, dollars(7))
	})
}

// A transaction waits in the pool until a block's timestamp reaches valid_after,
// and those that may run overtake it.
func TestValidAfter(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		start := c.head().Time + 50
		tx := draft(0, payment(c.carol, dollars(10), 1))
		tx.ValidAfter, tx.ValidBefore = start, start+1000
		early := c.send(c.sponsored(tx, c.bob))
		other := c.send(c.sponsored(draft(0, payment(c.bob, dollars(10), 2)), c.alice))
		c.mineAt(start - 1)
		c.absent(early)
		c.ends(other, types.ReceiptStatusSuccessful)
		block := c.mineAt(start)
		require.Equal(t, block.Hash, c.ends(early, types.ReceiptStatusSuccessful).BlockHash)
		c.has(c.carol, dollars(10))
	})
}

// Blocks within one second share a timestamp.
func TestTimestampsMayRepeat(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		first := c.head()
		tx := draft(0, payment(c.bob, dollars(1), 1))
		tx.ValidBefore = first.Time + 10
		hash := c.send(c.sponsored(tx, c.alice))
		second := c.mineAt(first.Time)
		require.NotEqual(t, first.Hash, second.Hash)
		c.ends(hash, types.ReceiptStatusSuccessful)
		var zero string
		require.Error(t, c.rpc.CallContext(t.Context(), &zero, "evm_mine", first.Time-1), "but never fall")
		require.Equal(t, second, c.head())
	})
}
