package fastpay

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// passkey is an account whose key is on the curve of browsers and phones.
type passkey struct{ *ecdsa.PrivateKey }

func newPasskey(t testing.TB) passkey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	return passkey{key}
}

// public is x ‖ y.
func (k passkey) public() []byte {
	point, err := k.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return point[1:]
}

func (k passkey) address() common.Address { return common.Address(crypto.Keccak256(k.public())[12:]) }

// sign returns r ‖ s ‖ x ‖ y with low s, or its twin with high s.
func (k passkey) sign(t testing.TB, digest []byte, high bool) []byte {
	t.Helper()
	r, s, err := ecdsa.Sign(rand.Reader, k.PrivateKey, digest)
	noError(t, err)
	order := k.Params().N
	if isHigh := s.Cmp(new(big.Int).Rsh(order, 1)) > 0; isHigh != high {
		s.Sub(order, s)
	}
	out := make([]byte, 64, 128)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return append(out, k.public()...)
}

// p256 is a signature of kind P256.
func (k passkey) p256(t testing.TB, hash common.Hash, high bool) []byte {
	t.Helper()
	return append(append([]byte{1}, k.sign(t, hash[:], high)...), 0)
}

// webAuthn is a passkey's assertion over hash.
func (k passkey) webAuthn(t testing.TB, hash common.Hash) []byte {
	t.Helper()
	authData := make([]byte, 37)
	authData[32] = 1 // user present
	client := fmt.Sprintf(`{"type":"webauthn.get","challenge":"%s","origin":"https://pay.example"}`, base64.RawURLEncoding.EncodeToString(hash[:]))
	clientHash := sha256.Sum256([]byte(client))
	digest := sha256.Sum256(append(bytes.Clone(authData), clientHash[:]...))
	sig := append([]byte{2}, authData...)
	sig = append(sig, client...)
	return append(sig, k.sign(t, digest[:], false)...)
}

// withSignature is the FastPayTx of an envelope with any signature.
func withSignature(e Envelope, sig []byte) []byte { return encode(&txBody{e, sig}) }

func TestPayerMaySignWithAnyOfThreeKinds(t *testing.T) {
	n := newNetwork4(t)
	key := newPasskey(t)
	fromKey := n.envelope(0, 1, 50, func(e *Envelope) { e.Sender = key.address(); e.Prev = e.Lane().Genesis() })
	keyHash := fromKey.Transaction(n.c).SignHash()
	secp := n.pay(t, 0, 1, 50)
	for name, raw := range map[string][]byte{
		"secp256k1": secp.Encode(),
		"p256":      withSignature(fromKey, key.p256(t, keyHash, false)),
		"webauthn":  withSignature(fromKey, key.webAuthn(t, keyHash)),
	} {
		t.Run(name, func(t *testing.T) {
			tx, err := n.ParseTx(raw)
			noError(t, err)
			equal(t, "re-encoded", string(tx.Encode()), string(raw))
			chainTx := tx.Transaction(n.c)
			sender, _, err := chainTx.Sender()
			noError(t, err)
			equal(t, "sender on the chain", sender, tx.Sender())
			qc := n.qc(t, tx)
			again, err := n.c.ParseQC(qc.Encode())
			noError(t, err)
			equal(t, "payment in a QC", again.Tx().ID(), tx.ID())
		})
	}
}

// Several valid signatures of one envelope are one payment and no equivocation.
func TestSignaturesOfOneEnvelopeAreInterchangeable(t *testing.T) {
	n := newNetwork4(t)
	key := newPasskey(t)
	e := n.envelope(0, 1, 50, func(e *Envelope) { e.Sender = key.address(); e.Prev = e.Lane().Genesis() })
	hash := e.Transaction(n.c).SignHash()
	a, err := n.ParseTx(withSignature(e, key.p256(t, hash, false)))
	noError(t, err)
	b, err := n.ParseTx(withSignature(e, key.webAuthn(t, hash)))
	noError(t, err)
	equal(t, "id", a.ID(), b.ID())
	_, err = NewPayerEvidence(a, b)
	refused(t, err, InvalidFormat, "two different payments")
}

func TestPayerSignatureRefusals(t *testing.T) {
	n := newNetwork4(t)
	e := n.envelope(0, 1, 50)
	hash := e.Transaction(n.c).SignHash()
	good, err := tx76.SignSecp256k1(hash, payer(0))
	noError(t, err)
	changed := func(f func([]byte)) []byte {
		sig := bytes.Clone(good)
		f(sig)
		return sig
	}
	highS := changed(func(sig []byte) {
		s := new(big.Int).SetBytes(sig[32:64])
		s.Sub(crypto.S256().Params().N, s).FillBytes(sig[32:64])
		sig[64] ^= 27 ^ 28
	})
	foreign, err := tx76.SignSecp256k1(hash, payer(1))
	noError(t, err)
	root := account(0)
	access, err := tx76.SignSecp256k1(crypto.Keccak256Hash([]byte{4}, hash[:], root[:]), payer(5))
	noError(t, err)
	keychain := append(append([]byte{4}, root[:]...), access...)
	unsponsored := e.Transaction(n.c)
	unsponsored.Sponsored = false
	selfPaid, err := tx76.SignSecp256k1(unsponsored.SignHash(), payer(0))
	noError(t, err)

	for _, c := range []struct {
		name string
		sig  []byte
		text string
	}{
		{"v 0 or 1", changed(func(s []byte) { s[64] -= 27 }), "not canonical"},
		{"v 29", changed(func(s []byte) { s[64] = 29 }), "recovery value"},
		{"high s", highS, "above half of the group order"},
		{"another account's", foreign, "the sender is"},
		{"changed r", changed(func(s []byte) { s[5] ^= 1 }), "signature"},
		{"keychain", keychain, "keychain key"},
		{"of the self-paid form", selfPaid, "the sender is"},
		{"none", nil, "empty"},
		{"64 bytes", good[:64], "unknown form"},
		{"too long", append([]byte{2}, make([]byte, 2_049)...), "2050 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.ParseTx(withSignature(e, c.sig))
			refused(t, err, InvalidFormat, c.text)
		})
	}

	t.Run("p256 with high s", func(t *testing.T) {
		key := newPasskey(t)
		e := n.envelope(0, 1, 50, func(e *Envelope) { e.Sender = key.address() })
		_, err := n.ParseTx(withSignature(e, key.p256(t, e.Transaction(n.c).SignHash(), true)))
		refused(t, err, InvalidFormat, "above half of the group order")
	})
}

// One signature binds every field: whatever a relay changes, it no longer
// verifies as the sender's.
func TestSignatureBindsEveryField(t *testing.T) {
	n := newNetwork4(t)
	base := n.envelope(0, 1, 50, citingIDs(2), func(e *Envelope) { e.Restart = 5 })
	signed, err := n.SignTx(base, payer(0))
	noError(t, err)
	for name, c := range map[string]change{
		"committee": func(e *Envelope) { e.CommitteeID = n.next.ID() }, "asset": func(e *Envelope) { e.Asset = eur },
		"sender": func(e *Envelope) { e.Sender = account(3) }, "seq": func(e *Envelope) { e.Seq++ }, "prev": func(e *Envelope) { e.Prev[0]++ },
		"recipient": func(e *Envelope) { e.Recipient = account(2) }, "amount": func(e *Envelope) { e.Amount.SetUint64(51) },
		"parents": citingIDs(1), "valid_before": func(e *Envelope) { e.ValidBefore++ }, "restart": func(e *Envelope) { e.Restart++ }, "note": noted(1),
	} {
		t.Run(name, func(t *testing.T) {
			e := base
			c(&e)
			_, err := n.ParseTx(withSignature(e, signed.Signature()))
			refused(t, err, InvalidFormat, "signature is of")
		})
	}
}

func TestParseTxIsStrict(t *testing.T) {
	n := newNetwork4(t)
	tx := n.pay(t, 0, 1, 50)
	tree := func(f func(env, body []any) []any) []byte {
		return reencode(t, tx.Encode(), func(body []any) []any { return f(body[0].([]any), body) })
	}
	field := func(i int, value any) []byte {
		return tree(func(env, body []any) []any {
			env[i] = value
			return body
		})
	}
	for _, c := range []struct {
		name string
		raw  []byte
	}{
		{"nothing", nil},
		{"a string", []byte{0x80}},
		{"an empty list", []byte{0xc0}},
		{"trailing byte", append(bytes.Clone(tx.Encode()), 0)},
		{"truncated", tx.Encode()[:len(tx.Encode())-1]},
		{"further item", tree(func(_, body []any) []any { return append(body, []byte{}) })},
		{"no signature", tree(func(_, body []any) []any { return body[:1] })},
		{"further field", tree(func(env, body []any) []any { return []any{append(env, []byte{}), body[1]} })},
		{"missing field", tree(func(env, body []any) []any { return []any{env[:12], body[1]} })},
		{"leading zero in seq", field(4, []byte{0, 1})},
		{"leading zero in amount", field(7, []byte{0, 50})},
		{"short address", field(3, make([]byte, 19))},
		{"long hash", field(5, make([]byte, 33))},
		{"seq of 9 bytes", field(4, bytes.Repeat([]byte{1}, 9))},
		{"parents as a string", field(9, []byte{})},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.ParseTx(c.raw)
			refused(t, err, InvalidFormat, "canonical rlp")
		})
	}
}

func TestTxAccessors(t *testing.T) {
	n := newNetwork4(t)
	e := n.envelope(0, 1, 50)
	tx := n.pay(t, 0, 1, 50)
	equal(t, "sender", tx.Sender(), e.Sender)
	equal(t, "recipient", tx.Recipient(), e.Recipient)
	equal(t, "amount", tx.Amount(), e.Amount)
	equal(t, "lane", tx.Lane(), e.Lane())
	equal(t, "lane id", tx.LaneID(), e.Lane().ID())
	equal(t, "committee", tx.CommitteeID(), n.c.ID())
	equal(t, "envelope", tx.Envelope().Prev, e.Prev)
}

func TestSignTxRefusesAnUnknownCommittee(t *testing.T) {
	n := newNetwork4(t)
	e := n.envelope(0, 1, 50)
	e.CommitteeID = common.Hash{1}
	_, err := n.SignTx(e, payer(0))
	refused(t, err, WrongCommittee, "not in this network file")
}

func TestPaymentsTravelWithTheirParents(t *testing.T) {
	n := newNetwork4(t)
	parent := n.pay(t, 1, 0, 70)
	child := n.pay(t, 0, 2, 50, citing(parent))
	message := EncodePayments([]Payment{{child, []*QC{n.qc(t, parent)}}, {Tx: parent}})
	items, err := SplitPayments(message)
	noError(t, err)
	equal(t, "items", len(items), 2)
	first, err := n.ParsePayment(items[0])
	noError(t, err)
	equal(t, "payment", first.Tx.ID(), child.ID())
	equal(t, "parents", len(first.Parents), 1)
	equal(t, "parent", first.Parents[0].Tx().ID(), parent.ID())
	second, err := n.ParsePayment(items[1])
	noError(t, err)
	equal(t, "second", second.Tx.ID(), parent.ID())
	equal(t, "re-encoded", string(EncodePayments([]Payment{first, second})), string(message))
}

func TestPaymentMessageLimits(t *testing.T) {
	item := []byte{0xc1, 0x80}
	message := func(n int) []byte {
		items := make([]rlp.RawValue, n)
		for i := range items {
			items[i] = item
		}
		return encode(items)
	}
	for _, n := range []int{1, MaxPayments} {
		items, err := SplitPayments(message(n))
		noError(t, err)
		equal(t, "items", len(items), n)
	}
	for _, n := range []int{0, MaxPayments + 1} {
		_, err := SplitPayments(message(n))
		refused(t, err, InvalidFormat, fmt.Sprintf("%d payments in a message", n))
	}
	// The header of a list this long takes four bytes.
	longest := encode([]rlp.RawValue{encode(make([]byte, MaxMessageSize-8))})
	equal(t, "size", len(longest), MaxMessageSize)
	_, err := SplitPayments(longest)
	noError(t, err)
	_, err = SplitPayments(append(longest, 0))
	refused(t, err, InvalidFormat, "262145 bytes")
	_, err = SplitPayments(append(message(1), 0))
	refused(t, err, InvalidFormat, "canonical rlp")
}

func TestParsePaymentClassifiesFaults(t *testing.T) {
	n, stranger := newNetwork4(t), newNetwork(t, equalWeights(7)...)
	parent := n.pay(t, 1, 0, 70)
	child := n.pay(t, 0, 2, 50, citing(parent))
	qc := n.qc(t, parent)
	item := func(tx []byte, parents ...[]byte) []byte {
		body := paymentBody{Tx: tx}
		for _, p := range parents {
			body.Parents = append(body.Parents, p)
		}
		return encode(&body)
	}
	broken := bytes.Clone(qc.Encode())
	broken[len(broken)-1] ^= 1
	unknown := stranger.qc(t, stranger.pay(t, 1, 0, 70))
	nine := make([][]byte, MaxParents+1)
	for i := range nine {
		nine[i] = qc.Encode()
	}
	for _, c := range []struct {
		name string
		item []byte
		code Code
		text string
	}{
		{"not a list", []byte{0x80}, InvalidFormat, "payment item"},
		{"bad payment", item(withSignature(n.envelope(0, 1, 5), nil)), InvalidFormat, "signature"},
		{"bad parent", item(child.Encode(), broken), InvalidParentQC, "parent 0"},
		{"bad second parent", item(child.Encode(), qc.Encode(), broken), InvalidParentQC, "parent 1"},
		{"parent of an unknown committee", item(child.Encode(), unknown.Encode()), WrongCommittee, "parent 0"},
		{"nine parents", item(child.Encode(), nine...), InvalidFormat, "9 parent QCs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.ParsePayment(c.item)
			refused(t, err, c.code, c.text)
		})
	}
}
