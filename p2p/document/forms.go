package document

import (
	"fmt"
	"strconv"
	"time"
)

// Decimal writes a number as documents have it.
func Decimal(n uint64) *string { return new(strconv.FormatUint(n, 10)) }

// Micros writes a moment as documents have it: microseconds of the Unix epoch, on the
// peer's own clock.
func Micros(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }

// microsOrNull writes a moment that may not have come.
func microsOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(Micros(t))
}

// OrNull is a text, or null if it is empty.
func OrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// List is a list that is never null.
func List(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// hexOf writes bytes as lower-case 0x-hex.
func hexOf(b []byte) string { return fmt.Sprintf("0x%x", b) }
