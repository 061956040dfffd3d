package httpapi_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

var (
	alice = common.HexToAddress("0xa11ce")
	bob   = common.HexToAddress("0xb0b")
	carol = common.HexToAddress("0xca401")
)

// inBubble runs a server of fakes in virtual time.
func inBubble(t *testing.T, change func(*fakes), run func(t *testing.T, f *fakes, v *served)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFakes(t)
		if change != nil {
			change(f)
		}
		v := serve(t, f.server(t))
		synctest.Wait() // it gathers events from here on
		run(t, f, v)
		require.NoError(t, v.stop())
		synctest.Wait()
	})
}

// reader reads a stream of events.
type reader struct {
	t     *testing.T
	resp  *http.Response
	lines *bufio.Scanner
}

// stream opens a stream. change may set headers.
func (v *served) stream(path string, change func(*http.Request)) *reader {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, "http://localhost"+path, nil)
	require.NoError(v.t, err)
	if change != nil {
		change(req)
	}
	resp, err := v.client.Do(req)
	require.NoError(v.t, err)
	require.Equal(v.t, http.StatusOK, resp.StatusCode)
	require.Equal(v.t, "text/event-stream", resp.Header.Get("Content-Type"))
	return newReader(v.t, resp)
}

func newReader(t *testing.T, resp *http.Response) *reader {
	return &reader{t, resp, bufio.NewScanner(resp.Body)}
}

// block returns the lines up to the next empty one; nil at the end of the stream.
func (r *reader) block() []string {
	var lines []string
	for r.lines.Scan() {
		if r.lines.Text() == "" {
			return lines
		}
		lines = append(lines, r.lines.Text())
	}
	return nil
}

// event requires the next block to be an event of a type, and returns its id and data.
func (r *reader) event(kind string) (id string, data map[string]any) {
	r.t.Helper()
	lines := r.block()
	require.Len(r.t, lines, 3, "%q, want a %s event", lines, kind)
	require.Equal(r.t, "event: "+kind, lines[1])
	require.NoError(r.t, json.Unmarshal([]byte(strings.TrimPrefix(lines[2], "data: ")), &data))
	return strings.TrimPrefix(lines[0], "id: "), data
}

// begin reads what every stream begins with, and returns the reader's place.
func (r *reader) begin() string {
	r.t.Helper()
	lines := r.block()
	require.Len(r.t, lines, 2)
	require.Equal(r.t, "retry: 1000", lines[0])
	return strings.TrimPrefix(lines[1], "id: ")
}

func (r *reader) close() { _ = r.resp.Body.Close() }

// TestEventsTellWhatChanges: payments, heights and peers as they come, each with the id
// of this run and its place.
func TestEventsTellWhatChanges(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, f *fakes, v *served) {
		r := v.stream("/api/v1/events", nil)
		defer r.close()
		require.Equal(t, "0000000000000001-0", r.begin())
		f.pay(alice, bob)
		id, data := r.event("payment")
		require.Equal(t, "0000000000000001-1", id)
		require.Equal(t, common.Hash{31: 1}.Hex(), data["tx_id"])
		seen := time.Now()
		f.block(7)
		id, data = r.event("head")
		require.Equal(t, "0000000000000001-2", id)
		require.Equal(t, map[string]any{
			"height": "7", "hash": common.Hash{7}.Hex(), "time": "1035", "seen_unix_micros": fmt.Sprint(seen.UnixMicro()),
		}, data)

		dave := p2p.PeerInfo{ID: p2p.IdentityFromSeed("dave").PeerID(), State: p2p.PeerConnected, Name: "dave"}
		f.change(func() { f.peers = []p2p.PeerInfo{dave} })
		_, data = r.event("peer")
		require.Equal(t, "connected", data["state"])
		f.change(func() { f.peers[0].Score = 5; f.peers[0].Latency = time.Millisecond })
		f.change(func() { f.peers[0].State = p2p.PeerReady })
		_, data = r.event("peer")
		require.Equal(t, "ready", data["state"], "a measure that moved is no event")
		f.change(func() { f.peers = nil })
		_, data = r.event("peer")
		require.Equal(t, "absent", data["state"])
		require.Equal(t, "dave", data["name"])
		require.Equal(t, 1.0, f.counter(t, "allegro_sse_clients", ""))
	})
}

// TestReadersComeBack: with the last id a reader gets what it missed, by header or query;
// an id of another run, of the future, or of what the ring has lost resets it.
func TestReadersComeBack(t *testing.T) {
	inBubble(t, func(f *fakes) { f.config.Limits.Events = 3 }, func(t *testing.T, f *fakes, v *served) {
		for range 5 {
			f.pay(alice, bob)
			synctest.Wait()
		}
		const boot = "0000000000000001-"
		for _, change := range []func(*http.Request){
			header("Last-Event-ID", boot+"3"),
			func(r *http.Request) { r.URL.RawQuery = "since=" + boot + "3" },
		} {
			r := v.stream("/api/v1/events", change)
			require.Equal(t, boot+"3", r.begin())
			for _, want := range []string{boot + "4", boot + "5"} {
				id, _ := r.event("payment")
				require.Equal(t, want, id)
			}
			r.close()
		}
		require.Equal(t, 4.0, f.counter(t, "allegro_sse_replayed_events_total", ""))
		for _, lost := range []string{"0000000000000002-3", boot + "1", boot + "6"} {
			r := v.stream("/api/v1/events", header("Last-Event-ID", lost))
			require.Equal(t, []string{"retry: 1000", "id: " + boot + "5", "event: reset", "data: {}"}, r.block(), lost)
			r.close()
		}
		for _, bad := range []string{"x", boot, boot + "x", boot + "-1"} {
			requireError(t, v.do(http.MethodGet, "/api/v1/events", "", header("Last-Event-ID", bad)), http.StatusBadRequest, httpapi.BadRequest)
		}
	})
}

// TestReadersChoose: types of events, and payments of an account; what concerns no account
// is told to all.
func TestReadersChoose(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, f *fakes, v *served) {
		of := v.stream("/api/v1/events?types=payment,head&address="+carol.Hex(), nil)
		defer of.close()
		heads := v.stream("/api/v1/events?types=head", nil)
		defer heads.close()
		of.begin()
		heads.begin()
		f.pay(alice, bob)
		f.pay(bob, carol)
		synctest.Wait()
		f.block(1)
		id, _ := of.event("payment")
		require.Equal(t, "0000000000000001-2", id)
		of.event("head")
		id, _ = heads.event("head")
		require.Equal(t, "0000000000000001-3", id)
		for _, query := range []string{"types=blocks", "types=payment,", "address=0x12"} {
			requireError(t, v.get("/api/v1/events?"+query), http.StatusBadRequest, httpapi.BadRequest)
		}
	})
}

// TestAQuietStreamSaysThatItIsAlive: every 15 seconds, with the reader's place, also for
// one that wants none of what happened.
func TestAQuietStreamSaysThatItIsAlive(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, f *fakes, v *served) {
		r := v.stream("/api/v1/events?types=peer", nil)
		defer r.close()
		r.begin()
		f.block(1)
		begun := time.Now()
		require.Equal(t, []string{": alive", "id: 0000000000000001-1"}, r.block())
		require.Equal(t, 15*time.Second, time.Since(begun))
		require.Equal(t, []string{": alive", "id: 0000000000000001-1"}, r.block())
		require.Equal(t, 30*time.Second, time.Since(begun))
	})
}

// TestSlowReadersAreDropped: one that does not receive is not waited for, is counted, and
// keeps nobody else from anything.
func TestSlowReadersAreDropped(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, f *fakes, v *served) {
		slow := v.stream("/api/v1/events", nil) // nobody reads it
		defer slow.close()
		good := v.stream("/api/v1/events", nil)
		good.begin()
		var received atomic.Int64
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for good.block() != nil {
				received.Add(1)
			}
		}()
		const many = 4_000 // more than buffers between here and there hold
		begun := time.Now()
		for range many {
			f.pay(alice, bob)
		}
		synctest.Wait()
		require.Zero(t, time.Since(begun), "nobody waited")
		require.Equal(t, int64(many), received.Load())
		require.Equal(t, 2.0, f.counter(t, "allegro_sse_clients", ""))
		time.Sleep(httpapi.DefaultLimits().Slow + time.Second)
		synctest.Wait()
		require.Equal(t, 1.0, f.counter(t, "allegro_sse_dropped_total", "slow"))
		require.Equal(t, 1.0, f.counter(t, "allegro_sse_clients", ""))
		f.pay(alice, bob)
		synctest.Wait()
		require.Equal(t, int64(many+1), received.Load())
		good.close()
		<-ended
	})
}

// TestReadersThatAreOvertakenAreDropped: one that the ring has overtaken while it was
// written to comes back and is reset.
func TestReadersThatAreOvertakenAreDropped(t *testing.T) {
	inBubble(t, func(f *fakes) { f.config.Limits.Events = 100 }, func(t *testing.T, f *fakes, v *served) {
		r := v.stream("/api/v1/events", nil)
		defer r.close()
		last := r.begin()
		for range 4_000 {
			f.pay(alice, bob)
		}
		synctest.Wait()
		for lines := r.block(); lines != nil; lines = r.block() {
			last = strings.TrimPrefix(lines[0], "id: ")
		}
		require.Equal(t, 1.0, f.counter(t, "allegro_sse_dropped_total", "behind"))
		again := v.stream("/api/v1/events", header("Last-Event-ID", last))
		defer again.close()
		require.Contains(t, again.block(), "event: reset")
	})
}

// TestAThousandIdleReaders: each is told what happens, one more than there are places for
// is told so, and all end with the server.
func TestAThousandIdleReaders(t *testing.T) {
	const readers = 1_000
	inBubble(t, func(f *fakes) { f.config.Limits.Streams, f.config.Limits.Burst = readers, 2*readers }, func(t *testing.T, f *fakes, v *served) {
		streams := make([]*reader, readers)
		var g errgroup.Group
		var alive, told atomic.Int64
		for i := range streams {
			r := v.stream("/api/v1/events?types=payment", nil)
			r.begin()
			streams[i] = r
			g.Go(func() error {
				for lines := r.block(); lines != nil; lines = r.block() {
					if lines[0] == ": alive" {
						alive.Add(1)
					} else {
						told.Add(1)
					}
				}
				return nil
			})
		}
		synctest.Wait()
		require.Equal(t, float64(readers), f.counter(t, "allegro_sse_clients", ""))
		a := v.get("/api/v1/events")
		requireError(t, a, http.StatusServiceUnavailable, httpapi.Busy)
		require.Equal(t, "1", a.Header.Get("Retry-After"))
		require.Equal(t, http.StatusOK, v.get("/healthz").StatusCode, "others are answered")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, int64(4*readers), alive.Load())
		f.pay(alice, bob)
		synctest.Wait()
		require.Equal(t, int64(readers), told.Load())

		streams[0].close()
		synctest.Wait()
		require.Equal(t, float64(readers-1), f.counter(t, "allegro_sse_clients", ""))
		last := v.stream("/api/v1/events", nil)
		last.begin()
		last.close()
		require.NoError(t, v.stop())
		require.NoError(t, g.Wait(), "all end with the server")
	})
}

// TestHeadsOfValidatorsAreEvents: whose node has shown what, whenever one moves.
func TestHeadsOfValidatorsAreEvents(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, f *fakes, v *served) {
		r := v.stream("/api/v1/events?types=validator_head", nil)
		defer r.close()
		r.begin()
		for height := range uint64(2) {
			f.head(t, "edgar", fastpay.HeadView{Height: height + 1, FinalizedHeight: height, Time: 1_000 + height})
			_, data := r.event("validator_head")
			require.Equal(t, map[string]any{
				"validator": "edgar", "height": fmt.Sprint(height + 1), "finalized_height": fmt.Sprint(height), "time": fmt.Sprint(1_000 + height),
			}, data)
		}
	})
}
