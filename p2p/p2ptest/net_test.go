package p2ptest_test

import (
	"testing"

	"github.com/allegro-p2p/allegro/p2p/p2ptest"
)

func TestNetNeedsLatency(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a network without latency is made")
		}
	}()
	p2ptest.NewNet(0)
}
