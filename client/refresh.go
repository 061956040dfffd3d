package client

import (
	"context"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
)

// refreshInterval is how often members are asked for votes on payments from or
// to this account that lack a QC. Gossip alone is never relied on.
const refreshInterval = time.Second

// runRefresh asks for what gossip may have lost.
func (c *Client) runRefresh(ctx context.Context) error {
	ticker := time.NewTicker(refreshInterval)
	defer ticker.Stop()
	waiting := make(map[fastpay.ID]bool)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		// A payment is asked for from the second look on: the first one may have
		// come in the middle of its way.
		var ids []fastpay.ID
		now := make(map[fastpay.ID]bool)
		for _, id := range c.uncertified() {
			now[id] = true
			if waiting[id] {
				ids = append(ids, id)
			}
		}
		waiting = now
		if len(ids) == 0 {
			continue
		}
		if err := c.replica.Refresh(ctx, c.node, ids); err != nil && ctx.Err() == nil {
			logger.Debugw("asking for votes", "payments", len(ids), "error", err)
		}
	}
}

// proofBlocks is how many final blocks ago a payment may have been executed whose votes are
// still asked for. One that its payer submitted without any has none.
const proofBlocks = 64

// old reports whether a payment was executed longer ago.
func old(b *fastpay.Board, id fastpay.ID) bool {
	o, executed := b.Outcome(id)
	return executed && o.BlockNumber+proofBlocks < b.Finalized().Number
}

// uncertified returns the newest payments of the account that lack a QC and came to
// something, or still may.
func (c *Client) uncertified() []fastpay.ID {
	var out []fastpay.ID
	c.replica.Read(func(b *fastpay.Board) {
		for _, id := range b.Account(c.address, b.Len()) {
			_, proved := b.QC(id)
			if stage := b.Stage(id); !proved && (stage == fastpay.StageFinalized || !stage.Terminal()) && !old(b, id) {
				out = append(out, id)
			}
			if len(out) == p2p.MaxSyncItems {
				break
			}
		}
	})
	return out
}
