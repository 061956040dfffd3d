package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/ethereum/go-ethereum/common"
)

// gatherPage is the number of changed payments read at once.
const gatherPage = 256

// gatherer turns what the aggregator learns into events. It is owned by one goroutine.
type gatherer struct {
	*Server
	version uint64                   // of the archive
	height  uint64                   // of the chain
	heads   map[string]document.Head // by validator
	peers   map[string]document.Peer // by peer id
}

// gather writes events until ctx ends. What was there before it began is no news.
func (s *Server) gather(ctx context.Context) error {
	g := &gatherer{Server: s, version: s.cfg.Archive.Version(), heads: make(map[string]document.Head), peers: s.currentPeers()}
	if latest, _, known := s.latest(); known {
		g.height = latest.Number
	}
	for _, h := range s.cfg.Describer.Heads(s.committee()) {
		g.heads[h.Validator] = h
	}
	for {
		payments, chain, node := s.cfg.Archive.Changed(), s.cfg.Chain.Changed(), s.cfg.Node.Changed()
		if err := g.look(); err != nil {
			return err
		}
		select {
		case <-payments:
		case <-chain:
		case <-node:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look writes what is new.
func (g *gatherer) look() error {
	for _, b := range g.cfg.Chain.BlocksAfter(g.height) {
		g.height = b.Block.Number
		if err := g.write(EventHead, headOf(b)); err != nil {
			return err
		}
	}
	if err := g.lookPayments(); err != nil {
		return err
	}
	for _, h := range g.cfg.Describer.Heads(g.committee()) {
		if g.heads[h.Validator] == h {
			continue
		}
		g.heads[h.Validator] = h
		if err := g.write(EventValidatorHead, h); err != nil {
			return err
		}
	}
	return g.lookPeers()
}

func (g *gatherer) lookPayments() error {
	for {
		payments, upTo, err := g.cfg.Archive.Since(g.version, gatherPage)
		if err != nil {
			return fmt.Errorf("http: reading changed payments: %w", err)
		}
		for _, p := range payments {
			if err := g.write(EventPayment, p, common.HexToAddress(p.From), common.HexToAddress(p.To)); err != nil {
				return err
			}
		}
		g.version = upTo
		if len(payments) < gatherPage {
			return nil
		}
	}
}

// lookPeers writes the peers that came, changed or went; measures that always move do not
// count.
func (g *gatherer) lookPeers() error {
	now := g.currentPeers()
	for id, peer := range now {
		if before, known := g.peers[id]; known && same(before, peer) {
			continue
		}
		if err := g.write(EventPeer, peer); err != nil {
			return err
		}
	}
	for id, peer := range g.peers {
		if _, still := now[id]; still {
			continue
		}
		gone := document.Peer{PeerID: id, Name: peer.Name, State: string(p2p.PeerAbsent), Role: peer.Role, Addresses: []string{}}
		if err := g.write(EventPeer, gone); err != nil {
			return err
		}
	}
	g.peers = now
	return nil
}

// currentPeers are the peers that the node knows, by id.
func (s *Server) currentPeers() map[string]document.Peer {
	peers := make(map[string]document.Peer)
	for _, p := range s.cfg.Describer.Peers().Peers {
		peers[p.PeerID] = p
	}
	return peers
}

// same reports whether two descriptions of a peer differ in measures only.
func same(a, b document.Peer) bool {
	a.LatencyMicros, a.Score, b.LatencyMicros, b.Score = nil, 0, nil, 0
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// write adds an event about some accounts, or about none.
func (g *gatherer) write(kind EventType, doc any, accounts ...common.Address) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(doc); err != nil {
		return fmt.Errorf("http: encoding a %s event: %w", kind, err)
	}
	g.metrics.events.WithLabelValues(string(kind)).Inc()
	g.ring.add(kind, bytes.TrimSpace(line.Bytes()), accounts)
	return nil
}
