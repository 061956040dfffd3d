package p2p

import (
	"context"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
)

// Submit sends verified payments, 1 to 64 of them and at most 256 KiB, to a
// connected validator and returns its answer to each, in order. Every certificate in
// it has been verified. The error wraps one of the Err… values of requests,
// [ErrTooLarge], or the context's error.
func (n *Node) Submit(ctx context.Context, to PeerID, items []fastpay.Payment) ([]SubmitResult, error) {
	results, err := n.submit(ctx, to, items)
	n.metrics.submitAsked.WithLabelValues(askedResult(err)).Inc()
	if err != nil {
		return nil, fmt.Errorf("submitting %d payments: %w", len(items), err)
	}
	return results, nil
}

func (n *Node) submit(ctx context.Context, to PeerID, items []fastpay.Payment) ([]SubmitResult, error) {
	request := fastpay.EncodePayments(items)
	if len(items) == 0 || len(items) > fastpay.MaxPayments || len(request) > maxSubmitRequest {
		return nil, fmt.Errorf("%d bytes: %w: between 1 and %d payments and at most %d bytes", len(request), ErrTooLarge, fastpay.MaxPayments, maxSubmitRequest)
	}
	c := call{
		protocol: submitProtocol, request: request,
		limits: [2]int{maxSubmitRequest, maxSubmitResponse}, timeout: n.cfg.Limits.SubmitTimeout,
	}
	data, err := c.toPeer(ctx, n.host, to)
	if err != nil {
		return nil, err
	}
	results, err := decodeSubmitResults(n.cfg.Rules, data, items)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", to, ErrBadAnswer, err)
	}
	return results, nil
}

// submitService answers submits.
func (n *Node) submitService() *service {
	return &service{
		protocol: submitProtocol,
		name:     submitService,
		limiter:  newPeerLimiter(n.cfg.Limits.SubmitRate),
		request:  maxSubmitRequest,
		response: maxSubmitResponse,
		timeout:  n.cfg.Limits.SubmitTimeout,
		accept: func(from PeerID, request []byte) (job, error) {
			items, err := fastpay.SplitPayments(request)
			if err != nil {
				return job{}, fmt.Errorf("%w: %w", errFrame, err)
			}
			return job{answer: func(ctx context.Context) ([]byte, error) { return n.answerSubmit(ctx, from, items) }}, nil
		},
		count: func(_, result string) { n.metrics.submitServed.WithLabelValues(result).Inc() },
	}
}

// answerSubmit verifies each item by itself, so that an invalid one gets its refusal
// while the others pass.
func (n *Node) answerSubmit(ctx context.Context, from PeerID, items [][]byte) ([]byte, error) {
	results := make([]SubmitResult, len(items))
	var payments []fastpay.Payment
	var places []int // of the payments among the items
	for i, item := range items {
		p, err := n.cfg.Rules.ParsePayment(item)
		switch {
		case err != nil:
			results[i].Reject = fastpay.RejectOf(err)
		case n.cfg.Role != RoleValidator:
			results[i] = SubmitResult{ID: p.Tx.ID(), Reject: notValidator()}
		default:
			payments, places = append(payments, p), append(places, i)
		}
	}
	if len(payments) > 0 {
		if err := n.decide(ctx, from, payments, places, results); err != nil {
			return nil, err
		}
	}
	for i := range results {
		code := ""
		if r := results[i].Reject; r != nil {
			code = string(r.Code)
		}
		n.metrics.submitItems.WithLabelValues(code).Inc()
	}
	return encodeSubmitResults(results), nil
}

// decide asks the role and puts its results into their places.
func (n *Node) decide(ctx context.Context, from PeerID, payments []fastpay.Payment, places []int, results []SubmitResult) error {
	decided := n.cfg.Responder.Submit(ctx, from, payments)
	if len(decided) != len(payments) {
		return fmt.Errorf("submit responder gave %d results for %d payments", len(decided), len(payments))
	}
	for i, r := range decided {
		if err := r.check(); err != nil {
			return err
		}
		r.ID = payments[i].Tx.ID()
		results[places[i]] = r
	}
	return nil
}

// notValidator is what a peer that does not vote answers to a valid payment.
func notValidator() *fastpay.Reject {
	return fastpay.RejectOf(fmt.Errorf("%w: this peer is not a validator: submit to a member of the committee", fastpay.TemporaryUnavailable))
}
