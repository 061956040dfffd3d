package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
)

// overviewLines are peers and topics side by side, and the payments.
func (m *topModel) overviewLines() []string {
	half := m.width / 2
	left := []string{topHeading.Render("PEERS")}
	for _, p := range m.sortedPeers() {
		left = append(left, columned(half, []int{12, 11, 9, 8}, peerName(&p), or(p.Role, p.State), roundTrip(&p), numberText(p.Score)))
	}
	right := []string{topHeading.Render("TOPICS")}
	for _, t := range m.snapshot.Topics {
		right = append(right, columned(m.width-half, []int{9, 13, m.width}, t.Kind, fmt.Sprintf("mesh %d of %d", len(t.Mesh), len(t.Peers)), meshNames(&t)))
	}
	side := min(max(len(left), len(right)), topSideLines, max(m.middleHeight()/2, 2))
	if len(left) > side {
		left = append(left[:side-1], fmt.Sprintf("and %d more: p", len(left)-side+1))
	}
	var lines []string
	for i := range side {
		var l, r string
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		lines = append(lines, strings.TrimRight(pad(l, half)+r, " "))
	}
	lines = append(lines, "", m.paymentHeading())
	return append(lines, m.paymentLines(m.middleHeight()-len(lines))...)
}

// paymentHeading counts the payments by stage.
func (m *topModel) paymentHeading() string {
	const unvoted = "NEW"
	stages := make(map[string]int)
	for _, p := range m.snapshot.Payments {
		stages[or(p.Stage, unvoted)]++
	}
	text := topHeading.Render("PAYMENTS") + fmt.Sprintf("  %d", len(m.snapshot.Payments))
	for _, s := range append([]fastpay.Stage{unvoted}, fastpay.Stages()...) {
		if stage := string(s); stages[stage] > 0 {
			text += fmt.Sprintf("  %s %d", stageStyle(stage).Render(stage), stages[stage])
		}
	}
	if f := m.filter.Value(); f != "" {
		text += "  " + topWarn.Render("filter "+strconv.Quote(f))
	}
	return text
}

func stageStyle(stage string) lipgloss.Style {
	switch s := fastpay.Stage(stage); {
	case s.Terminal() && s != fastpay.StageFinalized:
		return topBad
	case s.Rank() >= fastpay.StageCertified.Rank():
		return topGood
	default:
		return topWarn
	}
}

// paymentCells are what the line of a payment says.
func (m *topModel) paymentCells(p *document.Payment) []string {
	names := payments{contacts: m.contacts}
	latency, lead := "–", "–"
	if p.LatencyMicros != nil {
		latency = millisOf(p.LatencyMicros)
	}
	if p.LeadMicros != nil {
		lead = "lead " + millisOf(p.LeadMicros)
	}
	return []string{
		clock(p.FirstSeenMicros), names.name(p.From) + " → " + names.name(p.To), amount(p.Amount, p.Decimals, p.Symbol),
		or(p.Stage, "NEW"), fmt.Sprintf("%d/%d", p.Weight, p.Threshold), latency, lead, p.TxID,
	}
}

var paymentWidths = []int{13, 18, 15, 15, 5, 9, 15, 67}

// paymentLines are n lines of payments around the cursor.
func (m *topModel) paymentLines(n int) []string {
	shown := m.shownPayments()
	if len(shown) == 0 {
		return []string{"  none yet"}
	}
	at := m.cursor(shown)
	first := min(max(at-n+1, 0), max(len(shown)-n, 0))
	var lines []string
	for i := first; i < min(first+n, len(shown)); i++ {
		cells := m.paymentCells(&shown[i])
		if i == at {
			lines = append(lines, topCursor.Render(pad("▸ "+columned(m.width-2, paymentWidths, cells...), m.width)))
			continue
		}
		cells[3] = stageStyle(cells[3]).Render(cells[3])
		lines = append(lines, "  "+columned(m.width-2, paymentWidths, cells...))
	}
	return lines
}

// topicLines are the peers of one topic.
func (m *topModel) topicLines() []string {
	if len(m.snapshot.Topics) == 0 {
		return []string{"no topic is joined"}
	}
	at := m.topic % len(m.snapshot.Topics)
	t := m.snapshot.Topics[at]
	lines := []string{
		topHeading.Render("TOPIC "+t.Name) + fmt.Sprintf("  %d of %d  mesh %d of %d", at+1, len(m.snapshot.Topics), len(t.Mesh), len(t.Peers)),
		columned(m.width, topicWidths, "NAME", "MESH", "ROUND TRIP", "SCORE", "PEER ID"),
	}
	var list []string
	for _, name := range t.Peers {
		p := m.peer(name.PeerID)
		inMesh := slices.ContainsFunc(t.Mesh, func(other document.PeerName) bool { return other.PeerID == name.PeerID })
		cells := []string{peerName(&p), map[bool]string{true: "mesh", false: "no"}[inMesh], roundTrip(&p), numberText(p.Score), p.PeerID}
		if m.matches(cells...) {
			list = append(list, columned(m.width, topicWidths, cells...))
		}
	}
	return m.scrolled(lines, list)
}

var (
	topicWidths = []int{16, 6, 12, 10, 54}
	peerWidths  = []int{14, 11, 10, 10, 15, 11, 8, 54}
)

// peer is what is known of a peer; little if it has just gone.
func (m *topModel) peer(id string) document.Peer {
	for _, p := range m.snapshot.Peers {
		if p.PeerID == id {
			return p
		}
	}
	return document.Peer{PeerID: id}
}

// peerLines are all peers.
func (m *topModel) peerLines() []string {
	lines := []string{
		topHeading.Render("ALL PEERS") + fmt.Sprintf("  %d", len(m.snapshot.Peers)),
		columned(m.width, peerWidths, "NAME", "ROLE", "STATE", "DIRECTION", "TRANSPORT", "ROUND TRIP", "SCORE", "PROBLEM OR PEER ID"),
	}
	var list []string
	for _, p := range m.sortedPeers() {
		cells := []string{peerName(&p), or(p.Role, "–"), p.State, or(p.Direction, "–"), or(p.Transport, "–"), roundTrip(&p),
			numberText(p.Score), printable(or(p.Problem, p.PeerID))}
		if m.matches(append(cells, p.PeerID)...) {
			list = append(list, columned(m.width, peerWidths, cells...))
		}
	}
	return m.scrolled(lines, list)
}

// scrolled are the lines of a list from the offset on, under a heading.
func (m *topModel) scrolled(heading, list []string) []string {
	room := max(m.middleHeight()-len(heading), 1)
	first := min(m.offset, max(len(list)-room, 0))
	return append(heading, list[first:]...)
}

// sortedPeers are the peers with those that are ready first, then by name.
func (m *topModel) sortedPeers() []document.Peer {
	peers := slices.Clone(m.snapshot.Peers)
	slices.SortStableFunc(peers, func(a, b document.Peer) int {
		ready := func(p document.Peer) string {
			return map[bool]string{true: "0", false: "1"}[p.State == string(p2p.PeerReady)]
		}
		named := func(p document.Peer) string { return or(p.Name, "~"+or(p.Role, "")) } // those without a name are the last
		return strings.Compare(ready(a)+named(a), ready(b)+named(b))
	})
	return peers
}

func peerName(p *document.Peer) string { return or(p.Name, shortPeer(p.PeerID)) }

func roundTrip(p *document.Peer) string {
	if p.LatencyMicros == nil {
		return "–"
	}
	return millisOf(p.LatencyMicros)
}

// meshNames are the peers in a topic's mesh.
func meshNames(t *document.Topic) string {
	var names []string
	for _, p := range t.Mesh {
		names = append(names, or(p.Name, shortPeer(p.PeerID)))
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
