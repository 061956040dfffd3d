package main

import (
	"context"
	"io"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/urfave/cli/v3"
)

func idCommand() *cli.Command {
	return &cli.Command{
		Name:  "id",
		Usage: "show who this peer is, and how it is if it runs",
		Description: "The document of -o json is what others need to put a validator into a committee: see\n" +
			"allegro committee new. The digest is that of the home's network.toml: peers with another one are of\n" +
			"another network.",
		Flags:        []cli.Flag{homeFlag(), outputFlag()},
		OnUsageError: usageError,
		Action:       withOutput(showID),
	}
}

func showID(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	self, err := selfOf(ctx, h)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, self)
	}
	printSelf(cmd.Root().Writer, self)
	return nil
}

// selfOf asks the running peer of a home who it is, or reads the home.
func selfOf(ctx context.Context, h *home.Home) (*api.Self, error) {
	client, err := dialRunning(ctx, h)
	if err != nil {
		return nil, err
	}
	if client == nil {
		return newSelf(h)
	}
	defer client.Close()
	var self api.Self
	if err := client.Get(ctx, api.RouteSelf, "", nil, &self); err != nil {
		return nil, apiError(err)
	}
	return &self, nil
}

func printSelf(w io.Writer, self *api.Self) {
	say(w, "%s %q\n", self.Role, self.Name)
	say(w, "  home      %s\n", self.Home)
	say(w, "  peer id   %s\n", self.PeerID)
	for _, a := range self.Addresses {
		say(w, "  address   %s\n", a)
	}
	if self.ValidatorKey != nil {
		say(w, "  vote key  %s\n", self.ValidatorKey)
	}
	if self.Account != nil {
		say(w, "  account   %s\n", self.Account)
	}
	if self.NetworkDigest != nil {
		say(w, "  digest    %s\n", *self.NetworkDigest)
	}
	r := self.Running
	if r == nil {
		say(w, "  running   no\n")
		return
	}
	say(w, "  running   pid %d since %s\n", r.PID, clock(&r.Since))
	say(w, "  network   %s\n", r.Network)
	say(w, "  chain     %s at %s%s, height %s, finalized %s\n", r.Chain.ID, r.Chain.Node, map[bool]string{true: " (a backup)"}[r.Chain.Backup], or(r.Chain.Height, "unknown"), or(r.Chain.FinalizedHeight, "unknown"))
	say(w, "  quorum    reaches %d of %d, %d are needed\n", r.Ready.Weight, r.Ready.Total, r.Ready.Threshold)
	if r.Signing != nil {
		say(w, "  signing   %s\n", map[bool]string{true: "yes", false: "no: " + printable(or(r.WhyNot, ""))}[*r.Signing])
	}
	for _, text := range append(append(append([]string{}, r.Ready.Waiting...), r.Ready.Missing...), r.Problems...) {
		say(w, "  problem   %s\n", printable(text))
	}
}
