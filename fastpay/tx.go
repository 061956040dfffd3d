package fastpay

import (
	"crypto/ecdsa"
	"fmt"

	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"
)

// Tx is a verified FastPayTx: an envelope of a known committee with its payer's
// valid signature. Immutable; safe for concurrent use.
type Tx struct {
	env       Envelope
	signature []byte
	raw       []byte
	id        ID
	lane      common.Hash
}

// txBody is the RLP form of a FastPayTx.
type txBody struct {
	Envelope  Envelope
	Signature []byte
}

// SignTx signs an envelope with a secp256k1 account key and returns the
// verified payment. It fails where [Rules.ParseTx] would.
func (r *Rules) SignTx(e Envelope, key *ecdsa.PrivateKey) (*Tx, error) {
	c, err := r.committee(e.CommitteeID)
	if err != nil {
		return nil, err
	}
	sig, err := tx76.SignSecp256k1(e.Transaction(c).SignHash(), key)
	if err != nil {
		return nil, fmt.Errorf("signing payment: %w", err)
	}
	return r.NewTx(e, sig)
}

// NewTx puts an envelope and the signature that its payer made elsewhere together, and
// verifies the payment. It fails where [Rules.ParseTx] would.
func (r *Rules) NewTx(e Envelope, signature []byte) (*Tx, error) {
	return r.ParseTx(encode(&txBody{e, signature}))
}

// CheckEnvelope applies everything that does not depend on the signature: form, a known
// committee and the rules of the network. Only an envelope that passes is worth signing.
func (r *Rules) CheckEnvelope(e *Envelope) error {
	_, err := r.checkEnvelope(e, r.checkPolicy)
	return err
}

// checkEnvelope returns the envelope's committee.
func (r *Rules) checkEnvelope(e *Envelope, policy func(*Envelope) error) (*Committee, error) {
	c, err := r.committee(e.CommitteeID)
	if err != nil {
		return nil, err
	}
	if err := e.check(c); err != nil {
		return nil, err
	}
	return c, policy(e)
}

// ParseTx decodes and verifies a FastPayTx: canonical form, a known committee,
// the rules of the network, and the payer's signature.
func (r *Rules) ParseTx(raw []byte) (*Tx, error) {
	return r.parseTx(raw, r.checkPolicy)
}

// parseTx asks a policy once the form is good and before the signature is
// verified, which costs the most.
func (r *Rules) parseTx(raw []byte, policy func(*Envelope) error) (*Tx, error) {
	var body txBody
	if err := decode("payment", raw, &body); err != nil {
		return nil, err
	}
	c, err := r.checkEnvelope(&body.Envelope, policy)
	if err != nil {
		return nil, err
	}
	return verifyTx(c, body, raw)
}

// verifyTx checks the payer's signature over the chain transaction that the
// envelope stands for. The body's form has been checked.
func verifyTx(c *Committee, body txBody, raw []byte) (*Tx, error) {
	sig := body.Signature
	if len(sig) > maxSignature {
		return nil, invalid("signature has %d bytes, at most %d are possible", len(sig), maxSignature)
	}
	sender, kind, err := tx76.Recover(body.Envelope.Transaction(c).SignHash(), sig)
	switch {
	case err != nil:
		return nil, invalid("signature: %v", err)
	case kind == tx76.Keychain:
		return nil, invalid("signature is of a keychain key: sign with the account's own key")
	case kind == tx76.Secp256k1 && !tx76.IsCanonicalSecp256k1(sig):
		return nil, invalid("signature is not canonical: want r, low s, v of 27 or 28")
	case sender != body.Envelope.Sender:
		return nil, invalid("signature is of %s, the sender is %s", sender, body.Envelope.Sender)
	}
	return &Tx{
		env:       body.Envelope,
		signature: sig,
		raw:       append([]byte(nil), raw...),
		id:        body.Envelope.ID(),
		lane:      body.Envelope.Lane().ID(),
	}, nil
}

// ID is the tx id.
func (t *Tx) ID() ID { return t.id }

// Envelope returns a copy of what the payer authorised. Do not modify Parents.
func (t *Tx) Envelope() Envelope { return t.env }

// LaneID is the id of the lane the payment stands in.
func (t *Tx) LaneID() common.Hash { return t.lane }

// Lane is the lane the payment stands in.
func (t *Tx) Lane() Lane { return t.env.Lane() }

// Seq is the slot in the lane.
func (t *Tx) Seq() uint64 { return t.env.Seq }

// CommitteeID names the committee that the payment is for.
func (t *Tx) CommitteeID() common.Hash { return t.env.CommitteeID }

// Sender is the payer.
func (t *Tx) Sender() common.Address { return t.env.Sender }

// Recipient is the payee.
func (t *Tx) Recipient() common.Address { return t.env.Recipient }

// Amount is in token units.
func (t *Tx) Amount() uint256.Int { return t.env.Amount }

// Signature is the payer's, as the chain wants it. Do not modify.
func (t *Tx) Signature() []byte { return t.signature }

// Encode returns the canonical bytes `[envelope, signature]`. Do not modify.
func (t *Tx) Encode() []byte { return t.raw }

// Transaction is the chain transaction with the payer's signature, ready for a
// sponsor's. The caller owns it.
func (t *Tx) Transaction(c *Committee) *tx76.Transaction {
	tx := t.env.Transaction(c)
	tx.Signature = t.signature
	return tx
}

// Payment is one verified item of a tx message: a payment and the QCs of
// parents that its sender sends along.
type Payment struct {
	Tx      *Tx
	Parents []*QC
}

// paymentBody is the RLP form of an item of a tx message.
type paymentBody struct {
	Tx      rlp.RawValue
	Parents []rlp.RawValue
}

// SplitPayments splits a tx message into its 1 to 64 items. The items are not
// verified: see [Rules.ParsePayment].
func SplitPayments(data []byte) ([][]byte, error) {
	if len(data) > MaxMessageSize {
		return nil, invalid("message has %d bytes, at most %d are possible", len(data), MaxMessageSize)
	}
	var items []rlp.RawValue
	if err := decode("tx message", data, &items); err != nil {
		return nil, err
	}
	if len(items) == 0 || len(items) > MaxPayments {
		return nil, invalid("%d payments in a message: between 1 and %d are possible", len(items), MaxPayments)
	}
	out := make([][]byte, len(items))
	for i, item := range items {
		out[i] = item
	}
	return out, nil
}

// ParsePayment decodes and verifies one item of a tx message.
func (r *Rules) ParsePayment(item []byte) (Payment, error) {
	var body paymentBody
	if err := decode("payment item", item, &body); err != nil {
		return Payment{}, err
	}
	if len(body.Parents) > MaxParents {
		return Payment{}, invalid("%d parent QCs: at most %d are possible", len(body.Parents), MaxParents)
	}
	tx, err := r.ParseTx(body.Tx)
	if err != nil {
		return Payment{}, err
	}
	p := Payment{Tx: tx}
	for i, raw := range body.Parents {
		qc, err := r.ParseQC(raw)
		if err != nil {
			return Payment{}, parentError(i, err)
		}
		p.Parents = append(p.Parents, qc)
	}
	return p, nil
}

// parentError classifies the fault of a parent QC: one of a committee or a
// policy that this peer does not know is not the sender's fault.
func parentError(i int, err error) error {
	if Classify(err).Verdict == VerdictReject {
		return refuse(InvalidParentQC, "parent %d: %v", i, err)
	}
	return fmt.Errorf("parent %d: %w", i, err)
}

// Encode returns the item's bytes `[fastpay_tx, [parent QC …]]`.
func (p Payment) Encode() []byte {
	body := paymentBody{Tx: p.Tx.raw}
	for _, qc := range p.Parents {
		body.Parents = append(body.Parents, qc.raw)
	}
	return encode(&body)
}

// EncodePayments returns a tx message. The caller keeps to MaxPayments and
// MaxMessageSize.
func EncodePayments(payments []Payment) []byte {
	items := make([]rlp.RawValue, len(payments))
	for i, p := range payments {
		items[i] = p.Encode()
	}
	return encode(items)
}
