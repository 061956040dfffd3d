package main

import (
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/p2p/netfile"
)

func TestNextEpoch(t *testing.T) {
	now := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) uint64 { return uint64(now.Add(d).Unix()) }
	const day = 24 * time.Hour
	for _, c := range []struct {
		name       string
		lastEnd    uint64
		start      string
		length     time.Duration
		want       [2]uint64
		wantsError string
	}{
		{"default", at(day), "", 30 * day, [2]uint64{at(day), at(31 * day)}, ""},
		{"ended before", at(-day), "", 30 * day, [2]uint64{at(-day), at(29 * day)}, ""},
		{"now", at(-day), "now", 30 * day, [2]uint64{at(0), at(30 * day)}, ""},
		{"later", at(day), "now+25h", day, [2]uint64{at(25 * time.Hour), at(49 * time.Hour)}, ""},
		{"RFC 3339", at(day), "2027-02-02T14:00:00+02:00", day, [2]uint64{at(2 * day), at(3 * day)}, ""},
		{"Unix seconds", at(day), "1801569600", day, [2]uint64{1801569600, 1801569600 + 86400}, ""},
		{"at the end exactly", at(day), "now+24h", day, [2]uint64{at(day), at(2 * day)}, ""},
		{"too early", at(day), "now+23h", day, [2]uint64{}, "--start is 2027-02-01T11:00:00Z, but epoch 7 ends at 2027-02-01T12:00:00Z and must end before another can begin"},
		{"no time", at(day), "tomorrow", day, [2]uint64{}, `--start: "tomorrow" is no time: want one like 2027-01-31T12:00:00Z`},
		{"days", at(day), "now+9d", day, [2]uint64{}, `"now+9d" is no time: want now+DURATION`},
		{"no plus", at(day), "now9h", day, [2]uint64{}, `"now9h" is no time`},
		{"in the past", at(day), "now-9h", day, [2]uint64{}, `"now-9h" is no time`},
		{"before 1970", at(day), "1969-01-01T00:00:00Z", day, [2]uint64{}, "is no time"},
		{"milliseconds", at(day), "1801569600000", day, [2]uint64{}, "more than 9600h0m0s ahead"},
		{"short", at(day), "", 50 * time.Second, [2]uint64{}, "--length 50s is too short"},
		{"negative", at(day), "", -day, [2]uint64{}, "is too short"},
		{"long", at(day), "", 401 * day, [2]uint64{}, "--length 9624h0m0s is too long"},
		{"over already", at(-40 * day), "", 30 * day, [2]uint64{}, "is over already: begin with --start now"},
		{"ends in 400 days", at(400 * day), "", day, [2]uint64{at(400 * day), at(401 * day)}, ""},
		{"ends in 401 days", at(401 * day), "", day, [2]uint64{}, "epoch 7 ends at 2028-03-07T12:00:00Z, and an epoch must end before another can begin"},
		{"never ends", 1 << 40, "now", day, [2]uint64{}, "epoch 7 ends at 1099511627776, and an epoch must end before another can begin: wait, or make a new network; a testnet starts over with allegro testnet reset"},
	} {
		network := &netfile.File{
			Limits:     netfile.Limits{MinSettleSeconds: 50},
			Committees: []netfile.Committee{{Epoch: 7, End: c.lastEnd}},
		}
		start, end, err := nextEpoch(network.Limits, network.Committees[len(network.Committees)-1], c.start, c.length, now)
		if c.wantsError != "" {
			if err == nil || !strings.Contains(err.Error(), c.wantsError) {
				t.Errorf("%s: %v, want %q", c.name, err, c.wantsError)
			}
			continue
		}
		if got := [2]uint64{start, end}; got != c.want || err != nil {
			t.Errorf("%s: %v, want %v (%v)", c.name, got, c.want, err)
		}
	}
}

func TestMayMiss(t *testing.T) {
	for _, c := range []struct {
		weights []uint64
		want    int
	}{
		{[]uint64{1}, 0},
		{[]uint64{1, 1}, 0},
		{[]uint64{1, 1, 1}, 0},
		{[]uint64{1, 1, 1, 1}, 1},
		{[]uint64{1, 1, 1, 1, 1, 1, 1}, 2},
		{[]uint64{5, 1, 1, 1}, 0}, // without the heavy one there is no quorum
		{[]uint64{2, 2, 2, 1}, 1},
	} {
		var total uint64
		for _, w := range c.weights {
			total += w
		}
		quorum := 2*total/3 + 1
		if got := mayMiss(c.weights, total-quorum); got != c.want {
			t.Errorf("of %v may miss %d, want %d", c.weights, got, c.want)
		}
	}
}
