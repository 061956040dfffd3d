package fastpay

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// qcOf spells a QC that no constructor would make.
func qcOf(c *Committee, tx []byte, certificates ...*Certificate) []byte {
	body := qcBody{CommitteeID: c.ID(), Tx: tx}
	for _, cert := range certificates {
		body.Certificates = append(body.Certificates, cert.body)
	}
	return encode(&body)
}

func TestQCRoundTrip(t *testing.T) {
	for _, weights := range [][]uint64{{1}, {1, 1}, {1, 1, 1, 1}, {5, 1, 1, 7, 2}, equalWeights(100)} {
		t.Run(fmt.Sprintf("%d members", len(weights)), func(t *testing.T) {
			n := newNetwork(t, weights...)
			qc := n.qc(t, n.pay(t, 0, 1, 50))
			byRules, err := n.ParseQC(qc.Encode())
			noError(t, err)
			byCommittee, err := n.c.ParseQC(qc.Encode())
			noError(t, err)
			for _, again := range []*QC{byRules, byCommittee} {
				equal(t, "payment", again.Tx().ID(), qc.Tx().ID())
				equal(t, "weight", again.Weight(), qc.Weight())
				equal(t, "committee", again.Committee().ID(), n.c.ID())
				equal(t, "certificates", len(again.Certificates()), len(qc.Certificates()))
				equal(t, "re-encoded", string(again.Encode()), string(qc.Encode()))
			}
		})
	}
}

// The largest committee of equal members whose batches are full makes the largest
// QCs: they are read back, by themselves and in a promise, which a party must be able
// to read when it starts again.
func TestLargestQC(t *testing.T) {
	n := newNetwork(t, equalWeights(MaxMembers)...)
	tx := n.pay(t, 0, 1, 50, func(e *Envelope) {
		e.Parents = ids(MaxParents)
		e.Amount.SetAllOne().Rsh(&e.Amount, 128)
		e.Note = id(7)
	})
	// The batches are alike, so that one tree serves all.
	batch := append(ids(MaxBatch-1), tx.ID())
	root, err := BatchRoot(batch)
	noError(t, err)
	place, _ := slices.BinarySearchFunc(batch, tx.ID(), ID.Cmp)
	one := Batch{committee: n.c, ids: batch, tree: newTree(batch)}
	votes := make([]*Certificate, MaxMembers)
	for i := range votes {
		digest := BatchDigest(n.c.ID(), n.c.Key(i), MaxBatch, root)
		one.signer, one.signature = i, [ed25519.SignatureSize]byte(ed25519.Sign(n.keys[n.c.ID()][i], digest[:]))
		votes[i] = one.Certificate(place)
		equal(t, "elements of a path", len(votes[i].body.Path), 10)
	}

	qc := NewQC(n.c, tx, votes)
	equal(t, "certificates of a quorum", len(qc.Certificates()), 683)
	if len(qc.Encode()) <= MaxMessageSize {
		t.Errorf("vacuous: a QC of %d bytes", len(qc.Encode()))
	}
	again, err := n.ParseQC(qc.Encode())
	noError(t, err)
	equal(t, "weight", again.Weight(), 683)
	promise, err := n.ParsePromise((&Promise{Tx: tx, QCs: []*QC{qc}}).Encode())
	noError(t, err)
	equal(t, "QCs of the promise", len(promise.QCs), 1)

	// Every member's certificate may be in one, and the payer's signature be longer.
	all := qcOf(n.c, tx.Encode(), votes...)
	t.Logf("%d bytes for a quorum, %d for all members", len(qc.Encode()), len(all))
	if worst := len(all) + maxSignature; worst > MaxQCSize {
		t.Errorf("the largest QC has %d bytes, %d are possible", worst, MaxQCSize)
	}
	again, err = n.c.ParseQC(all)
	noError(t, err)
	equal(t, "weight", again.Weight(), MaxMembers)
}

func TestQCRefusals(t *testing.T) {
	n := newNetwork4(t)
	tx, other := n.pay(t, 0, 1, 50), n.pay(t, 0, 1, 51)
	v := n.votes(t, tx, 0, 1, 2, 3)
	strange := newNetwork(t, equalWeights(7)...)
	ofNext, err := n.SignTx(n.envelope(0, 1, 50, func(e *Envelope) { e.CommitteeID = n.next.ID() }), payer(0))
	noError(t, err)
	badSignature := n.vote(t, 1, tx)
	badSignature.body.Signature[3] ^= 1
	raw := tx.Encode()
	unsigned := withSignature(n.envelope(0, 1, 50), nil)
	for _, c := range []struct {
		name string
		raw  []byte
		code Code
		text string
	}{
		{"no certificates", qcOf(n.c, raw), InvalidFormat, "weighs 0 of 4, the quorum is 3"},
		{"below the quorum", qcOf(n.c, raw, v[0], v[3]), InvalidFormat, "weighs 2 of 4"},
		{"one signer twice", qcOf(n.c, raw, v[0], v[1], v[1]), InvalidFormat, "do not ascend strictly by signer at 2"},
		{"unsorted", qcOf(n.c, raw, v[0], v[2], v[1]), InvalidFormat, "do not ascend strictly by signer at 2"},
		{"more certificates than members", qcOf(n.c, raw, v[0], v[1], v[2], v[3], v[3]), InvalidFormat, "5 certificates of 4 members"},
		{"a bad one among enough good", qcOf(n.c, raw, v[0], badSignature, v[2], v[3]), InvalidFormat, "signature does not verify"},
		{"votes for another payment", qcOf(n.c, raw, n.votes(t, other, 0, 1, 2)...), InvalidFormat, "signature does not verify"},
		{"votes of another committee", qcOf(n.c, raw, n.votes(t, ofNext, 0, 1, 2)...), InvalidFormat, "signature does not verify"},
		{"payment of another committee", qcOf(n.c, ofNext.Encode(), v[0], v[1], v[2]), InvalidFormat, "holds a payment for committee"},
		{"payment without signature", qcOf(n.c, unsigned, v[0], v[1], v[2]), InvalidFormat, "signature"},
		{"unknown committee", strange.qc(t, strange.pay(t, 0, 1, 50)).Encode(), WrongCommittee, "not in this network file"},
		{"payment to oneself", qcOf(n.c, withSignature(n.envelope(0, 0, 50), tx.Signature()), v[0], v[1], v[2]), InvalidFormat, "is the sender"},
		{"no payment", qcOf(n.c, []byte{0xc0}, v[0], v[1], v[2]), InvalidFormat, "QC: payment"},
		{"trailing byte", append(slices.Clone(n.qc(t, tx).Encode()), 0), InvalidFormat, "canonical rlp"},
		{"too many bytes", make([]byte, MaxQCSize+1), InvalidFormat, "524289 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.ParseQC(c.raw)
			refused(t, err, c.code, c.text)
		})
	}
	t.Run("garbage to a committee", func(t *testing.T) {
		_, err := n.c.ParseQC([]byte{0xc0})
		refused(t, err, InvalidFormat, "canonical rlp")
	})
	t.Run("not of this committee", func(t *testing.T) {
		_, err := n.next.ParseQC(n.qc(t, tx).Encode())
		refused(t, err, WrongCommittee, "QC is of committee")
	})
}

// The quorum comes from the committee and weighs members, it does not count
// them.
func TestQCWeighsItsSigners(t *testing.T) {
	n := newNetwork(t, 10, 1, 1, 1, 1)
	equal(t, "quorum", n.c.Quorum(), 10)
	tx := n.pay(t, 0, 1, 50)
	v := n.votes(t, tx, 0, 1, 2, 3, 4)
	_, err := n.ParseQC(qcOf(n.c, tx.Encode(), v[1:]...))
	refused(t, err, InvalidFormat, "weighs 4 of 14")
	_, err = n.ParseQC(qcOf(n.c, tx.Encode(), v[0]))
	noError(t, err)
}

func TestQCWithSuperfluousCertificatesIsValid(t *testing.T) {
	n := newNetwork4(t)
	tx := n.pay(t, 0, 1, 50)
	qc, err := n.ParseQC(qcOf(n.c, tx.Encode(), n.votes(t, tx, 0, 1, 2, 3)...))
	noError(t, err)
	equal(t, "weight", qc.Weight(), 4)
}

func TestNewQCTakesJustEnough(t *testing.T) {
	n := newNetwork(t, 1, 1, 5, 1, 6) // quorum 10
	tx := n.pay(t, 0, 1, 50)
	v := n.votes(t, tx, 0, 1, 2, 3, 4)
	qc := NewQC(n.c, tx, []*Certificate{v[3], v[0], v[4], v[2], v[1], v[4]})
	if qc == nil {
		t.Fatal("no QC of all votes")
	}
	equal(t, "weight", qc.Weight(), 11)
	equal(t, "certificates", len(qc.Certificates()), 2)
	equal(t, "first signer", qc.Certificates()[0].Signer(), 2)
	equal(t, "second signer", qc.Certificates()[1].Signer(), 4)
	_, err := n.ParseQC(qc.Encode())
	noError(t, err)
}

func TestNewQCIgnoresForeignVotesAndNeedsAQuorum(t *testing.T) {
	n := newNetwork4(t)
	tx, other := n.pay(t, 0, 1, 50), n.pay(t, 0, 1, 51)
	v := n.votes(t, tx, 0, 1, 2)
	ofNext, err := n.SignTx(n.envelope(0, 1, 50, func(e *Envelope) { e.CommitteeID = n.next.ID() }), payer(0))
	noError(t, err)
	for name, certificates := range map[string][]*Certificate{
		"none":                nil,
		"two":                 v[:2],
		"one of them twice":   {v[0], v[1], v[1]},
		"another payment's":   {v[0], v[1], n.vote(t, 2, other)},
		"another committee's": {v[0], v[1], n.vote(t, 2, ofNext)},
	} {
		if NewQC(n.c, tx, certificates) != nil {
			t.Errorf("%s: a QC was made", name)
		}
	}
	if NewQC(n.next, tx, v) != nil {
		t.Error("a QC of another committee was made")
	}
	if qc := NewQC(n.c, tx, append([]*Certificate{n.vote(t, 3, other)}, v...)); qc == nil || qc.Weight() != 3 {
		t.Error("a foreign vote spoils the QC of the others")
	}
}

// I6: of all lists of certificates, exactly those are accepted that ascend,
// verify, and weigh a quorum.
func TestQCIsAcceptedOnlyFromADistinctQuorumOfItsCommittee(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for _, weights := range [][]uint64{equalWeights(4), {3, 1, 1, 1, 2}, equalWeights(7)} {
		n := newNetwork(t, weights...)
		tx, other := n.pay(t, 0, 1, 50), n.pay(t, 0, 1, 51)
		var good, bad []*Certificate
		for i := range weights {
			good = append(good, n.vote(t, i, tx))
			bad = append(bad, n.vote(t, i, other))
		}
		accepted, refusals := 0, 0
		for range 300 {
			var list []*Certificate
			ascends, genuine, weight := true, true, uint64(0)
			for i := 0; i < len(weights); i++ {
				switch rng.IntN(12) {
				case 0: // leave one out
					continue
				case 1: // an earlier or the same signer
					i = max(0, i-rng.IntN(2))
					ascends = ascends && (len(list) == 0 || list[len(list)-1].Signer() < i)
				}
				cert := good[i]
				if rng.IntN(24) == 0 {
					cert, genuine = bad[i], false
				}
				list = append(list, cert)
				weight += weights[i]
			}
			want := ascends && genuine && weight >= n.c.Quorum()
			_, err := n.ParseQC(qcOf(n.c, tx.Encode(), list...))
			if (err == nil) != want {
				t.Fatalf("ascends %v, genuine %v, weight %d of %d: error %v", ascends, genuine, weight, n.c.Quorum(), err)
			}
			if want {
				accepted++
			} else {
				refusals++
			}
		}
		if accepted == 0 || refusals == 0 {
			t.Errorf("vacuous: %d accepted, %d refused", accepted, refusals)
		}
	}
}

// Whoever changes a byte of a QC holds nothing.
func TestEveryByteOfAQCCounts(t *testing.T) {
	n := newNetwork(t, 1)
	qc := n.qc(t, n.pay(t, 0, 1, 50))
	for i := range qc.Encode() {
		changed := bytes.Clone(qc.Encode())
		changed[i] ^= 1 << (i % 8)
		if _, err := n.ParseQC(changed); err == nil {
			t.Errorf("byte %d changed: accepted", i)
		}
	}
}
