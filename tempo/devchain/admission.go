package devchain

import (
	"fmt"

	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// Limits of Tempo's pool.
const (
	maxCalls      = 32
	maxInput      = 128 << 10
	minTimeLeft   = 3   // seconds that valid_before must be ahead
	maxValidAfter = 120 // seconds that valid_after may be ahead
)

// admit checks what a transaction may be refused for at submission. It does
// not look at nonces and does not run the calls: like a node, the chain takes
// transactions that will revert, and into a sub-block also those whose fee cannot
// be paid.
func admit(cfg Config, head *block, w world, s *signed) error {
	if err := checkSupported(cfg.Fork, s); err != nil {
		return err
	}
	tx := s.tx
	now := head.header.Time
	switch {
	case tx.ChainID != cfg.ChainID:
		return fmt.Errorf("invalid chain id: transaction is for %d, this chain is %d", tx.ChainID, cfg.ChainID)
	case tx.Sponsored && s.payer == s.sender:
		return fmt.Errorf("fee payer is the sender: %s cannot sponsor itself, sign without a sponsor", s.sender)
	case tx.MaxFeePerGas.LtUint64(cfg.BaseFee):
		return fmt.Errorf("max fee per gas less than block base fee: have %s, need %d", &tx.MaxFeePerGas, cfg.BaseFee)
	case tx.MaxPriorityFeePerGas.Gt(&tx.MaxFeePerGas):
		return fmt.Errorf("max priority fee per gas higher than max fee per gas: %s above %s", &tx.MaxPriorityFeePerGas, &tx.MaxFeePerGas)
	case tx.Gas > maxTransactionGas:
		return fmt.Errorf("gas limit %d is above the cap of %d", tx.Gas, maxTransactionGas)
	case tx.Gas < intrinsicGas(s):
		return fmt.Errorf("intrinsic gas too low: have %d, need %d before the first call", tx.Gas, intrinsicGas(s))
	case tx.ValidBefore != 0 && tx.ValidBefore <= now+minTimeLeft:
		return fmt.Errorf("transaction expires too soon: valid_before %d, chain time %d and at least %d s more needed", tx.ValidBefore, now, minTimeLeft)
	case tx.ValidAfter > now+maxValidAfter:
		return fmt.Errorf("valid_after %d is more than %d s ahead of chain time %d", tx.ValidAfter, maxValidAfter, now)
	}
	token := w.feeToken(s)
	if _, ok := nameOf(token); !ok {
		return fmt.Errorf("fee token %s is not a token of this chain", token)
	}
	if s.isSubBlock() {
		return nil
	}
	need := tempo.Fee(tx.Gas, &tx.MaxFeePerGas)
	if have := w.balance(token, s.payer); have.Lt(need) {
		return fmt.Errorf("insufficient fee token balance: have %s, need %s of %s in %s", have, need, token, s.payer)
	}
	return nil
}

// checkSupported refuses what a node refuses for its form and what this chain
// leaves out.
func checkSupported(fork Fork, s *signed) error {
	tx := s.tx
	switch {
	case s.kind == tx76.Keychain:
		return unsupported("keychain signatures")
	case tx.KeyAuthorization != nil:
		return unsupported("key authorizations")
	case len(tx.Authorizations) > 0:
		return unsupported("authorization lists")
	case tx.NonceKey == *new(uint256.Int).SetAllOne():
		return unsupported("expiring nonces (nonce key 2^256-1)")
	case s.isSubBlock() && fork != T3:
		return errNoSubBlocks
	case tx.Nonce == 1<<64-1:
		return fmt.Errorf("nonce has max value: no transaction can follow %d", tx.Nonce)
	case len(tx.Calls) > maxCalls:
		return fmt.Errorf("too many calls: have %d, at most %d", len(tx.Calls), maxCalls)
	}
	for i, call := range tx.Calls {
		switch {
		case call.To == nil:
			return unsupported("contract creation")
		case !call.Value.IsZero():
			return fmt.Errorf("native value transfer not allowed in Tempo mode: call %d has value %s", i, &call.Value)
		case len(call.Input) > maxInput:
			return fmt.Errorf("call %d has an input of %d bytes, at most %d", i, len(call.Input), maxInput)
		}
	}
	return nil
}

func unsupported(what string) error {
	return fmt.Errorf("this development chain does not support %s: use a Tempo node", what)
}
