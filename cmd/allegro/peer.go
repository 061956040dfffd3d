package main

import (
	"context"
	"io"
	"slices"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

func connectPeer(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	address, err := takesOne(cmd, "MULTIADDR")
	if err != nil {
		return err
	}
	var doc document.Peers
	if err := s.Post(ctx, api.RoutePeers, "", api.ConnectRequest{Address: address}, &doc); err != nil {
		return err
	}
	return printPeers(cmd, &doc, nil, asJSON)
}

func disconnectPeer(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	peer, err := askedPeer(ctx, cmd, s)
	if err != nil {
		return err
	}
	var doc document.Peers
	if err := s.Delete(ctx, api.RoutePeer, peer.PeerID, &doc); err != nil {
		return err
	}
	return printPeers(cmd, &doc, nil, asJSON)
}

func pingPeer(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	peer, err := askedPeer(ctx, cmd, s)
	if err != nil {
		return err
	}
	var doc api.Ping
	if err := s.Post(ctx, api.RoutePing, peer.PeerID, nil, &doc); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &doc)
	}
	say(cmd.Root().Writer, "%s answered in %s\n", doc.PeerID, millisOf(&doc.LatencyMicros))
	return nil
}

// showPeer shows one peer. For programs it is a list of one, in the form of peers ls.
func showPeer(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	peer, err := askedPeer(ctx, cmd, s)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &document.Peers{Schema: document.PeersSchema, Peers: []document.Peer{peer}})
	}
	var topics document.Topics
	if err := s.Get(ctx, api.RouteTopics, "", nil, &topics); err != nil {
		return err
	}
	printPeer(cmd.Root().Writer, &peer, topicsOf(peer.PeerID, topics.Topics))
	return nil
}

// askedPeer is the peer that a command's only argument means, by its id or its name.
func askedPeer(ctx context.Context, cmd *cli.Command, s *session) (document.Peer, error) {
	asked, err := takesOne(cmd, "PEER")
	if err != nil {
		return document.Peer{}, err
	}
	var doc document.Peers
	if err := s.Get(ctx, api.RoutePeers, "", nil, &doc); err != nil {
		return document.Peer{}, err
	}
	at := slices.IndexFunc(doc.Peers, func(p document.Peer) bool { return p.PeerID == asked || or(p.Name, "") == asked })
	if at < 0 {
		return document.Peer{}, withHint(fail(exitUsage, "this peer knows no peer with the id or name %q", asked),
			"allegro peers ls"+inHome(s.home.Dir())+" lists those that it knows")
	}
	return doc.Peers[at], nil
}

func printPeer(w io.Writer, p *document.Peer, topics string) {
	say(w, "%s\n", p.PeerID)
	line := func(what, text string) { say(w, "  %-10s  %s\n", what, printable(text)) }
	line("name", or(p.Name, "–"))
	line("role", or(p.Role, "–"))
	line("version", or(p.Version, "–"))
	line("state", p.State)
	if p.Problem != nil {
		line("problem", *p.Problem)
	}
	if p.Address != nil {
		line("connected", or(p.Direction, "–")+" by "+or(p.Transport, "–")+" since "+clock(p.SinceMicros)+", at "+*p.Address)
	}
	for _, a := range p.Addresses {
		line("listens", a)
	}
	if p.LatencyMicros != nil {
		line("round trip", millisOf(p.LatencyMicros))
	}
	line("score", numberText(p.Score))
	line("topics", topics+"   (* in the mesh)")
}
