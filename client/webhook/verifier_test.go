package webhook

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/stretchr/testify/require"
)

// The first is the vector of the reference libraries of Standard Webhooks. The second was
// computed with OpenSSL 3:
//
//	printf '%s' "0x07$(printf %062d 0)-final"'.1700000000.{"schema":"allegro.order/v1"}' |
//	  openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf '07%.0s' $(seq 32)) -binary | base64
func TestSignatureVectors(t *testing.T) {
	for _, v := range []struct{ secret, id, timestamp, body, signature string }{
		{
			"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`,
			"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		},
		{
			"whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", orders.MessageID(fastpay.ID{7}, orders.KindFinal), "1700000000",
			`{"schema":"allegro.order/v1"}`, "v1,xvkDfKb+u7tlCVfv85f9U/wzIy5KLirpbdpz4QLljTA=",
		},
	} {
		s, err := ParseSecret(v.secret)
		require.NoError(t, err)
		require.Equal(t, v.signature, sign(s, v.id, v.timestamp, []byte(v.body)))
	}
}

// letter is a message as it arrives.
type letter struct {
	header http.Header
	body   []byte
}

// letterOf signs a body.
func letterOf(s Secret, id, timestamp string, body []byte) letter {
	h := make(http.Header)
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, sign(s, id, timestamp, body))
	return letter{h, body}
}

// letterFrom is what a webhook with a secret sends at some time.
func letterFrom(t *testing.T, s Secret, at time.Time, id fastpay.ID, m orders.Message) (l letter) {
	t.Helper()
	server := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l = letter{r.Header.Clone(), body}
	})
	w, err := New(Config{URL: server.URL, Secret: s, Now: func() time.Time { return at }})
	require.NoError(t, err)
	require.NoError(t, w.Deliver(t.Context(), id, m))
	server.Close() // the handler has ended
	return l
}

// verifierOf has the clock of the tests.
func verifierOf(t *testing.T, secrets ...Secret) *Verifier {
	t.Helper()
	v, err := NewVerifier(clock, secrets...)
	require.NoError(t, err)
	return v
}

func TestReceiverReadsWhatThePeerHasSigned(t *testing.T) {
	w := newWorld(t, "home")
	for _, kind := range []orders.Kind{orders.KindAccepted, orders.KindReversed, orders.KindFinal} {
		qc := w.qc(shop, 50)
		id, m := messageOf(t, qc, kind)
		l := letterFrom(t, secretOf("shop"), now, id, m)
		d, err := verifierOf(t, secretOf("shop")).Verify(l.header, l.body)
		require.NoError(t, err)
		require.Equal(t, documentOf(qc, kind), *d)
	}
}

// A secret is replaced without a message lost: the receiver knows both for a while. A
// sender may sign with both, too.
func TestSecretsAreReplaced(t *testing.T) {
	id, m := messageOf(t, newWorld(t, "home").qc(shop, 50), orders.KindAccepted)
	before, after := letterFrom(t, secretOf("before"), now, id, m), letterFrom(t, secretOf("after"), now, id, m)
	both := verifierOf(t, secretOf("after"), secretOf("before"))
	for _, l := range []letter{before, after} {
		_, err := both.Verify(l.header, l.body)
		require.NoError(t, err)
	}
	only := verifierOf(t, secretOf("after"))
	_, err := only.Verify(before.header, before.body)
	require.ErrorIs(t, err, ErrSignature)

	signatures := []string{"v1a,AAAA", before.header.Get(HeaderSignature), after.header.Get(HeaderSignature)}
	before.header.Set(HeaderSignature, strings.Join(signatures, " "))
	_, err = only.Verify(before.header, before.body)
	require.NoError(t, err)
	before.header[http.CanonicalHeaderKey(HeaderSignature)] = signatures
	_, err = only.Verify(before.header, before.body)
	require.NoError(t, err)
}

func TestEveryFlippedBitOfAMessageIsRefused(t *testing.T) {
	l := letterOf(secretOf("shop"), "0x01-accepted", "1700000000", []byte(`{"schema":"allegro.order/v1"}`))
	v := verifierOf(t, secretOf("shop"))
	_, err := v.Verify(l.header, l.body)
	require.ErrorIs(t, err, ErrDocument) // it is signed, and has no id
	refused := func(header http.Header, body []byte) {
		t.Helper()
		_, err := v.Verify(header, body)
		require.ErrorIs(t, err, ErrSignature)
	}
	for i := range l.body {
		for bit := range 8 {
			l.body[i] ^= 1 << bit
			refused(l.header, l.body)
			l.body[i] ^= 1 << bit
		}
	}
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		right := l.header.Get(name)
		for i := range right {
			for bit := range 8 {
				wrong := []byte(right)
				wrong[i] ^= 1 << bit
				l.header.Set(name, string(wrong))
				refused(l.header, l.body)
			}
		}
		l.header.Del(name)
		refused(l.header, l.body)
		l.header.Set(name, right)
		if name != HeaderSignature {
			l.header.Add(name, right)
			refused(l.header, l.body)
			l.header.Set(name, right)
		}
	}
	refused(l.header, nil)
	refused(nil, l.body)
}

// What was recorded serves for five minutes, and for the same message alone.
func TestMessageIsOfNow(t *testing.T) {
	id, m := messageOf(t, newWorld(t, "home").qc(shop, 50), orders.KindAccepted)
	for off, good := range map[time.Duration]bool{
		0: true, -Tolerance: true, Tolerance: true, -Tolerance - time.Second: false, Tolerance + time.Second: false, -24 * time.Hour: false,
	} {
		l := letterFrom(t, secretOf("shop"), now.Add(off), id, m)
		_, err := verifierOf(t, secretOf("shop")).Verify(l.header, l.body)
		if good {
			require.NoError(t, err, off)
			continue
		}
		require.ErrorIs(t, err, ErrTimestamp, off)
	}
	for _, timestamp := range []string{"", "now", "-1700000000", "1700000000.5", "0x6553f100", "9223372036854775808", "9223372036854775807"} {
		l := letterOf(secretOf("shop"), orders.MessageID(id, m.Kind), timestamp, m.Body)
		_, err := verifierOf(t, secretOf("shop")).Verify(l.header, l.body)
		require.ErrorIs(t, err, ErrTimestamp, timestamp)
	}
}

// A message has one name, which is that of what it says, and the form of this version.
func TestSignedMessageOfAnotherFormIsRefused(t *testing.T) {
	qc := newWorld(t, "home").qc(shop, 50)
	name := orders.MessageID(qc.Tx().ID(), orders.KindAccepted)
	for what, c := range map[string]struct {
		id     string
		change func(*orders.Document)
		says   string
	}{
		"another schema":         {name, func(d *orders.Document) { d.Schema = "allegro.order/v2" }, `names schema "allegro.order/v2"`},
		"another kind":           {name, func(d *orders.Document) { d.Kind = "refunded" }, `of kind "refunded"`},
		"kind of another name":   {name, func(d *orders.Document) { d.Kind = orders.KindFinal }, "webhook-id is"},
		"name in the body":       {name, func(d *orders.Document) { d.MessageID += "x" }, "webhook-id is"},
		"name in the header":     {name + "x", func(*orders.Document) {}, "webhook-id is"},
		"another payment's name": {name, func(d *orders.Document) { d.TxID = fastpay.ID{9}.Hex() }, "webhook-id is"},
		"tx id spelled else":     {name, func(d *orders.Document) { d.TxID = strings.ToUpper(d.TxID) }, "webhook-id is"},
	} {
		t.Run(what, func(t *testing.T) {
			d := documentOf(qc, orders.KindAccepted)
			c.change(&d)
			body, err := json.Marshal(d)
			require.NoError(t, err)
			l := letterOf(secretOf("shop"), c.id, "1700000000", body)
			_, err = verifierOf(t, secretOf("shop")).Verify(l.header, l.body)
			require.ErrorIs(t, err, ErrDocument)
			require.ErrorContains(t, err, c.says)
		})
	}
	for _, body := range []string{"", "null", "[]", "{}", `{"schema":"allegro.order/v1"} more`} {
		l := letterOf(secretOf("shop"), name, "1700000000", []byte(body))
		_, err := verifierOf(t, secretOf("shop")).Verify(l.header, l.body)
		require.ErrorIs(t, err, ErrDocument, body)
	}
}

func TestVerifierNeedsClockAndSecrets(t *testing.T) {
	for _, f := range []func() (*Verifier, error){
		func() (*Verifier, error) { return NewVerifier(nil, secretOf("shop")) },
		func() (*Verifier, error) { return NewVerifier(clock) },
		func() (*Verifier, error) { return NewVerifier(clock, secretOf("shop"), Secret{}) },
	} {
		_, err := f()
		require.ErrorContains(t, err, "webhook: verifier has")
	}
}
