package orders

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
)

// Kind is what a message tells.
type Kind string

const (
	KindAccepted Kind = "accepted"
	KindReversed Kind = "reversed"
	KindFinal    Kind = "final"
)

// Message is one turn of an order. Its body never changes, however often it is told.
type Message struct {
	Kind Kind
	Body []byte    // a Document as JSON
	At   time.Time // when it was made, on the peer's clock
	// Delivered is when a Deliverer had taken it; zero: not yet.
	Delivered time.Time
	// Attempts and Problem are of this run of the peer: how often it was tried, and what
	// the last failure was.
	Attempts int
	Problem  string
}

// MessageID names a message for who must not act on it twice.
func MessageID(id fastpay.ID, kind Kind) string { return fmt.Sprintf("%s-%s", id.Hex(), kind) }

// Schema names the format of a message's body.
const Schema = "allegro.order/v1"

// Document is a message's body. Amounts, heights and times are decimal strings.
type Document struct {
	Schema    string `json:"schema"`
	MessageID string `json:"message_id"`
	Kind      Kind   `json:"kind"`
	TxID      string `json:"tx_id"`
	Payer     string `json:"payer"`
	Payee     string `json:"payee"`
	Asset     string `json:"asset"`
	Amount    string `json:"amount"`
	Note      string `json:"note"` // SHA-256 of the payer's text, or zeros
	// Request is what the payment is for; null if its note is of no request.
	Request *RequestDocument `json:"request"`
	// Stage is the payment's as the message was made.
	Stage fastpay.Stage `json:"stage"`
	// Rule is the place of the rule of the policy that accepted it, from 1; 0: none fits.
	Rule       int    `json:"rule"`
	Reason     string `json:"reason"`
	Height     string `json:"height"`
	UnixMicros string `json:"unix_micros"`
	// QC proves the payment to who has the network file, and needs to believe nobody;
	// null if the chain has it and this peer holds no QC.
	QC *fastpay.QCFile `json:"qc"`
}

// RequestDocument is a [Match] in JSON.
type RequestDocument struct {
	Note       string  `json:"note"`
	Amount     string  `json:"amount"`
	PaidBefore string  `json:"paid_before"`
	Verdict    Verdict `json:"verdict"`
	Late       bool    `json:"late"`
}

// Document is m in JSON.
func (m *Match) Document() *RequestDocument {
	return &RequestDocument{m.Note, m.Asked.Dec(), m.PaidBefore.Dec(), m.Verdict, m.Late}
}

// document is what a message of an order says.
func (b *Book) document(o *Order, kind Kind, qc *fastpay.QC, height uint64, now time.Time) Document {
	d := Document{
		Schema: Schema, MessageID: MessageID(o.ID, kind), Kind: kind, TxID: o.ID.Hex(),
		Payer: o.Payer.Hex(), Payee: b.cfg.Account.Hex(), Asset: o.Asset.Hex(), Amount: o.Amount.Dec(), Note: o.Note.Hex(),
		Stage: o.Stage, Rule: o.Decision.Rule, Reason: o.Decision.Reason,
		Height: fmt.Sprint(height), UnixMicros: fmt.Sprint(now.UnixMicro()),
	}
	if o.Match != nil {
		d.Request = o.Match.Document()
	}
	if qc != nil {
		file := qc.File()
		d.QC = &file
	}
	return d
}

// newMessage makes a message of an order.
func (b *Book) newMessage(o *Order, kind Kind, qc *fastpay.QC, height uint64) (Message, error) {
	now := b.cfg.Now()
	body, err := json.Marshal(b.document(o, kind, qc, height, now))
	if err != nil {
		return Message{}, fmt.Errorf("writing the message %s of order %s: %w", kind, o.ID, err)
	}
	return Message{Kind: kind, Body: body, At: now}, nil
}
