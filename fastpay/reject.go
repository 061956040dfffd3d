package fastpay

import (
	"errors"
	"fmt"
)

// Code names why a payment or message was refused (section 4.6). A Code is
// itself an error value: wrap it with %w to add the particulars and compare
// with [errors.Is].
type Code string

// Error returns the code.
func (c Code) Error() string { return string(c) }

// The reject codes. Each one stands for one decision of the caller.
const (
	// InvalidFormat: can never be valid; correct it.
	InvalidFormat Code = "INVALID_FORMAT"
	// WrongChain: signed for another chain.
	WrongChain Code = "WRONG_CHAIN"
	// WrongCommittee: of a committee that is unknown here or not in office.
	WrongCommittee Code = "WRONG_COMMITTEE"
	// Expired: valid_before has passed or is too close to settle.
	Expired Code = "EXPIRED"
	// NotPaymentTx: well formed, but not a payment this network takes.
	NotPaymentTx Code = "NOT_PAYMENT_TX"
	// NonceSeqTooLow: the slot was used on the chain.
	NonceSeqTooLow Code = "NONCE_SEQ_TOO_LOW"
	// NonceSeqTooHigh: a predecessor is unknown here, or too many are open.
	NonceSeqTooHigh Code = "NONCE_SEQ_TOO_HIGH"
	// Equivocation: the slot or the branch is promised to another payment.
	Equivocation Code = "EQUIVOCATION"
	// InsufficientFunds: balance, debits and counted credits do not cover it.
	InsufficientFunds Code = "INSUFFICIENT_FUNDS"
	// MissingParentQC: a cited payment's QC is not held.
	MissingParentQC Code = "MISSING_PARENT_QC"
	// InvalidParentQC: a cited payment can never fund this one.
	InvalidParentQC Code = "INVALID_PARENT_QC"
	// TemporaryUnavailable: not now, for a reason of the validator or of time.
	TemporaryUnavailable Code = "TEMPORARY_UNAVAILABLE"
)

// Outcomes of handling evidence that refuse nobody's payment.
var (
	// ErrKnown: this peer holds it already.
	ErrKnown = errors.New("already known")
	// ErrBusy: a bounded queue is full; the same bytes may be sent again later.
	ErrBusy = fmt.Errorf("%w: a queue is full, send again later", TemporaryUnavailable)
)

// Verdict is what gossip does with a message (section 3).
type Verdict uint8

const (
	// VerdictAccept forwards the message.
	VerdictAccept Verdict = iota
	// VerdictIgnore drops it without blame: an honest relay may have sent it.
	VerdictIgnore
	// VerdictReject drops it and costs the sender score: it can never be valid.
	VerdictReject
)

// String returns "accept", "ignore" or "reject".
func (v Verdict) String() string {
	switch v {
	case VerdictAccept:
		return "accept"
	case VerdictIgnore:
		return "ignore"
	default:
		return "reject"
	}
}

// Class is what follows from an error, everywhere in the product.
type Class struct {
	Code      Code    // what a submitter is told; empty for success and ErrKnown
	Verdict   Verdict // what gossip does
	Retryable bool    // the same bytes may succeed later
	HTTP      int     // status of an HTTP answer
	Exit      int     // exit code of a command
}

// Exit codes that belong to a class; the commands define the others.
const (
	exitOK       = 0
	exitOther    = 1
	exitDeadline = 4
	exitRejected = 5
	exitConflict = 7
)

// classes is the one table from sentinel to consequence. A cause that an honest
// relay cannot know of is never a VerdictReject.
var classes = map[error]Class{
	InvalidFormat:        {InvalidFormat, VerdictReject, false, 400, exitRejected},
	WrongChain:           {WrongChain, VerdictReject, false, 400, exitRejected},
	WrongCommittee:       {WrongCommittee, VerdictIgnore, false, 409, exitRejected},
	Expired:              {Expired, VerdictIgnore, false, 410, exitDeadline},
	NotPaymentTx:         {NotPaymentTx, VerdictIgnore, false, 422, exitRejected},
	NonceSeqTooLow:       {NonceSeqTooLow, VerdictIgnore, false, 409, exitRejected},
	NonceSeqTooHigh:      {NonceSeqTooHigh, VerdictIgnore, true, 409, exitRejected},
	Equivocation:         {Equivocation, VerdictIgnore, false, 409, exitConflict},
	InsufficientFunds:    {InsufficientFunds, VerdictIgnore, true, 402, exitRejected},
	MissingParentQC:      {MissingParentQC, VerdictIgnore, true, 409, exitRejected},
	InvalidParentQC:      {InvalidParentQC, VerdictReject, false, 422, exitRejected},
	TemporaryUnavailable: {TemporaryUnavailable, VerdictIgnore, true, 503, exitRejected},
	ErrKnown:             {"", VerdictIgnore, false, 200, exitOK},
}

// Codes returns every reject code, in the order of section 4.6.
func Codes() []Code {
	return []Code{InvalidFormat, WrongChain, WrongCommittee, Expired, NotPaymentTx, NonceSeqTooLow, NonceSeqTooHigh,
		Equivocation, InsufficientFunds, MissingParentQC, InvalidParentQC, TemporaryUnavailable}
}

// Classify maps err to its class. nil is accepted; an error that wraps no
// sentinel of this package is a fault of this peer: ignored, retryable, and
// told to a submitter as TEMPORARY_UNAVAILABLE.
func Classify(err error) Class {
	if err == nil {
		return Class{Verdict: VerdictAccept, HTTP: 200, Exit: exitOK}
	}
	var code Code
	if errors.As(err, &code) {
		if c, ok := classes[code]; ok {
			return c
		}
	}
	if errors.Is(err, ErrKnown) {
		return classes[ErrKnown]
	}
	return Class{TemporaryUnavailable, VerdictIgnore, true, 503, exitOther}
}

// Reject is a refusal as a submitter is told it: the code for programs, the
// text for people. It is nobody's evidence, since it carries no signature.
type Reject struct {
	Code      Code
	Text      string
	Retryable bool
}

// RejectOf returns err as a refusal.
func RejectOf(err error) *Reject {
	c := Classify(err)
	return &Reject{Code: c.Code, Text: err.Error(), Retryable: c.Retryable}
}

// Error returns the text.
func (r *Reject) Error() string { return r.Text }

// Unwrap returns the code, so that errors.Is(r, code) holds.
func (r *Reject) Unwrap() error { return r.Code }

// refuse returns an error of the code whose text starts with the code.
func refuse(code Code, format string, args ...any) error {
	return fmt.Errorf("%w: %s", code, fmt.Sprintf(format, args...))
}

// invalid returns an InvalidFormat error.
func invalid(format string, args ...any) error { return refuse(InvalidFormat, format, args...) }
