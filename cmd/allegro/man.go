package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/allegro-p2p/allegro/cmd/internal/man"
	"github.com/urfave/cli/v3"
)

// manCommand writes the manual.
func manCommand() *cli.Command {
	return &cli.Command{
		Name:      "man",
		Usage:     "print the manual page of a command, or write all of them",
		ArgsUsage: "[COMMAND ...]",
		Description: "A page is printed in roff: allegro man qc verify | man -l -\n" +
			"Without COMMAND it is the page of the program. With --dir all pages are written, for example into\n" +
			"/usr/local/share/man/man1, and man finds them: man allegro-qc-verify",
		Flags:           []cli.Flag{&cli.StringFlag{Name: "dir", Usage: "write all pages into `DIR`, which is made if it does not exist", Local: true}},
		HideHelpCommand: true,
		OnUsageError:    usageError,
		Action:          writeManual,
	}
}

// exitMeanings explains the exit codes.
var exitMeanings = []struct {
	code    int
	meaning string
}{
	{exitOK, "it went well"},
	{exitInternal, "something in this program or on this machine failed"},
	{exitUsage, "wrong flags, configuration or input; nothing was done"},
	{exitVerify, "a QC, signature or password does not verify"},
	{exitDeadline, "not in time: no quorum yet, or the payment is EXPIRED; demo: a block came first"},
	{exitRejected, "refused by the validators or the wallet, or the payment is REJECTED or FAILED"},
	{exitUnreachable, "no peer answers"},
	{exitConflict, "CONFLICTED: something foreign took the payment's slot or its money"},
	{exitInterrupted, "interrupted"},
}

// manualSections is what no single command says.
func manualSections() []man.Section {
	var codes []man.Term
	for _, e := range exitMeanings {
		codes = append(codes, man.Term{Name: fmt.Sprint(e.code), Meaning: e.meaning})
	}
	return []man.Section{
		{Title: "ENVIRONMENT", Terms: []man.Term{
			{Name: "ALLEGRO_HOME", Meaning: "the home of commands that are given none"},
			{Name: "ALLEGRO_TABLE_KEY", Meaning: "the value of a key of config.toml, such as ALLEGRO_P2P_LISTEN for p2p.listen: it wins over the file, and a flag wins over it. " +
				"allegro config show --origin tells where each value comes from"},
			{Name: "GOLOG_LOG_LEVEL, GOLOG_LOG_FMT", Meaning: "levels and format (json, nocolor or color, which are both text) of the log, for every program that logs " +
				"as libp2p does: they win over log.level and log.format in config.toml, and ALLEGRO_LOG_LEVEL and ALLEGRO_LOG_FORMAT over them"},
		}},
		{Title: "FILES", Text: "In a home:", Terms: []man.Term{
			{Name: "config.toml", Meaning: "what is the peer's own, each key with its meaning"},
			{Name: "network.toml", Meaning: "what all peers of the network share"},
			{Name: "contacts.toml", Meaning: "names of accounts"},
			{Name: "keys/", Meaning: "the transport key, a validator's vote key, and the password of the accounts if it was not kept elsewhere"},
			{Name: "keystore/", Meaning: "the accounts"},
			{Name: "data/", Meaning: "the database: a validator's votes, a wallet's payments. No copy of it may ever run: a validator would contradict itself"},
			{Name: "run/", Meaning: "the lock and the socket of the peer that runs"},
		}},
		{Title: "EXIT STATUS", Terms: codes},
	}
}

// writeManual is the action of man.
func writeManual(_ context.Context, cmd *cli.Command) error {
	v := thisVersion()
	date := ""
	if v.VCS != nil {
		date, _, _ = strings.Cut(v.VCS.Time, "T")
	}
	manual := man.New(cmd.Root(), v.Version, date, manualSections()...)
	dir := cmd.String("dir")
	if dir == "" {
		page := strings.Join(append([]string{cmd.Root().Name}, cmd.Args().Slice()...), "-")
		if err := manual.Write(cmd.Root().Writer, page); err != nil {
			return withHint(fail(exitUsage, "%w", err), "allegro --help lists the commands")
		}
		return nil
	}
	if cmd.Args().Present() {
		return fail(exitUsage, "--dir writes the pages of all commands: leave out %q", cmd.Args().First())
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(exitInternal, "--dir: %w", err)
	}
	for _, page := range manual.Pages() {
		var text strings.Builder
		if err := manual.Write(&text, page); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, page+".1"), []byte(text.String()), 0o644); err != nil {
			return fail(exitInternal, "--dir: %w", err)
		}
	}
	say(cmd.Root().Writer, "%d pages in %s\n", len(manual.Pages()), dir)
	return nil
}
