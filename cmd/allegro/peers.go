package main

import (
	"context"
	"text/tabwriter"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

func peersCommand() *cli.Command {
	leaf := func(name, usage, args string, action func(context.Context, *cli.Command, *session, bool) error) *cli.Command {
		return &cli.Command{
			Name: name, Usage: usage, ArgsUsage: args, Flags: []cli.Flag{homeFlag(), outputFlag()},
			HideHelpCommand: true, OnUsageError: usageError, Action: inSession(action),
		}
	}
	return &cli.Command{
		Name:  "peers",
		Usage: "look at the peers that this one knows",
		Commands: []*cli.Command{
			leaf("ls", "list them, with what keeps those away that are absent", "", listPeers),
			leaf("connect", "dial a peer once", "MULTIADDR", connectPeer),
			leaf("ping", "measure one round trip to a connected peer", "PEERID", pingPeer),
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

func listPeers(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	var doc document.Peers
	if err := s.Get(ctx, api.RoutePeers, "", nil, &doc); err != nil {
		return err
	}
	return printPeers(cmd, &doc, asJSON)
}

func printPeers(cmd *cli.Command, doc *document.Peers, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.Root().Writer, doc)
	}
	t := tabwriter.NewWriter(cmd.Root().Writer, 0, 0, 2, ' ', 0)
	say(t, "NAME\tROLE\tSTATE\tDIRECTION\tTRANSPORT\tROUND TRIP\tPEER ID\tADDRESS OR PROBLEM\n")
	for _, p := range doc.Peers {
		last := or(p.Address, "")
		if p.Problem != nil {
			last = *p.Problem
		}
		latency := "–"
		if p.LatencyMicros != nil {
			latency = millisOf(p.LatencyMicros)
		}
		say(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", or(p.Name, "–"), or(p.Role, "–"), p.State, or(p.Direction, "–"), or(p.Transport, "–"), latency, p.PeerID, printable(last))
	}
	return t.Flush()
}

func connectPeer(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	address, err := takesOne(cmd, "MULTIADDR")
	if err != nil {
		return err
	}
	var doc document.Peers
	if err := s.Post(ctx, api.RoutePeers, "", api.ConnectRequest{Address: address}, &doc); err != nil {
		return err
	}
	return printPeers(cmd, &doc, asJSON)
}

func pingPeer(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	id, err := takesOne(cmd, "PEERID")
	if err != nil {
		return err
	}
	var doc api.Ping
	if err := s.Post(ctx, api.RoutePing, id, nil, &doc); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &doc)
	}
	say(cmd.Root().Writer, "%s answered in %s\n", doc.PeerID, millisOf(&doc.LatencyMicros))
	return nil
}
