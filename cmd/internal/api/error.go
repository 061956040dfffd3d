package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/allegro-p2p/allegro/fastpay"
)

// Error is a refusal of the API.
type Error struct {
	Status  int    `json:"-"`    // of HTTP
	Code    string `json:"code"` // a reject code of the protocol in lower case, or one of the constants here
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Codes beside the protocol's reject codes.
const (
	CodeUsage       = "usage"
	CodeNotFound    = "not_found"
	CodeDeadline    = "deadline"
	CodeBusy        = "busy"
	CodeUnreachable = "unreachable"
	CodeInternal    = "internal"
	CodeWrongRole   = "wrong_role"
)

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the protocol's code, so that errors.Is finds it.
func (e *Error) Unwrap() error {
	for _, code := range fastpay.Codes() {
		if strings.EqualFold(string(code), e.Code) {
			return code
		}
	}
	return nil
}

// ErrorOf returns err as the API tells it.
func ErrorOf(err error) *Error {
	var told *Error
	if errors.As(err, &told) {
		return told
	}
	var code fastpay.Code
	if errors.As(err, &code) {
		return &Error{Status: fastpay.Classify(err).HTTP, Code: strings.ToLower(string(code)), Message: err.Error()}
	}
	return &Error{Status: http.StatusInternalServerError, Code: CodeInternal, Message: err.Error()}
}
