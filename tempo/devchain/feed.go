package devchain

import (
	"fmt"
	"sync"
)

// subscriberBuffer is how many blocks a subscriber may be behind: a minute of
// 1-second blocks. Blocks are shared, so a buffer costs a pointer for each.
const subscriberBuffer = 64

// maxSubscribers bounds the goroutines that one program full of subscriptions
// can cause. A test network has some tens.
const maxSubscribers = 1_024

// feed gives new blocks to subscribers. It never waits for one: whoever falls
// behind by more than subscriberBuffer blocks is dropped.
type feed struct {
	// workers counts the goroutines that follow started.
	workers sync.WaitGroup

	mu     sync.Mutex // guards what follows
	closed bool
	subs   map[chan *block]func() // what cuts the subscriber off
}

// follow runs worker in a goroutine of its own with a channel of the blocks to
// come. The channel is closed when the feed is closed, or when the worker was
// too slow: then cut is called as well, which must not block and must free a
// worker that is stuck. It runs nothing and returns an error if the feed is
// closed already or has too many subscribers.
func (f *feed) follow(worker func(<-chan *block), cut func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return ErrClosed
	case len(f.subs) >= maxSubscribers:
		return fmt.Errorf("too many subscriptions: %d are open, end some first", len(f.subs))
	}
	if f.subs == nil {
		f.subs = make(map[chan *block]func())
	}
	ch := make(chan *block, subscriberBuffer)
	f.subs[ch] = cut
	f.workers.Go(func() {
		defer f.leave(ch)
		worker(ch)
	})
	return nil
}

// leave ends a subscription.
func (f *feed) leave(ch chan *block) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subs, ch)
}

// publish hands a block to every subscriber.
func (f *feed) publish(b *block) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch, cut := range f.subs {
		select {
		case ch <- b:
		default:
			logger.Warnw("subscriber dropped, it did not keep up", "behind", subscriberBuffer)
			delete(f.subs, ch)
			close(ch)
			cut()
		}
	}
}

// close ends every subscription and refuses new ones. It does not wait for the
// workers.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for ch := range f.subs {
		delete(f.subs, ch)
		close(ch)
	}
}
