package main

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

func peersCommand() *cli.Command {
	leaf := func(name, usage, args string, action func(context.Context, *cli.Command, *session, bool) error, flags ...cli.Flag) *cli.Command {
		return &cli.Command{
			Name: name, Usage: usage, ArgsUsage: args, Flags: append(flags, homeFlag(), outputFlag()),
			HideHelpCommand: true, OnUsageError: usageError, Action: inSession(action),
		}
	}
	column := func(name, usage string) cli.Flag { return &cli.BoolFlag{Name: name, Usage: usage, Local: true} }
	return &cli.Command{
		Name:        "peers",
		Usage:       "look at the peers that this one knows",
		Description: "PEER is a peer id, or the name of a member in network.toml.",
		Commands: []*cli.Command{
			leaf("ls", "list them, with what keeps those away that are absent", "", listPeers,
				column("latency", "measure each round trip now"),
				column("transport", "show direction and transport, and how long the connection is open"),
				column("topics", "show the topics that a peer subscribes to; those in whose mesh it is with a *")),
			leaf("info", "show all that is known of one of them", "PEER", showPeer),
			leaf("connect", "dial a peer once", "MULTIADDR", connectPeer),
			leaf("disconnect", "close the connections to a peer; a member, and who is in p2p.peers, is dialed again", "PEER", disconnectPeer),
			leaf("ping", "measure one round trip to a connected peer", "PEER", pingPeer),
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

func listPeers(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	query := url.Values{}
	if cmd.Bool("latency") {
		query.Set("measure", "true")
	}
	var doc document.Peers
	if err := s.Get(ctx, api.RoutePeers, "", query, &doc); err != nil {
		return err
	}
	var topics document.Topics
	if cmd.Bool("topics") && !asJSON {
		if err := s.Get(ctx, api.RouteTopics, "", nil, &topics); err != nil {
			return err
		}
	}
	return printPeers(cmd, &doc, topics.Topics, asJSON)
}

// printPeers lists peers with the columns that flags ask for.
func printPeers(cmd *cli.Command, doc *document.Peers, topics []document.Topic, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.Root().Writer, doc)
	}
	rows := [][]string{{"NAME", "ROLE", "STATE"}}
	for _, p := range doc.Peers {
		rows = append(rows, []string{or(p.Name, "–"), or(p.Role, "–"), p.State})
	}
	add := func(heading string, cell func(p *document.Peer) string) {
		rows[0] = append(rows[0], heading)
		for i := range doc.Peers {
			rows[i+1] = append(rows[i+1], cell(&doc.Peers[i]))
		}
	}
	if cmd.Bool("transport") {
		add("DIRECTION", func(p *document.Peer) string { return or(p.Direction, "–") })
		add("TRANSPORT", func(p *document.Peer) string { return or(p.Transport, "–") })
		add("SINCE", func(p *document.Peer) string { return clock(p.SinceMicros) })
	}
	add("ROUND TRIP", func(p *document.Peer) string {
		if p.LatencyMicros == nil {
			return "–"
		}
		return millisOf(p.LatencyMicros)
	})
	if cmd.Bool("topics") {
		add("TOPICS", func(p *document.Peer) string { return topicsOf(p.PeerID, topics) })
	}
	add("PEER ID", func(p *document.Peer) string { return p.PeerID })
	add("ADDRESS OR PROBLEM", func(p *document.Peer) string { return printable(or(p.Problem, or(p.Address, ""))) })
	t := tabwriter.NewWriter(cmd.Root().Writer, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		say(t, "%s\n", strings.Join(row, "\t"))
	}
	return t.Flush()
}

// topicsOf names the topics that a peer subscribes to.
func topicsOf(id string, topics []document.Topic) string {
	is := func(p document.PeerName) bool { return p.PeerID == id }
	var kinds []string
	for _, t := range topics {
		switch {
		case slices.ContainsFunc(t.Mesh, is):
			kinds = append(kinds, t.Kind+"*")
		case slices.ContainsFunc(t.Peers, is):
			kinds = append(kinds, t.Kind)
		}
	}
	return cmp.Or(strings.Join(kinds, " "), "–")
}
