package tempo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
	lru "github.com/hashicorp/golang-lru/v2"
)

// maxMessage is the largest message accepted on a WebSocket connection, in
// bytes: the largest answer that reth, Tempo's node, gives by default.
const maxMessage = 160 << 20

// Chain talks to one Tempo node by JSON-RPC. It keeps no state of the chain
// but a bounded memory of outcomes, and makes no attempt twice: what to do
// about an error is the caller's decision, see the sentinel errors.
//
// All methods are safe for concurrent use. Each exchange with the node is
// bounded by the caller's context and by [Options.RequestTimeout]. The transfers
// of an outcome are shared by all who were given it and must not be changed.
type Chain struct {
	opts    Options
	metrics *metrics

	calls *link // requests
	heads *link // the subscription to new heads; may be the same as calls
	idle  func()

	outcomes  *lru.Cache[slot, remembered]
	finalized atomic.Uint64 // highest number seen under the finalized tag
}

// Dial returns a client of the node at rawURL, whose scheme is http, https, ws
// or wss. A ws URL is used for everything. With an http URL, new heads are
// subscribed to by ws on the same host and port where the node offers that,
// else they are polled.
//
// Only a URL that cannot be used is an error. Dial tries to connect once,
// within ctx, but a node that is down is dialled again by the requests that
// need it.
func Dial(ctx context.Context, rawURL string, opts Options) (*Chain, error) {
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
	subscriptions := newLink(func(ctx context.Context) (*rpc.Client, error) {
		return rpc.DialOptions(ctx, heads.String(), rpc.WithWebsocketMessageSizeLimit(maxMessage))
	})
	if heads.Scheme == target.Scheme {
		c := newChain(subscriptions, subscriptions, nil, opts)
		c.connect(ctx, target.Host)
		return c, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	requests := newLink(func(ctx context.Context) (*rpc.Client, error) {
		return rpc.DialOptions(ctx, rawURL, rpc.WithHTTPClient(&http.Client{Transport: transport}))
	})
	return newChain(requests, subscriptions, transport.CloseIdleConnections, opts), nil
}

// New returns a client of the node behind an existing connection, for example
// the in-process one of the embedded chain. Close closes client.
func New(client *rpc.Client, opts Options) *Chain {
	l := newLink(nil)
	l.client = client
	return newChain(l, l, nil, opts)
}

// newChain assembles a Chain; idle, which may be nil, lets go of idle
// connections.
func newChain(calls, heads *link, idle func(), opts Options) *Chain {
	opts = opts.withDefaults()
	outcomes, err := lru.New[slot, remembered](opts.OutcomeCache)
	if err != nil {
		panic(err) // the size is positive
	}
	return &Chain{
		opts:     opts,
		metrics:  newMetrics(opts.Registerer, opts.Now),
		calls:    calls,
		heads:    heads,
		idle:     idle,
		outcomes: outcomes,
	}
}

// connect dials the node once, ahead of the first request.
func (c *Chain) connect(ctx context.Context, host string) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout)
	defer cancel()
	if _, err := c.calls.get(ctx); err != nil {
		c.opts.Logger.Warnw("node is not up yet", "host", host, "error", err)
	}
}

// Close ends the connections and with them every request under way. Requests
// made later fail.
func (c *Chain) Close() {
	c.calls.close()
	if c.heads != c.calls {
		c.heads.close()
	}
	if c.idle != nil {
		c.idle()
	}
}

// ChainID returns the id of the node's chain, the one that transactions sign.
func (c *Chain) ChainID(ctx context.Context) (uint64, error) {
	var id hexutil.Uint64
	if err := c.call(ctx, query{"eth_chainId", nil, &id}); err != nil {
		return 0, err
	}
	return uint64(id), nil
}
