package fastpay

import "fmt"

// promiseBody is the RLP form of a Promise on disk.
type promiseBody struct {
	Tx     []byte
	Height uint64
	QCs    [][]byte
}

// Encode returns the promise as it is made durable before it is spoken
// (sections 4.4 and 5): the payment, the height it was decided at, and the QCs
// the decision relied on.
func (p *Promise) Encode() []byte {
	body := promiseBody{Tx: p.Tx.raw, Height: p.Height}
	for _, qc := range p.QCs {
		body.QCs = append(body.QCs, qc.raw)
	}
	return encode(&body)
}

// ParsePromise decodes a promise and verifies its payment and QCs again: a disk
// is not trusted more than a peer. A promise stands even if the network file has
// since changed what payments it takes. An error that wraps [WrongCommittee]
// means that the file no longer lists the promise's committee.
func (r *Rules) ParsePromise(data []byte) (*Promise, error) {
	var body promiseBody
	if err := decode("promise", data, &body); err != nil {
		return nil, err
	}
	tx, err := r.parseTx(body.Tx, func(*Envelope) error { return nil })
	if err != nil {
		return nil, err
	}
	p := &Promise{Tx: tx, Height: body.Height}
	for i, raw := range body.QCs {
		qc, err := r.ParseQC(raw)
		if err != nil {
			return nil, fmt.Errorf("QC %d of the promise: %w", i, err)
		}
		p.QCs = append(p.QCs, qc)
	}
	return p, nil
}
