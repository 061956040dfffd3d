package p2p

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// dropQuiet is how long a queue is not warned of again after a warning.
const dropQuiet = time.Minute

// A dropQueue is one of pubsub's bounded queues, which drop silently what they have no
// room for.
type dropQueue int

const (
	dropValidate dropQueue = iota
	dropThrottle
	dropOutbound
	dropQueues
)

// dropTexts are what a warning says of a queue: its name, which metric goes on counting,
// and what helps.
var dropTexts = [dropQueues]struct{ name, metric, remedy string }{
	dropValidate: {"validate", `allegro_gossip_drop_total{where="validate"}`, "give this peer CPU: it verifies more slowly than messages come"},
	dropThrottle: {"throttle", `allegro_gossip_drop_total{where="throttle"}`, "give this peer CPU: it verifies more slowly than messages come"},
	dropOutbound: {"outbound", "allegro_gossip_rpc_dropped_total", "look for a slow connection or peer: more is sent over it than it carries"},
}

// drops warn of what is lost in full queues. Whoever loses it only counts: a log that
// does not take a line at once must not hold up gossip.
type drops [dropQueues]struct {
	lost atomic.Uint64 // since the last warning
	wake chan struct{} // of capacity 1
}

func newDrops() *drops {
	d := new(drops)
	for q := range d {
		d[q].wake = make(chan struct{}, 1)
	}
	return d
}

// count counts one loss. It does not block.
func (d *drops) count(q dropQueue) {
	d[q].lost.Add(1)
	select {
	case d[q].wake <- struct{}{}:
	default: // its warning is under way
	}
}

// watch starts a goroutine for each queue, which warns until ctx ends: of the first
// loss at once, and then at most every dropQuiet of those since.
func (d *drops) watch(ctx context.Context, log *zap.SugaredLogger, start func(func())) {
	for q := range dropQueues {
		start(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-d[q].wake:
				}
				n := d[q].lost.Swap(0)
				if n == 0 {
					continue // it was told with those before it
				}
				text := &dropTexts[q]
				log.Warnw("a full queue of gossip drops what it has no room for, sync brings it later",
					"queue", text.name, "lost", n, "metric", text.metric, "remedy", text.remedy)
				select {
				case <-ctx.Done():
					return
				case <-time.After(dropQuiet):
				}
			}
		})
	}
}
