package main

import (
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// leastCut is the narrowest that a column is cut to; one with less room is left out.
const leastCut = 10

// columned puts cells into columns as far as the width has room for them, each cut to
// its column's width.
func columned(width int, widths []int, cells ...string) string {
	var b strings.Builder
	for i, cell := range cells {
		room := min(widths[i], width)
		if room < widths[i] && room < leastCut {
			break
		}
		b.WriteString(pad(ansi.Truncate(cell, max(room-1, 0), "…"), room))
		width -= room
	}
	return strings.TrimRight(b.String(), " ")
}

// pad fills a text up to a width, or cuts it.
func pad(text string, width int) string {
	text = ansi.Truncate(text, max(width, 0), "…")
	return text + strings.Repeat(" ", max(width-ansi.StringWidth(text), 0))
}

// sparkline draws durations as columns, the longest the highest.
func sparkline(times []time.Duration) string {
	columns := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, d := range times {
		share := float64(d) / float64(max(slices.Max(times), 1))
		b.WriteRune(columns[min(int(share*float64(len(columns))), len(columns)-1)])
	}
	return b.String()
}
