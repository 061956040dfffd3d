package tempo

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
	lru "github.com/hashicorp/golang-lru/v2"
)

// Chain talks to a Tempo node by JSON-RPC, the peer's own or a backup of it. It keeps no state of the chain
// but a bounded memory of outcomes, and makes no attempt twice: what to do
// about an error is the caller's decision, see the sentinel errors.
//
// All methods are safe for concurrent use. Each exchange with the node is
// bounded by the caller's context and by [Options.RequestTimeout]. The transfers
// of an outcome are shared by all who were given it and must not be changed.
type Chain struct {
	opts    Options
	metrics *metrics

	nodes *nodes

	outcomes  *lru.Cache[slot, remembered]
	finalized atomic.Uint64 // highest number seen under the finalized tag
	height    atomic.Uint64 // highest number seen under any
}

// Dial returns a client of the node at rawURL, whose scheme is http, https, ws
// or wss. A ws URL is used for everything. With an http URL, new heads are
// subscribed to by ws on the same host and port where the node offers that,
// else they are polled. While that node gives no answer, those of
// [Options.Backups] are used in its place.
//
// Only a URL that cannot be used is an error. Dial tries to connect once,
// within ctx, but a node that is down is dialled again by the requests that
// need it.
func Dial(ctx context.Context, rawURL string, opts Options) (*Chain, error) {
	own, err := newNode(rawURL)
	if err != nil {
		return nil, err
	}
	all := []*node{own}
	for i, backup := range opts.Backups {
		n, err := newNode(backup)
		if err != nil {
			return nil, fmt.Errorf("backup %d: %w", i+1, err)
		}
		all = append(all, n)
	}
	c := newChain(all, opts)
	c.connect(ctx)
	return c, nil
}

// New returns a client of the node behind an existing connection, for example
// the in-process one of the embedded chain. Close closes client. There are no
// backups.
func New(client *rpc.Client, opts Options) *Chain {
	return newChain([]*node{connectedNode(client)}, opts)
}

// newChain assembles a Chain of the own node and its backups.
func newChain(all []*node, opts Options) *Chain {
	opts = opts.withDefaults()
	outcomes, err := lru.New[slot, remembered](opts.OutcomeCache)
	if err != nil {
		panic(err) // the size is positive
	}
	c := &Chain{opts: opts, metrics: newMetrics(opts.Registerer, opts.Now), outcomes: outcomes}
	c.nodes = newNodes(all, &c.opts, c.metrics)
	return c
}

// connect dials the own node once, ahead of the first request.
func (c *Chain) connect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout)
	defer cancel()
	n, _ := c.nodes.inUse()
	if _, err := n.calls.get(ctx); err != nil {
		c.opts.Logger.Warnw("node is not up yet", "host", n.host, "error", err)
	}
}

// Node returns the host of the node in use, without what else its URL may hold,
// and whether that is a backup.
func (c *Chain) Node() (host string, backup bool) {
	n, _ := c.nodes.inUse()
	return n.host, n != c.nodes.all[0]
}

// Close ends the connections and with them every request under way. Requests
// made later fail.
func (c *Chain) Close() {
	for _, n := range c.nodes.all {
		n.close()
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
