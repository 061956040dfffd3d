package p2p

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limitedPeers bounds the peers that a limiter remembers. It is far above the
// connections a node keeps, so that a peer only loses its bucket, and gets a full
// one, long after it left.
const limitedPeers = 4096

// peerLimiter gives each peer a token bucket. Peers on loopback get one too. Safe
// for concurrent use.
type peerLimiter struct {
	rate Rate

	mu     sync.Mutex
	byPeer map[PeerID]*list.Element // guarded by mu
	recent *list.List               // of *limitedPeer, the most recent first; guarded by mu
}

type limitedPeer struct {
	id     PeerID
	bucket *rate.Limiter
}

func newPeerLimiter(r Rate) *peerLimiter {
	return &peerLimiter{rate: r, byPeer: make(map[PeerID]*list.Element), recent: list.New()}
}

// allow takes a token of the peer's bucket and reports whether there was one.
func (l *peerLimiter) allow(id PeerID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.byPeer[id]
	if !ok {
		if l.recent.Len() == limitedPeers {
			oldest := l.recent.Back()
			delete(l.byPeer, oldest.Value.(*limitedPeer).id)
			l.recent.Remove(oldest)
		}
		e = l.recent.PushFront(&limitedPeer{id, rate.NewLimiter(l.rate.PerSecond, l.rate.Burst)})
		l.byPeer[id] = e
	}
	l.recent.MoveToFront(e)
	return e.Value.(*limitedPeer).bucket.AllowN(time.Now(), 1)
}
