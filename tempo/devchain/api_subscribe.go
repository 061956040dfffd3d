package devchain

import (
	"context"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// NewHeads subscribes to the headers of new blocks.
func (a *ethAPI) NewHeads(ctx context.Context) (*rpc.Subscription, error) {
	return a.subscribe(ctx, func(b *block, notify func(any) error) error {
		return notify(newHeaderJSON(b))
	})
}

// Logs subscribes to the logs of new blocks that pass a filter. A range in the
// filter does not matter.
func (a *ethAPI) Logs(ctx context.Context, filter logFilter) (*rpc.Subscription, error) {
	if err := filter.check(); err != nil {
		return nil, coded(codeInvalidParams, err)
	}
	return a.subscribe(ctx, func(b *block, notify func(any) error) error {
		return notifyLogs(filter.in(b), notify)
	})
}

func notifyLogs(logs []*types.Log, notify func(any) error) error {
	for _, l := range logs {
		if err := notify(l); err != nil {
			return err
		}
	}
	return nil
}

// subscribe calls tell for every new block until the subscriber goes away or
// the chain is closed. A subscriber who falls too far behind is disconnected,
// so that it notices.
func (a *ethAPI) subscribe(ctx context.Context, tell func(*block, func(any) error) error) (*rpc.Subscription, error) {
	notifier, ok := rpc.NotifierFromContext(ctx)
	if !ok {
		return nil, rpc.ErrNotificationsUnsupported
	}
	sub := notifier.CreateSubscription()
	notify := func(v any) error { return notifier.Notify(sub.ID, v) }
	cut := func() { a.server.disconnect(ctx) }
	err := a.chain.feed.follow(func(blocks <-chan *block) {
		for {
			select {
			case <-sub.Err():
				return
			case b, ok := <-blocks:
				if !ok {
					return
				}
				if tell(b, notify) != nil { // the connection takes nothing more
					cut()
					return
				}
			}
		}
	}, cut)
	if err != nil {
		return nil, coded(codeLimit, err)
	}
	return sub, nil
}
