package testnet_test

import (
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/aggregator"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

var (
	// documentedMetric is a line of docs/metrics.md about a series: its name, and which
	// roles serve it.
	documentedMetric = regexp.MustCompile("(?m)^\\| `(allegro_\\w+)` \\|[^|]*\\|[^|]*\\| ([VCA ]+) \\|")
	// describedMetric is how a registry's descriptions print: it is the only way to get
	// at a series that has no sample yet.
	describedMetric = regexp.MustCompile(`^Desc\{fqName: "(\w+)"`)
)

// TestMetricsAreDocumented: what each role registers is in docs/metrics.md, and nothing
// else is. Series of go-libp2p are documented as a family.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	documented := make(map[string][]string) // by the role's letter
	for _, line := range documentedMetric.FindAllStringSubmatch(string(page), -1) {
		for _, role := range strings.Fields(line[2]) {
			require.NotContains(t, documented[role], line[1], "documented twice")
			documented[role] = append(documented[role], line[1])
		}
	}
	inBubble(t, func(t *testing.T, _ context.Context) {
		v := startVirtual(t, 1, func(cfg *testnet.Config) { cfg.Version = "test" })
		defer v.close(t)
		served := make(map[string]bool)
		for _, p := range v.Peers {
			served[letter(p.Role)] = true
			if p.Aggregator != nil { // its pages have series too
				_, err := p.Aggregator.HTTP(aggregator.HTTPConfig{File: v.File(), Gatherer: p.Registry})
				require.NoError(t, err)
			}
			require.ElementsMatch(t, documented[letter(p.Role)], registeredBy(t, p.Registry), "%s, a %s", p.Name, p.Role)
		}
		require.ElementsMatch(t, []string{"V", "C", "A"}, slices.Collect(maps.Keys(served)))
	})
}

// letter is how docs/metrics.md names a role.
func letter(role p2p.Role) string { return strings.ToUpper(string(role)[:1]) }

// registeredBy returns the names of a peer's own series.
func registeredBy(t *testing.T, registry *prometheus.Registry) []string {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		registry.Describe(descs)
		close(descs)
	}()
	names := make(map[string]bool)
	for d := range descs {
		match := describedMetric.FindStringSubmatch(d.String())
		require.NotNil(t, match, "%s", d)
		if !strings.HasPrefix(match[1], "libp2p_") {
			names[match[1]] = true
		}
	}
	return slices.Collect(maps.Keys(names))
}
