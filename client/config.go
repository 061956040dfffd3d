package client

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"time"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a client needs.
type Config struct {
	Rules *fastpay.Rules
	// Key is the account that pays and is paid.
	Key *ecdsa.PrivateKey
	// Node says how the peer takes part in the network: identity, addresses,
	// members, digest. Role, sink and responder are filled in.
	Node  p2p.Config
	Store *replica.Store

	Chain    Chain
	Follower Follower

	// Policy says when a payment to the account is accepted. Empty: when it is INCLUDED.
	Policy acceptance.Policy
	// Deliverer is told of accepted payments. nil: nobody is.
	Deliverer orders.Deliverer

	// Now is the clock. Its differences matter, and its value is compared with the expiry
	// of payment requests, and of payments that are accepted before a block has them.
	Now        func() time.Time
	Jitter     func() float64
	Boot       [8]byte // tells this run from earlier ones
	Registerer prometheus.Registerer
	Tracer     *tracing.Tracer // nil: nothing is traced
}

// Chain is what a client asks of its own node.
type Chain interface {
	planner.Chain
	replica.LaneReader
}

// Follower reports the chain step by step until ctx ends or handle fails.
type Follower interface {
	Run(ctx context.Context, handle func(tempo.Update) error) error
}

var _ Chain = (*tempo.Chain)(nil)
var _ Follower = (*tempo.Follower)(nil)

// Validate reports the first thing in c that a client cannot run with.
func (c *Config) Validate() error {
	switch {
	case c.Rules == nil:
		return errors.New("client: config has no rules: load the network file")
	case c.Key == nil:
		return errors.New("client: config has no account key")
	case c.Store == nil:
		return errors.New("client: config has no store: payments must be durable before they are sent")
	case c.Chain == nil || c.Follower == nil:
		return errors.New("client: config has no chain")
	case c.Now == nil || c.Jitter == nil:
		return errors.New("client: config has no clock or no jitter")
	}
	return nil
}
