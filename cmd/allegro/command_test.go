package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// result is what a command line led to. exit is the code that the program would
// end with; errors is what it would print about its error.
type result struct {
	exit   int
	stdout string
	stderr string
	errors string
}

// command runs one command line, without the program's name, with input on
// standard input.
func command(t *testing.T, input io.Reader, args ...string) result {
	t.Helper()
	return commandWithin(t, t.Context(), input, args...)
}

func commandWithin(t *testing.T, ctx context.Context, input io.Reader, args ...string) result {
	t.Helper()
	var stdout, stderr, printed bytes.Buffer
	root := newApp()
	root.Reader, root.Writer, root.ErrWriter = input, &stdout, &stderr
	err := ended(ctx, args, root.Run(ctx, append([]string{"allegro"}, args...)))
	r := result{exit: exitOK}
	if err != nil {
		printError(&printed, err)
		exit := &exitError{code: exitUsage}
		if errors.Is(err, context.Canceled) {
			exit.code = exitInterrupted
		}
		errors.As(err, &exit)
		r.exit = exit.code
	}
	r.stdout, r.stderr, r.errors = stdout.String(), stderr.String(), printed.String()
	return r
}

// expect checks a command's exit code and that its output says something: on
// standard output if it succeeded, else in its error.
func (r result) expect(t *testing.T, exit int, says ...string) {
	t.Helper()
	if r.exit != exit {
		t.Errorf("exit code %d, want %d: %s", r.exit, exit, r.errors)
	}
	where := r.stdout
	if exit != exitOK {
		where = r.errors
		if r.stdout != "" {
			t.Errorf("a command that fails wrote to standard output: %s", r.stdout)
		}
	}
	for _, s := range says {
		if !strings.Contains(where, s) {
			t.Errorf("the output does not say %q:\n%s", s, where)
		}
	}
}

// decodeOne reads text as exactly one JSON document with the fields of v.
func decodeOne(t *testing.T, text string, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("more than one document in %s", text)
	}
}

// write writes a file in a directory of the test and returns its path.
func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
