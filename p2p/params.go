package p2p

import (
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
)

const (
	// openNetwork is the number of members above which the mesh is that of an open
	// network: a full mesh of connections no longer carries every message in one
	// hop.
	openNetwork = 50

	// heartbeat repairs meshes and offers IHAVE; forwarding does not wait for it,
	// so that a shorter one gains nothing in the hot path.
	heartbeat = 500 * time.Millisecond
	// firstHeartbeat lets a mesh form soon after the first connections.
	firstHeartbeat = 50 * time.Millisecond
	// history and historyGossip are in heartbeats: messages of the last 1.5 s are
	// offered, those of the last 5 s can be fetched.
	history       = 10
	historyGossip = 3

	// seenFor is how long equal bytes are dropped as seen. Beyond it the sink says
	// what is known; at 2,000 messages a second it is 240,000 ids of 20 bytes.
	seenFor = 120 * time.Second

	// maxGossipRPC is the largest gossip RPC: the largest payload and its framing.
	maxGossipRPC = fastpay.MaxMessageSize + 4<<10

	// maxSubscriptions bounds the topics in one subscription message: four kinds of
	// four committees.
	maxSubscriptions = 16
)

// gossipParams returns the mesh parameters for a committee of n members. Flood
// publish carries a message from its origin to every connected peer in one hop, so
// the mesh is redundancy: it costs about n·(D-1) duplicates a message, and D of 3 or
// 4 is enough against loss.
func gossipParams(n int) pubsub.GossipSubParams {
	p := pubsub.DefaultGossipSubParams()
	if n > openNetwork {
		p.D, p.Dlo, p.Dhi, p.Dout, p.Dscore, p.Dlazy = 8, 6, 12, 3, 6, 12
	} else {
		p.D = max(2, min(n-1, 4)) // pubsub refuses 1
		p.Dlo = max(p.D-1, 1)
		p.Dhi = p.D + 4
		p.Dout = max(min(p.Dlo-1, p.D/2-1), 0) // pubsub wants it below Dlo and below D/2
		p.Dscore = p.D
		p.Dlazy = 6
	}
	p.HeartbeatInterval = heartbeat
	p.HeartbeatInitialDelay = firstHeartbeat
	p.HistoryLength = history
	p.HistoryGossip = historyGossip
	return p
}
