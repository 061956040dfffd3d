package tempo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// headBuffer is the room for announced heads that were not looked at yet. They
// are taken at once, so it only spares the connection's reader a wait.
const headBuffer = 16

// watchHeads keeps a subscription to new heads until ctx ends and nudges the
// follower with each. It waits for another node where the connection cannot carry
// one: the follower polls in any case.
func (f *Follower) watchHeads(ctx context.Context, nudges chan<- struct{}) {
	pause := backoff{min: f.cfg.MinBackoff, max: f.cfg.MaxBackoff, jitter: f.cfg.Jitter}
	logger := f.chain.opts.Logger
	renewal := false
	for {
		_, moved := f.chain.nodes.inUse()
		err := f.chain.watchHeads(ctx, func() {
			if renewal {
				f.chain.metrics.reconnects.Inc()
			}
			renewal = true
			pause.reset()
			f.subscribed(true)
			logger.Infow("heads are announced by the node")
		}, nudges)
		f.subscribed(false)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errUnsupported):
			logger.Infow("node does not announce heads, polling", "interval", f.cfg.PollInterval)
			select {
			case <-ctx.Done():
				return
			case <-moved: // another node may
			}
			continue
		}
		wait := pause.next()
		logger.Debugw("no head subscription", "error", err, "retry", wait)
		select {
		case <-ctx.Done():
			return
		case <-moved:
			pause.reset()
		case <-time.After(wait):
		}
	}
}

// watchHeads subscribes to new heads, calls began, and then puts one value into
// nudges for the beginning and one for each head, dropping it where there is no
// room. It returns when ctx ends or, with the reason, when the subscription
// does or another node is in use.
func (c *Chain) watchHeads(ctx context.Context, began func(), nudges chan<- struct{}) error {
	// What a head says does not matter, so it is not parsed.
	heads := make(chan json.RawMessage, headBuffer)
	n, moved := c.nodes.inUse()
	subscription, err := c.subscribe(ctx, n, heads)
	c.metrics.request("eth_subscribe", err)
	if err != nil {
		return err
	}
	defer subscription.Unsubscribe()
	began()
	for {
		select {
		case nudges <- struct{}{}:
		default:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case lost := <-subscription.Err():
			return fmt.Errorf("%w: the head subscription ended: %v", ErrUnreachable, lost)
		case <-moved:
			return fmt.Errorf("%w: another node is used", ErrUnreachable)
		case <-heads:
		}
	}
}

// subscribe asks a node to announce new heads, which then arrive in heads.
func (c *Chain) subscribe(ctx context.Context, n *node, heads chan<- json.RawMessage) (*rpc.ClientSubscription, error) {
	limited, cancel := context.WithTimeout(ctx, c.opts.RequestTimeout)
	defer cancel()
	client, err := n.heads.get(limited)
	if err != nil {
		return nil, classify(ctx, err)
	}
	if !client.SupportsSubscriptions() {
		return nil, errUnsupported
	}
	subscription, err := client.EthSubscribe(limited, heads, "newHeads")
	if err != nil {
		return nil, classify(ctx, err)
	}
	return subscription, nil
}
