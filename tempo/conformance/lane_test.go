package conformance_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// Every key counts for itself, and the protocol nonce is one of its own.
func TestEachKeyCountsForItself(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		protocol := func() uint64 {
			n, err := c.eth.NonceAt(t.Context(), c.alice.address, nil)
			require.NoError(t, err)
			return n
		}
		pay := func(key *uint256.Int, nonce uint64) *tempo.NonceIncremented {
			tx := draft(nonce, payment(c.bob, dollars(1), 1))
			tx.NonceKey = *key
			hash := c.send(c.sponsored(tx, c.alice))
			c.mine()
			return c.ends(hash, types.ReceiptStatusSuccessful).use
		}
		large := new(uint256.Int).Sub(new(uint256.Int).SetAllOne(), uint256.NewInt(1)) // the last key of users
		for _, key := range []*uint256.Int{uint256.NewInt(1), &lane, large} {
			require.Zero(t, c.nonce(c.alice.address, key))
			for nonce := range uint64(2) {
				require.Equal(t, tempo.NonceIncremented{Account: c.alice.address, NonceKey: *key, NewNonce: nonce + 1}, *pay(key, nonce))
				require.Equal(t, nonce+1, c.nonce(c.alice.address, key))
			}
		}
		require.Zero(t, protocol(), "keys leave the protocol nonce alone")
		for nonce := range uint64(2) {
			require.Nil(t, pay(new(uint256.Int), nonce), "the protocol nonce is not logged")
			require.Equal(t, nonce+1, protocol())
		}
		require.EqualValues(t, 2, c.nonce(c.alice.address, &lane))
		require.Zero(t, c.nonce(c.bob.address, &lane), "nor does the payee's lane move")
	})
}

// A transaction that fails uses its position all the same, whatever it pays by.
func TestRevertBurnsTheNonce(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		for nonce, sign := range []func(*tx76.Transaction, person) *tx76.Transaction{c.sponsored, c.sign} {
			tx := draft(uint64(nonce), payment(c.bob, dollars(1000), 7))
			tx.MaxPriorityFeePerGas = tip // so that a fee is due everywhere
			hash := c.send(sign(tx, c.alice))
			c.mine()
			r := c.ends(hash, types.ReceiptStatusFailed)
			require.EqualValues(t, nonce+1, r.use.NewNonce)
			require.NotNil(t, r.fee)
			require.Empty(t, r.transfers)
			account := c.account(tempo.PathUSD, c.alice)
			require.EqualValues(t, nonce+1, account.Nonce)
			require.EqualValues(t, 7, account.Last.Attempted[0])
		}

		// The protocol nonce too.
		tx := draft(0, payment(c.bob, dollars(1000), 7))
		tx.NonceKey.Clear()
		hash := c.send(c.sponsored(tx, c.alice))
		c.mine()
		require.Nil(t, c.ends(hash, types.ReceiptStatusFailed).use)
		n, err := c.eth.NonceAt(t.Context(), c.alice.address, nil)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
	})
}

// A payment whose money was moved away before, by whatever else moves money, reverts,
// and its outcome names what did.
func TestRevertNamesWhatMovedTheMoney(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		for i, nonceKey := range []*uint256.Int{uint256.NewInt(77), uint256.NewInt(0)} {
			away := draft(0, transfer(c.carol, dollars(7)))
			away.NonceKey = *nonceKey
			moved := c.send(c.sponsored(away, c.alice))
			if i > 0 {
				c.mine() // in the block before
			}
			hash := c.send(c.sponsored(draft(uint64(i), payment(c.bob, dollars(10), 7)), c.alice))
			c.mine()
			c.ends(hash, types.ReceiptStatusFailed)
			last := c.account(tempo.PathUSD, c.alice).Last
			require.Equal(t, hash, last.TxHash)
			require.Equal(t, moved, last.Outflow)
		}
	})
}

// Balances and nonces are where Tempo keeps them: what is written there is read by
// calls, and what payments change is read there.
func TestStorageLayout(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		c.give(tempo.ThetaUSD, c.carol.address, dollars(3))
		c.set(tempo.NoncePrecompile, nonceSlot(c.alice.address, &lane), uint256.NewInt(5))
		c.mine()
		require.Equal(t, "3000000", c.balance(tempo.ThetaUSD, c.carol))
		require.EqualValues(t, 5, c.nonce(c.alice.address, &lane))

		hash := c.send(c.sponsored(draft(5, payment(c.bob, dollars(10), 1)), c.alice))
		c.mine()
		c.ends(hash, types.ReceiptStatusSuccessful)
		for who, want := range map[person]*uint256.Int{c.alice: dollars(5), c.bob: dollars(15)} {
			value, err := c.eth.StorageAt(t.Context(), tempo.PathUSD, balanceSlot(who.address), nil)
			require.NoError(t, err)
			require.Equal(t, want.PaddedBytes(32), value)
		}
		value, err := c.eth.StorageAt(t.Context(), tempo.NoncePrecompile, nonceSlot(c.alice.address, &lane), nil)
		require.NoError(t, err)
		require.Equal(t, uint256.NewInt(6).PaddedBytes(32), value)
		supply, err := c.eth.StorageAt(t.Context(), tempo.PathUSD, uint256.NewInt(8).Bytes32(), nil)
		require.NoError(t, err)
		require.Equal(t, c.view(tempo.PathUSD, tempo.SelectorTotalSupply[:]), supply)
	})
}
