package main

import (
	"bytes"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	"charm.land/bubbles/v2/viewport"
	tea "charm.land/bubbletea/v2"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p/document"
)

// topModel is what top shows: it changes with keys, with the size of the terminal and
// with what the peer tells. It has no clock; times are those of the snapshot.
type topModel struct {
	contacts      home.Contacts
	width, height int // of the terminal, in cells; 0 before it is known

	snapshot *api.Snapshot // the one shown; nil before the first
	failed   error         // why there is no newer one; nil if there is
	frozen   bool          // newer ones are not taken

	screen topScreen
	topic  int // index of the topic of topicScreen
	offset int // first line of the lists of topicScreen and peersScreen

	selected  string           // tx id of the payment under the cursor; empty: the first
	inspected document.Payment // of paymentScreen
	detail    viewport.Model   // its lines

	filter    textinput.Model
	filtering bool // keys go to the filter
}

// topScreen is what fills the middle.
type topScreen int

const (
	overviewScreen topScreen = iota
	topicScreen
	peersScreen
	paymentScreen
)

// topSnapshot and topFailed are what the peer told, or that it did not.
type (
	topSnapshot struct{ *api.Snapshot }
	topFailed   struct{ error }
)

// topKeys are the keys, for the help line too.
var topKeys = struct {
	quit, topics, peers, freeze, filter, inspect, back, up, down key.Binding
}{
	quit:    key.NewBinding(key.WithKeys("q", "ctrl+c"), key.WithHelp("q", "quit")),
	topics:  key.NewBinding(key.WithKeys("t"), key.WithHelp("t", "topics")),
	peers:   key.NewBinding(key.WithKeys("p"), key.WithHelp("p", "peers")),
	freeze:  key.NewBinding(key.WithKeys("f"), key.WithHelp("f", "freeze")),
	filter:  key.NewBinding(key.WithKeys("/"), key.WithHelp("/", "filter")),
	inspect: key.NewBinding(key.WithKeys("enter"), key.WithHelp("enter", "inspect")),
	back:    key.NewBinding(key.WithKeys("esc"), key.WithHelp("esc", "back")),
	up:      key.NewBinding(key.WithKeys("up", "k"), key.WithHelp("↑↓", "move")),
	down:    key.NewBinding(key.WithKeys("down", "j"), key.WithHelp("↑↓", "move")),
}

func newTopModel(contacts home.Contacts) topModel {
	filter := textinput.New()
	filter.Prompt = "/"
	filter.CharLimit = 80
	filter.SetVirtualCursor(false)
	detail := viewport.New()
	detail.SoftWrap = true
	return topModel{contacts: contacts, filter: filter, detail: detail}
}

// Init starts nothing: snapshots are sent.
func (m topModel) Init() tea.Cmd { return nil }

// Update takes in one event.
func (m topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.detail.SetWidth(m.width)
		m.detail.SetHeight(m.middleHeight())
		m.filter.SetWidth(max(m.width/2, 1))
		m.describeInspected()
	case topSnapshot:
		m.failed = nil
		if !m.frozen {
			m.snapshot = msg.Snapshot
			m.followInspected()
		}
	case topFailed:
		m.failed = msg.error
	case tea.KeyPressMsg:
		return m.pressed(msg)
	}
	return m, nil
}

// pressed takes in a key.
func (m topModel) pressed(msg tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	if m.filtering {
		return m.typed(msg)
	}
	switch {
	case key.Matches(msg, topKeys.quit):
		return m, tea.Quit
	case key.Matches(msg, topKeys.topics):
		if m.screen == topicScreen && m.snapshot != nil && len(m.snapshot.Topics) > 0 {
			m.topic = (m.topic + 1) % len(m.snapshot.Topics)
		}
		m.screen, m.offset = topicScreen, 0
	case key.Matches(msg, topKeys.peers):
		m.screen, m.offset = peersScreen, 0
	case key.Matches(msg, topKeys.freeze):
		m.frozen = !m.frozen
	case key.Matches(msg, topKeys.filter):
		m.filtering = true
		return m, m.filter.Focus()
	case key.Matches(msg, topKeys.back):
		m = m.back()
	case key.Matches(msg, topKeys.inspect):
		m.inspect()
	case m.screen == paymentScreen:
		var cmd tea.Cmd
		m.detail, cmd = m.detail.Update(msg)
		return m, cmd
	case key.Matches(msg, topKeys.up):
		m.move(-1)
	case key.Matches(msg, topKeys.down):
		m.move(1)
	}
	return m, nil
}

// typed takes in a key that is typed into the filter: enter keeps it, esc drops it.
func (m topModel) typed(msg tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	switch msg.String() {
	case "ctrl+c":
		return m, tea.Quit
	case "esc":
		m.filter.Reset()
		fallthrough
	case "enter":
		m.filtering = false
		m.filter.Blur()
		return m, nil
	}
	var cmd tea.Cmd
	m.filter, cmd = m.filter.Update(msg)
	m.offset = 0
	return m, cmd
}

// back leaves the screen for the overview, or there drops the filter.
func (m topModel) back() topModel {
	if m.screen == overviewScreen {
		m.filter.Reset()
	}
	m.screen, m.offset = overviewScreen, 0
	return m
}

// move moves the cursor of the overview, or the list of another screen.
func (m *topModel) move(by int) {
	if m.screen != overviewScreen {
		m.offset = max(m.offset+by, 0)
		return
	}
	shown := m.shownPayments()
	if len(shown) == 0 {
		return
	}
	at := min(max(m.cursor(shown)+by, 0), len(shown)-1)
	m.selected = shown[at].TxID
}

// cursor is the index of the selected payment, or of the first if it is not shown.
func (m *topModel) cursor(shown []document.Payment) int {
	return max(slices.IndexFunc(shown, func(p document.Payment) bool { return p.TxID == m.selected }), 0)
}

// inspect opens the payment under the cursor.
func (m *topModel) inspect() {
	shown := m.shownPayments()
	if m.screen != overviewScreen || len(shown) == 0 {
		return
	}
	m.inspected = shown[m.cursor(shown)]
	m.selected, m.screen = m.inspected.TxID, paymentScreen
	m.describeInspected()
	m.detail.GotoTop()
}

// followInspected takes what a new snapshot says of the inspected payment. One that is
// no more among the latest stays as it was.
func (m *topModel) followInspected() {
	for _, p := range m.snapshot.Payments {
		if p.TxID == m.inspected.TxID {
			m.inspected = p
			m.describeInspected()
		}
	}
}

// describeInspected writes the inspected payment as tx show does.
func (m *topModel) describeInspected() {
	if m.inspected.TxID == "" {
		return
	}
	var text bytes.Buffer
	if err := (payments{&text, m.contacts}).whole(&m.inspected); err != nil {
		text.WriteString(err.Error()) // a buffer takes everything
	}
	m.detail.SetContent(strings.TrimRight(text.String(), "\n"))
}

// shownPayments are the payments that the filter lets through.
func (m *topModel) shownPayments() []document.Payment {
	if m.snapshot == nil {
		return nil
	}
	var shown []document.Payment
	for i := range m.snapshot.Payments {
		if p := &m.snapshot.Payments[i]; m.matches(m.paymentCells(p)...) {
			shown = append(shown, *p)
		}
	}
	return shown
}

// matches reports whether a line has the filter's text in it, in whatever case.
func (m *topModel) matches(cells ...string) bool {
	return strings.Contains(strings.ToLower(strings.Join(cells, " ")), strings.ToLower(m.filter.Value()))
}
