package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

func pubsubCommand() *cli.Command {
	flags := func(more ...cli.Flag) []cli.Flag { return append(more, homeFlag(), outputFlag()) }
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
			{
				Name: "mesh", Usage: "show who gets the messages of which topic at once", Flags: flags(),
				Description: "One line a peer, one column a topic: mesh gets each message at once, yes subscribes and hears of\n" +
					"messages, – does not subscribe.",
				OnUsageError: usageError, Action: inSession(showMesh),
			},
			{
				Name: "scores", Usage: "show what gossip thinks of each neighbour, and why", Flags: flags(),
				Description: "Scores are taken every ten seconds. Below -500 a neighbour hears nothing of older messages, below\n" +
					"-1000 nothing that this peer publishes, below -2500 it is not listened to.",
				OnUsageError: usageError, Action: inSession(listScores),
			},
			{
				Name: "tail", Usage: "print gossip as it comes in at this peer", ArgsUsage: "[TOPIC]",
				Description: "Each message once, with what became of it; what this peer publishes too. TOPIC is a topic's name, or\n" +
					"its kind: tx, cert, head or evidence. Runs until it is interrupted. With -o json each line is one\n" +
					"document of schema allegro.message/v1. What comes faster than it is read is dropped and counted.",
				Flags:           flags(&cli.BoolFlag{Name: "decode", Usage: "show what is inside: payments, votes, a head or evidence", Local: true}),
				HideHelpCommand: true, OnUsageError: usageError, Action: inSession(tailGossip),
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

// showMesh writes one line a peer and one column a topic.
func showMesh(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
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
	names := make(map[string]*string)
	for _, topic := range doc.Topics {
		for _, p := range append(topic.Peers, topic.Mesh...) {
			names[p.PeerID] = p.Name
		}
	}
	ids := slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(strings.Compare(or(names[a], "~"), or(names[b], "~")), strings.Compare(a, b)) // those without a name are the last
	})
	t := tabwriter.NewWriter(cmd.Root().Writer, 0, 0, 2, ' ', 0)
	say(t, "NAME\tPEER ID")
	for _, topic := range doc.Topics {
		say(t, "\t%s", strings.TrimPrefix(topic.Name, "/allegro/1/"))
	}
	say(t, "\n")
	for _, id := range ids {
		say(t, "%s\t%s", or(names[id], "–"), id)
		is := func(p document.PeerName) bool { return p.PeerID == id }
		for _, topic := range doc.Topics {
			state := "–"
			switch {
			case slices.ContainsFunc(topic.Mesh, is):
				state = "mesh"
			case slices.ContainsFunc(topic.Peers, is):
				state = "yes"
			}
			say(t, "\t%s", state)
		}
		say(t, "\n")
	}
	return t.Flush()
}

func listScores(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	var doc document.Scores
	if err := s.Get(ctx, api.RouteScores, "", nil, &doc); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &doc)
	}
	if len(doc.Scores) == 0 {
		say(cmd.Root().ErrWriter, "no scores yet: they are first taken ten seconds after the start\n")
	}
	t := tabwriter.NewWriter(cmd.Root().Writer, 0, 0, 2, ' ', 0)
	say(t, "NAME\tSCORE\tSTANDING\tREJECTED\tBEHAVIOUR\tCOLOCATION\tPEER ID\n")
	for _, p := range doc.Scores {
		var rejected []string
		for _, kind := range slices.Sorted(maps.Keys(p.Invalid)) {
			rejected = append(rejected, kind+" "+numberText(p.Invalid[kind]))
		}
		say(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", or(p.Name, "–"), numberText(p.Score), numberText(p.Standing),
			cmp.Or(strings.Join(rejected, ", "), "0"), numberText(p.Behaviour), numberText(p.Colocation), p.PeerID)
	}
	return t.Flush()
}
