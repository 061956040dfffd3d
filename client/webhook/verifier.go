package webhook

import (
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/ethereum/go-ethereum/common"
)

const (
	// Tolerance is how far the clocks of peer and receiver may be apart, travel included.
	// An older message may be one that somebody has recorded; the peer signs each attempt
	// anew.
	Tolerance = 5 * time.Minute
	// MaxBody bounds what a receiver has to read of a message, in bytes: a QC file takes
	// the most of it, 1 MiB of hex and the view of up to 1,024 signers.
	MaxBody = 2 << 20
)

// Why a message is not to be acted on. A receiver answers none of them with 2xx: the peer
// then tells the message again, later, and its orders show what was answered.
var (
	// ErrSignature: nobody who has a secret wrote it. Do nothing that it says.
	ErrSignature = errors.New("message is not signed by a secret that is known here")
	// ErrTimestamp: it is signed, and too old or of the future: a recording, or one of the
	// clocks is wrong.
	ErrTimestamp = errors.New("message is not of now")
	// ErrDocument: it is signed, and not in the form of this version.
	ErrDocument = errors.New("message is not of schema " + orders.Schema)
)

// Verifier checks messages for a receiver. Make it with [NewVerifier]. Safe for concurrent
// use.
type Verifier struct {
	secrets []Secret
	now     func() time.Time
}

// NewVerifier returns a verifier that takes messages signed by any of the secrets. While
// one replaces another, a receiver has both.
func NewVerifier(now func() time.Time, secrets ...Secret) (*Verifier, error) {
	if now == nil || len(secrets) == 0 {
		return nil, errors.New("webhook: verifier has no clock or no secret")
	}
	for _, s := range secrets {
		if s.key == nil {
			return nil, errors.New("webhook: verifier has an empty secret: read it with LoadSecret or ParseSecret")
		}
	}
	return &Verifier{secrets, now}, nil
}

// Verify returns what a message says, once it is sure that the peer wrote it, and now. The
// body is the request's, byte for byte; read at most [MaxBody] of it. Errors wrap
// [ErrSignature], [ErrTimestamp] or [ErrDocument].
//
// A message can come twice: because the answer to it was lost, or from somebody who saw it
// within [Tolerance]. Who has noted its MessageID does not act on it again. It is the word
// of the peer: see [Prove].
func (v *Verifier) Verify(header http.Header, body []byte) (*orders.Document, error) {
	id, timestamp := header.Values(HeaderID), header.Values(HeaderTimestamp)
	if len(id) != 1 || len(timestamp) != 1 {
		return nil, fmt.Errorf("%w: want one %s and one %s", ErrSignature, HeaderID, HeaderTimestamp)
	}
	if !v.signed(id[0], timestamp[0], header.Values(HeaderSignature), body) {
		return nil, ErrSignature
	}
	seconds, err := strconv.ParseUint(timestamp[0], 10, 63)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is no time", ErrTimestamp, HeaderTimestamp)
	}
	if age := v.now().Unix() - int64(seconds); age > int64(Tolerance/time.Second) || age < -int64(Tolerance/time.Second) {
		return nil, fmt.Errorf("%w: by the clock here it was signed %d seconds ago, at most %s either way is allowed", ErrTimestamp, age, Tolerance)
	}
	return parse(id[0], body)
}

// signed reports whether one of the signatures is of one of the secrets.
func (v *Verifier) signed(id, timestamp string, signatures []string, body []byte) (ok bool) {
	given := strings.Fields(strings.Join(signatures, " "))
	for _, s := range v.secrets {
		want := []byte(sign(s, id, timestamp, body))
		for _, has := range given {
			ok = hmac.Equal([]byte(has), want) || ok
		}
	}
	return ok
}

// parse reads a signed body.
func parse(id string, body []byte) (*orders.Document, error) {
	d := new(orders.Document)
	if err := json.Unmarshal(body, d); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if d.Schema != orders.Schema {
		return nil, fmt.Errorf("%w: it names schema %q", ErrDocument, d.Schema)
	}
	switch d.Kind {
	case orders.KindAccepted, orders.KindReversed, orders.KindFinal:
	default:
		return nil, fmt.Errorf("%w: it is of kind %q", ErrDocument, d.Kind)
	}
	// One message has one id, so that none is acted on under a second one.
	if want := orders.MessageID(common.HexToHash(d.TxID), d.Kind); d.MessageID != want || d.TxID != common.HexToHash(d.TxID).Hex() || id != want {
		return nil, fmt.Errorf("%w: %s is %q, message_id %q, and message %s of payment %q is %q", ErrDocument, HeaderID, id, d.MessageID, d.Kind, d.TxID, want)
	}
	return d, nil
}
