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

// server is the chain's JSON-RPC at one endpoint.
type server struct {
	lane      *subBlock // of the validator whose node this is, or nil
	rpc       *rpc.Server
	websocket http.Handler

	// mu guards conns: the open WebSocket connections by remote address.
	mu    sync.Mutex
	conns map[string]net.Conn
}

// newServer returns the JSON-RPC of a chain at the node of a validator, or at one
// that is no validator's.
func newServer(c *Chain, lane *subBlock) (*server, error) {
	s := &server{lane: lane, rpc: rpc.NewServer(), conns: make(map[string]net.Conn)}
	s.rpc.SetHTTPBodyLimit(maxRequestBytes)
	s.rpc.SetWebsocketReadLimit(maxRequestBytes)
	s.rpc.SetBatchLimits(maxBatchItems, maxBatchBytes)
	s.websocket = s.rpc.WebsocketHandler(nil) // browsers from localhost only

	apis := map[string]any{
		"eth":   &ethAPI{chain: c, server: s},
		"net":   &netAPI{chain: c},
		"web3":  &web3API{},
		"tempo": &tempoAPI{chain: c},
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

// Handler returns the JSON-RPC over HTTP and, on the same paths, WebSocket. Under
// ValidatorPath it is that of a validator's node, everywhere else that of a node
// that is no validator's.
func (c *Chain) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := c.server
		if digits, ok := strings.CutPrefix(r.URL.Path, validatorPath); ok {
			lane := c.laneOf(digits)
			if lane == nil {
				http.Error(w, fmt.Sprintf("%q is no validator of this chain", digits), http.StatusNotFound)
				return
			}
			s = lane.server
		}
		s.serveHTTP(w, r)
	})
}

func (s *server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		s.rpc.ServeHTTP(w, r)
		return
	}
	defer s.untrack(r.RemoteAddr)
	s.websocket.ServeHTTP(&trackingWriter{ResponseWriter: w, server: s, addr: r.RemoteAddr}, r)
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
