package fastpay

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/ethereum/go-ethereum/rlp"
)

// fuzzDecoder checks a decoder that verifies: no input makes it panic, every
// refusal names a code, and what it accepts encodes to the same bytes. T is the
// RLP form: whatever has that form, verified or not, has no second encoding.
func fuzzDecoder[T any](f *testing.F, parse func([]byte) (encoded []byte, err error), seeds ...[]byte) {
	for _, seed := range seeds {
		if _, err := parse(seed); err != nil {
			f.Fatalf("a seed is refused: %v", err)
		}
		f.Add(seed)
		f.Add(seed[:len(seed)-1])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		encoded, err := parse(data)
		switch {
		case !bytes.Equal(data, before):
			t.Fatal("the decoder changed its input")
		case err != nil && Classify(err).Exit == exitOther:
			t.Fatalf("refused without a code: %v", err)
		case err == nil && !bytes.Equal(encoded, data):
			t.Fatalf("accepted, but encodes to %x", encoded)
		}
		var body T
		if rlp.DecodeBytes(data, &body) == nil && !bytes.Equal(encode(&body), data) {
			t.Fatalf("a second encoding of %x", encode(&body))
		}
	})
}

// encoder is a verified value.
type encoder interface{ Encode() []byte }

// encoded is a decoder's result as bytes.
func encoded[E encoder](parse func([]byte) (E, error)) func([]byte) ([]byte, error) {
	return func(data []byte) ([]byte, error) {
		v, err := parse(data)
		if err != nil {
			return nil, err
		}
		return v.Encode(), nil
	}
}

func FuzzParseTx(f *testing.F) {
	n := newNetwork4(f)
	key := newPasskey(f)
	e := n.envelope(0, 1, 50, func(e *Envelope) { e.Sender = key.address() })
	hash := e.Transaction(n.c).SignHash()
	fuzzDecoder[txBody](f, encoded(n.ParseTx),
		n.pay(f, 0, 1, 50).Encode(), n.pay(f, 0, 1, 50, citingIDs(8), reopen(300, 1_200)).Encode(),
		withSignature(e, key.p256(f, hash, false)), withSignature(e, key.webAuthn(f, hash)))
}

func FuzzParsePayment(f *testing.F) {
	n := newNetwork4(f)
	parent := n.pay(f, 1, 0, 50)
	alone, with := Payment{Tx: parent}, Payment{n.pay(f, 0, 1, 50, citing(parent)), []*QC{n.qc(f, parent)}}
	fuzzDecoder[paymentBody](f, encoded(n.ParsePayment), alone.Encode(), with.Encode())
}

func FuzzSplitPayments(f *testing.F) {
	n := newNetwork4(f)
	one := Payment{Tx: n.pay(f, 0, 1, 50)}
	fuzzDecoder[[]rlp.RawValue](f, func(data []byte) ([]byte, error) {
		items, err := SplitPayments(data)
		if err != nil {
			return nil, err
		}
		list := make([]rlp.RawValue, len(items))
		for i, item := range items {
			list[i] = item
		}
		return encode(list), nil
	}, EncodePayments([]Payment{one}), EncodePayments([]Payment{one, one, one}))
}

func FuzzParseBatch(f *testing.F) {
	n := newNetwork4(f)
	fuzzDecoder[batchBody](f, encoded(n.ParseBatch),
		n.batch(f, n.c, 0, ids(1)...).Encode(), n.batch(f, n.c, 3, ids(5)...).Encode(), n.batch(f, n.next, 1, ids(2)...).Encode())
}

func FuzzParseCertificate(f *testing.F) {
	n := newNetwork4(f)
	id := ids(5)[2]
	parse := func(data []byte) (*Certificate, error) { return n.ParseCertificate(n.c.ID(), id, data) }
	fuzzDecoder[certificateBody](f, encoded(parse),
		n.batch(f, n.c, 0, id).Certificate(0).Encode(), n.batch(f, n.c, 2, ids(5)...).Certificate(2).Encode())
}

func FuzzParseQC(f *testing.F) {
	n := newNetwork4(f)
	tx := n.pay(f, 0, 1, 50, citingIDs(2))
	fuzzDecoder[qcBody](f, encoded(n.ParseQC), n.qc(f, tx).Encode(), qcOf(n.c, tx.Encode(), n.votes(f, tx, 0, 1, 2, 3)...))
}

func FuzzParseHead(f *testing.F) {
	n := newNetwork4(f)
	fuzzDecoder[headBody](f, encoded(n.ParseHead), n.head(f, 1, aView).Encode(), n.head(f, 0, HeadView{}).Encode())
}

func FuzzParseEvidence(f *testing.F) {
	n := newNetwork4(f)
	a, b := n.pay(f, 0, 1, 50), n.pay(f, 0, 2, 50)
	payer, err := NewPayerEvidence(a, b)
	noError(f, err)
	both := n.batch(f, n.c, 1, a.ID(), b.ID())
	member, err := NewValidatorEvidence(a, both, b, both)
	noError(f, err)
	fuzzDecoder[evidenceBody](f, encoded(n.ParseEvidence), payer.Encode(), member.Encode())
}

func FuzzParsePromise(f *testing.F) {
	n := newNetwork4(f)
	parent := n.pay(f, 1, 0, 50)
	alone := &Promise{Tx: parent, Height: 300}
	relying := &Promise{Tx: n.pay(f, 0, 1, 50, citing(parent)), QCs: []*QC{n.qc(f, parent)}}
	fuzzDecoder[promiseBody](f, encoded(n.ParsePromise), alone.Encode(), relying.Encode())
}

// FuzzParseQCFile: what is accepted is, but for white space, the file that the
// QC itself gives.
func FuzzParseQCFile(f *testing.F) {
	n := newNetwork4(f)
	qc, file := qcFile(f, n)
	f.Add(file)
	indented, err := json.MarshalIndent(qc.File(), " ", "\t")
	noError(f, err)
	f.Add(indented)
	f.Fuzz(func(t *testing.T, data []byte) {
		qc, err := n.ParseQCFile(data)
		if err != nil {
			if Classify(err).Exit == exitOther {
				t.Fatalf("refused without a code: %v", err)
			}
			return
		}
		want, err := json.Marshal(qc.File())
		noError(t, err)
		var have bytes.Buffer
		noError(t, json.Compact(&have, data))
		if !bytes.Equal(have.Bytes(), want) {
			t.Fatalf("accepted, but the QC's file is %s", want)
		}
	})
}
