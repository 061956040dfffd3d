package fastpay

import (
	"crypto/ed25519"
	"encoding/binary"
	"sort"

	"github.com/ethereum/go-ethereum/common"
)

// Batch is a verified CertBatch: one member's signature over the Merkle root of
// tx ids, a vote for each of them (section 1, Votes). Immutable; safe for
// concurrent use.
type Batch struct {
	committee *Committee
	signer    int
	ids       []ID
	signature [ed25519.SignatureSize]byte
	tree      tree
	raw       []byte
}

// batchBody is the RLP form of a CertBatch.
type batchBody struct {
	CommitteeID common.Hash
	Signer      uint64
	IDs         []ID
	Signature   [ed25519.SignatureSize]byte
}

// BatchDigest is what a member signs for a batch of count tx ids with a Merkle
// root.
func BatchDigest(committeeID common.Hash, key ed25519.PublicKey, count int, root common.Hash) common.Hash {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(count))
	return H(tagBatch, committeeID[:], key, n[:], root[:])
}

// BatchRoot sorts ids in place and returns the root of a batch over them. It
// fails if there are none, too many, or doubles.
func BatchRoot(ids []ID) (common.Hash, error) {
	sort.Slice(ids, func(i, j int) bool { return ids[i].Cmp(ids[j]) < 0 })
	if err := checkBatchIDs(ids); err != nil {
		return common.Hash{}, err
	}
	return newTree(ids).root(), nil
}

// NewBatch builds a CertBatch from sorted ids and the member's signature over
// [BatchDigest], and verifies it.
func NewBatch(c *Committee, signer int, ids []ID, signature []byte) (*Batch, error) {
	if len(signature) != ed25519.SignatureSize {
		return nil, invalid("batch signature has %d bytes, want %d", len(signature), ed25519.SignatureSize)
	}
	body := batchBody{c.ID(), uint64(signer), append([]ID(nil), ids...), [ed25519.SignatureSize]byte(signature)}
	return verifyBatch(c, body, encode(&body))
}

// ParseBatch decodes and verifies a CertBatch.
func (r *Rules) ParseBatch(raw []byte) (*Batch, error) {
	if len(raw) > MaxMessageSize {
		return nil, invalid("batch has %d bytes, at most %d are possible", len(raw), MaxMessageSize)
	}
	var body batchBody
	if err := decode("batch", raw, &body); err != nil {
		return nil, err
	}
	c, err := r.committee(body.CommitteeID)
	if err != nil {
		return nil, err
	}
	return verifyBatch(c, body, append([]byte(nil), raw...))
}

func verifyBatch(c *Committee, body batchBody, raw []byte) (*Batch, error) {
	signer, err := c.signer(body.Signer)
	if err != nil {
		return nil, err
	}
	if err := checkBatchIDs(body.IDs); err != nil {
		return nil, err
	}
	t := newTree(body.IDs)
	if !c.verify(signer, BatchDigest(c.ID(), c.Key(signer), len(body.IDs), t.root()), body.Signature[:]) {
		return nil, invalid("batch of %d votes: signature of member %d does not verify", len(body.IDs), signer)
	}
	return &Batch{c, signer, body.IDs, body.Signature, t, raw}, nil
}

func checkBatchIDs(ids []ID) error {
	if len(ids) == 0 || len(ids) > MaxBatch {
		return invalid("batch of %d votes: between 1 and %d are possible", len(ids), MaxBatch)
	}
	for i := 1; i < len(ids); i++ {
		if ids[i-1].Cmp(ids[i]) >= 0 {
			return invalid("batch: tx ids do not ascend strictly at %d", i)
		}
	}
	return nil
}

// CommitteeID names the committee whose member voted.
func (b *Batch) CommitteeID() common.Hash { return b.committee.ID() }

// Signer is the member's index.
func (b *Batch) Signer() int { return b.signer }

// IDs are the tx ids voted for, strictly ascending. Do not modify.
func (b *Batch) IDs() []ID { return b.ids }

// Encode returns the canonical bytes. Do not modify.
func (b *Batch) Encode() []byte { return b.raw }

// Certificate returns the portable vote for the i-th tx id.
func (b *Batch) Certificate(i int) *Certificate {
	return newCertificate(b.committee, b.ids[i], certificateBody{
		Signer: uint64(b.signer), Index: uint64(i), Count: uint64(len(b.ids)), Path: b.tree.path(i), Signature: b.signature,
	})
}

// indexOf returns the place of id in the batch.
func (b *Batch) indexOf(id ID) (int, bool) {
	i := sort.Search(len(b.ids), func(i int) bool { return b.ids[i].Cmp(id) >= 0 })
	return i, i < len(b.ids) && b.ids[i] == id
}
