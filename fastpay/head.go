package fastpay

import (
	"crypto/ed25519"

	"github.com/ethereum/go-ethereum/common"
)

// HeadView is one validator's view of its own node (section 1, Head).
type HeadView struct {
	Height          uint64
	Hash            common.Hash
	Time            uint64 // the validator's now: chain seconds, see section 4
	FinalizedHeight uint64
	FinalizedHash   common.Hash
	FinalizedTime   uint64 // header seconds of the finalized block
}

// Head is a verified HeadView, signed by the member whose view it is.
// Immutable; safe for concurrent use.
type Head struct {
	committee *Committee
	body      headBody
	raw       []byte
}

// headBody is the RLP form of a Head.
type headBody struct {
	ChainID         uint64
	CommitteeID     common.Hash
	Signer          uint64
	Height          uint64
	Hash            common.Hash
	Time            uint64
	FinalizedHeight uint64
	FinalizedHash   common.Hash
	FinalizedTime   uint64
	Signature       [ed25519.SignatureSize]byte
}

func newHeadBody(c *Committee, signer int, v HeadView) headBody {
	return headBody{
		ChainID: c.ChainID(), CommitteeID: c.ID(), Signer: uint64(signer),
		Height: v.Height, Hash: v.Hash, Time: v.Time,
		FinalizedHeight: v.FinalizedHeight, FinalizedHash: v.FinalizedHash, FinalizedTime: v.FinalizedTime,
	}
}

// digest hashes the list without its signature.
func (b *headBody) digest() common.Hash {
	return H(tagHead, encode([]any{
		b.ChainID, b.CommitteeID, b.Signer, b.Height, b.Hash, b.Time, b.FinalizedHeight, b.FinalizedHash, b.FinalizedTime,
	}))
}

// HeadDigest is what the member at index signer signs for its view.
func HeadDigest(c *Committee, signer int, v HeadView) common.Hash {
	body := newHeadBody(c, signer, v)
	return body.digest()
}

// NewHead builds a Head from a view and the member's signature over
// [HeadDigest], and verifies it.
func NewHead(c *Committee, signer int, v HeadView, signature []byte) (*Head, error) {
	if len(signature) != ed25519.SignatureSize {
		return nil, invalid("head signature has %d bytes, want %d", len(signature), ed25519.SignatureSize)
	}
	body := newHeadBody(c, signer, v)
	body.Signature = [ed25519.SignatureSize]byte(signature)
	return verifyHead(c, body, encode(&body))
}

// ParseHead decodes and verifies a Head.
func (r *Rules) ParseHead(raw []byte) (*Head, error) {
	var body headBody
	if err := decode("head", raw, &body); err != nil {
		return nil, err
	}
	c, err := r.committee(body.CommitteeID)
	if err != nil {
		return nil, err
	}
	return verifyHead(c, body, append([]byte(nil), raw...))
}

func verifyHead(c *Committee, body headBody, raw []byte) (*Head, error) {
	signer, err := c.signer(body.Signer)
	if err != nil {
		return nil, err
	}
	if body.ChainID != c.ChainID() {
		return nil, refuse(WrongChain, "head is of chain %d, this network settles on chain %d", body.ChainID, c.ChainID())
	}
	if body.FinalizedHeight > body.Height {
		return nil, invalid("head of member %d: finalized height %d is above height %d", signer, body.FinalizedHeight, body.Height)
	}
	if !c.verify(signer, body.digest(), body.Signature[:]) {
		return nil, invalid("head of member %d: signature does not verify", signer)
	}
	return &Head{c, body, raw}, nil
}

// CommitteeID names the member's committee.
func (h *Head) CommitteeID() common.Hash { return h.committee.ID() }

// Signer is the member's index.
func (h *Head) Signer() int { return int(h.body.Signer) }

// View is what the member said.
func (h *Head) View() HeadView {
	return HeadView{h.body.Height, h.body.Hash, h.body.Time, h.body.FinalizedHeight, h.body.FinalizedHash, h.body.FinalizedTime}
}

// Encode returns the canonical bytes. Do not modify.
func (h *Head) Encode() []byte { return h.raw }
