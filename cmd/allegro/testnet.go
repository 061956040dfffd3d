package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/testnet/processes"
	"github.com/urfave/cli/v3"
)

func testnetCommand() *cli.Command {
	return &cli.Command{
		Name:  "testnet",
		Usage: "run a network of processes on this machine",
		Description: "A testnet is a folder with a home for each peer, a development chain and one network file. Its keys\n" +
			"are random and its money is worth nothing. On another's chain (init --chain) its accounts get their\n" +
			"money from a development account when it is first up.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "the testnet in `DIR`", Value: "net", Sources: cli.EnvVars("ALLEGRO_TESTNET")},
		},
		Commands: []*cli.Command{
			{
				Name: "init", Usage: "make a testnet: keys, homes, network file and genesis",
				Flags: []cli.Flag{
					&cli.IntFlag{Name: "validators", Value: 2, Usage: "`N` validators", Local: true},
					&cli.StringFlag{Name: "clients", Value: "alice,bob,carol", Usage: "clients called `NAMES`: the first gets $15, the others $5", Local: true},
					&cli.IntFlag{Name: "aggregators", Value: 1, Usage: "`N` aggregators", Local: true},
					&cli.DurationFlag{Name: "block-time", Value: 5 * time.Second, Usage: "time between blocks, in whole seconds", Local: true},
					laneFlag(),
					&cli.StringSliceFlag{Name: "chain", Usage: "settle on a Tempo chain with blocks of --block-time whose development accounts hold money, at the node `URL`, instead of an own chain; can be repeated, the peers take the nodes in turn", Local: true},
					finalityFlag(),
					&cli.DurationFlag{Name: "epoch-length", Value: 30 * 24 * time.Hour, Usage: "how long the first committee is in office", Local: true},
					outputFlag(),
				},
				OnUsageError: usageError, Action: withOutput(initTestnet),
			},
			{
				Name: "up", Usage: "start what does not run, and wait until every peer reaches a quorum",
				Flags:        []cli.Flag{timeoutFlag(time.Minute), outputFlag()},
				OnUsageError: usageError, Action: withOutput(upTestnet),
			},
			{
				Name: "down", Usage: "stop everything that runs of it", Flags: []cli.Flag{timeoutFlag(time.Minute), outputFlag()},
				OnUsageError: usageError, Action: withOutput(downTestnet),
			},
			{
				Name: "reset", Usage: "stop it and start over with new keys, a new committee and a fresh chain",
				Flags: []cli.Flag{timeoutFlag(time.Minute), outputFlag()}, OnUsageError: usageError, Action: withOutput(resetTestnet),
			},
			{
				Name: "status", Usage: "show every process: role, peer id, address, API, log, and what it lacks",
				Flags: []cli.Flag{outputFlag()}, OnUsageError: usageError, Action: withOutput(statusTestnet),
			},
			{
				Name: "start", Usage: "start one peer, or the chain", ArgsUsage: "NAME",
				Flags: []cli.Flag{outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: onePeer(func(ctx context.Context, n *processes.Net, name string) error { return n.Start(ctx, name) }),
			},
			{
				Name: "stop", Usage: "stop one peer, or the chain", ArgsUsage: "NAME",
				Flags: []cli.Flag{outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: onePeer(func(ctx context.Context, n *processes.Net, name string) error { return n.Stop(ctx, name) }),
			},
			{
				Name: "logs", Usage: "print the log of a peer, or of the chain", ArgsUsage: "NAME",
				HideHelpCommand: true, OnUsageError: usageError, Action: logsTestnet,
			},
			{
				Name: "exec", Usage: "run an allegro command in the home of a peer", ArgsUsage: "NAME -- COMMAND…",
				Description:     "allegro testnet exec alice -- pay --to bob --amount 10",
				HideHelpCommand: true, OnUsageError: execUsage, Action: execTestnet,
			},
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

func timeoutFlag(value time.Duration) cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Value: value, Usage: "give up after this `DURATION`", Local: true}
}

// testnetProgram is the program that a testnet runs: this one.
func testnetProgram() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", fail(exitInternal, "finding this program: %w", err)
	}
	return program, nil
}

// openTestnet opens the testnet that --dir names.
func openTestnet(cmd *cli.Command) (*processes.Net, error) {
	program, err := testnetProgram()
	if err != nil {
		return nil, err
	}
	n, err := processes.Open(cmd.String("dir"), program)
	if err != nil {
		return nil, fail(exitUsage, "%w", err)
	}
	return n, nil
}

// testnetError gives a failure of a testnet its exit code: that of the command that
// failed in it.
func testnetError(err error) error {
	var command *processes.CommandError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &command) && command.Code > 0:
		return &exitError{command.Code, err}
	}
	return fail(exitInternal, "%w", err)
}

func initTestnet(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	program, err := testnetProgram()
	if err != nil {
		return err
	}
	finality, err := finalityOf(cmd)
	if err != nil {
		return err
	}
	spec := processes.Spec{
		Validators: cmd.Int("validators"), Aggregators: cmd.Int("aggregators"), Lane: netfile.Lane(cmd.String("lane")),
		BlockTime: cmd.Duration("block-time"), EpochLength: cmd.Duration("epoch-length"),
		ChainURLs: cmd.StringSlice("chain"), Finality: finality,
	}
	for i, name := range strings.FieldsFunc(cmd.String("clients"), func(r rune) bool { return r == ',' || r == ' ' }) {
		account := testnet.Account{Name: name, Balance: 5 * testnet.Dollar}
		if i == 0 {
			account.Balance = 15 * testnet.Dollar
		}
		spec.Clients = append(spec.Clients, account)
	}
	if err := spec.Validate(); err != nil {
		return fail(exitUsage, "%w", err)
	}
	n, err := processes.Init(ctx, cmd.String("dir"), program, spec)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	if asJSON {
		return printTestnet(ctx, cmd, n, true)
	}
	say(cmd.Root().Writer, "testnet in %s: %s\n  next  allegro testnet%s up\n", n.Dir(), strings.Join(n.Names(), ", "), dirFlagText(cmd))
	return nil
}

// dirFlagText is the --dir flag that a next command needs.
func dirFlagText(cmd *cli.Command) string {
	if !cmd.IsSet("dir") {
		return ""
	}
	return " --dir " + cmd.String("dir")
}

func upTestnet(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	n, err := openTestnet(cmd)
	if err != nil {
		return err
	}
	if err := n.Up(ctx, cmd.Duration("timeout")); err != nil {
		return withHint(testnetError(err), fmt.Sprintf("allegro testnet%s status tells who lacks what, allegro testnet logs NAME why", dirFlagText(cmd)))
	}
	return printTestnet(ctx, cmd, n, asJSON)
}

func downTestnet(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	return withTestnet(ctx, cmd, asJSON, func(ctx context.Context, n *processes.Net) error { return n.Down(ctx) })
}

func resetTestnet(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	return withTestnet(ctx, cmd, asJSON, func(ctx context.Context, n *processes.Net) error { return n.Reset(ctx) })
}

// withTestnet does something with a testnet within --timeout, and tells programs what
// it is then.
func withTestnet(ctx context.Context, cmd *cli.Command, asJSON bool, do func(context.Context, *processes.Net) error) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	n, err := openTestnet(cmd)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, cmd.Duration("timeout"))
	defer cancel()
	if err := do(limited, n); err != nil || !asJSON {
		return testnetError(err)
	}
	return printTestnet(ctx, cmd, n, true)
}

// onePeer is the action of a command about one peer.
func onePeer(do func(ctx context.Context, n *processes.Net, name string) error) cli.ActionFunc {
	return withOutput(func(ctx context.Context, cmd *cli.Command, asJSON bool) error {
		name, err := takesOne(cmd, "NAME")
		if err != nil {
			return err
		}
		n, err := openTestnet(cmd)
		if err != nil {
			return err
		}
		if _, err := n.Log(name); err != nil {
			return fail(exitUsage, "%w", err)
		}
		if err := do(ctx, n, name); err != nil || !asJSON {
			return testnetError(err)
		}
		return printTestnet(ctx, cmd, n, true)
	})
}

func logsTestnet(_ context.Context, cmd *cli.Command) error {
	name, err := takesOne(cmd, "NAME")
	if err != nil {
		return err
	}
	n, err := openTestnet(cmd)
	if err != nil {
		return err
	}
	path, err := n.Log(name)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	file, err := os.Open(path)
	if err != nil {
		return fail(exitUsage, "%s has not run yet: %w", name, err)
	}
	defer file.Close()
	if _, err := io.Copy(cmd.Root().Writer, file); err != nil {
		return fail(exitInternal, "reading the log: %w", err)
	}
	return nil
}

// execUsage is usageError for exec: what it does not know is most likely a flag of COMMAND.
func execUsage(_ context.Context, cmd *cli.Command, err error, _ bool) error {
	hint := "put -- before the command: allegro testnet exec alice -- pay --to bob --amount 10; %s --help lists the flags of exec"
	return withHint(fail(exitUsage, "%w", err), fmt.Sprintf(hint, cmd.FullName()))
}

func execTestnet(ctx context.Context, cmd *cli.Command) error {
	args := cmd.Args().Slice()
	if len(args) < 2 {
		return withHint(fail(exitUsage, "testnet exec wants a NAME and a command"), "allegro testnet exec alice -- balance")
	}
	n, err := openTestnet(cmd)
	if err != nil {
		return err
	}
	name, words := args[0], args[1:]
	if words[0] == "--" {
		words = words[1:]
	}
	home, err := n.Home(name)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	program, err := testnetProgram()
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, program, words...)
	child.Env = append(os.Environ(), "ALLEGRO_HOME="+home)
	child.Stdin, child.Stdout, child.Stderr = cmd.Root().Reader, cmd.Root().Writer, cmd.Root().ErrWriter
	child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
	var exit *exec.ExitError
	if err := child.Run(); errors.As(err, &exit) {
		return &exitError{exitCodeOf(exit), errSaid}
	} else if err != nil {
		return fail(exitInternal, "running allegro %s: %w", strings.Join(words, " "), err)
	}
	return nil
}

// exitCodeOf is how a command ended, in a shell's words if a signal ended it.
func exitCodeOf(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// errSaid is an error that a command which this one ran has told of itself.
var errSaid = errors.New("")

func statusTestnet(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	n, err := openTestnet(cmd)
	if err != nil {
		return err
	}
	return printTestnet(ctx, cmd, n, asJSON)
}

// testnetDocument is a testnet with its processes.
type testnetDocument struct {
	Schema    string          `json:"schema"`
	Dir       string          `json:"dir"`
	Processes []processes.Row `json:"processes"`
}

func printTestnet(ctx context.Context, cmd *cli.Command, n *processes.Net, asJSON bool) error {
	rows, err := n.Status(ctx)
	if err != nil {
		return testnetError(err)
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, testnetDocument{"allegro.testnet/v1", n.Dir(), rows})
	}
	var table bytes.Buffer
	say(&table, "testnet in %s, where API and LOG are\n", n.Dir())
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	within := func(path string) string {
		if rel, err := filepath.Rel(n.Dir(), path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
		return path
	}
	say(t, "NAME\tROLE\tPID\tHEIGHT\tQUORUM\tADDRESS\tPEER ID\tAPI\tLOG\n")
	for _, r := range rows {
		pid := "–"
		if r.PID != nil {
			pid = fmt.Sprint(*r.PID)
		} else if !r.Running {
			pid = "down"
		}
		say(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Role, pid, or(r.Height, "–"), or(r.Quorum, "–"), or(r.Address, "–"), or(r.PeerID, "–"), within(or(r.API, "–")), within(r.Log))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if r.HTTP != nil {
			say(&table, "page of %s: %s\n", r.Name, *r.HTTP)
		}
	}
	for _, r := range rows {
		for _, problem := range r.Problem {
			say(&table, "  %s: %s\n", r.Name, printable(problem))
		}
	}
	_, err = table.WriteTo(cmd.Root().Writer)
	return err
}
