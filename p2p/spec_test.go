package p2p

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/stretchr/testify/require"
)

// The specification states what this package speaks: protocols, sizes, deadlines, rates and
// codes of resets.
func TestSpecificationHasTheNumbers(t *testing.T) {
	data, err := os.ReadFile("../docs/spec.md")
	require.NoError(t, err)
	spec := strings.Join(strings.Fields(string(data)), " ")
	l := DefaultLimits(RoleValidator)
	says := func(want string) {
		t.Helper()
		if !strings.Contains(spec, want) {
			t.Errorf("docs/spec.md does not say %q", want)
		}
	}
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s" }
	for _, row := range []struct {
		protocol          string
		request, response int
		deadline          string
		rate              Rate
		streams, perPeer  int
		memory, ofPeer    int
	}{
		{string(helloProtocol), maxHello, maxHello, seconds(l.HelloTimeout), l.HelloRate, helloStreams, helloStreamsPerPeer, helloMemory, helloMemory},
		{string(submitProtocol), maxSubmitRequest, maxSubmitResponse, seconds(l.SubmitTimeout), l.SubmitRate, submitStreams, submitStreamsPerPeer, submitMemory, submitMemory / 4},
		{string(syncProtocol), maxSyncRequest, maxSyncResponse, seconds(l.SyncTimeout) + " and the wait asked for", l.SyncRate, syncStreams, syncStreamsPerPeer, syncMemory, syncMemory / 4},
	} {
		says(fmt.Sprintf("| `%s` | %s | %s | %s | %g/s, burst %s | %s, %s | %d MiB, %d MiB |",
			row.protocol, grouped(row.request), grouped(row.response), row.deadline, float64(row.rate.PerSecond), grouped(row.rate.Burst),
			grouped(row.streams), grouped(row.perPeer), row.memory>>20, row.ofPeer>>20))
	}
	open := gossipParams(openNetwork + 1)
	for _, want := range []string{
		fmt.Sprintf("%#x no room,", int(network.StreamResourceLimitExceeded)),
		fmt.Sprintf("%#x one request too many,", int(network.StreamRateLimited)),
		fmt.Sprintf("%#x the request breaks the protocol;", int(network.StreamProtocolViolation)),
		fmt.Sprintf("%#x the responder is stopping;", int(network.StreamShutdown)),
		fmt.Sprintf("A stopping node lets open submits finish for %s.", seconds(l.DrainTimeout)),
		fmt.Sprintf("`version`: 1 to %d bytes", maxVersion),
		fmt.Sprintf("at most %d binary multiaddrs of at most %d bytes", maxHelloAddrs, maxAddrBytes),
		fmt.Sprintf("`code` has 1 to %d bytes (4.6), `text` at most %d", maxRejectCode, maxRejectText),
		fmt.Sprintf("`limit` is 1 to %d where it is used", MaxSyncItems),
		fmt.Sprintf("since | cursor, limit, wait_seconds <= %d |", MaxSyncWait/time.Second),
		fmt.Sprintf("A cursor has at most %d bytes", MaxSyncCursor),
		fmt.Sprintf("and %d refusals; `stage` has at most %d bytes", maxSyncRejects, maxStage),
		fmt.Sprintf("Equal bytes are dropped as seen for %s.", seconds(seenFor)),
		fmt.Sprintf("heartbeat %d ms; up to %d members", heartbeat/time.Millisecond, openNetwork),
		fmt.Sprintf("above %d members %d, %d, %d, %d; messages of the last %d heartbeats are offered, of the last %d served",
			openNetwork, open.D, open.Dlo, open.Dhi, open.Dlazy, historyGossip, history),
		fmt.Sprintf("what is above %d costs its square times %d", behaviourThreshold, -behaviourWeight),
		fmt.Sprintf("Below %d a peer gets no IHAVE, below %d no own messages, below %d it is not listened to",
			gossipThreshold, publishThreshold, graylistThreshold),
		fmt.Sprintf("again after %s, doubling to %s", seconds(l.RedialMin), seconds(l.RedialMax)),
		fmt.Sprintf("| topics in one subscription message | %d |", maxSubscriptions),
		fmt.Sprintf("| connections | %d to %d, clients %d to %d;", l.ConnLow, l.ConnHigh, DefaultLimits(RoleClient).ConnLow, DefaultLimits(RoleClient).ConnHigh),
		fmt.Sprintf("at most %s refusals are remembered", grouped(maxRefusals)),
	} {
		says(want)
	}
	for kind, name := range map[SyncKind]string{
		SyncIDs: "by tx id", SyncLane: "by lane", SyncAccount: "by account", SyncSince: "since", SyncDigests: "digests", SyncBucket: "by bucket",
	} {
		says(fmt.Sprintf("| %d %s |", kind, name))
	}
	for kind := range topicKind(topicKinds) {
		says("| `" + kind.String() + "` | ")
	}
}

// grouped writes a number as the specification does.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
