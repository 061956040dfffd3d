package devchain

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/rpc"
)

// Limits on what one request may cost.
const (
	// maxRequestBytes is the largest HTTP body or WebSocket message: a batch
	// of a thousand payments fits.
	maxRequestBytes = 2 << 20
	// maxBatchItems and maxBatchBytes bound a batch and its answers. Nodes
	// have about the same.
	maxBatchItems = 1_000
	maxBatchBytes = 25_000_000
)

// server is the chain's JSON-RPC.
type server struct {
	rpc       *rpc.Server
	websocket http.Handler

	// mu guards conns: the open WebSocket connections by remote address.
	mu    sync.Mutex
	conns map[string]net.Conn
}

// newServer returns the JSON-RPC of a chain.
func newServer(c *Chain) (*server, error) {
	s := &server{rpc: rpc.NewServer(), conns: make(map[string]net.Conn)}
	s.rpc.SetHTTPBodyLimit(maxRequestBytes)
	s.rpc.SetWebsocketReadLimit(maxRequestBytes)
	s.rpc.SetBatchLimits(maxBatchItems, maxBatchBytes)
	s.websocket = s.rpc.WebsocketHandler(nil) // browsers from localhost only

	apis := map[string]any{
		"eth":   &ethAPI{chain: c, server: s},
		"net":   &netAPI{chain: c},
		"web3":  &web3API{},
		"tempo": &tempoAPI{},
	}
	if c.cfg.DevRPC {
		apis["evm"] = &evmAPI{chain: c}
		apis["anvil"] = &anvilAPI{chain: c}
	}
	for namespace, api := range apis {
		if err := s.rpc.RegisterName(namespace, api); err != nil {
			return nil, fmt.Errorf("devchain: registering JSON-RPC namespace %s: %w", namespace, err)
		}
	}
	return s, nil
}

// Client returns a JSON-RPC client that is connected in process: the same
// methods and subscriptions as over a socket, and no socket. It works inside a
// testing/synctest bubble. The caller closes it.
func (c *Chain) Client() *rpc.Client { return rpc.DialInProc(c.server.rpc) }

// Handler returns the JSON-RPC over HTTP and, on the same path, WebSocket.
func (c *Chain) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			c.server.rpc.ServeHTTP(w, r)
			return
		}
		defer c.server.untrack(r.RemoteAddr)
		c.server.websocket.ServeHTTP(&trackingWriter{ResponseWriter: w, server: c.server, addr: r.RemoteAddr}, r)
	})
}

// trackingWriter notes the connection that a WebSocket takes over, so that a
// subscriber who does not keep up can be disconnected.
type trackingWriter struct {
	http.ResponseWriter
	server *server
	addr   string
}

// Hijack implements [http.Hijacker].
func (w *trackingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.server.mu.Lock()
		w.server.conns[w.addr] = conn
		w.server.mu.Unlock()
	}
	return conn, rw, err
}

func (s *server) untrack(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, addr)
}

// disconnect closes the connection that a request came over, if it is a
// WebSocket. A client in process takes what it is given and needs no such
// thing.
func (s *server) disconnect(ctx context.Context) {
	addr := rpc.PeerInfoFromContext(ctx).RemoteAddr
	s.mu.Lock()
	defer s.mu.Unlock()
	if conn := s.conns[addr]; conn != nil {
		_ = conn.Close() // it is being given up; there is no one to tell
	}
}
