package p2p

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/rlp"
)

// SubmitResult is a validator's answer to one submitted payment: exactly one of
// Certificate and Reject is set.
type SubmitResult struct {
	// ID is the payment's; zeros if the item could not be read as a payment.
	ID          fastpay.ID
	Certificate *fastpay.Certificate
	Reject      *fastpay.Reject
}

// check reports a result that says nothing or both.
func (r *SubmitResult) check() error {
	if (r.Certificate == nil) == (r.Reject == nil) {
		return fmt.Errorf("submit result of %s has not exactly one of certificate and reject", r.ID)
	}
	return nil
}

// maxRejectText bounds the text of a refusal on the wire, in bytes: two lines for
// people.
const maxRejectText = 512

// maxRejectCode bounds its code, in bytes.
const maxRejectCode = 32

// rejectBody is the RLP form of a refusal: [code, text, retryable].
type rejectBody struct {
	Code      string
	Text      string
	Retryable bool
}

func newRejectBody(r *fastpay.Reject) rejectBody {
	text := r.Text
	if len(text) > maxRejectText {
		text = strings.ToValidUTF8(text[:maxRejectText], "")
	}
	return rejectBody{string(r.Code), text, r.Retryable}
}

// reject returns the refusal that another peer sent. A code that this version
// does not know is kept: it is told to people. Control characters are blanked, so
// that the text cannot steer a terminal.
func (b *rejectBody) reject() (*fastpay.Reject, error) {
	if b.Code == "" || len(b.Code) > maxRejectCode || len(b.Text) > maxRejectText {
		return nil, fmt.Errorf("%w: refusal with a code of %d bytes and a text of %d", errFrame, len(b.Code), len(b.Text))
	}
	return &fastpay.Reject{Code: fastpay.Code(printable(b.Code)), Text: printable(b.Text), Retryable: b.Retryable}, nil
}

// printable blanks what is not printable.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// submitBody is the RLP form of a result:
// [tx_id32, [certificate], []] or [tx_id32, [], [[code, text, retryable]]].
type submitBody struct {
	ID           fastpay.ID
	Certificates []rlp.RawValue
	Rejects      []rejectBody
}

// encodeSubmitResults returns the response of a submit: the list of results, one
// per submitted item, in order.
func encodeSubmitResults(results []SubmitResult) []byte {
	bodies := make([]submitBody, len(results))
	for i, r := range results {
		bodies[i] = submitBody{ID: r.ID}
		if r.Certificate != nil {
			bodies[i].Certificates = []rlp.RawValue{r.Certificate.Encode()}
		} else {
			bodies[i].Rejects = []rejectBody{newRejectBody(r.Reject)}
		}
	}
	return encodeMessage(bodies)
}

// decodeSubmitResults reads the response to items and verifies every certificate.
// The error wraps errFrame: an answer with a single certificate that is no vote
// for its payment is worth nothing.
func decodeSubmitResults(rules *fastpay.Rules, data []byte, items []fastpay.Payment) ([]SubmitResult, error) {
	list, err := splitList("submit response", data, fastpay.MaxPayments)
	if err != nil {
		return nil, err
	}
	if len(list) != len(items) {
		return nil, fmt.Errorf("%w: %d results for %d payments", errFrame, len(list), len(items))
	}
	results := make([]SubmitResult, len(list))
	for i, raw := range list {
		if results[i], err = decodeSubmitResult(rules, raw, items[i].Tx); err != nil {
			return nil, fmt.Errorf("result of payment %s: %w", items[i].Tx.ID(), err)
		}
	}
	return results, nil
}

func decodeSubmitResult(rules *fastpay.Rules, raw []byte, tx *fastpay.Tx) (SubmitResult, error) {
	var body submitBody
	if err := decodeMessage("submit result", raw, &body); err != nil {
		return SubmitResult{}, err
	}
	r := SubmitResult{ID: tx.ID()}
	switch {
	case len(body.Certificates)+len(body.Rejects) != 1:
		return SubmitResult{}, fmt.Errorf("%w: %d certificates and %d refusals, want one of the two", errFrame, len(body.Certificates), len(body.Rejects))
	case body.ID != tx.ID() && (len(body.Certificates) != 0 || body.ID != fastpay.ID{}):
		return SubmitResult{}, fmt.Errorf("%w: it is of payment %s", errFrame, body.ID)
	case len(body.Certificates) == 1:
		c, err := rules.ParseCertificate(tx.CommitteeID(), tx.ID(), body.Certificates[0])
		if err != nil {
			return SubmitResult{}, fmt.Errorf("%w: %w", errFrame, err)
		}
		r.Certificate = c
	default:
		reject, err := body.Rejects[0].reject()
		if err != nil {
			return SubmitResult{}, err
		}
		r.Reject = reject
	}
	return r, nil
}
