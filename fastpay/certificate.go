package fastpay

import (
	"crypto/ed25519"

	"github.com/ethereum/go-ethereum/common"
)

// Certificate is a verified, portable vote of one member for one payment: the
// member's root signature with the Merkle path to the payment's leaf.
// Immutable; safe for concurrent use.
type Certificate struct {
	committee *Committee
	id        ID
	body      certificateBody
	raw       []byte
}

// certificateBody is the RLP form of a Certificate.
type certificateBody struct {
	Signer    uint64
	Index     uint64
	Count     uint64
	Path      []common.Hash
	Signature [ed25519.SignatureSize]byte
}

func newCertificate(c *Committee, id ID, body certificateBody) *Certificate {
	return &Certificate{c, id, body, encode(&body)}
}

// ParseCertificate decodes a certificate and verifies that it is a vote of its
// committee for the payment id.
func (r *Rules) ParseCertificate(committeeID common.Hash, id ID, raw []byte) (*Certificate, error) {
	c, err := r.committee(committeeID)
	if err != nil {
		return nil, err
	}
	var body certificateBody
	if err := decode("certificate", raw, &body); err != nil {
		return nil, err
	}
	return verifyCertificate(c, id, body)
}

func verifyCertificate(c *Committee, id ID, body certificateBody) (*Certificate, error) {
	signer, err := c.signer(body.Signer)
	if err != nil {
		return nil, err
	}
	if body.Count == 0 || body.Count > MaxBatch || body.Index >= body.Count {
		return nil, invalid("certificate of member %d: place %d of %d is impossible", signer, body.Index, body.Count)
	}
	root, ok := fold(id, body.Index, body.Count, body.Path)
	if !ok {
		return nil, invalid("certificate of member %d: a path of %d elements does not fit place %d of %d", signer, len(body.Path), body.Index, body.Count)
	}
	if !c.verify(signer, BatchDigest(c.ID(), c.Key(signer), int(body.Count), root), body.Signature[:]) {
		return nil, invalid("certificate of member %d: signature does not verify for payment %s", signer, short(id))
	}
	return newCertificate(c, id, body), nil
}

// ID is the payment voted for.
func (c *Certificate) ID() ID { return c.id }

// CommitteeID names the committee whose member voted.
func (c *Certificate) CommitteeID() common.Hash { return c.committee.ID() }

// Signer is the member's index.
func (c *Certificate) Signer() int { return int(c.body.Signer) }

// Encode returns the canonical bytes. Do not modify.
func (c *Certificate) Encode() []byte { return c.raw }
