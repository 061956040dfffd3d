package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/urfave/cli/v3"
)

// homeFlag says which home a command works on; openHome and homeDir read it.
func homeFlag() cli.Flag {
	return &cli.StringFlag{
		Name:        "home",
		Usage:       "the peer's home `DIR`",
		DefaultText: "allegro/default where the system keeps a user's data",
		Sources:     cli.EnvVars("ALLEGRO_HOME"),
		Local:       true,
	}
}

// homeDir is the absolute path of the home that a command works on.
func homeDir(cmd *cli.Command) (string, error) {
	dir := cmd.String("home")
	if dir == "" {
		var err error
		if dir, err = home.DefaultDir(os.Getenv); err != nil {
			return "", fail(exitUsage, "%w", err)
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fail(exitUsage, "home: %w", err)
	}
	return dir, nil
}

// openHome opens the home that a command works on, with what the environment sets
// over its config. The config is not validated: a command may repair it. The error
// carries its exit code.
func openHome(cmd *cli.Command) (*home.Home, error) {
	dir, err := homeDir(cmd)
	if err != nil {
		return nil, err
	}
	h, err := home.Open(dir, os.LookupEnv)
	if errors.Is(err, home.ErrNoHome) {
		hint := "allegro init --role ROLE" + inHome(dir) + " makes one there; ROLE is validator, client or aggregator"
		if !cmd.IsSet("home") {
			hint += "; in the home of a testnet's peer: allegro testnet exec NAME -- COMMAND"
		}
		return nil, withHint(fail(exitUsage, "%w", err), hint)
	}
	return h, homeError(err)
}

// homeError gives an error about a home its exit code: what the disk does is not the
// user's fault, all else can be put right by a flag or in the home. nil and an
// interrupt stay what they are.
func homeError(err error) error {
	exit := new(exitError)
	disk := func(fault error) bool { return errors.Is(err, fault) }
	switch {
	case err == nil, errors.As(err, &exit), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, home.ErrWrongPassword):
		return fail(exitVerify, "%w", err)
	case slices.ContainsFunc([]error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS}, disk):
		return fail(exitInternal, "%w", err)
	default:
		return fail(exitUsage, "%w", err)
	}
}

// inHome is the --home flag for a command that is shown to be typed; empty if the
// command finds the home by itself. ALLEGRO_HOME does not count: allegro testnet exec
// sets it for one command, and whoever types the next one does not have it.
func inHome(dir string) string {
	unset := func(name string) string {
		if name == "ALLEGRO_HOME" {
			return ""
		}
		return os.Getenv(name)
	}
	if found, err := home.DefaultDir(unset); err == nil && found == dir {
		return ""
	}
	return " --home " + shellWord(dir)
}

// shellWord quotes a text so that a shell reads it as one word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@%,=", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// note tells people what is no part of a command's result.
func note(cmd *cli.Command, format string, args ...any) {
	fmt.Fprintln(cmd.Root().ErrWriter, "note:", printable(fmt.Sprintf(format, args...)))
}

// takesNothing refuses arguments.
func takesNothing(cmd *cli.Command) error {
	if cmd.Args().Present() {
		return fail(exitUsage, "%s takes no arguments, it got %q", cmd.FullName(), cmd.Args().First())
	}
	return nil
}

// takes returns a command's arguments, of which there must be one for each name.
func takes(cmd *cli.Command, names ...string) ([]string, error) {
	if n := cmd.Args().Len(); n != len(names) {
		return nil, fail(exitUsage, "%s wants %s: it got %s", cmd.FullName(), strings.Join(names, " "), plural(n, "argument"))
	}
	return cmd.Args().Slice(), nil
}

// takesOne returns a command's only argument.
func takesOne(cmd *cli.Command, name string) (string, error) {
	args, err := takes(cmd, name)
	if err != nil {
		return "", err
	}
	return args[0], nil
}

// plural writes a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
