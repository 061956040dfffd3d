package devchain

import (
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// verdict is what becomes of a waiting transaction when a block is built.
type verdict int

const (
	include verdict = iota // it is in the block, whether it succeeded or not
	drop                   // it can never run, or not any more
	wait                   // it stays in the pool
	full                   // it stays, and so do all after it: the block is full
)

// executor runs the transactions of one block, one after the other.
type executor struct {
	world
	header *types.Header
	gas    uint64 // used by the transactions so far
	txs    []*included
}

// reasons for a transaction to be dropped, for the log.
var (
	errExpired     = errors.New("valid_before has passed")
	errNonceOrder  = errors.New("its nonce is not the next one of its key")
	errFeeTooPoor  = errors.New("its payer cannot afford the fee")
	errUnderpriced = errors.New("it offers less than the base fee")
)

// run executes one transaction on top of those before it. The error says why a
// transaction is dropped.
func (x *executor) run(s *signed) (verdict, error) {
	tx := s.tx
	now, baseFee := x.header.Time, x.header.BaseFee.Uint64()
	switch {
	case tx.ValidBefore != 0 && tx.ValidBefore <= now:
		return drop, errExpired
	case tx.ValidAfter > now:
		return wait, nil
	case x.nonce(s.sender, &tx.NonceKey) != tx.Nonce:
		return drop, errNonceOrder
	case tx.MaxFeePerGas.LtUint64(baseFee):
		return drop, errUnderpriced
	}
	token := x.feeToken(s)
	if x.balance(token, s.payer).Lt(tempo.Fee(tx.Gas, &tx.MaxFeePerGas)) {
		return drop, errFeeTooPoor
	}
	if tx.Gas > x.header.GasLimit-x.gas {
		return full, nil
	}

	x.db.SetTxContext(s.hash, len(x.txs), 0)
	price := priceOf(tx, baseFee)
	// Taken for the whole gas limit before the calls run: they cannot spend it.
	deposit := tempo.Fee(tx.Gas, price)
	x.move(token, s.payer, tempo.FeeManager, deposit) // covered: price <= limit
	x.useNonce(s.sender, &tx.NonceKey)
	used, success := x.execute(s)
	fee := tempo.Fee(used, price)
	x.move(token, tempo.FeeManager, s.payer, new(uint256.Int).Sub(deposit, fee))
	if !fee.IsZero() {
		x.log(tempo.Transfer{Token: token, From: s.payer, To: tempo.FeeManager, Amount: *fee}.Log())
	}
	x.db.Finalise(stateRules)

	x.gas += used
	x.txs = append(x.txs, &included{
		signed:   s,
		receipt:  x.receipt(s, used, success, price),
		feeToken: token,
	})
	return include, nil
}

// execute runs the batch: all of it or nothing. The nonce is used either way.
func (x *executor) execute(s *signed) (used uint64, success bool) {
	meter := &gasMeter{limit: s.tx.Gas}
	before := x.db.Snapshot()
	err := meter.charge(intrinsicGas(s))
	if err == nil {
		err = frame{world: x.world, caller: s.sender, gas: meter}.batch(s.tx.Calls)
	}
	if err != nil {
		x.db.RevertToSnapshot(before)
	}
	return meter.used, err == nil
}

// receipt returns the receipt of the transaction that just ran. The block's
// hash goes in when the block is sealed.
func (x *executor) receipt(s *signed, used uint64, success bool, price *uint256.Int) *types.Receipt {
	r := &types.Receipt{
		Type:              tx76.Type,
		Status:            types.ReceiptStatusFailed,
		CumulativeGasUsed: x.gas,
		Logs:              x.db.GetLogs(s.hash, x.header.Number.Uint64(), common.Hash{}, x.header.Time),
		TxHash:            s.hash,
		GasUsed:           used,
		EffectiveGasPrice: price.ToBig(),
		BlockNumber:       new(big.Int).Set(x.header.Number),
		TransactionIndex:  uint(len(x.txs)),
	}
	if success {
		r.Status = types.ReceiptStatusSuccessful
	}
	if r.Logs == nil {
		r.Logs = []*types.Log{} // JSON clients want a list
	}
	r.Bloom = types.CreateBloom(r)
	return r
}
