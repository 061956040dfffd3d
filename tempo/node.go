package tempo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"
)

// maxMessage is the largest message accepted on a WebSocket connection, in
// bytes: the largest answer that reth, Tempo's node, gives by default.
const maxMessage = 160 << 20

// node is one chain node with the connections to it.
type node struct {
	host  string // for people: the URL itself may hold an access token
	calls *link  // requests
	heads *link  // the subscription to new heads; may be the same as calls
	idle  func() // lets go of idle connections; nil where there are none

	// identified is set once the node has shown to be of the same chain as the
	// others.
	identified atomic.Bool
}

// newNode returns the node at rawURL. It does not connect yet.
func newNode(rawURL string) (*node, error) {
	target, err := url.Parse(rawURL)
	if err != nil || target.Host == "" {
		// The parser's error is left out because it repeats the URL, which may
		// hold a password or an access token.
		return nil, errors.New("the node's URL cannot be read, write it like http://127.0.0.1:8545")
	}
	heads := *target
	switch target.Scheme {
	case "http":
		heads.Scheme = "ws"
	case "https":
		heads.Scheme = "wss"
	case "ws", "wss":
	default:
		return nil, fmt.Errorf("the node's URL has the scheme %q, use http, https, ws or wss", target.Scheme)
	}
	n := &node{host: target.Host}
	n.heads = newLink(func(ctx context.Context) (*rpc.Client, error) {
		return rpc.DialOptions(ctx, heads.String(), rpc.WithWebsocketMessageSizeLimit(maxMessage))
	})
	if heads.Scheme == target.Scheme {
		n.calls = n.heads
		return n, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	n.calls = newLink(func(ctx context.Context) (*rpc.Client, error) {
		return rpc.DialOptions(ctx, rawURL, rpc.WithHTTPClient(&http.Client{Transport: transport}))
	})
	n.idle = transport.CloseIdleConnections
	return n, nil
}

// connectedNode returns the node behind an existing connection.
func connectedNode(client *rpc.Client) *node {
	l := newLink(nil)
	l.client = client
	return &node{host: "this process", calls: l, heads: l}
}

// close ends the connections and with them every request under way.
func (n *node) close() {
	n.calls.close()
	if n.heads != n.calls {
		n.heads.close()
	}
	if n.idle != nil {
		n.idle()
	}
}

// identity tells one chain from another.
type identity struct {
	chainID uint64
	genesis common.Hash
}
