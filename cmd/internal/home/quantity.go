package home

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time, written like 720h or 1h30m.
type Duration time.Duration

// String writes the span without parts that are zero.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no span of time: want one like 720h or 30m", text)
	}
	*d = Duration(parsed)
	return nil
}

// Size is a number of bytes, written like 10GB. Units are powers of a thousand.
type Size uint64

// units are those of sizes, the largest first.
var units = []struct {
	name  string
	bytes uint64
}{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

// String writes the size in the largest unit that it is a whole number of.
func (s Size) String() string {
	for _, u := range units {
		if uint64(s)%u.bytes == 0 && (s > 0 || u.bytes == 1) {
			return fmt.Sprintf("%d%s", uint64(s)/u.bytes, u.name)
		}
	}
	panic("home: no unit divides a size") // bytes do
}

// MarshalText implements [encoding.TextMarshaler].
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Size) UnmarshalText(text []byte) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(string(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 64)
		if err != nil || n > math.MaxUint64/u.bytes {
			break
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("%q is no size: want a whole number of TB, GB, MB, kB or B, like 10GB", text)
}
