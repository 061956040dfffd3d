package validator

import (
	"context"
	"crypto/ed25519"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

// KeySigner signs with a key in this process's memory.
type KeySigner struct {
	key ed25519.PrivateKey
}

// NewKeySigner returns a signer of a vote key.
func NewKeySigner(key ed25519.PrivateKey) *KeySigner { return &KeySigner{key} }

// Key implements [Signer].
func (s *KeySigner) Key() [32]byte { return [32]byte(s.key.Public().(ed25519.PublicKey)) }

// SignBatch implements [Signer].
func (s *KeySigner) SignBatch(_ context.Context, committee common.Hash, count int, root common.Hash) ([]byte, error) {
	key := s.Key()
	return s.sign(fastpay.BatchDigest(committee, key[:], count, root)), nil
}

// SignHead implements [Signer].
func (s *KeySigner) SignHead(_ context.Context, c *fastpay.Committee, signer int, v fastpay.HeadView) ([]byte, error) {
	return s.sign(fastpay.HeadDigest(c, signer, v)), nil
}

// SignHello implements [Signer].
func (s *KeySigner) SignHello(_ context.Context, committee common.Hash, requester, responder []byte, nonce [32]byte) ([]byte, error) {
	return s.sign(fastpay.HelloDigest(committee, requester, responder, nonce)), nil
}

func (s *KeySigner) sign(digest common.Hash) []byte { return ed25519.Sign(s.key, digest[:]) }
