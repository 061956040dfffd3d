package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test program be allegro, in scripts and for whoever runs it under
// that name.
func TestMain(m *testing.M) {
	if os.Getenv("GORACE") == "" {
		// A program built for the race detector sleeps for a second when it ends.
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	time.Local = time.UTC // files of testdata have times of day
	testscript.Main(m, map[string]func(){"allegro": main})
}

// TestScripts runs command lines as a person types them, each in a process of its
// own. No script meets the homes of whoever runs the tests.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "firsttx": firstTx, "flip": flip, "impoverish": impoverish, "kill9": kill9, "outside": outside, "requested": requested,
			"secretless": secretless, "shorten": shorten, "target": target, "until": until,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", filepath.Join(env.WorkDir, "user"))
			env.Defer(func() { stopTestnet(t, filepath.Join(env.WorkDir, "net")) })
			return nil
		},
	})
}

// exits runs a program and checks the code that it ends with: exits N PROGRAM ARGS.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N program [args…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) {
			ts.Fatalf("running %s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

const (
	// untilPatience is when until gives up: far beyond what it waits for on any machine.
	untilPatience = 2 * time.Minute
	// untilPause leaves the machine to those that are waited for.
	untilPause = 250 * time.Millisecond
)

// until runs a program again until it prints what it should: until REGEXP PROGRAM ARGS.
// How the program ends does not matter.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP program [args…]")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for began := time.Now(); time.Since(began) < untilPatience; time.Sleep(untilPause) {
		if err := ts.Exec(args[1], args[2:]...); err != nil && !errors.As(err, new(*exec.ExitError)) {
			ts.Fatalf("running %s: %v", args[1], err)
		}
		if want.MatchString(ts.ReadFile("stdout")) {
			return
		}
	}
	ts.Fatalf("%s did not print %q within %s", args[1], args[0], untilPatience)
}
