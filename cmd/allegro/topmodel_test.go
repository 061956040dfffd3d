package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/charmbracelet/x/ansi"
	"github.com/ethereum/go-ethereum/common"
)

var update = flag.Bool("update", false, "write testdata/top anew")

// micros is a moment of the tests' snapshots: milliseconds after a fixed second.
func micros(millis int64) *string {
	return new(fmt.Sprint(1_800_000_000_000_000 + millis*1000))
}

var (
	topAlice = common.HexToAddress("0x00000000000000000000000000000000000a11ce")
	topBob   = common.HexToAddress("0x0000000000000000000000000000000000000b0b")
)

// topPayment is a payment of the tests' snapshots, with votes and a QC as far as its
// stage has them.
func topPayment(n int, stage string) document.Payment {
	at := int64(n) * 1000
	p := document.Payment{
		Schema: document.PaymentSchema, TxID: fmt.Sprintf("0x%064x", 0xa0+n), From: topAlice.Hex(), To: topBob.Hex(), Amount: "10000000",
		Symbol: new("pathUSD"), Decimals: new(uint8(6)), Seq: fmt.Sprint(n), Restart: "0", ValidBefore: "1800003600",
		Guarantee: "none", Why: "validators of more than two thirds of the weight have not voted for it yet",
		FirstSeenMicros: micros(at), Threshold: 2, Total: 2,
	}
	if stage == "" {
		p.Waiting = []document.WaitingFor{{Validator: "dave", Problem: new("no vote yet")}, {Validator: "edgar", Code: new("EXPIRED"), Problem: new("too late to settle")}}
		return p
	}
	p.Stage, p.Weight = &stage, 1
	p.Votes = []document.Vote{{Validator: "dave", Weight: 1, SeenMicros: micros(at + 4)}}
	if stage == "ACCEPTED" {
		p.Waiting = []document.WaitingFor{{Validator: "edgar", Problem: new("not reached: connection refused")}}
		return p
	}
	p.Weight, p.Signers = 2, []string{"dave", "edgar"}
	p.Votes = append(p.Votes, document.Vote{Validator: "edgar", Index: 1, Weight: 1, SeenMicros: micros(at + 6)})
	p.CertifiedMicros, p.LatencyMicros, p.HeightAtQC = micros(at+6), new(fmt.Sprint(6000+500*n)), new("41")
	p.Guarantee, p.Why = "conditional", "until a finalized block has it, another transaction of the payer or a freeze by the issuer can void it"
	if stage == "FINALIZED" {
		p.Guarantee, p.Why = "final", "a finalized block has executed it"
		p.LeadMicros, p.IncludedMicros, p.IncludedHeight = new(fmt.Sprint(4_100_000-n*100_000)), micros(at+4100), new("42")
	}
	return p
}

// topWorld is what a client called carol sees of a network with two validators.
func topWorld() *api.Snapshot {
	names := []document.PeerName{{PeerID: "12D3KooWDaveDaveDave1", Name: new("dave")}, {PeerID: "12D3KooWEdgarEdgar2", Name: new("edgar")}, {PeerID: "12D3KooWSomebodyElse3"}}
	s := &api.Snapshot{
		Schema: api.SnapshotSchema, Micros: *micros(10_000), BlockTimeSeconds: 5,
		Self: api.Self{Name: "carol", Role: p2p.RoleClient, Running: &api.Running{
			Ready: document.Readiness{Mesh: true, Quorum: true, Weight: 2, Threshold: 2, Total: 2},
			Chain: api.Chain{Chain: document.Chain{Height: new("42"), HeadSeen: micros(8_100)}},
		}},
		Peers: []document.Peer{
			{PeerID: names[2].PeerID, State: "ready", Role: new("aggregator"), Direction: new("inbound"), Transport: new("tcp")},
			{PeerID: names[0].PeerID, Name: names[0].Name, State: "ready", Role: new("validator"), Direction: new("outbound"), Transport: new("quic-v1"), LatencyMicros: new("412"), Score: 2000},
			{PeerID: names[1].PeerID, Name: names[1].Name, State: "absent", Score: -12.5, Problem: new("connection refused")},
		},
		Payments: []document.Payment{
			topPayment(5, ""), topPayment(4, "ACCEPTED"), topPayment(3, "CERTIFIED"), topPayment(2, "FINALIZED"), topPayment(1, "FINALIZED"),
		},
		RefusedPayments: map[string]uint64{"EXPIRED": 2, "INSUFFICIENT_FUNDS": 5}, Dropped: map[string]uint64{"outbound": 3},
	}
	for _, kind := range []string{"tx", "cert", "head", "evidence"} {
		s.Topics = append(s.Topics, document.Topic{Name: "/allegro/1/0011aabb/" + kind, Kind: kind, Peers: names, Mesh: names[:2]})
	}
	return s
}

// shownTop is a model of a size that has got a snapshot and keys.
func shownTop(t *testing.T, width, height int, s *api.Snapshot, keys ...string) topModel {
	t.Helper()
	m := topAfter(t, newTopModel(home.Contacts{"alice": topAlice, "bob": topBob}), tea.WindowSizeMsg{Width: width, Height: height}, topSnapshot{s})
	return pressTop(t, m, keys...)
}

// topAfter is a model after events.
func topAfter(t *testing.T, m topModel, events ...tea.Msg) topModel {
	t.Helper()
	for _, e := range events {
		next, _ := m.Update(e)
		m = next.(topModel)
	}
	return m
}

// pressTop is a model after keys, as [tea.KeyPressMsg.String] names them.
func pressTop(t *testing.T, m topModel, keys ...string) topModel {
	t.Helper()
	for _, k := range keys {
		m = topAfter(t, m, topKey(k))
	}
	return m
}

func topKey(name string) tea.KeyPressMsg {
	switch name {
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	case "up":
		return tea.KeyPressMsg{Code: tea.KeyUp}
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	case "ctrl+c":
		return tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

// drawn is what a person sees, without colours.
func drawn(m topModel) string { return ansi.Strip(m.View().Content) }

// TestTopViews compares what each screen shows with a file.
func TestTopViews(t *testing.T) {
	stuck := topWorld()
	stuck.Self.Running.Ready = document.Readiness{Weight: 1, Threshold: 2, Total: 2, Missing: []string{"edgar is not reached: connection refused"}}
	stuck.Self.Running.Problems = []string{"the chain node at 127.0.0.1:8545 has shown no new block for 21s: look at the node"}
	stuck.Self.Running.Chain.HeadSeen = micros(-11_000)
	empty := &api.Snapshot{Self: topWorld().Self, Micros: *micros(0)}
	empty.Self.Running.Chain = api.Chain{}
	for _, c := range []struct {
		name     string
		snapshot *api.Snapshot
		keys     []string
		events   []tea.Msg
	}{
		{"overview", topWorld(), nil, nil},
		{"topic", topWorld(), []string{"t", "t"}, nil},
		{"peers", topWorld(), []string{"p"}, nil},
		{"payment", topWorld(), []string{"down", "down", "enter"}, nil},
		{"waiting", topWorld(), []string{"enter"}, nil},
		{"filter", topWorld(), []string{"/", "c", "e", "r", "t", "i"}, nil},
		{"frozen", topWorld(), []string{"f"}, nil},
		{"stuck", stuck, nil, nil},
		{"away", topWorld(), nil, []tea.Msg{topFailed{errors.New("the peer does not answer")}}},
		{"empty", empty, nil, nil},
	} {
		for _, size := range []struct{ width, height int }{{80, 24}, {120, 40}} {
			t.Run(fmt.Sprintf("%s at %dx%d", c.name, size.width, size.height), func(t *testing.T) {
				got := drawn(topAfter(t, shownTop(t, size.width, size.height, c.snapshot, c.keys...), c.events...)) + "\n"
				path := filepath.Join("testdata", "top", fmt.Sprintf("%s_%dx%d.txt", c.name, size.width, size.height))
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("it shows\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

// Whatever the size, each screen has exactly the terminal's lines and none is too wide.
func TestTopFitsTheTerminal(t *testing.T) {
	crowd := topWorld()
	for i := range 60 {
		crowd.Peers = append(crowd.Peers, document.Peer{PeerID: fmt.Sprintf("12D3KooWCrowd%04d", i), State: "ready"})
		crowd.Payments = append(crowd.Payments, topPayment(10+i, "CERTIFIED"))
	}
	for _, keys := range [][]string{nil, {"t"}, {"p"}, {"enter"}, {"/", "x"}} {
		for _, size := range []struct{ width, height int }{{1, 1}, {3, 2}, {20, 5}, {39, 8}, {80, 24}, {81, 25}, {200, 60}} {
			m := shownTop(t, size.width, size.height, crowd, keys...)
			lines := strings.Split(drawn(m), "\n")
			if len(lines) != size.height {
				t.Errorf("%v at %dx%d has %d lines", keys, size.width, size.height, len(lines))
			}
			for _, line := range lines {
				if ansi.StringWidth(line) > size.width {
					t.Errorf("%v at %dx%d is too wide: %q", keys, size.width, size.height, line)
				}
			}
		}
	}
	if got := drawn(topAfter(t, newTopModel(nil), topSnapshot{topWorld()})); got != "" {
		t.Errorf("before its size is known it shows %q", got)
	}
	m := topAfter(t, newTopModel(nil), tea.WindowSizeMsg{Width: 80, Height: 24})
	if got := drawn(m); !strings.Contains(got, "waiting for the peer's answer") {
		t.Errorf("before the first snapshot it shows %q", got)
	}
	if got := drawn(topAfter(t, m, topFailed{errors.New("gone")})); !strings.Contains(got, "no answer, trying again: gone") {
		t.Errorf("without a snapshot it shows %q", got)
	}
	// Resizing keeps what is shown.
	m = topAfter(t, shownTop(t, 80, 24, crowd, "enter"), tea.WindowSizeMsg{Width: 100, Height: 30})
	if got := drawn(m); !strings.Contains(got, "payment 0x") || strings.Count(got, "\n") != 29 {
		t.Errorf("after a resize it shows\n%s", got)
	}
}

func TestTopKeys(t *testing.T) {
	says := func(m topModel, what string, texts ...string) {
		t.Helper()
		got := drawn(m)
		for _, text := range texts {
			if !strings.Contains(got, text) {
				t.Errorf("%s does not show %q:\n%s", what, text, got)
			}
		}
	}
	hides := func(m topModel, what, text string) {
		t.Helper()
		if got := drawn(m); strings.Contains(got, text) {
			t.Errorf("%s shows %q:\n%s", what, text, got)
		}
	}
	show := func(keys ...string) topModel { return shownTop(t, 100, 30, topWorld(), keys...) }
	for _, k := range []string{"q", "ctrl+c"} {
		if _, cmd := show().Update(topKey(k)); cmd == nil || cmd() != tea.Quit() {
			t.Errorf("%s does not end it", k)
		}
	}
	says(show("t"), "t", "TOPIC /allegro/1/0011aabb/tx", "1 of 4")
	says(show("t", "t", "t"), "t t t", "TOPIC /allegro/1/0011aabb/head", "3 of 4")
	says(show("t", "t", "t", "t", "t"), "t five times", "1 of 4")
	says(show("p"), "p", "ALL PEERS  3", "connection refused")
	says(show("p", "t"), "p t", "TOPIC ", "1 of 4")
	says(show("p", "esc"), "p esc", "PAYMENTS  5")
	says(show("enter"), "enter", "payment "+topPayment(5, "").TxID, "waiting for   edgar: too late to settle")
	says(show("j", "j", "k", "enter"), "j j k enter", "payment "+topPayment(4, "").TxID)
	says(show("up", "enter"), "up above the first", "payment "+topPayment(5, "").TxID)
	says(show("down", "down", "down", "down", "down", "down", "enter"), "down below the last", "payment "+topPayment(1, "").TxID, "vote          08:00:01.006  edgar (weight 1)")
	says(show("enter", "esc"), "enter esc", "PAYMENTS  5")
	hides(show("p", "enter"), "enter among the peers", "payment 0x")
	hides(shownTop(t, 80, 24, topWorld(), "enter"), "the top of a payment", "head")

	// A filter holds for payments and peers until it is dropped.
	filtered := show("/", "F", "i", "n", "a")
	says(filtered, "a filter", `filter "Fina"`, "/Fina", "08:00:02.000")
	hides(filtered, "a filter", "08:00:03.000")
	says(pressTop(t, filtered, "q"), "q in a filter", "/Finaq")
	kept := pressTop(t, filtered, "enter")
	says(kept, "a kept filter", `filter "Fina"`, "q quit")
	says(pressTop(t, kept, "enter"), "enter behind a filter", "payment "+topPayment(2, "").TxID)
	hides(pressTop(t, kept, "esc"), "esc in the overview", `filter "Fina"`)
	hides(pressTop(t, filtered, "esc"), "esc in a filter", `filter "Fina"`)
	if _, cmd := filtered.Update(topKey("ctrl+c")); cmd == nil || cmd() != tea.Quit() {
		t.Error("ctrl+c in a filter does not end it")
	}
	hides(show("/", "n", "o", "b", "o", "d", "y", "enter", "enter"), "enter without a payment", "payment 0x")
	says(show("/", "n", "o", "b", "o", "d", "y", "enter", "down"), "down without a payment", "none")
	hides(show("/", "e", "d", "g", "a", "r", "enter", "p"), "filtered peers", "dave")
	says(show("/", "e", "d", "g", "a", "r", "enter", "p"), "filtered peers", "edgar")
	says(show("/", "e", "d", "g", "a", "r", "enter", "t"), "filtered subscribers", "edgar")
	hides(show("/", "e", "d", "g", "a", "r", "enter", "t"), "filtered subscribers", "dave")

	// What is frozen stays, and a payment that is looked at follows the peer.
	next := topWorld()
	next.Self.Running.Chain.Height = new("43")
	next.Payments[0] = topPayment(5, "CERTIFIED")
	frozen := topAfter(t, show("f"), topSnapshot{next})
	says(frozen, "f", "height 42", "FROZEN at 08:00:10.000")
	says(topAfter(t, pressTop(t, frozen, "f"), topSnapshot{next}), "f f", "height 43")
	says(topAfter(t, show("enter"), topSnapshot{next}), "a payment that moves on", "stage         CERTIFIED")
	next.Payments = next.Payments[1:]
	says(topAfter(t, show("enter"), topSnapshot{next}), "a payment that is no more among the latest", "payment "+topPayment(5, "").TxID)
	says(topAfter(t, show(), topFailed{errors.New("gone")}, topSnapshot{next}), "a peer that is back", "height 43")
	hides(topAfter(t, show(), topFailed{errors.New("gone")}, topSnapshot{next}), "a peer that is back", "no answer")

	// Lists that are longer than the screen move.
	crowd := topWorld()
	for i := range 60 {
		crowd.Peers = append(crowd.Peers, document.Peer{PeerID: fmt.Sprintf("12D3KooWCrowd%04d", i), State: "ready"})
	}
	hides(shownTop(t, 100, 30, crowd, "p", "down", "down"), "down among the peers", "dave")
	says(shownTop(t, 100, 30, crowd, "p", "down", "up"), "down up among the peers", "dave")
	long := pressTop(t, shownTop(t, 100, 12, topWorld(), "enter"), "down", "down", "down")
	hides(long, "down in a payment", "payment 0x")
}

func TestSparkline(t *testing.T) {
	for _, c := range []struct {
		millis []time.Duration
		want   string
	}{
		{nil, ""}, {[]time.Duration{0}, "▁"}, {[]time.Duration{5}, "█"}, {[]time.Duration{1, 2, 4, 8, 7}, "▂▃▅██"},
	} {
		if got := sparkline(c.millis); got != c.want {
			t.Errorf("%v is drawn %s, want %s", c.millis, got, c.want)
		}
	}
}
