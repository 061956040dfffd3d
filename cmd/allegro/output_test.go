package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
)

func TestPrintError(t *testing.T) {
	err := withHint(fail(exitVerify, "qc.json does not verify: %w", fastpay.WrongCommittee), "get the network file")
	var text, document strings.Builder
	printError(&text, err)
	if want := "allegro: qc.json does not verify: WRONG_COMMITTEE\n  hint: get the network file\n"; text.String() != want {
		t.Errorf("printed %q, want %q", text.String(), want)
	}
	printError(&document, &jsonError{err})
	var got errorDocument
	decodeOne(t, document.String(), &got)
	if want := (errorBody{"wrong_committee", "qc.json does not verify: WRONG_COMMITTEE", "get the network file"}); got.Error != want {
		t.Errorf("printed %+v, want %+v", got.Error, want)
	}
	text.Reset()
	printError(&text, errors.New("the file says \x1b[2J\u009b1m\nallegro: ok\u202e"))
	if want := `allegro: the file says \x1b[2J\u009b1m` + "\n  " + `allegro: ok\u202e` + "\n"; text.String() != want {
		t.Errorf("printed %q, want %q", text.String(), want)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := ended(ctx, nil, withHint(errors.Join(fail(exitInternal, "waiting: %w", context.Canceled), errors.New("stopping: disk full")), "it goes on"))
	var text strings.Builder
	printError(&text, err)
	if want := "allegro: interrupted\n  stopping: disk full\n  hint: it goes on\n"; text.String() != want {
		t.Errorf("printed %q, want %q", text.String(), want)
	}
	exit := new(exitError)
	if errors.As(err, &exit); exit.code != exitInterrupted || codeOf(err) != "interrupted" {
		t.Errorf("ends in %d, %s", exit.code, codeOf(err))
	}
}

func TestDemoRefusesTooManyProcesses(t *testing.T) {
	command(t, nil, "demo", "--processes", "--validators", "50").expect(t, exitUsage, "50 validators: between 1 and 20 processes")
}

func TestErrorCodes(t *testing.T) {
	for want, err := range map[string]error{
		"usage":               errors.New("flag provided but not defined: -x"),
		"internal":            fail(exitInternal, "disk full"),
		"verification_failed": fail(exitVerify, "too large"),
		"deadline":            fail(exitDeadline, "no quorum"),
		"rejected":            fail(exitRejected, "refused"),
		"unreachable":         &jsonError{fail(exitUnreachable, "no answer")},
		"conflict":            fail(exitConflict, "two payments for one slot"),
		"interrupted":         fmt.Errorf("waiting: %w", context.Canceled),
		"insufficient_funds":  fail(exitRejected, "refused: %w", fastpay.InsufficientFunds),
	} {
		if got := codeOf(err); got != want {
			t.Errorf("code of %q is %s, want %s", err, got, want)
		}
	}
}

func TestOutputFlag(t *testing.T) {
	for _, args := range [][]string{
		{"version", "-o", "json", "--colour"}, {"version", "--colour", "--output", "json"}, {"version", "--output=json", "--colour"},
	} {
		var got errorDocument
		r := command(t, nil, args...)
		r.expect(t, exitUsage)
		decodeOne(t, r.errors, &got)
		if got.Error.Code != "usage" || got.Error.Hint == "" {
			t.Errorf("%v ended in %+v", args, got)
		}
	}
	command(t, nil, "version", "--colour", "--", "-o", "json").expect(t, exitUsage, "allegro: flag provided")
	command(t, nil, "version", "-o", "yaml").expect(t, exitUsage, `output format "yaml" is unknown: use text or json`)
	command(t, nil, "version", "--colour").expect(t, exitUsage, "flag provided but not defined", "allegro version --help lists the flags")
}
