package devchain

import (
	"errors"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// The gas schedule. The constants add up to what was measured on Tempo at T4:
// a transfer takes 52,570 on the protocol nonce and 57,770 on a nonce key,
// 302,570 with the first use of a nonce, and 549,770 if the recipient is new
// as well. What was not measured is an estimate.
const (
	gasTransaction = 21_000
	gasCall        = 31_570
	gasNonceKey    = 5_200   // a key that was used before
	gasFirstNonce  = 250_000 // nonce 0 of any key, in place of gasNonceKey
	gasNewBalance  = 247_200 // a balance that was zero
	gasMemo        = 2_500   // the second log; estimate
	gasP256        = 5_000   // P256 and WebAuthn signatures
)

// maxTransactionGas is the highest gas limit of one transaction.
const maxTransactionGas = 30_000_000

// errOutOfGas ends a batch whose gas limit is used up.
var errOutOfGas = errors.New("out of gas")

// gasMeter counts the gas of one transaction.
type gasMeter struct {
	limit, used uint64
}

// charge uses gas, or all that is left and fails.
func (m *gasMeter) charge(gas uint64) error {
	if gas > m.limit-m.used {
		m.used = m.limit
		return errOutOfGas
	}
	m.used += gas
	return nil
}

// intrinsicGas is what a transaction costs before its first call runs.
func intrinsicGas(s *signed) uint64 {
	gas := uint64(gasTransaction)
	switch {
	case s.tx.Nonce == 0:
		gas += gasFirstNonce
	case !s.tx.NonceKey.IsZero():
		gas += gasNonceKey
	}
	if s.kind == tx76.P256 || s.kind == tx76.WebAuthn {
		gas += gasP256
	}
	return gas
}
