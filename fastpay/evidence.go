package fastpay

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
)

// EvidenceKind says who is convicted.
type EvidenceKind uint64

const (
	// PayerEvidence convicts a payer of signing two payments for one slot.
	PayerEvidence EvidenceKind = 0
	// ValidatorEvidence convicts a member of voting for two payments of one slot
	// and generation.
	ValidatorEvidence EvidenceKind = 1
)

// Evidence is verified proof of an equivocation (section 1). No honest peer is
// ever convicted: a lawful restart releases the slot, and votes in different
// generations are lawful. Immutable; safe for concurrent use.
type Evidence struct {
	kind   EvidenceKind
	a, b   *Tx
	signer int // of ValidatorEvidence
	raw    []byte
}

// evidenceBody is the RLP form of Evidence. For a payer each side is a
// FastPayTx; for a validator each is [FastPayTx, CertBatch].
type evidenceBody struct {
	Kind EvidenceKind
	A, B rlp.RawValue
}

// voteBody is one side of ValidatorEvidence.
type voteBody struct {
	Tx    rlp.RawValue
	Batch rlp.RawValue
}

// NewPayerEvidence returns the proof that two payments equivocate, or an
// InvalidFormat error if they do not.
func NewPayerEvidence(a, b *Tx) (*Evidence, error) {
	if a.env.Restart > b.env.Restart || a.env.Restart == b.env.Restart && a.id.Cmp(b.id) > 0 {
		a, b = b, a
	}
	body := evidenceBody{PayerEvidence, a.raw, b.raw}
	return verifyPayerEvidence(a, b, encode(&body))
}

// NewValidatorEvidence returns the proof that a member voted for both payments,
// or an InvalidFormat error if that is no offence.
func NewValidatorEvidence(a *Tx, voteA *Batch, b *Tx, voteB *Batch) (*Evidence, error) {
	if a.id.Cmp(b.id) > 0 {
		a, voteA, b, voteB = b, voteB, a, voteA
	}
	body := evidenceBody{ValidatorEvidence, encode(&voteBody{a.raw, voteA.raw}), encode(&voteBody{b.raw, voteB.raw})}
	return verifyValidatorEvidence(a, voteA, b, voteB, encode(&body))
}

// ParseEvidence decodes and verifies evidence.
func (r *Rules) ParseEvidence(raw []byte) (*Evidence, error) {
	if len(raw) > MaxMessageSize {
		return nil, invalid("evidence has %d bytes, at most %d are possible", len(raw), MaxMessageSize)
	}
	var body evidenceBody
	if err := decode("evidence", raw, &body); err != nil {
		return nil, err
	}
	raw = append([]byte(nil), raw...)
	switch body.Kind {
	case PayerEvidence:
		a, err := r.ParseTx(body.A)
		if err != nil {
			return nil, err
		}
		b, err := r.ParseTx(body.B)
		if err != nil {
			return nil, err
		}
		return verifyPayerEvidence(a, b, raw)
	case ValidatorEvidence:
		a, voteA, err := r.parseVote(body.A)
		if err != nil {
			return nil, err
		}
		b, voteB, err := r.parseVote(body.B)
		if err != nil {
			return nil, err
		}
		return verifyValidatorEvidence(a, voteA, b, voteB, raw)
	default:
		return nil, invalid("evidence of kind %d is unknown", body.Kind)
	}
}

func (r *Rules) parseVote(raw []byte) (*Tx, *Batch, error) {
	var body voteBody
	if err := decode("evidence: vote", raw, &body); err != nil {
		return nil, nil, err
	}
	tx, err := r.ParseTx(body.Tx)
	if err != nil {
		return nil, nil, err
	}
	batch, err := r.ParseBatch(body.Batch)
	return tx, batch, err
}

// verifyPayerEvidence checks that no lawful restart lies between a and b.
func verifyPayerEvidence(a, b *Tx, raw []byte) (*Evidence, error) {
	if err := sameSlot(a, b); err != nil {
		return nil, err
	}
	if a.env.Restart > b.env.Restart || b.env.Restart >= a.env.ValidBefore {
		return nil, invalid("evidence: a lawful restart lies between the two payments")
	}
	return &Evidence{kind: PayerEvidence, a: a, b: b, raw: raw}, nil
}

func verifyValidatorEvidence(a *Tx, voteA *Batch, b *Tx, voteB *Batch, raw []byte) (*Evidence, error) {
	if err := sameSlot(a, b); err != nil {
		return nil, err
	}
	_, namesA := voteA.indexOf(a.id)
	_, namesB := voteB.indexOf(b.id)
	switch {
	case a.env.Restart != b.env.Restart:
		return nil, invalid("evidence: votes in two generations are lawful")
	case voteA.signer != voteB.signer:
		return nil, invalid("evidence: the votes are of two members")
	case voteA.CommitteeID() != a.CommitteeID() || voteB.CommitteeID() != a.CommitteeID():
		return nil, invalid("evidence: votes and payments are of different committees")
	case !namesA || !namesB:
		return nil, invalid("evidence: a vote does not name its payment")
	}
	return &Evidence{kind: ValidatorEvidence, a: a, b: b, raw: raw, signer: voteA.signer}, nil
}

// sameSlot checks what both kinds need: two payments, one slot, one committee.
func sameSlot(a, b *Tx) error {
	if a.id == b.id || a.lane != b.lane || a.env.Seq != b.env.Seq || a.env.CommitteeID != b.env.CommitteeID {
		return invalid("evidence: want two different payments of one slot and committee")
	}
	return nil
}

// Kind says who is convicted.
func (e *Evidence) Kind() EvidenceKind { return e.kind }

// Payments are the two payments of one slot.
func (e *Evidence) Payments() (a, b *Tx) { return e.a, e.b }

// CommitteeID names the committee of both payments.
func (e *Evidence) CommitteeID() common.Hash { return e.a.CommitteeID() }

// Signer is the index of the convicted member of ValidatorEvidence.
func (e *Evidence) Signer() (int, bool) { return e.signer, e.kind == ValidatorEvidence }

// Key identifies the offence, whatever bytes prove it: one conviction per
// offender and slot is enough.
func (e *Evidence) Key() common.Hash {
	return H(tagOffence, encode([]any{uint64(e.kind), uint64(e.signer), e.a.lane, e.a.env.Seq, e.a.env.CommitteeID}))
}

// Encode returns the canonical bytes. Do not modify.
func (e *Evidence) Encode() []byte { return e.raw }
