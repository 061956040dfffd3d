package tx76

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// secp256k1HalfOrder is half the group order, rounded down: the greatest s of
// a signature in its one accepted form.
var secp256k1HalfOrder = common.FromHex("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0")

// IsCanonicalSecp256k1 tells whether sig is a secp256k1 signature in the one
// form that Allegro's payments carry: 65 bytes, s in the lower half, v 27 or
// 28. It does not verify the signature.
func IsCanonicalSecp256k1(sig []byte) bool {
	return len(sig) == secp256k1Length && lowS(sig) && (sig[64] == 27 || sig[64] == 28)
}

// SignSecp256k1 signs hash and returns 65 bytes r ‖ s ‖ v with low s and v 27
// or 28. Signing is deterministic (RFC 6979).
func SignSecp256k1(hash common.Hash, key *ecdsa.PrivateKey) ([]byte, error) {
	sig, err := crypto.Sign(hash[:], key)
	if err != nil {
		return nil, fmt.Errorf("signing with secp256k1: %w", err)
	}
	sig[64] += 27
	return sig, nil
}

// recoverSecp256k1 returns the signer of a 65-byte signature over hash.
func recoverSecp256k1(hash common.Hash, sig []byte) (common.Address, error) {
	var plain [secp256k1Length]byte
	copy(plain[:], sig)
	switch v := sig[64]; v {
	case 0, 1:
	case 27, 28:
		plain[64] = v - 27
	default:
		return common.Address{}, fmt.Errorf("recovery value v is %d, want 27 or 28", v)
	}
	if !lowS(sig) {
		return common.Address{}, errHighS
	}
	pub, err := crypto.Ecrecover(hash[:], plain[:])
	if err != nil {
		return common.Address{}, fmt.Errorf("no key made this signature: %w", err)
	}
	return addressOf(pub[1:]), nil
}

// errHighS refuses the second form of an ECDSA signature, which anybody can
// make from the first.
var errHighS = errors.New("s is above half of the group order")

// lowS tells whether the s of a 65-byte signature is in the lower half.
func lowS(sig []byte) bool {
	return bytes.Compare(sig[32:64], secp256k1HalfOrder) <= 0
}

// addressOf returns the account of an uncompressed public key x ‖ y.
func addressOf(xy []byte) common.Address {
	h := crypto.Keccak256Hash(xy)
	return common.BytesToAddress(h[12:])
}
