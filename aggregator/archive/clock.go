package archive

import (
	"time"

	"github.com/allegro-p2p/allegro/p2p/replica"
)

// Clock returns a clock for an aggregator whose store this is: it starts at what now
// shows, but not before the last time that an earlier run has stored, and then runs
// evenly whatever is done to the machine's clock. Its times can be compared and
// subtracted over restarts, though nothing tells how long the peer was down. Safe for
// concurrent use if now is.
func Clock(store *replica.Store, now func() time.Time) (func() time.Time, error) {
	state, err := loadState(store)
	if err != nil {
		return nil, err
	}
	began := now()
	start := began
	if last := time.UnixMicro(int64(state.Clock)); start.Before(last) {
		start = start.Add(last.Sub(start))
	}
	return func() time.Time { return start.Add(now().Sub(began)) }, nil
}
