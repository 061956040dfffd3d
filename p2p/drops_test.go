package p2p

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestDropsAreWarnedOf: what pubsub says of a full queue is in the log at once, and then
// once a minute with how much was lost since, whatever the other queues lose.
func TestDropsAreWarnedOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		tr := newTracer(must(newMetrics(nil, RoleClient, "test")), func() {})
		ctx, end := context.WithCancel(t.Context())
		var tasks crew
		tr.drops.watch(ctx, zap.New(core).Sugar(), tasks.start)
		msg := &pubsub.Message{Message: message(topicName(common.Hash{1}, topicTx), []byte("x"))}
		full := func() { tr.RejectMessage(msg, pubsub.RejectValidationQueueFull) }
		throttled := func() { tr.RejectMessage(msg, pubsub.RejectValidationThrottled) }
		outbound := func() { tr.DropRPC(&pubsub.RPC{}, "a") }
		warned := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for _, entry := range logs.TakeAll() {
				fields := entry.ContextMap()
				got = append(got, fmt.Sprint(fields["queue"], " ", fields["lost"]))
				for _, name := range []string{"metric", "remedy"} {
					if text, _ := fields[name].(string); text == "" {
						t.Errorf("%s: a warning without %s: %v", when, name, fields)
					}
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s: warned of %q, want %q", when, got, want)
			}
		}
		warned("at first")
		full()
		warned("a loss", "validate 1")
		for range 5 {
			full()
		}
		warned("more within the minute")
		throttled()
		warned("another queue", "throttle 1")
		tr.ThrottlePeer("a")
		time.Sleep(dropQuiet - time.Nanosecond)
		warned("just before the minute is over")
		time.Sleep(time.Nanosecond)
		warned("after the minute", "throttle 1", "validate 5")
		time.Sleep(10 * dropQuiet)
		warned("quiet")
		outbound()
		warned("a loss after that", "outbound 1")
		full()
		warned("and of the first queue again", "validate 1")
		tr.RejectMessage(msg, pubsub.RejectValidationIgnored)
		tr.RejectMessage(msg, pubsub.RejectValidationFailed)
		time.Sleep(2 * dropQuiet)
		warned("what is no loss")

		end()
		tasks.close()
		tasks.wait()
		full()
		full()
		warned("nobody watches any more")
	})
}
