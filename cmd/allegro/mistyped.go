package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/allegro-p2p/allegro/p2p/netfile/strict"
	"github.com/urfave/cli/v3"
)

// needsCommand is the action of a command that only groups others.
func needsCommand(_ context.Context, cmd *cli.Command) error {
	hint := fmt.Sprintf("%s --help lists them", cmd.FullName())
	name := cmd.Args().First()
	if name == "" {
		return withHint(fail(exitUsage, "%s wants one of its commands", cmd.Name), hint)
	}
	var names []string
	for _, c := range cmd.VisibleCommands() {
		names = append(names, c.Names()...)
	}
	return withHint(fail(exitUsage, "%s has no command %q", cmd.Name, name), didYouMean(strict.Nearest(name, names), hint))
}

// usageError ends a command whose flags cannot be read, without the page of help
// that the library would mix into the output.
func usageError(_ context.Context, cmd *cli.Command, err error, _ bool) error {
	hint := fmt.Sprintf("%s --help lists the flags", cmd.FullName())
	if given, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
		hint = didYouMean(meantFlag(cmd, strings.TrimLeft(given, "-")), hint)
	}
	return withHint(fail(exitUsage, "%w", err), hint)
}

// meantFlag is what was probably meant by a flag that a command does not have; "" if
// nothing is alike. The version is a command.
func meantFlag(cmd *cli.Command, given string) string {
	if cmd.Root() == cmd && (given == "version" || given == "v") {
		return "allegro version"
	}
	var names []string
	for _, f := range cmd.VisibleFlags() {
		names = append(names, f.Names()[0])
	}
	near := strict.Nearest(given, names)
	if near == "" {
		return ""
	}
	return "--" + near
}

// didYouMean puts a guess before a hint.
func didYouMean(guess, hint string) string {
	if guess == "" {
		return hint
	}
	return fmt.Sprintf("did you mean %s? %s", guess, hint)
}

// noHelpFor gives the library's only error of its own, help for a command that there is
// not, the form of the others.
func noHelpFor(err error) error {
	var library cli.ExitCoder
	if !errors.As(err, &library) {
		return err
	}
	text := strings.Replace(library.Error(), "No help topic for", "allegro help: there is no command", 1)
	return withHint(fail(exitUsage, "%s", text), "allegro --help lists them")
}
