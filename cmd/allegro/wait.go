package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/urfave/cli/v3"
)

func waitCommand() *cli.Command {
	return &cli.Command{
		Name:  "wait",
		Usage: "wait until a running peer is ready for something",
		Description: "api: its commands are answered. mesh: every validator that can be reached is connected and gossip\n" +
			"flows. quorum: the reached validators can certify a payment; a validator also signs itself.\n" +
			"block: the height moves.\n" +
			"Exit code 4, with what is missing, if that does not come in time; 6 if no peer runs in the home.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "for", Value: "quorum", Usage: "wait for `WHAT`: api, mesh, quorum or block", Local: true},
			&cli.DurationFlag{Name: "timeout", Value: 30 * time.Second, Usage: "wait no longer than this `DURATION`", Local: true},
			homeFlag(), outputFlag(),
		},
		OnUsageError: usageError,
		Action:       withOutput(waitFor),
	}
}

// waitFor asks the running peer; one that was started for the moment would be gone
// when somebody relies on the answer.
func waitFor(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	timeout := cmd.Duration("timeout")
	if timeout <= 0 {
		return fail(exitUsage, "--timeout %s is not positive", timeout)
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(timeout)
	waiting, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	client, err := awaitRunning(waiting, h)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return notRunning(h, timeout)
	}
	defer client.Close()
	var self api.Self
	left := max(time.Until(deadline), time.Millisecond)
	if err := client.Get(ctx, api.RouteWait, "", url.Values{"for": {cmd.String("for")}, "timeout": {left.String()}}, &self); err != nil {
		return apiError(err)
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &self)
	}
	if cmd.String("for") == "block" {
		say(cmd.Root().Writer, "height %s\n", or(self.Running.Chain.Height, "unknown"))
		return nil
	}
	say(cmd.Root().Writer, "%s %q is ready for %s: reaches %d of %d, %d are needed\n",
		self.Role, self.Name, cmd.String("for"), self.Running.Ready.Weight, self.Running.Ready.Total, self.Running.Ready.Threshold)
	return nil
}

// notRunning is the error about a home in which no peer answers.
func notRunning(h *home.Home, timeout time.Duration) error {
	return withHint(fail(exitUnreachable, "no peer answers in home %s within %s", h.Dir(), timeout),
		runHint(h))
}

// runHint is the command that runs the peer of a home.
func runHint(h *home.Home) string {
	return fmt.Sprintf("allegro %s run%s", h.Config().Node.Role, inHome(h.Dir()))
}
