package tx76

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
)

// p256Length is the length of 0x01 ‖ r ‖ s ‖ x ‖ y ‖ flag.
const p256Length = 1 + 4*32 + 1

// p256HalfOrder is half the order of P-256, rounded down.
var p256HalfOrder = common.FromHex("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8")

// verifyP256 returns the account of a P256 signature over hash. A flag other
// than 0 and 1 is refused: the chain would read it as 1 but hash the
// transaction as if 1 had been written.
func verifyP256(hash common.Hash, sig []byte) (common.Address, error) {
	digest := hash[:]
	switch flag := sig[p256Length-1]; flag {
	case 0:
	case 1:
		sum := sha256.Sum256(hash[:])
		digest = sum[:]
	default:
		return common.Address{}, fmt.Errorf("pre-hash flag is %d, want 0 or 1", flag)
	}
	return verifyRSXY(digest, sig[1:p256Length-1])
}

// verifyRSXY verifies r ‖ s ‖ x ‖ y over a digest and returns the account of
// the public key.
func verifyRSXY(digest, rsxy []byte) (common.Address, error) {
	r, s, xy := rsxy[:32], rsxy[32:64], rsxy[64:128]
	if bytes.Compare(s, p256HalfOrder) > 0 {
		return common.Address{}, errHighS
	}
	point := append([]byte{4}, xy...) // the uncompressed form of SEC 1
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return common.Address{}, fmt.Errorf("public key: %w", err)
	}
	if !ecdsa.Verify(key, digest, new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)) {
		return common.Address{}, errors.New("does not verify over the transaction")
	}
	return addressOf(xy), nil
}
