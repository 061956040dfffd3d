package p2p

import "sync"

// signal wakes everybody who waits for a change. The zero signal is ready for use
// and safe for concurrent use.
type signal struct {
	mu sync.Mutex
	ch chan struct{} // closed by the next broadcast; nil if nobody waits
}

// wait returns a channel that the next broadcast closes. Take it before looking at
// the state it stands for, so that no change is missed.
func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// broadcast wakes all waiters.
func (s *signal) broadcast() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
