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
	limit  uint64 // of the gas of ordinary transactions
	gas    uint64 // used by the transactions so far
	txs    []*included
}

// reasons for a transaction to be dropped, for the log.
var (
	errExpired     = errors.New("valid_before has passed")
	errNonceOrder  = errors.New("its nonce is not the next one of its key")
	errFeeTooPoor  = errors.New("its payer cannot afford the fee")
	errUnderpriced = errors.New("it offers less than the base fee")
	errNotYet      = errors.New("valid_after is still ahead")
	errOverBudget  = errors.New("its gas limit is above what is left of the sub-block's share")
)

// run executes one transaction on top of those before it. The error says why a
// transaction is dropped.
func (x *executor) run(s *signed) (verdict, error) {
	switch err := x.invalid(s); {
	case errors.Is(err, errNotYet):
		return wait, nil
	case err != nil:
		return drop, err
	case !x.canPay(s):
		return drop, errFeeTooPoor
	case s.tx.Gas > x.limit-x.gas:
		return full, nil
	}
	x.include(s)
	return include, nil
}

// runSubBlock executes one transaction of a sub-block, of which left is the gas that
// the validator has left. What is invalid is not in the block, as validators looked
// at that first, and what is over the budget is thrown away. What cannot pay its fee
// uses its nonce and its gas.
func (x *executor) runSubBlock(s *signed, left *uint64) (verdict, error) {
	if err := x.invalid(s); err != nil {
		return drop, err
	}
	if s.tx.Gas > *left {
		return drop, errOverBudget
	}
	*left -= s.tx.Gas // by its limit, whatever it uses
	if x.canPay(s) {
		x.include(s)
	} else {
		x.burn(s)
	}
	return include, nil
}

// invalid says why a transaction cannot be in the block, nil if it can.
func (x *executor) invalid(s *signed) error {
	tx, now := s.tx, x.header.Time
	switch {
	case tx.ValidBefore != 0 && tx.ValidBefore <= now:
		return errExpired
	case tx.ValidAfter > now:
		return errNotYet
	case x.nonce(s.sender, &tx.NonceKey) != tx.Nonce:
		return errNonceOrder
	case tx.MaxFeePerGas.LtUint64(x.header.BaseFee.Uint64()):
		return errUnderpriced
	}
	return nil
}

// canPay reports whether the payer holds the most that a transaction can cost.
func (x *executor) canPay(s *signed) bool {
	return !x.balance(x.feeToken(s), s.payer).Lt(tempo.Fee(s.tx.Gas, &s.tx.MaxFeePerGas))
}

// include puts a transaction into the block.
func (x *executor) include(s *signed) {
	tx, token := s.tx, x.feeToken(s)
	x.db.SetTxContext(s.hash, len(x.txs), 0)
	price := priceOf(tx, x.header.BaseFee.Uint64())
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
	x.add(s, token, used, success, price)
}

// burn puts a transaction into the block whose fee cannot be paid: it uses its nonce
// and all its gas, and nobody pays.
func (x *executor) burn(s *signed) {
	x.db.SetTxContext(s.hash, len(x.txs), 0)
	x.useNonce(s.sender, &s.tx.NonceKey)
	x.add(s, x.feeToken(s), s.tx.Gas, false, priceOf(s.tx, x.header.BaseFee.Uint64()))
}

// add ends a transaction that is in the block.
func (x *executor) add(s *signed, feeToken common.Address, used uint64, success bool, price *uint256.Int) {
	x.db.Finalise(stateRules)
	x.gas += used
	x.txs = append(x.txs, &included{
		signed:   s,
		receipt:  x.receipt(s, used, success, price),
		feeToken: feeToken,
	})
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
