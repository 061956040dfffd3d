package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

func pubsubCommand() *cli.Command {
	flags := func() []cli.Flag { return []cli.Flag{homeFlag(), outputFlag()} }
	return &cli.Command{
		Name:  "pubsub",
		Usage: "look at gossip",
		Commands: []*cli.Command{
			{
				Name: "topics", Usage: "list the joined topics with their peers and mesh", Flags: flags(),
				OnUsageError: usageError, Action: inSession(listTopics),
			},
			{
				Name: "peers", Usage: "list the peers of a topic", ArgsUsage: "TOPIC", Flags: flags(),
				Description:     "TOPIC is a topic's name, or its kind: tx, cert, head or evidence.",
				HideHelpCommand: true, OnUsageError: usageError, Action: inSession(listTopicPeers),
			},
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

func listTopics(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	var doc document.Topics
	if err := s.Get(ctx, api.RouteTopics, "", nil, &doc); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &doc)
	}
	t := tabwriter.NewWriter(cmd.Root().Writer, 0, 0, 2, ' ', 0)
	say(t, "TOPIC\tPEERS\tMESH\tIN THE MESH\n")
	for _, topic := range doc.Topics {
		var mesh []string
		for _, p := range topic.Mesh {
			mesh = append(mesh, or(p.Name, shortPeer(p.PeerID)))
		}
		say(t, "%s\t%d\t%d\t%s\n", topic.Name, len(topic.Peers), len(topic.Mesh), strings.Join(mesh, ", "))
	}
	return t.Flush()
}

// shortPeer is the end of a peer id, which tells peers apart.
func shortPeer(id string) string { return "…" + id[max(len(id)-6, 0):] }

func listTopicPeers(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	name, err := takesOne(cmd, "TOPIC")
	if err != nil {
		return err
	}
	var doc document.Topics
	if err := s.Get(ctx, api.RouteTopics, "", nil, &doc); err != nil {
		return err
	}
	found := document.Topics{Schema: doc.Schema, Topics: []document.Topic{}}
	var kinds []string
	for _, t := range doc.Topics {
		kinds = append(kinds, t.Kind)
		if t.Name == name || t.Kind == name {
			found.Topics = append(found.Topics, t)
		}
	}
	if len(found.Topics) == 0 {
		return fail(exitUsage, "topic %q is not joined: this peer has %s", name, strings.Join(slices.Compact(kinds), ", "))
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &found)
	}
	t := tabwriter.NewWriter(cmd.Root().Writer, 0, 0, 2, ' ', 0)
	say(t, "TOPIC\tNAME\tPEER ID\tMESH\n")
	for _, topic := range found.Topics {
		for _, p := range topic.Peers {
			inMesh := slices.ContainsFunc(topic.Mesh, func(m document.PeerName) bool { return m.PeerID == p.PeerID })
			say(t, "%s\t%s\t%s\t%s\n", topic.Kind, or(p.Name, "–"), p.PeerID, map[bool]string{true: "yes", false: "no"}[inMesh])
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}
