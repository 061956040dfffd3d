package p2p

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/rlp"
)

func TestSubmitResults(t *testing.T) {
	w := NewWorld(t, 2)
	items := w.Payments(3)
	batch := w.Batch(w.Now, 1, items[0].Tx.ID(), items[2].Tx.ID())
	certificate := func(tx *fastpay.Tx) *fastpay.Certificate {
		for i, id := range batch.IDs() {
			if id == tx.ID() {
				return batch.Certificate(i)
			}
		}
		t.Fatal("not in the batch")
		return nil
	}
	long := strings.Repeat("ü", maxRejectText)
	sent := []SubmitResult{
		{ID: items[0].Tx.ID(), Certificate: certificate(items[0].Tx)},
		{ID: items[1].Tx.ID(), Reject: &fastpay.Reject{Code: fastpay.InsufficientFunds, Text: long, Retryable: true}},
		{ID: items[2].Tx.ID(), Certificate: certificate(items[2].Tx)},
	}
	got, err := decodeSubmitResults(w.Rules, encodeSubmitResults(sent), items)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		if r.ID != items[i].Tx.ID() || r.check() != nil || (r.Certificate == nil) != (sent[i].Certificate == nil) {
			t.Errorf("result %d is %+v", i, r)
		}
	}
	if !bytes.Equal(got[2].Certificate.Encode(), sent[2].Certificate.Encode()) || got[2].Certificate.Signer() != 1 {
		t.Error("the certificate changed on its way")
	}
	r := got[1].Reject
	if !errors.Is(r, fastpay.InsufficientFunds) || !r.Retryable || !strings.HasPrefix(long, r.Text) || len(r.Text) > maxRejectText {
		t.Errorf("the refusal is %s %q, retryable %v", r.Code, r.Text, r.Retryable)
	}
}

func TestSubmitResultsRefused(t *testing.T) {
	w := NewWorld(t, 2)
	items := w.Payments(1)
	tx, other := items[0].Tx, w.Tx(w.Now, 7, 0)
	good := w.Batch(w.Now, 0, tx.ID()).Certificate(0)
	foreign := w.Batch(w.Later, 0, tx.ID()).Certificate(0)
	refusal := rejectBody{"EXPIRED", "too late", false}
	one := func(id fastpay.ID, certs []rlp.RawValue, rejects ...rejectBody) []byte {
		return encodeMessage([]submitBody{{id, certs, rejects}})
	}
	certs := func(cs ...*fastpay.Certificate) (out []rlp.RawValue) {
		for _, c := range cs {
			out = append(out, c.Encode())
		}
		return out
	}
	for name, c := range map[string]struct {
		data []byte
		good bool
	}{
		"a certificate":                        {one(tx.ID(), certs(good)), true},
		"a refusal":                            {one(tx.ID(), nil, refusal), true},
		"a refusal of what could not be read":  {one(fastpay.ID{}, nil, refusal), true},
		"an unknown code":                      {one(tx.ID(), nil, rejectBody{"NEW_CODE", "", true}), true},
		"neither":                              {one(tx.ID(), nil), false},
		"both":                                 {one(tx.ID(), certs(good), refusal), false},
		"two certificates":                     {one(tx.ID(), certs(good, good)), false},
		"a refusal of another payment":         {one(other.ID(), nil, refusal), false},
		"a certificate of another payment":     {one(other.ID(), certs(w.Batch(w.Now, 0, other.ID()).Certificate(0))), false},
		"a certificate under a wrong id":       {one(tx.ID(), certs(w.Batch(w.Now, 0, other.ID()).Certificate(0))), false},
		"a certificate without an id":          {one(fastpay.ID{}, certs(good)), false},
		"a certificate of another committee":   {one(tx.ID(), certs(foreign)), false},
		"no code":                              {one(tx.ID(), nil, rejectBody{"", "text", true}), false},
		"a long code":                          {one(tx.ID(), nil, rejectBody{strings.Repeat("X", maxRejectCode+1), "", true}), false},
		"a long text":                          {one(tx.ID(), nil, rejectBody{"X", strings.Repeat("x", maxRejectText+1), true}), false},
		"a result too many":                    {encodeMessage([]submitBody{{tx.ID(), certs(good), nil}, {tx.ID(), certs(good), nil}}), false},
		"no results":                           {encodeMessage([]submitBody{}), false},
		"not a list":                           {[]byte{0x80}, false},
		"bytes behind":                         {append(one(tx.ID(), certs(good)), 0x80), false},
		"a field more":                         {encodeMessage([]any{[]any{tx.ID(), certs(good), []rejectBody{}, "more"}}), false},
		"retryable neither true nor false":     {encodeMessage([]any{[]any{tx.ID(), certs(), []any{[]any{"X", "x", uint(2)}}}}), false},
		"a certificate that is no certificate": {one(tx.ID(), []rlp.RawValue{encodeMessage("cert")}), false},
	} {
		_, err := decodeSubmitResults(w.Rules, c.data, items)
		if (err == nil) != c.good || err != nil && !errors.Is(err, errFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRejectTextIsPrintable(t *testing.T) {
	b := rejectBody{"CODE\n", "\x1b[2Jcleared\nüber", false}
	r, err := b.reject()
	if err != nil || r.Code != "CODE " || r.Text != " [2Jcleared über" {
		t.Errorf("refusal %q %q, %v", r.Code, r.Text, err)
	}
}

func FuzzSubmitResults(f *testing.F) {
	w := NewWorld(f, 2)
	items := w.Payments(2)
	f.Add(encodeSubmitResults([]SubmitResult{
		{ID: items[0].Tx.ID(), Certificate: w.Batch(w.Now, 0, items[0].Tx.ID()).Certificate(0)},
		{ID: items[1].Tx.ID(), Reject: &fastpay.Reject{Code: fastpay.Expired, Text: "late"}},
	}))
	f.Add([]byte{0xc0})
	f.Fuzz(func(t *testing.T, data []byte) {
		results, err := decodeSubmitResults(w.Rules, data, items)
		if err != nil {
			return
		}
		for i, r := range results {
			if r.check() != nil || r.ID != items[i].Tx.ID() || r.Certificate != nil && r.Certificate.ID() != r.ID {
				t.Errorf("result %d is %+v", i, r)
			}
		}
	})
}

func TestSplitPayments(t *testing.T) {
	w := NewWorld(t, 4)
	many := w.Payments(150)
	groups, err := splitPayments(many)
	if err != nil || len(groups) != 3 || len(groups[0]) != 64 || len(groups[2]) != 22 {
		t.Errorf("150 payments make %d messages, %v", len(groups), err)
	}
	// Payments that together exceed the size.
	heavy := make([]fastpay.Payment, fastpay.MaxPayments)
	qc := w.QC(w.Now, many[0].Tx)
	for i := range heavy {
		heavy[i] = fastpay.Payment{Tx: many[i].Tx}
		for range fastpay.MaxParents {
			heavy[i].Parents = append(heavy[i].Parents, qc)
		}
	}
	groups, err = splitPayments(heavy)
	if err != nil || len(groups) < 2 {
		t.Fatalf("64 heavy payments make %d messages, %v", len(groups), err)
	}
	total := 0
	for _, g := range groups {
		total += len(g)
		if n := len(fastpay.EncodePayments(g)); n > fastpay.MaxMessageSize {
			t.Errorf("a message has %d bytes", n)
		}
	}
	if total != len(heavy) {
		t.Errorf("%d of %d payments are left", total, len(heavy))
	}
	// One payment that no message holds.
	for len(heavy[0].Encode()) <= fastpay.MaxMessageSize {
		heavy[0].Parents = append(heavy[0].Parents, heavy[0].Parents...)
	}
	if _, err := splitPayments(heavy[:1]); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a payment above the message size: %v, want ErrTooLarge", err)
	}
	if groups, err := splitPayments(nil); err != nil || len(groups) != 0 {
		t.Errorf("no payments make %d messages, %v", len(groups), err)
	}
}
