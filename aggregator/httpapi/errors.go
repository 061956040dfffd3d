package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/allegro-p2p/allegro/fastpay"
)

// Error is an answer that is no success.
type Error struct {
	Status  int            `json:"-"`     // of HTTP
	Message string         `json:"error"` // for people
	Code    string         `json:"code"`  // a reject code of the protocol or one of the constants here
	Hint    string         `json:"hint,omitempty"`
	Details map[string]any `json:"details,omitempty"`

	allow string // the Allow header of MethodNotAllowed
}

// Codes beside the protocol's reject codes.
const (
	BadRequest       = "BAD_REQUEST"
	NotFound         = "NOT_FOUND"
	MethodNotAllowed = "METHOD_NOT_ALLOWED"
	NotAcceptable    = "NOT_ACCEPTABLE"
	NoQC             = "NO_QC"
	NoDemo           = "NO_DEMO"
	DemoRunning      = "DEMO_RUNNING"
	WrongHost        = "WRONG_HOST"
	WrongOrigin      = "WRONG_ORIGIN"
	BodyTooLarge     = "BODY_TOO_LARGE"
	WrongMediaType   = "WRONG_MEDIA_TYPE"
	RateLimited      = "RATE_LIMITED"
	Busy             = "BUSY"
	NotReady         = "NOT_READY"
	Deadline         = "DEADLINE"
	Internal         = "INTERNAL"
)

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// badRequest is an error of the caller.
func badRequest(format string, args ...any) error {
	return &Error{Status: http.StatusBadRequest, Code: BadRequest, Message: fmt.Sprintf(format, args...)}
}

// errorOf returns err as it is told. The status of a reject code is that of
// [fastpay.Classify]; what is neither is this aggregator's fault.
func errorOf(err error) *Error {
	var told *Error
	if errors.As(err, &told) {
		return told
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &Error{Status: http.StatusRequestEntityTooLarge, Code: BodyTooLarge, Message: fmt.Sprintf("the body has more than %d bytes", tooLarge.Limit)}
	}
	var code fastpay.Code
	if errors.As(err, &code) {
		return &Error{Status: fastpay.Classify(code).HTTP, Code: string(code), Message: err.Error()}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Status: http.StatusGatewayTimeout, Code: Deadline, Message: err.Error(), Hint: "the aggregator's chain node or the validators do not answer in time: look at /readyz"}
	}
	return &Error{Status: http.StatusInternalServerError, Code: Internal, Message: err.Error(), Hint: "look at the aggregator's log"}
}
