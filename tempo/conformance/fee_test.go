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

// tipped returns a draft that a fee is due for on every chain.
func tipped(nonce uint64, calls ...tx76.Call) *tx76.Transaction {
	tx := draft(nonce, calls...)
	tx.MaxPriorityFeePerGas = tip
	return tx
}

// A sponsor pays the fee and nothing else, and the sender's balances are exact:
// also where the sender pays the whole of what there is.
func TestSponsorPaysAndSenderIsExact(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		manager := person{address: tempo.FeeManager}
		held := c.account(tempo.AlphaUSD, manager).Balance
		spent := new(uint256.Int)
		for nonce, amount := range []*uint256.Int{dollars(10), dollars(5)} {
			hash := c.send(c.sponsored(tipped(uint64(nonce), payment(c.bob, amount, 1)), c.alice))
			c.mine()
			fee := c.ends(hash, types.ReceiptStatusSuccessful).fee
			require.Equal(t, []common.Address{tempo.AlphaUSD, c.sponsor.address}, []common.Address{fee.Token, fee.From})
			spent.Add(spent, &fee.Amount)
		}
		c.has(c.alice, dollars(0))
		c.has(c.bob, dollars(20))
		require.Equal(t, new(uint256.Int).Sub(dollars(100), spent).Dec(), c.balance(tempo.AlphaUSD, c.sponsor))
		require.Equal(t, held.Add(&held, spent).Dec(), c.balance(tempo.AlphaUSD, manager))
	})
}

// Which token a fee is taken in, and whose.
func TestFeeToken(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		for _, token := range []common.Address{tempo.BetaUSD, tempo.ThetaUSD} {
			c.give(token, c.alice.address, dollars(10))
			c.give(token, c.sponsor.address, dollars(10))
		}
		c.give(tempo.PathUSD, c.sponsor.address, dollars(10))
		chosen := newPerson(t, "with a preference") // as setUserToken leaves it
		c.give(tempo.PathUSD, chosen.address, dollars(10))
		c.give(tempo.ThetaUSD, chosen.address, dollars(10))
		word := common.BytesToHash(chosen.address[:])
		c.set(tempo.FeeManager, entry(word, uint256.NewInt(1).Bytes32()), new(uint256.Int).SetBytes(tempo.ThetaUSD[:]))
		c.mine()

		beta := call(tempo.BetaUSD, tempo.EncodeTransfer(c.bob.address, uint256.NewInt(1)))
		memo := call(tempo.BetaUSD, tempo.EncodeTransferWithMemo(c.bob.address, uint256.NewInt(1), common.Hash{1}))
		path := transfer(c.bob, uint256.NewInt(1))
		selfPaid := func(from person) func(*tx76.Transaction) *tx76.Transaction {
			return func(tx *tx76.Transaction) *tx76.Transaction { return c.sign(tx, from) }
		}
		alice := selfPaid(c.alice)
		in := func(token common.Address) func(*tx76.Transaction) *tx76.Transaction {
			return func(tx *tx76.Transaction) *tx76.Transaction {
				tx.FeeToken = &token
				return alice(tx)
			}
		}
		for i, tt := range []struct {
			name  string
			calls []tx76.Call
			sign  func(*tx76.Transaction) *tx76.Transaction
			payer person
			token common.Address
		}{
			{"the one transferred", []tx76.Call{beta}, alice, c.alice, tempo.BetaUSD},
			{"the one transferred with a memo", []tx76.Call{memo}, alice, c.alice, tempo.BetaUSD},
			{"the one that all calls transfer", []tx76.Call{beta, memo}, alice, c.alice, tempo.BetaUSD},
			{"two tokens", []tx76.Call{beta, path}, alice, c.alice, tempo.PathUSD},
			{"no transfer", []tx76.Call{call(tempo.BetaUSD, tempo.EncodeBalanceOf(c.bob.address))}, alice, c.alice, tempo.PathUSD},
			{"no token", []tx76.Call{call(tempo.NoncePrecompile, tempo.EncodeGetNonce(c.bob.address, &lane))}, alice, c.alice, tempo.PathUSD},
			{"the one named", []tx76.Call{beta}, in(tempo.ThetaUSD), c.alice, tempo.ThetaUSD},
			{"the one preferred", []tx76.Call{path}, selfPaid(chosen), chosen, tempo.ThetaUSD},
			{"a sponsor names none", []tx76.Call{beta}, func(tx *tx76.Transaction) *tx76.Transaction {
				return c.sponsoredBy(tx, c.alice, c.sponsor)
			}, c.sponsor, tempo.PathUSD},
			{"a sponsor with a preference", []tx76.Call{beta}, func(tx *tx76.Transaction) *tx76.Transaction {
				return c.sponsoredBy(tx, c.alice, chosen)
			}, chosen, tempo.ThetaUSD},
		} {
			tx := tipped(0, tt.calls...)
			tx.NonceKey = *uint256.NewInt(uint64(i + 1))
			hash := c.send(tt.sign(tx))
			c.mine()
			fee := c.ends(hash, types.ReceiptStatusSuccessful).fee
			require.Equal(t, []common.Address{tt.token, tt.payer.address}, []common.Address{fee.Token, fee.From}, tt.name)
		}
	})
}

// Who pays the fee out of the balance that is paid away: it is the fee that is
// taken first, and the payment that fails.
func TestFeeOutOfThePayment(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		hash := c.send(c.sign(tipped(0, payment(c.bob, dollars(15), 1)), c.alice))
		c.mine()
		r := c.ends(hash, types.ReceiptStatusFailed)
		require.Equal(t, []common.Address{tempo.PathUSD, c.alice.address}, []common.Address{r.fee.Token, r.fee.From})
		c.has(c.alice, new(uint256.Int).Sub(dollars(15), &r.fee.Amount))
		c.has(c.bob, dollars(5))
		require.EqualValues(t, 1, c.nonce(c.alice.address, &lane))

		// Without a tip it depends on the base fee alone.
		hash = c.send(c.sign(draft(0, payment(c.carol, dollars(5), 1)), c.bob))
		c.mine()
		if c.fees {
			c.ends(hash, types.ReceiptStatusFailed)
		} else {
			c.ends(hash, types.ReceiptStatusSuccessful)
			c.has(c.carol, dollars(5))
		}
	})
}

// The payer must have what the whole gas limit costs at the highest price, though
// only what was used is taken.
func TestPayerMustAffordTheLimit(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		const need = 40_000 // 1,000,000 gas at 40 * 10^9
		poor := newPerson(t, "poor")
		tx := c.sign(draft(0, payment(c.bob, uint256.NewInt(1), 1)), poor)
		c.give(tempo.PathUSD, poor.address, uint256.NewInt(need-1))
		c.mine()
		require.ErrorIs(t, c.offer(tx), tempo.ErrRefused)
		c.give(tempo.PathUSD, poor.address, uint256.NewInt(need))
		c.mine()
		hash := c.send(tx)
		c.mine()
		r := c.ends(hash, types.ReceiptStatusSuccessful)
		left := uint256.NewInt(need - 1)
		if r.fee != nil {
			left.Sub(left, &r.fee.Amount)
		}
		c.has(poor, left)
	})
}

// A payer who could pay when the transaction was taken, and cannot any more when
// its turn comes, has it dropped: its position stays free.
func TestPayerThatBecamePoor(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		other := newPerson(t, "other sponsor") // has the fee of one at a time, and sends it away
		c.give(tempo.AlphaUSD, other.address, dollars(1))
		c.mine()
		away := draft(0, call(tempo.AlphaUSD, tempo.EncodeTransfer(c.carol.address, uint256.NewInt(970_000))))
		first := c.send(c.sponsored(away, other))
		second := draft(0, payment(c.bob, dollars(1), 1))
		second.FeeToken = &tempo.AlphaUSD
		c.send(c.sponsoredBy(second, c.alice, other))
		c.mine()
		c.ends(first, types.ReceiptStatusSuccessful)
		c.absent(second.Hash())
		require.Zero(t, c.nonce(c.alice.address, &lane))

		again := c.send(c.sponsored(draft(0, payment(c.bob, dollars(2), 2)), c.alice))
		c.mine()
		c.ends(again, types.ReceiptStatusSuccessful)
		c.has(c.bob, dollars(7))
	})
}
