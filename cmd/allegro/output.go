package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/urfave/cli/v3"
)

// Forms of a command's result.
const (
	outputText = "text"
	outputJSON = "json"
)

// outputFlag is the -o flag of a command whose action is made by withOutput.
func outputFlag() cli.Flag {
	return &cli.StringFlag{
		Name:    "output",
		Aliases: []string{"o"},
		Usage:   "print the result as `FORMAT`: text or json",
		Value:   outputText,
		Local:   true,
	}
}

// withOutput makes the action of a command that has outputFlag. run writes its
// result to cmd.Root().Writer, exactly one document if asJSON is set. Its error
// then becomes JSON too (see printError).
func withOutput(run func(ctx context.Context, cmd *cli.Command, asJSON bool) error) cli.ActionFunc {
	return func(ctx context.Context, cmd *cli.Command) error {
		switch format := cmd.String("output"); format {
		case outputText:
			return run(ctx, cmd, false)
		case outputJSON:
			if err := run(ctx, cmd, true); err != nil {
				return &jsonError{err}
			}
			return nil
		default:
			return fail(exitUsage, "output format %q is unknown: use text or json", format)
		}
	}
}

// jsonError is an error of a command that was asked for JSON.
type jsonError struct{ err error }

func (e *jsonError) Error() string { return e.err.Error() }
func (e *jsonError) Unwrap() error { return e.err }

// hintError is an error with advice that is no part of the sentence about what
// went wrong.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// withHint adds advice to an error. An empty hint adds none.
func withHint(err error, hint string) error {
	if hint == "" {
		return err
	}
	return &hintError{err, hint}
}

// wantsJSON reports whether a command line asks for JSON. It is for errors about the
// line itself, of which no command has read the flags.
func wantsJSON(args []string) bool {
	for i, arg := range args {
		switch arg {
		case "--":
			return false
		case "-o=json", "--output=json":
			return true
		case "-o", "--output":
			if i+1 < len(args) && args[i+1] == outputJSON {
				return true
			}
		}
	}
	return false
}

// asAsked makes an error JSON if the command line asked for that.
func asAsked(err error, args []string) error {
	if j := new(jsonError); err == nil || errors.As(err, &j) || !wantsJSON(args) {
		return err
	}
	return &jsonError{err}
}

// errorDocument is what a failed command prints to standard error if it was
// asked for JSON.
type errorDocument struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Code    string `json:"code"` // see codeOf
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// printError writes the error that a command ended in: its text and a line of
// advice, or one JSON document if the command was asked for that. Lines of the text
// after the first are indented, so that none of them poses as another message.
func printError(w io.Writer, err error) {
	if errors.Is(err, errSaid) {
		return
	}
	var hint string
	if h := new(hintError); errors.As(err, &h) {
		hint = h.hint
	}
	if j := new(jsonError); errors.As(err, &j) {
		// Nothing is left to do about a standard error that is closed.
		_ = writeJSON(w, errorDocument{errorBody{codeOf(err), err.Error(), hint}})
		return
	}
	for i, line := range strings.Split(strings.TrimSpace(err.Error()), "\n") {
		if i == 0 {
			fmt.Fprintln(w, "allegro:", printable(line))
		} else {
			fmt.Fprintln(w, " ", printable(strings.TrimRight(line, " \r")))
		}
	}
	if hint != "" {
		fmt.Fprintln(w, "  hint:", printable(hint))
	}
}

// codeOf names an error for programs: the protocol's reject code in lower case,
// else the meaning of the exit code.
func codeOf(err error) string {
	var code fastpay.Code
	if errors.As(err, &code) {
		return strings.ToLower(string(code))
	}
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	exit := &exitError{code: exitUsage}
	errors.As(err, &exit)
	switch exit.code {
	case exitUsage:
		return "usage"
	case exitVerify:
		return "verification_failed"
	case exitDeadline:
		return "deadline"
	case exitRejected:
		return "rejected"
	case exitUnreachable:
		return "unreachable"
	case exitConflict:
		return "conflict"
	default:
		return "internal"
	}
}

// writeJSON writes one indented JSON document.
func writeJSON(w io.Writer, document any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(document)
}

// printable escapes what could move a terminal's cursor or hide text: s may come
// from a file or a peer that nobody vouches for.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}
