package p2p

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	ma "github.com/multiformats/go-multiaddr"
)

// TopicInfo is a joined gossip topic.
type TopicInfo struct {
	Name      string
	Kind      string // "tx", "cert", "head" or "evidence"
	Committee common.Hash
	Peers     []PeerID // subscribers this node is connected to, ascending
	Mesh      []PeerID // those that get each message at once, ascending
}

// Topics describes the joined topics, committee by committee.
func (n *Node) Topics() []TopicInfo {
	var out []TopicInfo
	for _, r := range n.gossip.joined() {
		for kind := range topicKind(topicKinds) {
			t := TopicInfo{
				Name: topicName(r.committee.ID(), kind), Kind: kind.String(), Committee: r.committee.ID(),
				Peers: r.subscribersOf(kind),
			}
			t.Mesh = n.gossip.tracer.meshPeers(t.Name)
			slices.Sort(t.Peers)
			slices.Sort(t.Mesh)
			out = append(out, t)
		}
	}
	return out
}

// Forwarded reports whether in each joined committee a neighbour has this node in its
// mesh for payments, and forwards them as they come. To others their ids are offered with
// some later heartbeat.
func (n *Node) Forwarded() bool {
	for _, r := range n.gossip.joined() {
		if len(n.gossip.tracer.meshPeers(topicName(r.committee.ID(), topicTx))) == 0 {
			return false
		}
	}
	return true
}

// Connect dials a peer once, at an address as [ParsePeer] takes it. Its hello follows
// by itself; see [Node.Peers] and [Node.OnPeer].
func (n *Node) Connect(ctx context.Context, addr string) error {
	a, err := ParsePeer(addr)
	if err != nil {
		return err
	}
	m, err := ma.NewMultiaddr(a.Addr)
	if err != nil {
		return fmt.Errorf("address %q: %w", addr, err)
	}
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Limits.DialTimeout)
	defer cancel()
	info := peer.AddrInfo{ID: a.ID, Addrs: []ma.Multiaddr{m}}
	if err := n.host.Connect(network.WithForceDirectDial(ctx, "asked for"), info); err != nil {
		return fmt.Errorf("connecting to %s: %w", a, dialProblem(err))
	}
	return nil
}

// Disconnect closes the connections to a peer. A configured peer or a committee
// member is dialed again.
func (n *Node) Disconnect(id PeerID) error {
	if n.host.Network().Connectedness(id) != network.Connected {
		return fmt.Errorf("disconnecting %s: %w", id, ErrNotConnected)
	}
	return n.host.Network().ClosePeer(id)
}

// Ping measures one round trip to a connected peer.
func (n *Node) Ping(ctx context.Context, id PeerID) (time.Duration, error) {
	if n.host.Network().Connectedness(id) != network.Connected {
		return 0, fmt.Errorf("pinging %s: %w", id, ErrNotConnected)
	}
	ctx, cancel := context.WithCancel(network.WithNoDial(ctx, "ping"))
	defer cancel()
	select {
	case r := <-ping.Ping(ctx, n.host, id):
		if r.Error != nil {
			return 0, fmt.Errorf("pinging %s: %w", id, r.Error)
		}
		return r.RTT, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("pinging %s: %w", id, ctx.Err())
	}
}

// ScoreInfo is what gossip thinks of a neighbour, as it was at the last inspection.
type ScoreInfo struct {
	ID         PeerID
	Score      float64            // the sum; below -2500 it is not listened to
	Standing   float64            // what this node knows of it beside its messages
	Colocation float64            // peers at its address beyond those forgiven, squared; not weighted
	Behaviour  float64            // broken promises and grafts in spite of a prune; not weighted
	Invalid    map[string]float64 // rejected messages by kind of topic, decaying; those without aside
}

// Scores returns the scores of the neighbours, in order of their ids.
func (n *Node) Scores() []ScoreInfo {
	scores := n.gossip.scores.Load()
	if scores == nil {
		return nil
	}
	out := make([]ScoreInfo, 0, len(*scores))
	for _, id := range slices.Sorted(maps.Keys(*scores)) {
		s := (*scores)[id]
		info := ScoreInfo{
			ID: id, Score: s.Score, Standing: s.AppSpecificScore, Colocation: s.IPColocationFactor, Behaviour: s.BehaviourPenalty,
			Invalid: make(map[string]float64),
		}
		for topic, t := range s.Topics {
			if _, kind, ok := parseTopic(topic); ok && t.InvalidMessageDeliveries > 0 {
				info.Invalid[kind.String()] += t.InvalidMessageDeliveries
			}
		}
		out = append(out, info)
	}
	return out
}
