package tx76

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Type is the first byte of an encoded transaction.
const Type = 0x76

// Transaction is one 0x76 transaction, signed or still to be signed.
//
// The zero value is not a valid transaction: at least one call is needed.
// Methods read the fields and never keep or change them, except SignSponsor.
type Transaction struct {
	// ChainID is the chain the signatures bind to.
	ChainID uint64
	// MaxPriorityFeePerGas and MaxFeePerGas are prices in 10^-18 USD per gas,
	// at most 128 bits each.
	MaxPriorityFeePerGas, MaxFeePerGas uint256.Int
	// Gas is the gas limit of the whole batch.
	Gas uint64
	// Calls run in order and atomically: one revert undoes all of them.
	Calls []Call
	// AccessList is the EIP-2930 list. Payments leave it empty.
	AccessList []AccessTuple
	// NonceKey selects the nonce sequence: 0 is the account's protocol nonce,
	// 2^256-1 the expiring nonces, anything else a sequence of its own.
	NonceKey uint256.Int
	// Nonce is the position in the sequence of NonceKey.
	Nonce uint64
	// ValidBefore and ValidAfter bound the timestamp of the including block in
	// seconds: ValidAfter <= timestamp < ValidBefore. 0 means no bound.
	ValidBefore, ValidAfter uint64
	// FeeToken is the TIP-20 token the fee is taken in, nil for the chain's
	// choice. The sender of a sponsored transaction does not sign it.
	FeeToken *common.Address
	// Sponsored tells that the sender signed the form that leaves the fee to a
	// sponsor. It decides the sender's hash.
	Sponsored bool
	// SponsorSignature is the sponsor's secp256k1 signature r ‖ s ‖ v over
	// SponsorHash, 65 bytes, v 27 or 28. Decode and SignSponsor write it so;
	// Encode reads v 0 or 1 as well. Anything that is not 65 bytes counts as
	// absent: then a sponsored transaction is half-signed.
	SponsorSignature []byte
	// Authorizations are EIP-7702 style delegations. Payments have none.
	Authorizations []Authorization
	// KeyAuthorization is the raw RLP list that provisions an access key, nil
	// when absent. Its content is kept as it is and not interpreted.
	KeyAuthorization []byte
	// Signature is the sender's signature over SignHash in one of the wire
	// forms that Recover accepts.
	Signature []byte
}

// Call is one call of the batch.
type Call struct {
	// To is the callee, or nil to create a contract.
	To *common.Address
	// Value is the native value. Tempo has no native money: it must be 0 for
	// the chain to accept the transaction, though not for it to be decoded.
	Value uint256.Int
	// Input is the calldata.
	Input []byte
}

// AccessTuple is one entry of an access list.
type AccessTuple struct {
	Address     common.Address
	StorageKeys []common.Hash
}

// Authorization delegates an account to the code at Address. Signature is one
// of the wire forms that Recover accepts, over
// keccak256(0x05 ‖ rlp([ChainID, Address, Nonce])).
type Authorization struct {
	ChainID   uint256.Int
	Address   common.Address
	Nonce     uint64
	Signature []byte
}

// halfSigned tells whether the sponsor's signature is still to come.
func (t *Transaction) halfSigned() bool {
	return t.Sponsored && len(t.SponsorSignature) != secp256k1Length
}
