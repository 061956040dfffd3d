package conformance_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// secp256k1Order is the order of the curve's group.
var secp256k1Order = uint256.MustFromHex("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")

// flip turns a signature into its other form, which has s in the upper half.
func flip(signature []byte) {
	s := new(uint256.Int).SetBytes(signature[32:64])
	s.Sub(secp256k1Order, s).WriteToSlice(signature[32:64])
	signature[64] = 27 + 28 - signature[64]
}

// What is refused when it is submitted, on every chain.
func TestRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		nothing := common.HexToAddress("0x99")
		for _, tt := range []struct {
			name  string
			edit  func(tx *tx76.Transaction) // before it is signed
			after func(tx *tx76.Transaction) // it was
		}{
			{name: "another chain", edit: func(tx *tx76.Transaction) { tx.ChainID = 4217 }},
			{name: "no calls", edit: func(tx *tx76.Transaction) { tx.Calls = nil }},
			{name: "native value", edit: func(tx *tx76.Transaction) { tx.Calls[0].Value.SetOne() }},
			{name: "tip above the price", edit: func(tx *tx76.Transaction) { tx.MaxPriorityFeePerGas = *uint256.NewInt(50_000_000_000) }},
			{name: "gas above the cap", edit: func(tx *tx76.Transaction) { tx.Gas = 30_000_001 }},
			{name: "gas below that of any transaction", edit: func(tx *tx76.Transaction) { tx.Gas = 20_000 }},
			{name: "expired", edit: func(tx *tx76.Transaction) { tx.ValidBefore = c.head().Time }},
			{name: "fee token without balance", edit: func(tx *tx76.Transaction) { tx.FeeToken = &tempo.BetaUSD }},
			{name: "fee token that is none", edit: func(tx *tx76.Transaction) { tx.FeeToken = &nothing }},
			{name: "fee token that was never created", edit: func(tx *tx76.Transaction) { token := noToken; tx.FeeToken = &token }},

			{name: "signature that no key made", after: func(tx *tx76.Transaction) { clear(tx.Signature[:32]) }},
			{name: "signature of something else", after: func(tx *tx76.Transaction) { tx.Gas++ }},
			{name: "signature with s in the upper half", after: func(tx *tx76.Transaction) { flip(tx.Signature) }},
			{name: "sponsor's signature that no key made", after: func(tx *tx76.Transaction) { clear(tx.SponsorSignature[:32]) }},
			{name: "sponsor's signature for another token", after: func(tx *tx76.Transaction) { tx.FeeToken = &tempo.BetaUSD }},
			{name: "sponsor's signature with s in the upper half", after: func(tx *tx76.Transaction) { flip(tx.SponsorSignature) }},
			{name: "no sponsor yet", after: func(tx *tx76.Transaction) { tx.SponsorSignature, tx.FeeToken = nil, nil }},
		} {
			tx := draft(0, payment(c.bob, dollars(10), 1))
			tx.FeeToken = &tempo.AlphaUSD
			if tt.edit != nil {
				tt.edit(tx)
			}
			c.sponsoredBy(tx, c.alice, c.sponsor)
			if tt.after != nil {
				tt.after(tx)
			}
			require.ErrorIs(t, c.offer(tx), tempo.ErrRefused, tt.name)
			c.mine()
			c.absent(tx.Hash())
		}
		for _, raw := range [][]byte{{}, {tx76.Type}, {tx76.Type, 0xc0}, {0x02, 0xc0}} {
			_, err := c.node.Send(t.Context(), raw)
			require.ErrorIs(t, err, tempo.ErrRefused, "%x", raw)
		}
		if c.fees {
			tx := draft(0, payment(c.bob, dollars(10), 1))
			tx.MaxFeePerGas.Clear()
			require.ErrorIs(t, c.offer(c.sponsored(tx, c.alice)), tempo.ErrRefused, "below the base fee")
		}
		c.has(c.alice, dollars(15))
		require.Zero(t, c.nonce(c.alice.address, &lane))
	})
}

// No transaction can follow the last nonce, so it is not used: refused when it is
// submitted, or dropped without a word.
func TestLastNonceIsNotUsed(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		const last = 1<<64 - 1
		c.set(tempo.NoncePrecompile, nonceSlot(c.alice.address, &lane), uint256.NewInt(last))
		c.mine()
		tx := c.sponsored(draft(last, payment(c.bob, dollars(1), 1)), c.alice)
		_, _ = c.node.Send(t.Context(), tx.Encode())
		c.mine()
		c.absent(tx.Hash())
		require.EqualValues(t, uint64(last), c.nonce(c.alice.address, &lane))
	})
}

// Nobody is their own sponsor since T2: refused when it is submitted, or dropped
// without a word. The position stays free.
func TestNobodySponsorsThemselves(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		if c.fork == "T0" {
			t.Skip("skipped: the rule came later")
		}
		tx := draft(0, payment(c.bob, dollars(1), 1))
		tx.FeeToken = &tempo.PathUSD
		c.sponsoredBy(tx, c.alice, c.alice)
		_, _ = c.node.Send(t.Context(), tx.Encode())
		c.mine()
		c.absent(tx.Hash())
		require.Zero(t, c.nonce(c.alice.address, &lane))
		hash := c.send(c.sponsored(draft(0, payment(c.bob, dollars(1), 1)), c.alice))
		c.mine()
		c.ends(hash, types.ReceiptStatusSuccessful)
	})
}

// A signature whose v is 0 or 1 is taken, and v becomes 27 or 28 on the way: the
// transaction is known under the hash of that form, whoever submits which.
func TestOneHashForBothFormsOfV(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		tx := c.sponsored(draft(0, payment(c.bob, dollars(10), 1)), c.alice)
		short := *tx
		short.Signature = append([]byte{}, tx.Signature...)
		short.Signature[64] -= 27
		require.NotEqual(t, tx.Hash(), short.Hash())
		_, err := c.node.Send(t.Context(), short.Encode())
		require.ErrorIs(t, err, tempo.ErrBadAnswer, "the hash is not that of these bytes")
		require.ErrorIs(t, c.offer(tx), tempo.ErrCheckNonce, "it is there")
		c.mine()
		c.absent(short.Hash())
		c.ends(tx.Hash(), types.ReceiptStatusSuccessful)
		c.has(c.bob, dollars(15))
	})
}
