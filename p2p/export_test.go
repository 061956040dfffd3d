package p2p

import (
	"context"

	"github.com/ethereum/go-ethereum/common"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// What an adversary does with a node, for the tests of whole networks.

// PublishRaw gossips bytes that no honest peer would.
func (n *Node) PublishRaw(ctx context.Context, committeeID common.Hash, kind string, data []byte) error {
	r, _ := n.gossip.room(committeeID)
	for k, topic := range r.topics {
		if topicKind(k).String() == kind {
			return topic.Publish(ctx, data, pubsub.WithValidatorData(ownMessage{}))
		}
	}
	panic("no topic " + kind)
}

// OpenRaw opens a stream without writing to it.
func (n *Node) OpenRaw(ctx context.Context, to PeerID, name string) (network.Stream, error) {
	return n.host.NewStream(ctx, to, protocol.ID(name))
}

// AnswerRaw answers a protocol in another way; nil: not at all.
func (n *Node) AnswerRaw(name string, answer network.StreamHandler) {
	if answer == nil {
		n.host.RemoveStreamHandler(protocol.ID(name))
		return
	}
	n.host.SetStreamHandler(protocol.ID(name), answer)
}

// WriteFrame and ReadFrame are the framing of streams.
var (
	WriteFrame = writeFrame
	ReadFrame  = readFrame
)

// ConnCount is the number of connections to a peer.
func (n *Node) ConnCount(id PeerID) int { return len(n.host.Network().ConnsToPeer(id)) }

// Bounds of reading along.
const (
	MaxTails     = maxTails
	TailMessages = tailMessages
)
