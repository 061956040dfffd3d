package home

import (
	"strings"
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
		back string
	}{
		{"720h", 720 * time.Hour, "720h"}, {"1h30m", 90 * time.Minute, "1h30m"}, {"90m", 90 * time.Minute, "1h30m"},
		{"10m", 10 * time.Minute, "10m"}, {"10h0m30s", 10*time.Hour + 30*time.Second, "10h0m30s"}, {"0", 0, "0s"},
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(c.text)); err != nil || time.Duration(d) != c.want || d.String() != c.back {
			t.Errorf("%s is read as %s and written %s, want %s and %s (%v)", c.text, time.Duration(d), d, c.want, c.back, err)
		}
	}
	var d Duration
	if err := d.UnmarshalText([]byte("30 days")); err == nil || !strings.Contains(err.Error(), "like 720h") {
		t.Errorf("30 days: %v", err)
	}
}

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		text string
		want Size
		back string
	}{
		{"10GB", 10e9, "10GB"}, {"2 TB", 2e12, "2TB"}, {"1500MB", 1500e6, "1500MB"}, {"1000kB", 1e6, "1MB"}, {"7B", 7, "7B"},
		{"0B", 0, "0B"}, {"18446744TB", 18446744e12, "18446744TB"},
	} {
		var s Size
		if err := s.UnmarshalText([]byte(c.text)); err != nil || s != c.want || s.String() != c.back {
			t.Errorf("%s is read as %d and written %s, want %d and %s (%v)", c.text, uint64(s), s, uint64(c.want), c.back, err)
		}
	}
	for _, text := range []string{"", "10", "10 gigabytes", "-1GB", "1.5GB", "18446745TB", "GB"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "like 10GB") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
