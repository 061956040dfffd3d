package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/tempo/anvil"
	"github.com/allegro-p2p/allegro/testnet/processes"
	"github.com/stretchr/testify/require"
)

// newTestAnvil starts anvil with a block a second.
func newTestAnvil(t *testing.T) (host string) {
	t.Helper()
	process, err := anvil.Start(context.WithoutCancel(t.Context()), anvil.Options{Hardfork: "t4", BlockTime: time.Second}) // it ends by Stop
	if errors.Is(err, anvil.ErrNotFound) && !strings.EqualFold(os.Getenv("CI"), "true") {
		t.Skipf("skipped: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, process.Stop()) })
	u, err := url.Parse(process.URL())
	require.NoError(t, err)
	return u.Host
}

func (g *gate) url() string { return "http://" + g.listen.Addr().String() }

// Two validators settle on another's chain, anvil, with a node each. The first one's
// node dies between a payment and the one that spends it: that validator goes on with
// its backup, both payments are settled, and it is told which node is used. When the own
// node is back, it is used again.
func TestNodeOfAValidatorDiesBetweenPayments(t *testing.T) {
	t.Parallel()
	host := newTestAnvil(t)
	first, second, backup := newGate(t, host), newGate(t, host), newGate(t, host)
	l := newLab(t, 2, func(s *processes.Spec) { s.ChainURLs = []string{first.url(), second.url()} })
	for name, want := range map[string]*gate{"dave": first, "edgar": second} {
		out, _ := l.command(0, name, "config", "get", "chain.rpc")
		require.Equal(t, want.url()+"\n", out)
	}
	for _, name := range l.Names() { // half of the peers have the first node
		l.command(0, name, "config", "set", "chain.backups", backup.url())
	}
	l.up()
	var self api.Self
	l.read("dave", &self, "id")
	require.Equal(t, first.listen.Addr().String(), self.Running.Chain.Node)
	require.False(t, self.Running.Chain.Backup)

	l.pay("alice", "bob", "10", "certified")
	first.set(true)
	t2 := l.pay("bob", "carol", "10", "finalized")
	for _, name := range []string{"dave", "alice", "carol"} { // those with the first node
		require.Eventually(t, func() bool {
			l.read(name, &self, "id")
			return self.Running.Chain.Backup
		}, patience, 200*time.Millisecond, "%s goes on with its backup", name)
	}
	l.requireBalances(map[string]string{"alice": "5000000", "bob": "5000000", "carol": "15000000"})

	// Dave's vote and dave's node are needed for one more.
	t3 := l.pay("carol", "alice", "1", "finalized")
	for _, id := range []string{t2.TxID, t3.TxID} {
		l.reach("dave", id, "finalized")
	}
	l.read("dave", &self, "id")
	require.Equal(t, backup.listen.Addr().String(), self.Running.Chain.Node)
	require.True(t, self.Running.Chain.Backup)
	require.Contains(t, strings.Join(self.Running.Problems, "\n"), "the backup at "+self.Running.Chain.Node+" is used: look at the own node")
	l.read("edgar", &self, "id")
	require.False(t, self.Running.Chain.Backup)

	first.set(false)
	require.Eventually(t, func() bool {
		l.read("dave", &self, "id")
		return !self.Running.Chain.Backup
	}, patience, 200*time.Millisecond)
}
