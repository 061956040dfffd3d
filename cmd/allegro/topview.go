package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/charmbracelet/x/ansi"
)

// Styles. The sixteen colours are those of the user's terminal; each says what a word
// says too.
var (
	topTitle   = lipgloss.NewStyle().Bold(true)
	topHeading = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Cyan)
	topCursor  = lipgloss.NewStyle().Reverse(true)
	topGood    = lipgloss.NewStyle().Foreground(lipgloss.Green)
	topWarn    = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	topBad     = lipgloss.NewStyle().Foreground(lipgloss.Red)
)

const (
	topHeader = 4 // lines above the middle; the last one is empty unless something is wrong
	topFooter = 2 // lines below it
	// topSideLines bounds the peers and topics of the overview; their screens have all.
	topSideLines = 8
)

// middleHeight is the number of lines between header and footer.
func (m *topModel) middleHeight() int { return max(m.height-topHeader-topFooter, 1) }

// View draws the screen.
func (m topModel) View() tea.View {
	view := tea.NewView(m.draw())
	view.AltScreen, view.WindowTitle = true, "allegro top"
	return view
}

// draw writes exactly the terminal's lines, none wider than it.
func (m *topModel) draw() string {
	if m.width == 0 {
		return ""
	}
	var lines []string
	if m.snapshot == nil {
		lines = []string{topTitle.Render("allegro top"), "waiting for the peer's answer …"}
		if m.failed != nil {
			lines[1] = m.failure()
		}
	} else {
		lines = m.header()
		switch m.screen {
		case topicScreen:
			lines = append(lines, m.topicLines()...)
		case peersScreen:
			lines = append(lines, m.peerLines()...)
		case paymentScreen:
			lines = append(lines, strings.Split(m.detail.View(), "\n")...)
		default:
			lines = append(lines, m.overviewLines()...)
		}
	}
	end := max(m.height-topFooter, 0)
	lines = slices.Grow(lines, end)[:max(min(len(lines), end), 0)]
	for len(lines) < end {
		lines = append(lines, "")
	}
	lines = append(lines, m.latencyLine(), m.helpLine())
	for i, line := range lines {
		lines[i] = strings.TrimRight(ansi.Truncate(line, m.width, "…"), " ")
	}
	return strings.Join(lines[max(len(lines)-m.height, 0):], "\n")
}

// header says who the peer is, where the chain is and what is wrong.
func (m *topModel) header() []string {
	s := m.snapshot
	r := s.Self.Running
	title := topTitle.Render(fmt.Sprintf("allegro top  %s", s.Self.Name)) + fmt.Sprintf(" (%s)  %s", s.Self.Role, m.blockText())
	if m.frozen {
		title += "  " + topWarn.Render("FROZEN at "+clock(&s.Micros))
	}
	quorum := fmt.Sprintf("reaches %d of %d, %d needed", r.Ready.Weight, r.Ready.Total, r.Ready.Threshold)
	if r.Ready.Quorum {
		quorum = topGood.Render("quorum: " + quorum)
	} else {
		quorum = topBad.Render("NO QUORUM: " + quorum)
	}
	lines := []string{title, quorum + "   lead p50 " + m.leadText(), m.countsText(), ""}
	var wrong []string
	wrong = append(append(append(wrong, r.Problems...), r.Ready.Missing...), r.Ready.Waiting...)
	switch {
	case m.failed != nil:
		lines[3] = m.failure()
	case len(wrong) > 0:
		lines[3] = topWarn.Render(printable(wrong[0]))
		if len(wrong) > 1 {
			lines[3] = topWarn.Render(fmt.Sprintf("%s (and %d more: allegro id)", printable(wrong[0]), len(wrong)-1))
		}
	}
	return lines
}

// failure says why there is no newer snapshot.
func (m *topModel) failure() string {
	return topBad.Render("no answer, trying again: " + printable(m.failed.Error()))
}

// blockText is the height and how long the next block takes.
func (m *topModel) blockText() string {
	chain := m.snapshot.Self.Running.Chain
	if chain.Height == nil || chain.HeadSeen == nil {
		return "no block seen yet"
	}
	text := "height " + *chain.Height
	seen, err := strconv.ParseInt(*chain.HeadSeen, 10, 64)
	now, nerr := strconv.ParseInt(m.snapshot.Micros, 10, 64)
	if err != nil || nerr != nil {
		return text
	}
	left := time.Duration(m.snapshot.BlockTimeSeconds)*time.Second - time.Duration(now-seen)*time.Microsecond
	if left < 0 {
		return fmt.Sprintf("%s, the next block is %.1f s late", text, -left.Seconds())
	}
	return fmt.Sprintf("%s, next block in %.1f s", text, left.Seconds())
}

// leadText is the median time from a QC to the next height.
func (m *topModel) leadText() string {
	leads := m.micros(func(p *document.Payment) *string { return p.LeadMicros })
	if len(leads) == 0 {
		return "–"
	}
	slices.Sort(leads)
	return leads[len(leads)/2].Round(10 * time.Millisecond).String()
}

// micros are the known times of the payments, the oldest first.
func (m *topModel) micros(of func(*document.Payment) *string) (all []time.Duration) {
	for i := len(m.snapshot.Payments) - 1; i >= 0; i-- {
		if text := of(&m.snapshot.Payments[i]); text != nil {
			if n, err := strconv.ParseInt(*text, 10, 64); err == nil {
				all = append(all, time.Duration(n)*time.Microsecond)
			}
		}
	}
	return all
}

// countsText sums up refusals and drops.
func (m *topModel) countsText() string {
	s := m.snapshot
	refused := "refused " + countsText(s.RefusedPayments) + " payments, " + countsText(s.RefusedMessages) + " messages"
	dropped := "dropped " + countsText(s.Dropped)
	if len(s.Dropped) > 0 {
		dropped = topBad.Render(dropped)
	}
	return dropped + "   " + refused
}

// countsText writes the sum of counts, and of which the most are.
func countsText(counts map[string]uint64) string {
	var sum uint64
	most := ""
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		sum += counts[name]
		if most == "" || counts[name] > counts[most] {
			most = name
		}
	}
	if most == "" {
		return "0"
	}
	return fmt.Sprintf("%d (%s %d)", sum, most, counts[most])
}

// latencyLine draws how long the latest QCs took.
func (m *topModel) latencyLine() string {
	if m.snapshot == nil {
		return ""
	}
	times := m.micros(func(p *document.Payment) *string { return p.LatencyMicros })
	if len(times) == 0 {
		return "QC latency  no QC yet"
	}
	sorted := slices.Sorted(slices.Values(times))
	text := fmt.Sprintf("  p50 %s ms  p99 %s ms", millis(sorted[len(sorted)/2]), millis(sorted[len(sorted)*99/100]))
	room := max(m.width-len("QC latency  ")-len(text), 0)
	return "QC latency  " + sparkline(times[max(len(times)-room, 0):]) + text
}

// helpLine is the filter while one is typed, else the keys of the screen.
func (m *topModel) helpLine() string {
	if m.filtering {
		return m.filter.View() + "  enter keeps it, esc drops it"
	}
	keys := []key.Binding{topKeys.quit, topKeys.topics, topKeys.peers, topKeys.freeze, topKeys.filter}
	if m.screen == overviewScreen {
		keys = append(keys, topKeys.up, topKeys.inspect)
	} else {
		keys = append(keys, topKeys.up, topKeys.back)
	}
	h := help.New()
	h.SetWidth(m.width)
	return h.ShortHelpView(keys)
}
