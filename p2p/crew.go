package p2p

import (
	"sync"
	"time"
)

// crew counts a node's running functions, so that none starts after the node began
// to stop and none outlives it. The zero crew is ready for use.
type crew struct {
	mu     sync.Mutex // guards closed, and running against going up once closed
	closed bool
	group  sync.WaitGroup
}

// enter counts the caller in until it calls leave. It returns false once the crew
// is closed.
func (c *crew) enter() (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false
	}
	c.group.Add(1)
	return c.group.Done, true
}

// start runs f in a goroutine of the crew, unless the crew is closed.
func (c *crew) start(f func()) {
	if leave, ok := c.enter(); ok {
		go func() {
			defer leave()
			f()
		}()
	}
}

// close lets nobody in any more.
func (c *crew) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// wait returns when everybody has left.
func (c *crew) wait() { c.group.Wait() }

// waitFor returns when everybody has left, or after the timeout.
func (c *crew) waitFor(timeout time.Duration) {
	done := make(chan struct{})
	go func() {
		c.group.Wait()
		close(done)
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}
