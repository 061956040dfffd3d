package tempo

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// deadline is how long a condition may take on a slow
// machine. Nothing is measured against it.
const deadline = time.Minute

// socket serves a fakeNode over HTTP and, where ws is set, WebSocket, and can
// cut all its connections.
type socket struct {
	server *http.Server
	addr   string

	mu    sync.Mutex
	conns []net.Conn
	down  bool
}

// listen opens a socket for n.
func listen(t *testing.T, n *fakeNode, ws bool) *socket {
	t.Helper()
	upgrade := n.server.WebsocketHandler([]string{"*"})
	s := &socket{}
	s.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if ws && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
				upgrade.ServeHTTP(w, r)
				return
			}
			n.server.ServeHTTP(w, r)
		}),
		ConnState: func(conn net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.down {
					conn.Close()
					return
				}
				s.conns = append(s.conns, conn)
			}
		},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.addr = listener.Addr().String()
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.server.Serve(listener)
	}()
	t.Cleanup(func() {
		s.server.Close()
		s.drop()
		<-served
	})
	return s
}

// setDown makes the node look down, or up again. It keeps its port meanwhile,
// because another process might take it.
func (s *socket) setDown(down bool) {
	s.mu.Lock()
	s.down = down
	s.mu.Unlock()
	s.drop()
}

// drop cuts all connections.
func (s *socket) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		conn.Close()
	}
	s.conns = nil
}

// watched runs a follower over a socket and tells of its updates.
type watched struct {
	*replica
	follower *Follower
	updates  chan Update
}

// watch follows the node at url until the test ends.
func watch(t *testing.T, url string, cfg FollowerConfig) *watched {
	t.Helper()
	c, err := Dial(t.Context(), url, Options{})
	require.NoError(t, err)
	f, err := NewFollower(c, cfg)
	require.NoError(t, err)
	w := &watched{replica: &replica{t: t}, follower: f, updates: make(chan Update, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- f.Run(ctx, func(u Update) error {
			defer func() { w.updates <- u }()
			return w.apply(u)
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		c.Close()
	})
	return w
}

// await returns once an update names head as latest.
func (w *watched) await(t *testing.T, head Header) {
	t.Helper()
	timeout := time.After(deadline)
	for {
		select {
		case u := <-w.updates:
			if u.Latest == head {
				return
			}
		case <-timeout:
			t.Fatalf("block %d was not reported, status %+v", head.Number, w.follower.Status())
		}
	}
}

// quick makes failures cost little time, and announcements the only reason to
// look again within a test.
func quick() FollowerConfig {
	return FollowerConfig{PollInterval: time.Hour, MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond}
}

// Heads come over WebSocket, whether the URL says so or it is found beside
// HTTP, and a dropped connection is renewed and loses no block.
func TestDroppedConnection(t *testing.T) {
	for _, scheme := range []string{"ws://", "http://"} {
		t.Run(scheme, func(t *testing.T) {
			n := newFakeNode(t)
			s := listen(t, n, true)
			w := watch(t, scheme+s.addr, quick())
			w.await(t, n.head())
			for range 5 {
				w.await(t, n.extend(payment{from: account(1), to: account(2), amount: 1}))
				n.script(func() { n.silent = true })
				for range 3 {
					n.extend(payment{from: account(1), to: account(2), amount: 1})
				}
				n.script(func() { n.silent = false })
				s.drop()
				w.await(t, n.head())
			}
			w.requireAt(n, 1)
			require.True(t, w.follower.Status().Connected)
		})
	}
}

// Where the node offers no WebSocket, it is polled.
func TestHTTPOnly(t *testing.T) {
	n := newFakeNode(t)
	s := listen(t, n, false)
	cfg := quick()
	cfg.PollInterval = time.Millisecond
	w := watch(t, "http://"+s.addr, cfg)
	for range 5 {
		w.await(t, n.extend(payment{from: account(1), to: account(2), amount: 1}))
	}
	require.False(t, w.follower.Status().Subscribed)
}

// A node may be down when its peer starts, and go down and come back later.
func TestNodeDownThenUp(t *testing.T) {
	for _, scheme := range []string{"ws://", "http://"} {
		t.Run(scheme, func(t *testing.T) {
			n := newFakeNode(t)
			s := listen(t, n, true)
			s.setDown(true)
			w := watch(t, scheme+s.addr, quick())
			for range 4 {
				n.extend(payment{from: account(1), to: account(2), amount: 1})
				require.Zero(t, len(w.updates))
				s.setDown(false)
				w.await(t, n.head())
				s.setDown(true)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			sameOutcomes(t, n.outcomes(1, 4), w.outcomes, "outcomes of the chain")
		})
	}
}
