package conformance_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// relay stands between a client and its chain, and can be cut. It forwards bytes
// and knows nothing of what they say.
type relay struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	broken bool
	conns  map[net.Conn]bool
}

// newRelay returns a relay to a host and port.
func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{listener: listener, target: target, conns: make(map[net.Conn]bool)}
	r.running.Go(r.accept)
	t.Cleanup(func() {
		r.cut()
		_ = listener.Close() // ends accept
		r.running.Wait()
	})
	return r
}

// address returns the host and port that it listens on.
func (r *relay) address() string { return r.listener.Addr().String() }

// accept takes connections until the listener is closed.
func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		node, err := net.Dial("tcp", r.target)
		if err != nil || !r.keep(client, node) {
			_ = client.Close() // as if nobody were there
			continue
		}
		r.running.Go(func() { r.pass(client, node) })
		r.running.Go(func() { r.pass(node, client) })
	}
}

// keep notes the two sides of a connection, unless the relay is cut: then it closes
// the second and reports false.
func (r *relay) keep(client, node net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		_ = node.Close() // it was not used
		return false
	}
	r.conns[client], r.conns[node] = true, true
	return true
}

// pass forwards one direction until an end is closed, and closes both.
func (r *relay) pass(from, to net.Conn) {
	_, _ = io.Copy(to, from) // however it ends, it has ended
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, conn := range []net.Conn{from, to} {
		_ = conn.Close()
		delete(r.conns, conn)
	}
}

// cut ends every connection and lets no new one through.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = true
	for conn := range r.conns {
		_ = conn.Close()
	}
}

// mend lets connections through again.
func (r *relay) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = false
}
