package validator

import (
	"context"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

// runCommitter makes votes durable, one sync per batch, and hands them to the
// signer. A sync that fails stops the signer for good: whether the votes are on
// disk is unknown, so nothing may be said about their slots.
func (v *Validator) runCommitter(ctx context.Context) error {
	for {
		var batch []*fastpay.Promise
		select {
		case <-ctx.Done():
			return ctx.Err()
		case batch = <-v.engine.commits:
		}
		if v.halt.get() != nil {
			continue
		}
		start := v.cfg.Now()
		err := v.journal.append(batch)
		v.traceBatch("validator.journal", idsOf(batch), start, err)
		if err != nil {
			v.halt.set(fmt.Errorf("votes could not be made durable: %w", err))
			continue
		}
		v.metrics.syncTime.Observe(v.cfg.Now().Sub(start).Seconds())
		select {
		case v.durable <- batch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// runSigner signs durable votes, one root per batch and committee, stores and
// publishes them. It runs beside the next sync.
func (v *Validator) runSigner(ctx context.Context) error {
	for {
		var batch []*fastpay.Promise
		select {
		case <-ctx.Done():
			return ctx.Err()
		case batch = <-v.durable:
		}
		byCommittee := make(map[common.Hash][]fastpay.ID)
		for _, p := range batch {
			byCommittee[p.Tx.CommitteeID()] = append(byCommittee[p.Tx.CommitteeID()], p.Tx.ID())
		}
		for committee, ids := range byCommittee {
			if err := v.sign(ctx, committee, ids); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				v.halt.set(err)
			}
		}
	}
}

// sign signs one batch of durable votes and tells everybody.
func (v *Validator) sign(ctx context.Context, committee common.Hash, ids []fastpay.ID) error {
	seat := v.engine.seats[committee]
	root, err := fastpay.BatchRoot(ids)
	if err != nil {
		return fmt.Errorf("signing votes: %w", err)
	}
	start := v.cfg.Now()
	signature, err := v.cfg.Signer.SignBatch(ctx, committee, len(ids), root)
	v.traceBatch("validator.sign", ids, start, err)
	if err != nil {
		return fmt.Errorf("signing votes: %w", err)
	}
	batch, err := fastpay.NewBatch(seat.committee, seat.index, ids, signature)
	if err != nil {
		return fmt.Errorf("the signer's signature does not verify: %w", err)
	}
	if err := v.replica.Update(func(b *fastpay.Board) { _ = b.AddBatch(batch) }); err != nil {
		logger.Errorw("votes were not stored", "error", err)
	}
	v.metrics.issued.Add(float64(len(ids)))
	v.metrics.batchSize.Observe(float64(len(ids)))
	// Submitters get their answer whether or not gossip works.
	select {
	case v.engine.signed <- ids:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := v.node.PublishBatch(ctx, batch); err != nil {
		logger.Warnw("votes were not published, sync brings them", "votes", len(ids), "error", err)
	}
	return nil
}
