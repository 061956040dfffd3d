package p2p

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestPeerLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPeerLimiter(Rate{PerSecond: 2, Burst: 3})
		take := func(id PeerID) (n int) {
			for l.allow(id) {
				n++
			}
			return n
		}
		if n := take("a"); n != 3 {
			t.Errorf("a burst of %d passes, want 3", n)
		}
		if n := take("b"); n != 3 {
			t.Errorf("another peer gets %d, want 3", n)
		}
		time.Sleep(time.Second)
		if n := take("a"); n != 2 {
			t.Errorf("%d pass a second later, want 2", n)
		}
		for i := range 2 * limitedPeers {
			l.allow(PeerID(fmt.Sprint(i)))
			l.allow("b") // stays recent
		}
		if len(l.byPeer) != limitedPeers || l.recent.Len() != limitedPeers {
			t.Errorf("%d and %d peers are remembered, want %d", len(l.byPeer), l.recent.Len(), limitedPeers)
		}
		if n := take("b"); n != 0 {
			t.Errorf("a peer that asks all the time lost its bucket: %d pass", n)
		}
	})
}
