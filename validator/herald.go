package validator

import (
	"context"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
)

// headInterval is the longest time between two Heads (section 1, Head).
const headInterval = 10 * time.Second

// runHerald publishes this member's view of its node on each change and every
// ten seconds.
func (v *Validator) runHerald(ctx context.Context) error {
	ticker := time.NewTicker(headInterval)
	defer ticker.Stop()
	var view fastpay.HeadView
	var at time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case view = <-v.engine.views:
			at = v.cfg.Now()
		case <-ticker.C:
		}
		if at.IsZero() {
			continue // no view yet
		}
		now := view
		now.Time += uint64(max(v.cfg.Now().Sub(at), 0) / time.Second)
		if err := v.publishHead(ctx, now); err != nil && ctx.Err() == nil {
			logger.Warnw("head was not published", "height", now.Height, "error", err)
		}
	}
}

func (v *Validator) publishHead(ctx context.Context, view fastpay.HeadView) error {
	committee := v.cfg.Rules.CommitteeAt(view.Time)
	seat := v.engine.seats[committee.ID()]
	if seat == nil {
		return nil // not a member in this epoch
	}
	signature, err := v.cfg.Signer.SignHead(ctx, committee, seat.index, view)
	if err != nil {
		return err
	}
	head, err := fastpay.NewHead(committee, seat.index, view, signature)
	if err != nil {
		return err
	}
	if err := v.replica.GossipHead("", head); err != nil {
		return nil // a newer one is out already
	}
	return v.node.PublishHead(ctx, head)
}
