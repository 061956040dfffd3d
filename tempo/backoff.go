package tempo

import "time"

// backoff counts the failures in a row and says how long to wait after each:
// twice as long every time up to a limit, of which between half and all is
// waited, so that the peers of a node that comes back do not all call at once.
// It is for one goroutine.
type backoff struct {
	min, max time.Duration
	jitter   func() float64 // in [0, 1)
	failures int
}

// next returns how long to wait after one more failure.
func (b *backoff) next() time.Duration {
	wait := b.max
	// Beyond 30 doublings any sensible minimum has long passed the limit.
	if b.failures < 30 {
		wait = min(b.max, b.min<<b.failures)
	}
	b.failures++
	return wait/2 + time.Duration(b.jitter()*float64(wait/2))
}

// reset forgets the failures.
func (b *backoff) reset() { b.failures = 0 }
