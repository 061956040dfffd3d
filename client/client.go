package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	log "github.com/ipfs/go-log/v2"
	"golang.org/x/sync/errgroup"
)

var logger = log.Logger("allegro/client")

// Client is one account's wallet as a peer. Make it with [New] and run it once.
// Its methods are safe for concurrent use.
type Client struct {
	cfg     Config
	address common.Address
	replica *replica.Replica
	node    *p2p.Node
	journal *journal
	metrics *metrics
	sender  *sender

	planner *planner.Planner // own payments are its promises

	requests *Requests
	orders   *orders.Book
}

// New returns a client with what its store holds. Nothing runs yet.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Client{
		cfg:     cfg,
		address: crypto.PubkeyToAddress(cfg.Key.PublicKey),
		journal: &journal{cfg.Store},
		metrics: newMetrics(cfg.Registerer),
	}
	var err error
	c.replica, err = replica.New(replica.Config{
		Rules: cfg.Rules, Limits: fastpay.DefaultBoardLimits(), Chain: cfg.Chain, Store: cfg.Store,
		Now: cfg.Now, Boot: cfg.Boot, Jitter: cfg.Jitter, Registerer: cfg.Registerer, Tracer: cfg.Tracer,
	})
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	paid, err := c.journal.load(cfg.Rules)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if c.requests, err = loadRequests(cfg.Store, c.metrics.requestsDropped); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c.orders, err = orders.Open(orders.Config{
		Account: c.address, Policy: cfg.Policy, Replica: c.replica, Store: cfg.Store, Requests: askedOf{c.requests},
		Told: cfg.Deliverer != nil, Keep: orders.DefaultKeep, Now: cfg.Now, Registerer: cfg.Registerer,
	})
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c.planner = planner.New(planner.Config{Rules: cfg.Rules, Replica: c.replica, Chain: cfg.Chain, Now: cfg.Now})
	if err := c.planner.Record(paid); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c.sender = newSender(c)
	for _, p := range paid {
		c.sender.add(p.Tx)
	}
	node := cfg.Node
	node.Role, node.Rules, node.Registerer = p2p.RoleClient, cfg.Rules, cfg.Registerer
	node.Sink, node.Responder = c.replica, c.replica
	if c.node, err = p2p.New(node); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c.node.OnPeer(func(e p2p.PeerEvent) {
		c.replica.PeerEvent(e)
		c.sender.peerEvent(e)
	})
	return c, nil
}

// Address is the account.
func (c *Client) Address() common.Address { return c.address }

// Node is the peer, for commands and tests that look at the network.
func (c *Client) Node() *p2p.Node { return c.node }

// Replica is what the client knows.
func (c *Client) Replica() *replica.Replica { return c.replica }

// Orders are the payments to the account, as its policy accepts them. Run follows and
// tells them.
func (c *Client) Orders() *orders.Book { return c.orders }

// Run takes part in the network until ctx ends, and returns why it ended.
// Payments that an earlier run signed and did not finish go on.
func (c *Client) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.node.Run(ctx) })
	g.Go(func() error { return c.replica.Run(ctx, c.node) })
	g.Go(func() error { return c.followChain(ctx) })
	g.Go(func() error { return c.sender.run(ctx) })
	g.Go(func() error { return c.runRefresh(ctx) })
	g.Go(func() error { return c.orders.Run(ctx) })
	if c.cfg.Deliverer != nil {
		g.Go(func() error { return c.orders.Deliver(ctx, c.cfg.Deliverer) })
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}

// followChain feeds what the node shows to the Board and the wallet.
func (c *Client) followChain(ctx context.Context) error {
	return c.cfg.Follower.Run(ctx, func(u tempo.Update) error {
		c.replica.Advance(fastpay.ChainView{
			Latest: fastpay.Block(u.Latest), Finalized: fastpay.Block(u.Finalized),
			Outcomes: u.Outcomes, Reverted: u.Reverted,
		}, u.LatestSeen)
		c.planner.Pin(fastpay.Block(u.Finalized), u.Touched, u.PoliciesChanged, u.FinalizedSeen)
		return nil
	})
}

// Wait blocks until a payment reaches a stage on its way, or a stage that ends
// it. It returns the stage reached.
func (c *Client) Wait(ctx context.Context, id fastpay.ID, want fastpay.Stage) (fastpay.Stage, error) {
	var at fastpay.Stage
	err := c.replica.Wait(ctx, func(b *fastpay.Board) bool {
		at = b.Stage(id)
		return at.Rank() >= want.Rank() || at.Terminal()
	})
	return at, err
}

// WaitReady blocks until the chain was seen and the node is ready; see
// [p2p.Node.WaitReady].
func (c *Client) WaitReady(ctx context.Context) error {
	turn, err := c.planner.Take(ctx)
	if err != nil {
		return err
	}
	committee := turn.Committee().ID()
	turn.Release()
	_, err = c.node.WaitReady(ctx, committee)
	return err
}

// QC returns the QC of a payment as this client assembled or received it, after
// verifying its bytes once more with nothing but the committee.
func (c *Client) QC(id fastpay.ID) (*fastpay.QC, error) {
	var held *fastpay.QC
	var ok bool
	c.replica.Read(func(b *fastpay.Board) { held, ok = b.QC(id) })
	if !ok {
		return nil, fmt.Errorf("no QC of payment %s is held", id)
	}
	return held.Committee().ParseQC(held.Encode())
}
