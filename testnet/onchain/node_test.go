package onchain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
)

// node is a validator's own node: an address in front of the chain that can be killed
// and come back, and that can swallow transactions.
type node struct {
	t       *testing.T
	address string
	proxy   *httputil.ReverseProxy

	mu       sync.Mutex // guards what follows
	server   *http.Server
	done     chan error // of server
	sockets  map[net.Conn]bool
	swallows bool
	taken    int // transactions swallowed
}

// newNode starts a node of the chain at a URL; it ends with the test.
func newNode(t *testing.T, chain string) *node {
	t.Helper()
	target, err := url.Parse(chain)
	require.NoError(t, err)
	n := &node{t: t, address: "127.0.0.1:0", proxy: httputil.NewSingleHostReverseProxy(target)}
	n.proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	n.back()
	t.Cleanup(n.kill)
	return n
}

func (n *node) url() string { return "http://" + n.address }

// back listens, at the address where it did before.
func (n *node) back() {
	n.t.Helper()
	listener, err := net.Listen("tcp", n.address)
	require.NoError(n.t, err)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.address, n.sockets, n.done = listener.Addr().String(), make(map[net.Conn]bool), make(chan error, 1)
	n.server = &http.Server{Handler: n, ConnState: n.track}
	go func(s *http.Server, done chan<- error) { done <- s.Serve(listener) }(n.server, n.done)
}

// track keeps the WebSocket connections, which the server lets go of.
func (n *node) track(c net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if state == http.StateHijacked {
		n.sockets[c] = true
	}
}

// kill closes every connection and takes no new one. One that is dead stays so.
func (n *node) kill() {
	n.mu.Lock()
	server, sockets := n.server, n.sockets
	n.server, n.sockets = nil, nil
	n.mu.Unlock()
	if server == nil {
		return
	}
	require.NoError(n.t, server.Close())
	for c := range sockets {
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			require.NoError(n.t, err)
		}
	}
	require.ErrorIs(n.t, <-n.done, http.ErrServerClosed)
}

// swallow makes the node answer transactions with their hash and forget them, or not.
func (n *node) swallow(on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.swallows = on
}

// swallowed is how many transactions it has forgotten.
func (n *node) swallowed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.taken
}

// ServeHTTP implements [http.Handler].
func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		n.proxy.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if answer := n.forget(body); answer != nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // the client has gone otherwise
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	n.proxy.ServeHTTP(w, r)
}

// forget answers a transaction that is swallowed; nil is for everything else.
func (n *node) forget(body []byte) []byte {
	var request struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params []hexutil.Bytes `json:"params"`
	}
	if json.Unmarshal(body, &request) != nil || request.Method != "eth_sendRawTransaction" {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.swallows {
		return nil
	}
	n.taken++
	answer, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": request.ID, "result": crypto.Keccak256Hash(request.Params[0])})
	if err != nil {
		panic(err) // it is made of text
	}
	return answer
}
