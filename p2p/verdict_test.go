package p2p

import (
	"errors"
	"fmt"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
)

// verdicts has a row for each outcome of verifying or taking in a message.
var verdicts = []struct {
	err  error
	want pubsub.ValidationResult
}{
	{nil, pubsub.ValidationAccept},
	{fastpay.ErrKnown, pubsub.ValidationIgnore},
	{fastpay.ErrBusy, pubsub.ValidationIgnore},
	{fastpay.InvalidFormat, pubsub.ValidationReject},
	{fastpay.WrongChain, pubsub.ValidationReject},
	{fastpay.WrongCommittee, pubsub.ValidationIgnore},
	{fastpay.Expired, pubsub.ValidationIgnore},
	{fastpay.NotPaymentTx, pubsub.ValidationIgnore},
	{fastpay.NonceSeqTooLow, pubsub.ValidationIgnore},
	{fastpay.NonceSeqTooHigh, pubsub.ValidationIgnore},
	{fastpay.Equivocation, pubsub.ValidationIgnore},
	{fastpay.InsufficientFunds, pubsub.ValidationIgnore},
	{fastpay.MissingParentQC, pubsub.ValidationIgnore},
	{fastpay.InvalidParentQC, pubsub.ValidationReject},
	{fastpay.TemporaryUnavailable, pubsub.ValidationIgnore},
	{errors.New("some fault of this peer"), pubsub.ValidationIgnore},
}

func TestVerdicts(t *testing.T) {
	rows := make(map[error]bool)
	for _, v := range verdicts {
		rows[v.err] = true
		if got := verdict(v.err); got != v.want {
			t.Errorf("%v: verdict %d, want %d", v.err, got, v.want)
		}
		if v.err == nil {
			continue
		}
		if got := verdict(fmt.Errorf("in a message: %w", v.err)); got != v.want {
			t.Errorf("%v, wrapped: verdict %d, want %d", v.err, got, v.want)
		}
	}
	for _, code := range fastpay.Codes() {
		if !rows[code] {
			t.Errorf("%s has no row", code)
		}
	}
}

func TestWorst(t *testing.T) {
	known, stale, junk := fastpay.ErrKnown, error(fastpay.Expired), error(fastpay.InvalidFormat)
	for _, c := range []struct {
		name string
		errs []error
		want error
	}{
		{"all new", []error{nil, nil}, nil},
		{"one new", []error{known, nil, stale}, nil},
		{"none new", []error{known, stale}, known},
		{"one invalid among new", []error{nil, junk}, junk},
		{"one invalid among known", []error{known, junk, known}, junk},
	} {
		if got := worst(c.errs); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
