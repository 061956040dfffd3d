package httpapi

import (
	"errors"
	"time"
)

// Limits bound what others can make a server hold and do.
type Limits struct {
	// Body is the largest body of a request, in bytes. A raw transaction with its
	// envelope takes at most 12 kB of hex.
	Body int64
	// Streams is the number of requests that stay open: event streams, submits that
	// wait, and scenes of the demo. One takes about 20 kB.
	Streams int
	// Requests is the number of requests per second from one address, and Burst how
	// many of them may come at once: a page that loads makes about twenty.
	Requests float64
	Burst    int
	// Writes and WriteBurst are the same for requests that are not reads: each makes
	// work for the validators.
	Writes     float64
	WriteBurst int
	// Events and EventBytes bound the events kept for readers that come back.
	Events     int
	EventBytes int
	// Slow is how long a reader may take to receive what was sent to it.
	Slow time.Duration
	// Request bounds the work on a request that does not stay open.
	Request time.Duration
}

// DefaultLimits are those of an aggregator for some hundred readers.
func DefaultLimits() Limits {
	return Limits{
		Body: 64 << 10, Streams: 4_096, Requests: 100, Burst: 400, Writes: 20, WriteBurst: 60,
		Events: 10_000, EventBytes: 64 << 20, Slow: 10 * time.Second, Request: 15 * time.Second,
	}
}

// validate reports the first limit that nothing can be served with.
func (l *Limits) validate() error {
	switch {
	case l.Body < 1 || l.Streams < 1 || l.Events < 1 || l.EventBytes < 1:
		return errors.New("limits of body, streams and events must be at least 1: start from DefaultLimits")
	case l.Requests <= 0 || l.Burst < 1 || l.Writes <= 0 || l.WriteBurst < 1:
		return errors.New("limits of requests and writes must be above 0: start from DefaultLimits")
	case l.Slow <= 0 || l.Request <= 0:
		return errors.New("limits of time must be above 0: start from DefaultLimits")
	}
	return nil
}
