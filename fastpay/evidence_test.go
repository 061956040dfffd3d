package fastpay

import (
	"slices"
	"testing"
)

func TestPayerEvidenceConvictsTwoPaymentsOfOneSlot(t *testing.T) {
	n := newNetwork4(t)
	a, b := n.pay(t, 0, 1, 50, until(2_000)), n.pay(t, 0, 2, 50, until(3_000))
	inTime := n.pay(t, 0, 1, 9, reopen(0, 1_999))
	for name, pair := range map[string][2]*Tx{
		"one generation":                     {a, b},
		"either order":                       {b, a},
		"restart before the first expired":   {a, inTime},
		"restart in either order":            {inTime, a},
		"two restarts, the later too early":  {inTime, n.pay(t, 0, 1, 8, reopen(0, 1_999))},
		"restart before one of three expiry": {b, inTime},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := NewPayerEvidence(pair[0], pair[1])
			noError(t, err)
			again, err := n.ParseEvidence(e.Encode())
			noError(t, err)
			equal(t, "kind", again.Kind(), PayerEvidence)
			equal(t, "committee", again.CommitteeID(), n.c.ID())
			equal(t, "offence", again.Key(), e.Key())
			equal(t, "re-encoded", string(again.Encode()), string(e.Encode()))
			x, y := again.Payments()
			if x.ID() == y.ID() || !slices.Contains([]ID{pair[0].ID(), pair[1].ID()}, x.ID()) {
				t.Error("the payments are others")
			}
			if _, member := again.Signer(); member {
				t.Error("a member is convicted")
			}
		})
	}
}

// I10, for payers: a restart after everything has expired is lawful (4.5).
func TestHonestRestartConvictsNobody(t *testing.T) {
	n := newNetwork4(t)
	old := n.pay(t, 0, 1, 50, until(2_000))
	for name, tx := range map[string]*Tx{
		"at the very second": n.pay(t, 0, 1, 9, reopen(0, 2_000)),
		"later":              n.pay(t, 0, 1, 9, reopen(0, 2_500)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewPayerEvidence(old, tx)
			refused(t, err, InvalidFormat, "lawful restart")
			_, err = NewPayerEvidence(tx, old)
			refused(t, err, InvalidFormat, "lawful restart")
			for _, raw := range [][]byte{
				encode(&evidenceBody{PayerEvidence, old.raw, tx.raw}), encode(&evidenceBody{PayerEvidence, tx.raw, old.raw}),
			} {
				_, err := n.ParseEvidence(raw)
				refused(t, err, InvalidFormat, "lawful restart")
			}
			votes := func(tx *Tx) *Batch { return n.batch(t, n.c, 1, tx.ID()) }
			_, err = NewValidatorEvidence(old, votes(old), tx, votes(tx))
			refused(t, err, InvalidFormat, "two generations")
		})
	}
}

func TestEvidenceNeedsOneSlotAndCommittee(t *testing.T) {
	n := newNetwork4(t)
	tx := n.pay(t, 0, 1, 50)
	inNext, err := n.SignTx(n.envelope(0, 2, 50, func(e *Envelope) { e.CommitteeID = n.next.ID() }), payer(0))
	noError(t, err)
	for name, other := range map[string]*Tx{
		"the same payment":  tx,
		"another slot":      n.pay(t, 0, 2, 50, at(1, tx.ID())),
		"another sender":    n.pay(t, 1, 2, 50),
		"another asset":     n.pay(t, 0, 2, 50, func(e *Envelope) { e.Asset = eur }),
		"another committee": inNext,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewPayerEvidence(tx, other)
			refused(t, err, InvalidFormat, "two different payments of one slot and committee")
			_, err = n.ParseEvidence(encode(&evidenceBody{PayerEvidence, tx.raw, other.raw}))
			refused(t, err, InvalidFormat, "two different payments of one slot and committee")
			both := n.batch(t, n.c, 1, slices.Compact([]ID{tx.ID(), other.ID()})...)
			_, err = NewValidatorEvidence(tx, both, other, both)
			refused(t, err, InvalidFormat, "two different payments of one slot and committee")
		})
	}
}

func TestValidatorEvidenceConvictsTwoVotesForOneSlot(t *testing.T) {
	n := newNetwork4(t)
	a, b := n.pay(t, 0, 1, 50), n.pay(t, 0, 2, 50)
	voteA, voteB := n.batch(t, n.c, 1, a.ID(), id(5)), n.batch(t, n.c, 1, id(6), b.ID(), id(7))
	both := n.batch(t, n.c, 1, a.ID(), b.ID())
	for name, make := range map[string]func() (*Evidence, error){
		"two batches":  func() (*Evidence, error) { return NewValidatorEvidence(a, voteA, b, voteB) },
		"either order": func() (*Evidence, error) { return NewValidatorEvidence(b, voteB, a, voteA) },
		"one batch":    func() (*Evidence, error) { return NewValidatorEvidence(a, both, b, both) },
	} {
		t.Run(name, func(t *testing.T) {
			e, err := make()
			noError(t, err)
			again, err := n.ParseEvidence(e.Encode())
			noError(t, err)
			equal(t, "kind", again.Kind(), ValidatorEvidence)
			equal(t, "re-encoded", string(again.Encode()), string(e.Encode()))
			signer, member := again.Signer()
			equal(t, "member convicted", member, true)
			equal(t, "signer", signer, 1)
			equal(t, "offence", again.Key(), e.Key())
		})
	}
}

func TestValidatorEvidenceNeedsTwoVotesOfOneMember(t *testing.T) {
	n := newNetwork4(t)
	a, b := n.pay(t, 0, 1, 50), n.pay(t, 0, 2, 50)
	voteA, voteB := n.batch(t, n.c, 1, a.ID()), n.batch(t, n.c, 1, b.ID())
	foreign := n.batch(t, n.next, 1, b.ID())
	for _, c := range []struct {
		name         string
		voteA, voteB *Batch
		text         string
	}{
		{"two members", voteA, n.batch(t, n.c, 2, b.ID()), "two members"},
		{"a vote of another committee", voteA, foreign, "different committees"},
		{"a vote that does not name its payment", voteA, voteA, "does not name"},
		{"the votes the wrong way round", voteB, voteA, "does not name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewValidatorEvidence(a, c.voteA, b, c.voteB)
			refused(t, err, InvalidFormat, c.text)
			side := func(tx *Tx, vote *Batch) []byte { return encode(&voteBody{tx.raw, vote.raw}) }
			_, err = n.ParseEvidence(encode(&evidenceBody{ValidatorEvidence, side(a, c.voteA), side(b, c.voteB)}))
			refused(t, err, InvalidFormat, c.text)
		})
	}
}

func TestEvidenceIsVerifiedWhenParsed(t *testing.T) {
	n := newNetwork4(t)
	a, b := n.pay(t, 0, 1, 50), n.pay(t, 0, 2, 50)
	forged := withSignature(b.env, a.Signature())
	broken := slices.Clone(n.batch(t, n.c, 1, b.ID()).raw)
	broken[len(broken)-1] ^= 1
	good, err := NewPayerEvidence(a, b)
	noError(t, err)
	voted := encode(&voteBody{a.raw, n.batch(t, n.c, 1, a.ID()).raw})
	for _, c := range []struct {
		name string
		raw  []byte
		text string
	}{
		{"forged first payment", encode(&evidenceBody{PayerEvidence, forged, a.raw}), "signature is of"},
		{"forged second payment", encode(&evidenceBody{PayerEvidence, a.raw, forged}), "signature is of"},
		{"forged payment voted for", encode(&evidenceBody{ValidatorEvidence, voted, encode(&voteBody{forged, broken})}), "signature is of"},
		{"forged vote", encode(&evidenceBody{ValidatorEvidence, voted, encode(&voteBody{b.raw, broken})}), "does not verify"},
		{"forged first vote", encode(&evidenceBody{ValidatorEvidence, encode(&voteBody{b.raw, broken}), voted}), "does not verify"},
		{"a payment for a vote", encode(&evidenceBody{ValidatorEvidence, a.raw, b.raw}), "canonical rlp"},
		{"a string for a vote", encode(&evidenceBody{ValidatorEvidence, []byte{0x80}, voted}), "evidence: vote"},
		{"unknown kind", encode(&evidenceBody{2, a.raw, b.raw}), "kind 2"},
		{"not a list", []byte{0x80}, "canonical rlp"},
		{"trailing byte", append(slices.Clone(good.Encode()), 0), "canonical rlp"},
		{"too many bytes", make([]byte, MaxMessageSize+1), "262145 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.ParseEvidence(c.raw)
			refused(t, err, InvalidFormat, c.text)
		})
	}
}

// One offender is convicted once per slot, however many pairs prove it.
func TestEvidenceKeyNamesOffenderAndSlot(t *testing.T) {
	n := newNetwork4(t)
	a, b, c := n.pay(t, 0, 1, 50), n.pay(t, 0, 2, 50), n.pay(t, 0, 3, 50)
	payerOf := func(a, b *Tx) *Evidence {
		e, err := NewPayerEvidence(a, b)
		noError(t, err)
		return e
	}
	memberOf := func(signer int, a, b *Tx) *Evidence {
		both := n.batch(t, n.c, signer, a.ID(), b.ID())
		e, err := NewValidatorEvidence(a, both, b, both)
		noError(t, err)
		return e
	}
	equal(t, "same payer and slot", payerOf(a, c).Key(), payerOf(a, b).Key())
	equal(t, "same member and slot", memberOf(1, b, c).Key(), memberOf(1, a, b).Key())
	above := []*Tx{n.pay(t, 0, 1, 5, on(a)), n.pay(t, 0, 2, 5, on(a))}
	seen := map[string]string{}
	for name, e := range map[string]*Evidence{
		"payer": payerOf(a, b), "payer, next slot": payerOf(above[0], above[1]), "other payer": payerOf(n.pay(t, 1, 0, 5), n.pay(t, 1, 2, 5)),
		"member 0": memberOf(0, a, b), "member 1": memberOf(1, a, b), "member 1, next slot": memberOf(1, above[0], above[1]),
	} {
		if double, ok := seen[e.Key().Hex()]; ok {
			t.Errorf("%s and %s are one offence", name, double)
		}
		seen[e.Key().Hex()] = name
	}
}
