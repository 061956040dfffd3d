package devchain

import "sync"

// subscriberBuffer is how many blocks a subscriber may be behind: a minute of
// 1-second blocks. Blocks are shared, so a buffer costs a pointer for each.
const subscriberBuffer = 64

// feed gives new blocks to subscribers. It never waits for one: whoever falls
// behind by more than subscriberBuffer blocks is dropped.
type feed struct {
	// workers counts the goroutines that follow started.
	workers sync.WaitGroup

	mu     sync.Mutex // guards what follows
	closed bool
	subs   map[chan *block]struct{}
}

// follow runs worker in a goroutine of its own with a channel of the blocks to
// come. The channel is closed when the worker was too slow or the feed was
// closed. It reports false, and runs nothing, if the feed is closed already.
func (f *feed) follow(worker func(<-chan *block)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	if f.subs == nil {
		f.subs = make(map[chan *block]struct{})
	}
	ch := make(chan *block, subscriberBuffer)
	f.subs[ch] = struct{}{}
	f.workers.Go(func() {
		defer f.leave(ch)
		worker(ch)
	})
	return true
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
	for ch := range f.subs {
		select {
		case ch <- b:
		default:
			logger.Warnw("subscriber dropped, it did not keep up", "behind", subscriberBuffer)
			delete(f.subs, ch)
			close(ch)
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
