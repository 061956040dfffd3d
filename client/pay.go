package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"github.com/ethereum/go-ethereum/common"
)

// Order is a payment to be made.
type Order = planner.Order

// Parents says which incoming payments a payment cites as funds.
type Parents = planner.Parents

// Pay signs a payment, makes it durable, and hands it to the network. It returns at
// once; the client sends it to every validator until a quorum answers, also after a
// restart. Use [Client.Wait] for the outcome.
//
// An error that wraps a [fastpay.Code] says why the validators would refuse it;
// nothing was signed then.
func (c *Client) Pay(ctx context.Context, o Order) (fastpay.ID, error) {
	start := c.cfg.Now()
	tx, err := c.sign(ctx, o)
	if errors.Is(err, fastpay.InsufficientFunds) && o.Parents.Auto {
		// Gossip may have lost the payment that this one is to be made of.
		if ferr := c.replica.FetchAccount(ctx, c.node, c.address); ferr != nil {
			logger.Debugw("asking for payments to the account", "error", ferr)
		}
		tx, err = c.sign(ctx, o)
	}
	if err != nil {
		return fastpay.ID{}, fmt.Errorf("paying: %w", err)
	}
	c.metrics.paid.Inc()
	c.cfg.Tracer.Record(tx.ID(), tracing.Span{Name: "client.pay", Start: start, End: c.cfg.Now()})
	c.sender.add(tx)
	err = c.node.PublishPayments(ctx, tx.CommitteeID(), []fastpay.Payment{c.replica.Payment(tx)})
	if err != nil {
		// The submit stream is the reliable path; gossip is for those we do not reach.
		logger.Debugw("payment was not gossiped", "tx", tx.ID(), "error", err)
	}
	return tx.ID(), nil
}

// sign plans, signs and journals a payment, one at a time: a lane has one writer.
func (c *Client) sign(ctx context.Context, o Order) (*fastpay.Tx, error) {
	turn, err := c.planner.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer turn.Release()
	env, _, err := turn.Plan(ctx, c.address, o)
	if err != nil {
		return nil, err
	}
	tx, err := c.cfg.Rules.SignTx(env, c.cfg.Key)
	if err != nil {
		return nil, err
	}
	promise, err := turn.Decide(ctx, tx)
	if err != nil {
		return nil, err
	}
	if err := c.journal.append(promise); err != nil {
		return nil, fmt.Errorf("the payment could not be made durable and was not sent: %w", err)
	}
	if err := turn.Record(promise); err != nil {
		logger.Errorw("evidence was not stored, the payment goes on", "error", err)
	}
	return tx, nil
}

// Funds returns what an account holds and may spend in an asset, at the pinned
// finalized block and by the evidence held here: complete for the client's own
// account, and for others as far as their payments have come here.
func (c *Client) Funds(ctx context.Context, owner, asset common.Address) (fastpay.Funds, fastpay.Block, error) {
	turn, err := c.planner.Take(ctx)
	if err != nil {
		return fastpay.Funds{}, fastpay.Block{}, fmt.Errorf("reading funds: %w", err)
	}
	defer turn.Release()
	funds, err := turn.Funds(ctx, owner, asset)
	return funds.Funds, funds.Block, err
}
