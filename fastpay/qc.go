package fastpay

import (
	"sort"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
)

// QC is a verified quorum certificate: a payment with certificates of more than
// two thirds of its committee's weight (section 1). Whoever holds nothing but
// the committee can check who paid whom how much. Immutable; safe for
// concurrent use.
type QC struct {
	committee    *Committee
	tx           *Tx
	certificates []*Certificate // ascending by signer
	weight       uint64
	raw          []byte
}

// qcBody is the RLP form of a QC.
type qcBody struct {
	CommitteeID  common.Hash
	Tx           rlp.RawValue
	Certificates []certificateBody
}

// ParseQC decodes and verifies a QC of a committee of this network.
func (r *Rules) ParseQC(raw []byte) (*QC, error) {
	body, err := decodeQC(raw)
	if err != nil {
		return nil, err
	}
	c, err := r.committee(body.CommitteeID)
	if err != nil {
		return nil, err
	}
	return verifyQC(c, body, raw)
}

// ParseQC decodes and verifies a QC with the committee alone: no chain, no
// network file and no peer is asked.
func (c *Committee) ParseQC(raw []byte) (*QC, error) {
	body, err := decodeQC(raw)
	if err != nil {
		return nil, err
	}
	if body.CommitteeID != c.ID() {
		return nil, refuse(WrongCommittee, "QC is of committee %s, not of %s", short(body.CommitteeID), short(c.ID()))
	}
	return verifyQC(c, body, raw)
}

func decodeQC(raw []byte) (qcBody, error) {
	var body qcBody
	if len(raw) > MaxQCSize {
		return body, invalid("QC has %d bytes, at most %d are possible", len(raw), MaxQCSize)
	}
	return body, decode("QC", raw, &body)
}

// verifyQC checks form, payer's signature, every certificate and the weight.
func verifyQC(c *Committee, body qcBody, raw []byte) (*QC, error) {
	var txb txBody
	if err := decode("QC: payment", body.Tx, &txb); err != nil {
		return nil, err
	}
	if txb.Envelope.CommitteeID != c.ID() {
		return nil, invalid("QC of committee %s holds a payment for committee %s", short(c.ID()), short(txb.Envelope.CommitteeID))
	}
	if err := txb.Envelope.check(c); err != nil {
		return nil, err
	}
	tx, err := verifyTx(c, txb, body.Tx)
	if err != nil {
		return nil, err
	}
	if len(body.Certificates) > c.Len() {
		return nil, invalid("QC has %d certificates of %d members", len(body.Certificates), c.Len())
	}
	qc := &QC{committee: c, tx: tx, raw: append([]byte(nil), raw...)}
	for i, cb := range body.Certificates {
		if i > 0 && cb.Signer <= body.Certificates[i-1].Signer {
			return nil, invalid("QC: certificates do not ascend strictly by signer at %d", i)
		}
		cert, err := verifyCertificate(c, tx.ID(), cb)
		if err != nil {
			return nil, err
		}
		qc.certificates = append(qc.certificates, cert)
		qc.weight += c.Weight(cert.Signer())
	}
	if qc.weight < c.Quorum() {
		return nil, invalid("QC weighs %d of %d, the quorum is %d", qc.weight, c.Total(), c.Quorum())
	}
	return qc, nil
}

// NewQC assembles a QC from verified certificates for tx, one or more per
// member, in any order. It takes just enough of them: the heaviest members
// first. It returns nil if they weigh less than the quorum.
func NewQC(c *Committee, tx *Tx, certificates []*Certificate) *QC {
	byWeight := append([]*Certificate(nil), certificates...)
	sort.SliceStable(byWeight, func(i, j int) bool {
		wi, wj := c.Weight(byWeight[i].Signer()), c.Weight(byWeight[j].Signer())
		return wi > wj || wi == wj && byWeight[i].Signer() < byWeight[j].Signer()
	})
	qc := &QC{committee: c, tx: tx}
	seen := make(map[int]bool)
	for _, cert := range byWeight {
		if cert.id != tx.id || cert.committee.ID() != c.ID() || seen[cert.Signer()] {
			continue
		}
		if qc.weight >= c.Quorum() {
			break
		}
		seen[cert.Signer()] = true
		qc.certificates = append(qc.certificates, cert)
		qc.weight += c.Weight(cert.Signer())
	}
	if qc.weight < c.Quorum() || tx.CommitteeID() != c.ID() {
		return nil
	}
	sort.Slice(qc.certificates, func(i, j int) bool {
		return qc.certificates[i].Signer() < qc.certificates[j].Signer()
	})
	body := qcBody{CommitteeID: c.ID(), Tx: tx.raw}
	for _, cert := range qc.certificates {
		body.Certificates = append(body.Certificates, cert.body)
	}
	qc.raw = encode(&body)
	return qc
}

// Tx is the payment.
func (q *QC) Tx() *Tx { return q.tx }

// Committee is the committee that certified it.
func (q *QC) Committee() *Committee { return q.committee }

// Certificates ascend by signer. Do not modify.
func (q *QC) Certificates() []*Certificate { return q.certificates }

// Weight is the weight of the signers, at least the quorum.
func (q *QC) Weight() uint64 { return q.weight }

// Encode returns the canonical bytes. Do not modify.
func (q *QC) Encode() []byte { return q.raw }
