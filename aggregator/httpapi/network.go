package httpapi

import (
	"context"
	"net/http"
	"slices"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

func (s *Server) serveCommittee(context.Context, *http.Request) (any, error) {
	return s.cfg.Describer.Committee(s.committee()), nil
}

// Network is the network file, and who serves it.
type Network struct {
	document.Network
	Demo   bool     `json:"demo"` // its accounts' keys are public
	Role   p2p.Role `json:"role"`
	PeerID string   `json:"peer_id"`
}

// serveNetwork tells the network file. Members' addresses are those of the file and
// those that the members themselves tell: browsers need some that no file has.
func (s *Server) serveNetwork(context.Context, *http.Request) (any, error) {
	doc := Network{document.NetworkOf(s.cfg.File), s.cfg.Demo != nil, p2p.RoleAggregator, s.cfg.Node.ID().String()}
	told := make(map[string][]string)
	for _, peer := range s.cfg.Node.Peers() {
		if len(peer.Member) == len(netfile.Key{}) {
			key := netfile.Key(peer.Member).String()
			for _, a := range peer.Addrs {
				told[key] = append(told[key], p2p.PeerAddr{ID: peer.ID, Addr: a}.String())
			}
		}
	}
	for _, c := range doc.Committees {
		for i := range c.Members {
			m := &c.Members[i]
			for _, a := range told[m.Key] {
				if !slices.Contains(m.Addresses, a) {
					m.Addresses = append(slices.Clip(m.Addresses), a)
				}
			}
		}
	}
	return doc, nil
}

// Self is where the aggregator can be dialed.
type Self struct {
	PeerID    string   `json:"peer_id"`
	Addresses []string `json:"addresses"` // multiaddrs with /p2p/
}

func (s *Server) serveSelf(context.Context, *http.Request) (any, error) {
	return Self{s.cfg.Node.ID().String(), document.List(s.cfg.Node.Addrs())}, nil
}

func (s *Server) servePeers(context.Context, *http.Request) (any, error) {
	return s.cfg.Describer.Peers(), nil
}

func (s *Server) serveTopics(context.Context, *http.Request) (any, error) {
	return s.cfg.Describer.Topics(), nil
}
