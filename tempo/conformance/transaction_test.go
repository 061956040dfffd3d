package conformance_test

import (
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// lane is the nonce key of the payments.
var lane = *uint256.NewInt(0x41)

// Prices in 10^-18 USD per gas. Every transaction offers the same, since anvil by
// default orders by what is offered at most. A tip is charged on every chain.
var (
	maxFee = *uint256.NewInt(40_000_000_000)
	tip    = *uint256.NewInt(1_000_000_000)
)

// draft returns an unsigned transaction at a position of the lane.
func draft(nonce uint64, calls ...tx76.Call) *tx76.Transaction {
	return &tx76.Transaction{
		ChainID: 31337, Gas: 1_000_000, MaxFeePerGas: maxFee,
		Calls: calls, NonceKey: lane, Nonce: nonce,
	}
}

// call returns a call of a contract.
func call(to common.Address, input []byte) tx76.Call { return tx76.Call{To: &to, Input: input} }

// transfer returns a call that transfers pathUSD.
func transfer(to person, amount *uint256.Int) tx76.Call {
	return call(tempo.PathUSD, tempo.EncodeTransfer(to.address, amount))
}

// payment returns a call that transfers pathUSD with a memo.
func payment(to person, amount *uint256.Int, memo byte) tx76.Call {
	return call(tempo.PathUSD, tempo.EncodeTransferWithMemo(to.address, amount, common.Hash{memo}))
}

// sign signs as the sender, who pays the fee.
func (c *chain) sign(tx *tx76.Transaction, from person) *tx76.Transaction {
	c.t.Helper()
	signature, err := tx76.SignSecp256k1(tx.SignHash(), from.key)
	require.NoError(c.t, err)
	tx.Signature = signature
	return tx
}

// sponsored signs as the sender and has the sponsor pay the fee, in AlphaUSD.
func (c *chain) sponsored(tx *tx76.Transaction, from person) *tx76.Transaction {
	c.t.Helper()
	tx.FeeToken = &tempo.AlphaUSD
	return c.sponsoredBy(tx, from, c.sponsor)
}

// sponsoredBy has somebody pay the fee, in the token that the transaction names.
func (c *chain) sponsoredBy(tx *tx76.Transaction, from, payer person) *tx76.Transaction {
	c.t.Helper()
	tx.Sponsored = true
	c.sign(tx, from)
	require.NoError(c.t, tx.SignSponsor(from.address, payer.key))
	return tx
}

// offer submits a transaction and returns what comes of that.
func (c *chain) offer(tx *tx76.Transaction) error {
	c.t.Helper()
	hash, err := c.node.Send(c.t.Context(), tx.Encode())
	require.Equal(c.t, tx.Hash(), hash)
	return err
}

// send submits a transaction that the chain must take.
func (c *chain) send(tx *tx76.Transaction) common.Hash {
	c.t.Helper()
	require.NoError(c.t, c.offer(tx))
	return tx.Hash()
}

// absent checks that no block includes a transaction.
func (c *chain) absent(hash common.Hash) {
	c.t.Helper()
	_, err := c.eth.TransactionReceipt(c.t.Context(), hash)
	require.ErrorIs(c.t, err, ethereum.NotFound)
}

// result is a receipt whose logs were read.
type result struct {
	*types.Receipt
	use       *tempo.NonceIncremented // nil for the protocol nonce
	transfers []tempo.Transfer        // but the fee's
	memos     []tx76.MemoTransfer
	fee       *tempo.Transfer // nil if nothing was paid
}

// result returns the receipt of a transaction that is in a block. It checks all
// that must be so in any receipt: its place in the block, that of its logs, and a
// fee that is what the receipt says about gas and price.
func (c *chain) result(hash common.Hash) result {
	c.t.Helper()
	receipt, err := c.eth.TransactionReceipt(c.t.Context(), hash)
	require.NoError(c.t, err, "receipt of %s", hash)
	require.EqualValues(c.t, tx76.Type, receipt.Type)
	require.Equal(c.t, hash, receipt.TxHash)
	require.Equal(c.t, common.Address{}, receipt.ContractAddress)
	block, err := c.node.HeaderByNumber(c.t.Context(), receipt.BlockNumber.Uint64())
	require.NoError(c.t, err)
	require.Equal(c.t, block.Hash, receipt.BlockHash)
	require.Equal(c.t, types.CreateBloom(receipt), receipt.Bloom)

	r := result{Receipt: receipt}
	for i, log := range receipt.Logs {
		require.Equal(c.t, []any{hash, receipt.TransactionIndex, block.Hash, block.Number, block.Time, false},
			[]any{log.TxHash, log.TxIndex, log.BlockHash, log.BlockNumber, log.BlockTimestamp, log.Removed})
		require.Equal(c.t, receipt.Logs[0].Index+uint(i), log.Index)
		if use, ok := tempo.ParseNonceIncremented(log); ok {
			require.Zero(c.t, i, "the nonce is used before anything else")
			r.use = &use
		} else if t, ok := tempo.ParseTransfer(log); ok && t.To == tempo.FeeManager && i == len(receipt.Logs)-1 {
			r.fee = &t
		} else if ok {
			r.transfers = append(r.transfers, t)
		} else if m, ok := tempo.ParseTransferWithMemo(log); ok {
			require.Equal(c.t, tempo.Transfer{Token: m.Token, From: m.From, To: m.To, Amount: m.Amount},
				r.transfers[len(r.transfers)-1], "the plain log comes first")
			r.memos = append(r.memos, m)
		} else {
			require.Fail(c.t, "unknown log", "%+v", log)
		}
	}
	want := feeOf(receipt)
	if want.IsZero() {
		require.Nil(c.t, r.fee)
	} else {
		require.NotNil(c.t, r.fee, "fee of %s", want)
		require.Equal(c.t, *want, r.fee.Amount)
	}
	return r
}

// feeOf returns the fee that gas and price make, in token units, rounded up.
func feeOf(receipt *types.Receipt) *uint256.Int {
	const scale = 1_000_000_000_000
	fee := new(big.Int).Mul(new(big.Int).SetUint64(receipt.GasUsed), receipt.EffectiveGasPrice)
	fee.Add(fee, big.NewInt(scale-1)).Div(fee, big.NewInt(scale))
	return uint256.MustFromBig(fee)
}

// ends checks how a transaction that is in a block ended.
func (c *chain) ends(hash common.Hash, status uint64) result {
	c.t.Helper()
	r := c.result(hash)
	require.Equal(c.t, status, r.Status, "status of %s", hash)
	return r
}

// moved returns a transfer of pathUSD.
func moved(from, to person, amount *uint256.Int) tempo.Transfer {
	return tempo.Transfer{Token: tempo.PathUSD, From: from.address, To: to.address, Amount: *amount}
}

// noted returns a transfer of pathUSD with a memo.
func noted(from, to person, amount *uint256.Int, memo byte) tx76.MemoTransfer {
	return tx76.MemoTransfer{Token: tempo.PathUSD, From: from.address, To: to.address, Amount: *amount, Memo: common.Hash{memo}}
}
