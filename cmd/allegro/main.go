// Command allegro is every role of the Allegro payment network in one binary.
// Each file here is one command: it turns flags into the configuration of a
// package and calls its Run; no decision of the protocol is made here.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"
)

// Exit codes, held by tests. Scripts rely on them.
const (
	exitOK          = 0
	exitInternal    = 1
	exitUsage       = 2 // bad flags, configuration or input
	exitVerify      = 3 // a QC, signature or committee did not verify
	exitDeadline    = 4 // no quorum in time; demo: a block came first
	exitRejected    = 5 // validators refused
	exitUnreachable = 6 // no peer or API answered
	exitConflict    = 7 // equivocation seen
	exitInterrupted = 130
)

// exitError carries the exit code that a command's error ends in.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// fail returns an error that ends the program with code.
func fail(code int, format string, args ...any) error {
	return &exitError{code: code, err: fmt.Errorf(format, args...)}
}

func main() {
	ctx, cancel := interruptible()
	code := run(ctx, os.Args)
	cancel()
	os.Exit(code)
}

// interruptible returns a context that ends with the first signal to stop, of which the
// end of the terminal is one: a demo leaves no process behind. The second one finds no handler and ends the process at once.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel()
	}()
	return ctx, cancel
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string) int {
	err := ended(ctx, args, newApp().Run(ctx, args))
	if err == nil {
		return exitOK
	}
	printError(os.Stderr, err)
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	default:
		return exitUsage
	}
}

// ended is the error of a command line as it is told: an interrupt is one, wherever it
// met the command, and JSON is JSON.
func ended(ctx context.Context, args []string, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = &exitError{exitInterrupted, &interruptedError{err}}
	}
	return asAsked(noHelpFor(err), args)
}

// interruptedError is what an interrupted command ended in.
type interruptedError struct{ err error }

// Error says so, and what went wrong beside it.
func (e *interruptedError) Error() string {
	said := []string{"interrupted"}
	for line := range strings.Lines(e.err.Error()) {
		if line = strings.TrimSpace(line); !strings.Contains(line, context.Canceled.Error()) {
			said = append(said, line)
		}
	}
	return strings.Join(said, "\n")
}

func (e *interruptedError) Unwrap() error { return e.err }

// newApp builds the command tree.
func newApp() *cli.Command {
	return &cli.Command{
		Name:  "allegro",
		Usage: "pay on Tempo and be sure of it in milliseconds",
		Description: "Clients, validators and aggregators are peers of one network. Each has a home, a directory that allegro\n" +
			"init makes, and runs in it until it is stopped. A command with --home asks the peer that runs there, or\n" +
			"starts it for the moment, unless it is a validator. Every command explains itself with --help, and so does\n" +
			"allegro man.",
		EnableShellCompletion: true,
		// Exit codes are decided in run, not inside the library.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		Action:         needsCommand,
		OnUsageError:   usageError,
		// The library hides it.
		ConfigureShellCompletionCommand: showCompletion,
		Commands: []*cli.Command{
			demoCommand(),
			testnetCommand(),
			devchainCommand(),
			initCommand(),
			validatorCommand(),
			clientCommand(),
			aggregatorCommand(),
			payCommand(),
			requestCommand(),
			ordersCommand(),
			balanceCommand(),
			txCommand(),
			whyCommand(),
			qcCommand(),
			committeeCommand(),
			idCommand(),
			peersCommand(),
			pubsubCommand(),
			topCommand(),
			metricsCommand(),
			waitCommand(),
			doctorCommand(),
			profileCommand(),
			keyCommand(),
			accountCommand(),
			configCommand(),
			tempoCommand(),
			manCommand(),
			versionCommand(),
		},
	}
}
