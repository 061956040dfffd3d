package devchain

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// priceOf returns what a transaction pays per gas: base fee and tip, but no
// more than its limit.
func priceOf(tx *tx76.Transaction, baseFee uint64) *uint256.Int {
	price := new(uint256.Int).AddUint64(&tx.MaxPriorityFeePerGas, baseFee)
	if price.Gt(&tx.MaxFeePerGas) {
		price.Set(&tx.MaxFeePerGas)
	}
	return price
}

// feeToken returns the token that a transaction's fee is taken in: the one it
// names, else the one its payer prefers, else the one it transfers if the
// sender pays, else pathUSD.
func (w world) feeToken(s *signed) common.Address {
	if s.tx.FeeToken != nil {
		return *s.tx.FeeToken
	}
	if token, ok := w.preferredFeeToken(s.payer); ok {
		return token
	}
	if token, ok := transferredToken(s.tx.Calls); ok && s.payer == s.sender {
		return token
	}
	return tempo.PathUSD
}

// transferredToken returns the token of a batch that does nothing but transfer
// one token.
func transferredToken(calls []tx76.Call) (token common.Address, ok bool) {
	for i, call := range calls {
		if call.To == nil || !tempo.IsTIP20(*call.To) || len(call.Input) < 4 {
			return token, false
		}
		switch tempo.Selector(call.Input[:4]) {
		case tempo.SelectorTransfer, tempo.SelectorTransferWithMemo:
		default:
			return token, false
		}
		if i > 0 && *call.To != token {
			return token, false
		}
		token = *call.To
	}
	return token, len(calls) > 0
}
