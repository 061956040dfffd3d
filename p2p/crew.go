package p2p

import (
	"sync"
	"time"
)

// crew counts a node's running functions, so that none starts after the node began
// to stop and none outlives it. The zero crew is ready for use.
type crew struct {
	mu      sync.Mutex
	running int           // guarded by mu
	closed  bool          // guarded by mu
	idle    chan struct{} // made by close, and closed when nobody runs; set once
}

// enter counts the caller in until it calls leave. It returns false once the crew
// is closed.
func (c *crew) enter() (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false
	}
	c.running++
	return c.leave, true
}

func (c *crew) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	if c.closed && c.running == 0 {
		close(c.idle)
	}
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

// close lets nobody in any more. It reports whether somebody is still in. It is
// called once.
func (c *crew) close() (busy bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.idle = make(chan struct{})
	if c.running == 0 {
		close(c.idle)
	}
	return c.running > 0
}

// wait returns when everybody has left a closed crew.
func (c *crew) wait() { <-c.idle }

// waitFor returns when everybody has left a closed crew, or after the timeout.
func (c *crew) waitFor(timeout time.Duration) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-c.idle:
	case <-timer.C:
	}
}
