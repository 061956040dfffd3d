package main

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/urfave/cli/v3"
)

// Kinds of profiles.
var (
	timedProfiles  = []string{"cpu", "trace"} // of a while
	momentProfiles = []string{"heap", "allocs", "goroutine"}
	profileKinds   = strings.Join(slices.Concat(timedProfiles, momentProfiles), ", ")
)

// maxProfile bounds how long a running peer is slowed down.
const maxProfile = 5 * time.Minute

func profileCommand() *cli.Command {
	return &cli.Command{
		Name: "profile", Usage: "see what a running peer spends time and memory on", ArgsUsage: "KIND",
		Description: "KIND is " + profileKinds + ". The file is for go tool pprof, that of trace for go tool trace.\n" +
			"Profiles are served on the peer's own socket in its home, to its owner alone.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write it to `FILE`", Required: true, Local: true},
			&cli.DurationFlag{Name: "for", Usage: "watch a cpu or trace profile for `DURATION`, whole seconds", Value: 10 * time.Second, Local: true},
			homeFlag(), outputFlag(),
		},
		HideHelpCommand: true, OnUsageError: usageError,
		Action: withOutput(runProfile),
	}
}

// profileDocument says where a profile was written.
type profileDocument struct {
	Schema string `json:"schema"`
	Kind   string `json:"kind"`
	File   string `json:"file"`
}

func runProfile(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	kind, err := takesOne(cmd, "KIND")
	if err != nil {
		return err
	}
	wait, timed, moment := cmd.Duration("for"), slices.Contains(timedProfiles, kind), slices.Contains(momentProfiles, kind)
	switch {
	case !timed && !moment:
		return fail(exitUsage, "there is no profile %q: want one of %s", kind, profileKinds)
	case moment && cmd.IsSet("for"):
		return fail(exitUsage, "a %s profile is of one moment: leave out --for", kind)
	case wait < time.Second || wait > maxProfile || wait%time.Second != 0:
		return fail(exitUsage, "--for %s: want whole seconds, at least 1s and at most %s", wait, maxProfile)
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	client, err := dialRunning(ctx, h)
	if err != nil {
		return err
	}
	if client == nil {
		return withHint(fail(exitUnreachable, "no peer runs in home %s: there is nothing to profile", h.Dir()), runHint(h))
	}
	defer client.Close()
	var query url.Values
	if timed {
		query = url.Values{"seconds": {strconv.Itoa(int(wait / time.Second))}}
	}
	data, err := client.Raw(ctx, api.RouteProfile, kind, query)
	if err != nil {
		return apiError(err)
	}
	out := cmd.String("out")
	if err := home.WriteFile(out, data, 0o600); err != nil {
		return fail(exitUsage, "--out: %w", err)
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, profileDocument{"allegro.profile/v1", kind, out})
	}
	tool := "pprof"
	if kind == "trace" {
		tool = "trace"
	}
	say(cmd.Root().ErrWriter, "%s profile written to %s\n  hint: go tool %s %s\n", kind, out, tool, out)
	return nil
}
