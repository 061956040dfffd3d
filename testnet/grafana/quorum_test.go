package grafana_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/testnet/grafana"
	"github.com/allegro-p2p/allegro/testnet/prometheus/prometheustest"
)

// watcher reads a dashboard as its file has it from a Prometheus.
type watcher struct {
	t      *testing.T
	server *prometheustest.Server
	panels map[string][]string // as panelsOf returns them
}

// panelsOf are the expressions in a dashboard's file by the title of their panel.
func panelsOf(t *testing.T, name string) map[string][]string {
	t.Helper()
	all := grafana.Dashboards()
	i := slices.IndexFunc(all, func(d grafana.Dashboard) bool { return d.Name == name })
	require.NotEqual(t, -1, i, "there is no dashboard %s", name)
	panels := make(map[string][]string)
	for _, p := range load(t, all[i]).Panels {
		for _, target := range p.Targets {
			panels[p.Title] = append(panels[p.Title], target.Expr)
		}
	}
	return panels
}

// shows is what a panel draws now, with all of its queries.
func (w *watcher) shows(title string) (drawn []prometheustest.Sample) {
	w.t.Helper()
	require.NotEmpty(w.t, w.panels[title], "there is no panel %q", title)
	for _, expr := range w.panels[title] {
		samples, err := w.server.Query(w.t.Context(), dashboardWords.Replace(expr))
		require.NoError(w.t, err, title)
		for _, s := range samples {
			if isNumber(s) {
				drawn = append(drawn, s)
			}
		}
	}
	return drawn
}

// above0 are the values of a label whose lines are above 0 in a panel.
func (w *watcher) above0(title, label string) (values []string) {
	w.t.Helper()
	for _, s := range w.shows(title) {
		if s.Value != "0" {
			values = append(values, s.Labels[label])
		}
	}
	slices.Sort(values)
	return values
}

// margins waits until each of some peers, and no other, draws a quorum margin.
func (w *watcher) margins(ctx context.Context, margin string, peers []string) {
	w.t.Helper()
	until(w.t, ctx, func() string {
		least, all := w.shows("Quorum margin"), w.shows("Quorum margin by peer")
		var of []string
		for _, s := range all {
			if s.Value == margin {
				of = append(of, s.Labels["instance"])
			}
		}
		slices.Sort(of)
		if slices.Equal(of, peers) && len(all) == len(peers) && len(least) == 1 && least[0].Value == margin {
			return ""
		}
		return fmt.Sprintf("the margin is not %s at %v alone: %v, the least is %v", margin, peers, all, least)
	})
}

// alert waits until an alert has a state at each of some peers and at no other.
func (w *watcher) alert(ctx context.Context, name, state string, peers []string) {
	w.t.Helper()
	until(w.t, ctx, func() string {
		samples, err := w.server.Query(w.t.Context(), fmt.Sprintf("ALERTS{alertname=%q, alertstate=%q}", name, state))
		require.NoError(w.t, err)
		var of []string
		for _, s := range samples {
			of = append(of, s.Labels["instance"])
		}
		slices.Sort(of)
		if slices.Equal(of, peers) {
			return ""
		}
		return fmt.Sprintf("%s is %s at %v, not at %v", name, state, of, peers)
	})
}

// running are the peers that run, by name.
func running(n *testnet.Network) (names []string) {
	for _, p := range n.Peers {
		select {
		case <-p.Done():
		default:
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

// TestPrometheusShowsAStoppedQuorum: of four validators one is stopped, and a second one.
// The dashboard's margin goes from 1 to 0 and to -1 at every peer, and the alerts follow
// it. What is paid then is accepted, and no panel shows that it is certified; once one of
// the two is back it is, and all of them do.
func TestPrometheusShowsAStoppedQuorum(t *testing.T) {
	t.Parallel() // it waits for an alert, most of the time
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	n, server := scraped(t, ctx)
	overview := &watcher{t, server, panelsOf(t, "overview")}
	overview.margins(ctx, "1", running(n))
	overview.alert(ctx, "AllegroQuorumMarginZero", "pending", nil)

	require.NoError(t, n.Peer("edgar").Stop())
	overview.margins(ctx, "0", running(n))
	overview.alert(ctx, "AllegroQuorumMarginZero", "pending", running(n))
	overview.alert(ctx, "AllegroQuorumLost", "pending", nil)

	require.NoError(t, n.Peer("frank").Stop())
	overview.margins(ctx, "-1", running(n))
	alice, bob := n.Peer("alice"), n.Peer("bob")
	id, err := alice.Client.Pay(ctx, client.Order{To: bob.Client.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(testnet.Dollar)})
	require.NoError(t, err)
	accepted := func() string {
		if stages := overview.above0("Payments by stage", "stage"); !slices.Equal(stages, []string{"ACCEPTED"}) {
			return fmt.Sprintf("payments are %v, not ACCEPTED alone", stages)
		}
		return ""
	}
	until(t, ctx, accepted)
	overview.alert(ctx, "AllegroQuorumLost", "firing", running(n))
	overview.alert(ctx, "AllegroPeerDown", "pending", []string{"edgar", "frank"})
	require.Empty(t, accepted())
	require.Empty(t, overview.above0("Lead of QCs over the next block", "le"))
	for _, title := range ofCertified {
		require.Empty(t, overview.shows(title), title)
	}

	_, err = n.Restart(ctx, "edgar", vfs.Default)
	require.NoError(t, err)
	stage, err := bob.Client.Wait(ctx, id, fastpay.StageCertified)
	require.NoError(t, err, stage)
	until(t, ctx, func() string {
		if stages := overview.above0("Payments by stage", "stage"); !slices.Contains(stages, "CERTIFIED") {
			return fmt.Sprintf("payments are %v, none is CERTIFIED", stages)
		}
		if len(overview.above0("Lead of QCs over the next block", "le")) == 0 {
			return "no lead"
		}
		for _, title := range ofCertified {
			if len(overview.shows(title)) == 0 {
				return title + " has no data"
			}
		}
		return ""
	})
	overview.alert(ctx, "AllegroQuorumLost", "firing", nil)
}

// ofCertified are panels that draw nothing before something is certified.
var ofCertified = []string{"QCs before the next block", "Lead, median", "Time to QC, 99th percentile", "Time to QC"}

// TestOperatorsGuideAsksWhatThePanelAsks: the expression that docs/operators.md asks
// Prometheus for is that of the panel that it names, for all peers.
func TestOperatorsGuideAsksWhatThePanelAsks(t *testing.T) {
	guide, err := os.ReadFile("../../docs/operators.md")
	require.NoError(t, err)
	shown := regexp.MustCompile(`(?s)this is \*([^*]+)\*.*?promtool query instant \S+ '([^']+)'`).FindSubmatch(guide)
	require.NotNil(t, shown, "docs/operators.md shows no panel")
	panel := panelsOf(t, "overview")[string(shown[1])]
	require.Len(t, panel, 1, "the panel %s", shown[1])
	require.Equal(t, strings.ReplaceAll(panel[0], `{instance=~"$instance"}`, ""), string(shown[2]))
}
