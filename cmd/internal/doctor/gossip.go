package doctor

import (
	"strconv"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/p2p/document"
)

// GossipState is by which ways gossip gets to a running peer.
type GossipState struct {
	// Alone are the topics of the committee in office for which no neighbour has the peer
	// in its mesh.
	Alone []string
	// Missing are the members that the peer is not connected to.
	Missing []string
	// Silent are members that it is connected to, and from whom no Head came for longer
	// than Patience.
	Silent   []string
	Patience time.Duration
}

// measureGossip looks at what the running peer says of topics and members.
func measureGossip(p *Peer, chain *ChainState) GossipState {
	// A member tells a Head with each final block of its node, and every ten seconds.
	s := GossipState{Patience: max(StaleAfter(chain.BlockTime), 20*time.Second)}
	for _, t := range p.Topics.Topics {
		if t.Committee == p.Committee.ID && len(t.Mesh) == 0 {
			s.Alone = append(s.Alone, t.Kind)
		}
	}
	for _, m := range p.Committee.Members {
		switch {
		case m.PeerID != nil && *m.PeerID == p.Self.PeerID:
		case m.Reached == nil || !*m.Reached:
			s.Missing = append(s.Missing, m.Name)
		case chain.Err == nil && p.silent(&m, chain, s.Patience):
			s.Silent = append(s.Silent, m.Name)
		}
	}
	return s
}

// silent reports whether no Head of a connected member has come for longer than patience.
// A Head bears the member's chain time, which is not before its final block's.
func (p *Peer) silent(m *document.Member, chain *ChainState, patience time.Duration) bool {
	for _, peer := range p.Peers.Peers {
		if m.PeerID != nil && peer.PeerID == *m.PeerID && peer.SinceMicros != nil {
			since, err := strconv.ParseInt(*peer.SinceMicros, 10, 64)
			if err != nil || chain.Now.Sub(time.UnixMicro(since)) <= patience {
				return false // it has just come
			}
		}
	}
	last := p.Committee.Start // of office, before which no Head of this committee is told
	if m.Head != nil {
		last = m.Head.Time
	}
	told, err := strconv.ParseUint(last, 10, 64)
	return err == nil && timeOf(chain.Finalized.Time).Sub(timeOf(told)) > patience
}

// Gossip judges whether messages get to the peer as they are told. What no neighbour
// forwards, members tell the peer themselves as long as it is connected to them all.
func Gossip(s GossipState, flag string) []Finding {
	const check = "gossip"
	var out []Finding
	if len(s.Silent) > 0 {
		out = append(out, bad(Yellow, check, "look there: allegro doctor says whether it works, allegro pubsub scores what it holds against this peer; what does not come by gossip comes late, by sync",
			"connected, but for more than %s nothing was heard from %s", s.Patience, strings.Join(s.Silent, ", ")))
	}
	if len(s.Alone) > 0 && len(s.Missing) > 0 {
		out = append(out, bad(Yellow, check, "if they run, dial one more peer that is connected to them: allegro peers connect"+flag+" MULTIADDR",
			"nobody forwards %s to this peer, so that it hears late what others hear from %s", strings.Join(s.Alone, ", "), strings.Join(s.Missing, ", ")))
	}
	switch {
	case len(out) > 0:
		return out
	case len(s.Alone) > 0:
		return append(out, green(check, "nobody forwards %s to this peer; all other members are connected and tell it themselves", strings.Join(s.Alone, ", ")))
	}
	return append(out, green(check, "neighbours forward all joined topics to this peer"))
}
