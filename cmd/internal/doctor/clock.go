package doctor

import (
	"fmt"
	"time"
)

const (
	// maxSkew is how far this machine's clock may be from the chain's. Nothing depends
	// on the clock itself, but logs, certificates of others and people do.
	maxSkew = time.Minute
	// wrongTime is how far it is so wrong that a peer may start in another committee's
	// term.
	wrongTime = time.Hour
)

// ClockOff reports whether this machine's clock is further from the chain's than it
// should be. skew is when a block was first seen by the clock minus the block's time,
// which lies up to a block time back.
func ClockOff(skew, blockTime time.Duration) bool {
	return skew > maxSkew+blockTime || skew < -maxSkew
}

// Clock judges this machine's clock by the newest block that was seen to come.
func Clock(s ChainState) Finding {
	const check, remedy = "clock", "set this machine's clock, for example with a time server"
	if s.Err != nil || s.HeadSeen.IsZero() {
		return bad(Yellow, check, "mend the chain node first", "the clock could not be compared: no block was seen to come")
	}
	skew := s.HeadSeen.Sub(timeOf(s.Head.Time))
	word := "after"
	if skew < 0 {
		word = "before"
	}
	measured := func(digits time.Duration) string {
		return fmt.Sprintf("block %d came %s %s the time it bears, by this machine's clock", s.Head.Number, skew.Abs().Round(digits), word)
	}
	switch {
	case skew.Abs() > wrongTime:
		return bad(Red, check, remedy, "%s", measured(time.Second))
	case ClockOff(skew, s.BlockTime):
		return bad(Yellow, check, remedy, "%s", measured(time.Second))
	}
	return green(check, "%s", measured(10*time.Millisecond))
}
