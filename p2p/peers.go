package p2p

import (
	"crypto/ed25519"
	"maps"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/libp2p/go-libp2p/core/network"
)

// PeerState is how far the acquaintance with a peer has come.
type PeerState string

const (
	// PeerAbsent: a configured peer without a connection. Its Problem says why.
	PeerAbsent PeerState = "absent"
	// PeerConnected: connected, but its hello has not succeeded.
	PeerConnected PeerState = "connected"
	// PeerReady: connected, and its hello succeeded.
	PeerReady PeerState = "ready"
	// PeerRefused: not wanted for a while. Its Problem says why.
	PeerRefused PeerState = "refused"
)

// PeerInfo is what a node knows about a peer.
type PeerInfo struct {
	ID        PeerID
	State     PeerState
	Name      string // from the network file; empty for others
	Role      Role   // as its hello said; empty before
	Version   string // as its hello said
	Committee common.Hash
	// Member is the vote key that the peer proved; nil if it is no validator.
	Member    ed25519.PublicKey
	Outbound  bool          // this node dialed
	Transport string        // "tcp" or "quic-v1"; of a browser "ws" or "webrtc-direct"
	Addr      string        // remote end of the connection
	Addrs     []string      // where it says it listens, for browsers too
	Since     time.Time     // of the first open connection
	Latency   time.Duration // smoothed round trip; 0 before a ping, and of a peer that is not connected
	Score     float64       // gossip score at the last inspection
	Problem   string        // why it is absent or refused, or its hello failed
}

// PeerEvent tells that a peer's hello succeeded on a new connection, so that there
// is somebody to sync with, or that its last such connection is gone. A peer that
// opens a second connection joins again: what happened in between may be lost.
type PeerEvent struct {
	Joined bool
	Peer   PeerInfo
}

// infoLocked describes a peer that has a record.
func (r *roster) infoLocked(id PeerID, rec *peerRecord) PeerInfo {
	i := PeerInfo{ID: id, State: PeerAbsent, Name: r.names[id], Since: rec.since}
	if g := rec.greeting; g != nil {
		i.Role, i.Version, i.Committee, i.Member, i.Addrs = g.role, g.version, g.committee, g.member, g.addrs
	}
	for c, greeted := range rec.conns {
		if i.State == PeerAbsent || greeted {
			i.State = PeerConnected
			if greeted {
				i.State = PeerReady
			}
			i.Outbound = c.Stat().Direction == network.DirOutbound
			i.Addr = c.RemoteMultiaddr().String()
			i.Transport = transportOf(c.LocalMultiaddr())
		}
	}
	if rec.problem != nil {
		i.Problem = rec.problem.Error()
	}
	if ref, ok := r.refused[id]; ok && time.Now().Before(ref.until) {
		i.State, i.Problem = PeerRefused, ref.reason
	}
	return i
}

// list describes the connected and the refused peers.
func (r *roster) list() map[PeerID]PeerInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	peers := make(map[PeerID]PeerInfo, len(r.peers))
	for id, rec := range r.peers {
		if len(rec.conns) > 0 {
			peers[id] = r.infoLocked(id, rec)
		}
	}
	for id, ref := range r.refused {
		if _, listed := peers[id]; !listed && time.Now().Before(ref.until) {
			peers[id] = PeerInfo{ID: id, State: PeerRefused, Name: r.names[id], Problem: ref.reason}
		}
	}
	return peers
}

// Peers describes the connected peers, the refused ones, and those that this node
// keeps dialing, in order of their ids.
func (n *Node) Peers() []PeerInfo {
	peers := n.roster.list()
	for _, t := range n.dialer.list() {
		if _, listed := peers[t.id]; !listed {
			peers[t.id] = PeerInfo{ID: t.id, State: PeerAbsent, Name: t.name, Addrs: t.texts, Problem: t.problem()}
		}
	}
	out := make([]PeerInfo, 0, len(peers))
	for _, id := range slices.Sorted(maps.Keys(peers)) {
		out = append(out, n.measured(peers[id]))
	}
	return out
}

// measured adds what libp2p knows of a peer. It remembers the round trip of one that has
// gone, who has none.
func (n *Node) measured(i PeerInfo) PeerInfo {
	if i.State == PeerConnected || i.State == PeerReady {
		i.Latency = n.host.Peerstore().LatencyEWMA(i.ID)
	}
	i.Score = n.gossip.score(i.ID)
	return i
}
