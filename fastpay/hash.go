package fastpay

import (
	"crypto/sha256"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
)

// ID is a tx id: the one identity of a payment (section 1, Envelope). A QC or a
// signature is never an identity.
type ID = common.Hash

// Domain tags of H. Each use of the hash has its own, so that bytes made for
// one purpose are worthless for another.
const (
	tagCommittee = "allegro/v1/committee"
	tagLane      = "allegro/v1/lane"
	tagNonceKey  = "allegro/v1/noncekey"
	tagTx        = "allegro/v1/tx"
	tagLeaf      = "allegro/v1/leaf"
	tagNode      = "allegro/v1/node"
	tagBatch     = "allegro/v1/batch"
	tagHead      = "allegro/v1/head"
	tagHello     = "allegro/v1/hello"
	tagTopic     = "allegro/v1/topic"
	tagGenesis   = "allegro/v1/genesis"
	tagForeign   = "allegro/v1/foreign"
	tagRestart   = "allegro/v1/restart"
	tagOffence   = "allegro/v1/offence"
	tagDigest    = "allegro/v1/digest"
)

// H is the protocol's hash: SHA-256(byte(len(tag)) ‖ tag ‖ parts…).
func H(tag string, parts ...[]byte) common.Hash {
	h := sha256.New()
	h.Write([]byte{byte(len(tag))})
	h.Write([]byte(tag))
	for _, p := range parts {
		h.Write(p)
	}
	var out common.Hash
	h.Sum(out[:0])
	return out
}

// encode returns the RLP of a value of this package. Such values always encode.
func encode(v any) []byte {
	b, err := rlp.EncodeToBytes(v)
	if err != nil {
		panic("fastpay: value without an RLP form: " + err.Error())
	}
	return b
}

// decode reads exactly one RLP value: minimal integers, exact lengths, no
// optional field, nothing trailing.
func decode(what string, data []byte, v any) error {
	if err := rlp.DecodeBytes(data, v); err != nil {
		return invalid("%s is not canonical rlp: %v", what, err)
	}
	return nil
}

// TopicPrefix is the first part of a committee's gossip topics,
// "/allegro/1/<8 hex digits>" (section 3): peers of another committee or chain
// never meet in one topic.
func TopicPrefix(committeeID common.Hash) string {
	h := H(tagTopic, committeeID[:])
	const digits = "0123456789abcdef"
	name := []byte("/allegro/1/")
	for _, b := range h[:4] {
		name = append(name, digits[b>>4], digits[b&15])
	}
	return string(name)
}

// HelloDigest is what a validator signs with Ed25519 to prove to the requester
// of a hello that it speaks for its key on this very connection (section 3).
// The ids are the binary peer ids.
func HelloDigest(committeeID common.Hash, requester, responder []byte, nonce [32]byte) common.Hash {
	return H(tagHello, encode([]any{committeeID, requester, responder, nonce}))
}
