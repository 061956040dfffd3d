package tx76

import (
	"crypto/ecdsa"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// Kind is the kind of a sender's signature.
type Kind uint8

// The signature kinds that the chain accepts.
const (
	// Secp256k1 is Ethereum's: 65 bytes r ‖ s ‖ v, the signer recovered.
	Secp256k1 Kind = iota
	// P256 is ECDSA on NIST P-256 with the public key beside it: 0x01 ‖ r ‖ s ‖
	// x ‖ y ‖ flag, 130 bytes. With flag 1 the signed digest is SHA-256 of the
	// hash, which is what browser keys produce.
	P256
	// WebAuthn is a passkey's assertion: 0x02 ‖ authenticatorData ‖
	// clientDataJSON ‖ r ‖ s ‖ x ‖ y.
	WebAuthn
	// Keychain is a signature by an access key on behalf of a root account:
	// 0x04 ‖ root ‖ signature of one of the kinds above.
	Keychain
)

// String returns the kind's name as the product prints it.
func (k Kind) String() string {
	switch k {
	case Secp256k1:
		return "secp256k1"
	case P256:
		return "p256"
	case WebAuthn:
		return "webauthn"
	case Keychain:
		return "keychain"
	default:
		return fmt.Sprintf("kind %d", uint8(k))
	}
}

// First bytes of the signatures that are not 65 bytes long.
const (
	markP256       = 0x01
	markWebAuthn   = 0x02
	markKeychainV1 = 0x03
	markKeychainV2 = 0x04
)

// secp256k1Length is the length that marks a secp256k1 signature: the kind is
// found by length first and by the first byte only after that.
const secp256k1Length = 65

// kindOf returns the kind of sig by its form alone. For a keychain signature
// the inner one must have a form of its own.
func kindOf(sig []byte) (Kind, error) {
	switch {
	case len(sig) == 0:
		return 0, errors.New("empty")
	case len(sig) == secp256k1Length:
		return Secp256k1, nil
	case sig[0] == markP256:
		if len(sig) != p256Length {
			return 0, fmt.Errorf("p256 signature of %d bytes, want %d", len(sig), p256Length)
		}
		return P256, nil
	case sig[0] == markWebAuthn:
		if n := len(sig) - 1; n < webAuthnMin || n > webAuthnMax {
			return 0, fmt.Errorf("webauthn signature of %d bytes after its mark, want %d to %d", n, webAuthnMin, webAuthnMax)
		}
		return WebAuthn, nil
	case sig[0] == markKeychainV1:
		return 0, errors.New("keychain signature of version 1, which the chain no longer accepts: use version 2")
	case sig[0] == markKeychainV2:
		_, inner, err := splitKeychain(sig)
		if err != nil {
			return 0, err
		}
		kind, err := kindOf(inner)
		if err != nil {
			return 0, fmt.Errorf("inner signature: %w", err)
		}
		if kind == Keychain {
			return 0, errors.New("keychain signature inside a keychain signature")
		}
		return Keychain, nil
	default:
		return 0, fmt.Errorf("unknown form: %d bytes that begin with 0x%02x", len(sig), sig[0])
	}
}

// Recover verifies sig over hash completely and returns the account it speaks
// for and its kind. Both forms of v (0/1 and 27/28) are accepted; s must be in
// the lower half of the group order for every kind.
//
// A keychain signature yields the root account. Whether that account has
// authorized the access key is state of the chain and not checked here.
//
// Every error wraps ErrSignature. Recover is safe for concurrent use.
func Recover(hash common.Hash, sig []byte) (common.Address, Kind, error) {
	kind, err := kindOf(sig)
	if err != nil {
		return common.Address{}, 0, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	var signer common.Address
	switch kind {
	case Secp256k1:
		signer, err = recoverSecp256k1(hash, sig)
	case P256:
		signer, err = verifyP256(hash, sig)
	case WebAuthn:
		signer, err = verifyWebAuthn(hash, sig)
	case Keychain:
		signer, err = verifyKeychain(hash, sig)
	}
	if err != nil {
		return common.Address{}, kind, fmt.Errorf("%w: %s: %w", ErrSignature, kind, err)
	}
	return signer, kind, nil
}

// Sender verifies the sender's signature and returns the account that sent the
// transaction and how it signed. The error wraps ErrSignature.
func (t *Transaction) Sender() (common.Address, Kind, error) {
	return Recover(t.SignHash(), t.Signature)
}

// Sponsor verifies the sponsor's signature and returns the account that pays
// the fee. It verifies the sender's as well, because the sponsor signs for one
// sender. The error wraps ErrNotSponsored if there is no sponsor signature to
// verify, else ErrSignature.
func (t *Transaction) Sponsor() (common.Address, error) {
	if err := t.checkSponsored(); err != nil {
		return common.Address{}, err
	}
	sender, _, err := t.Sender()
	if err != nil {
		return common.Address{}, err
	}
	return t.SponsorOf(sender)
}

// SponsorOf is Sponsor for a caller who knows the sender already, from Sender.
func (t *Transaction) SponsorOf(sender common.Address) (common.Address, error) {
	if err := t.checkSponsored(); err != nil {
		return common.Address{}, err
	}
	sponsor, err := recoverSecp256k1(t.SponsorHash(sender), t.SponsorSignature)
	if err != nil {
		return common.Address{}, fmt.Errorf("%w: sponsor: %w", ErrSignature, err)
	}
	return sponsor, nil
}

// checkSponsored refuses a transaction without a sponsor signature.
func (t *Transaction) checkSponsored() error {
	switch {
	case !t.Sponsored:
		return fmt.Errorf("%w: the sender pays the fee", ErrNotSponsored)
	case t.halfSigned():
		return fmt.Errorf("%w: its signature is still missing", ErrNotSponsored)
	}
	return nil
}

// SignSponsor signs the transaction as the sponsor of sender and sets
// SponsorSignature. Set FeeToken before: the sponsor commits to it. The error
// wraps ErrNotSponsored if the sender's form is the self-paid one, because such
// a transaction cannot take a sponsor without a new signature of the sender.
func (t *Transaction) SignSponsor(sender common.Address, key *ecdsa.PrivateKey) error {
	if !t.Sponsored {
		return fmt.Errorf("%w: the sender signed to pay the fee itself", ErrNotSponsored)
	}
	sig, err := SignSecp256k1(t.SponsorHash(sender), key)
	if err != nil {
		return fmt.Errorf("signing as sponsor: %w", err)
	}
	t.SponsorSignature = sig
	return nil
}

// verifyKeychain verifies the access key's signature and returns the root
// account. The access key signs the hash together with the root, so that its
// signature cannot be moved to another account.
func verifyKeychain(hash common.Hash, sig []byte) (common.Address, error) {
	root, inner, err := splitKeychain(sig)
	if err != nil {
		return common.Address{}, err
	}
	bound := crypto.Keccak256Hash([]byte{markKeychainV2}, hash[:], root[:])
	if _, _, err := Recover(bound, inner); err != nil {
		return common.Address{}, fmt.Errorf("access key of %s: %w", root, err)
	}
	return root, nil
}

// splitKeychain takes a keychain signature apart.
func splitKeychain(sig []byte) (root common.Address, inner []byte, err error) {
	const head = 1 + common.AddressLength
	if len(sig) <= head {
		return root, nil, fmt.Errorf("keychain signature of %d bytes has no inner signature", len(sig))
	}
	return common.BytesToAddress(sig[1:head]), sig[head:], nil
}
