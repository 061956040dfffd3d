package doctor

import (
	"context"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/stretchr/testify/require"
)

// world is the stopped home of a validator, one of two, with a chain and somebody who
// listens at the other one's address.
type world struct {
	t     *testing.T
	home  *home.Home
	file  *netfile.File
	other net.Listener
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cfg := devchain.DefaultConfig()
	cfg.BlockTime = time.Second
	chain, err := devchain.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(chain.Handler())
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- chain.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
		require.NoError(t, chain.Close())
		server.Close()
	})
	other, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = other.Close() }) // a test may have closed it

	c := home.DefaultConfig(p2p.RoleValidator)
	c.Node.Name, c.Chain.RPC, c.Metrics.Listen = "dave", server.URL, ""
	h, err := home.Create(filepath.Join(t.TempDir(), "dave"), c)
	require.NoError(t, err)
	account, err := h.NewAccount("secret", home.LightKDF)
	require.NoError(t, err)
	h.Config().Validator.Sponsor = netfile.Address(account)
	require.NoError(t, home.WriteNew(h.PasswordPath(), []byte("secret\n")))
	key, err := h.VoteKey()
	require.NoError(t, err)
	identity, err := h.Identity()
	require.NoError(t, err)
	w := &world{t: t, home: h, other: other, file: testnet.NewFile(netfile.PaymentLane, time.Second)}
	w.file.Committees = []netfile.Committee{{Epoch: 1, End: uint64(time.Now().Add(30 * 24 * time.Hour).Unix()), Members: []netfile.Member{
		{Name: "dave", Key: netfile.Key(key[32:]), Weight: 1, Sponsor: netfile.Address(account), Addresses: []string{"/ip4/127.0.0.1/tcp/1/p2p/" + identity.PeerID().String()}},
		{Name: "edgar", Key: netfile.Key{1}, Weight: 1, Sponsor: netfile.Address{9}, Addresses: []string{
			"/ip4/127.0.0.1/udp/1/quic-v1/p2p/" + p2p.IdentityFromSeed("edgar").PeerID().String(), w.at(other.Addr()),
		}},
	}}}
	require.NoError(t, h.SaveNetwork(w.file))
	return w
}

// at is the multiaddr of the other validator.
func (w *world) at(a net.Addr) string {
	_, port, err := net.SplitHostPort(a.String())
	require.NoError(w.t, err)
	return "/ip4/127.0.0.1/tcp/" + port + "/p2p/" + p2p.IdentityFromSeed("edgar").PeerID().String()
}

// examine examines the home, and returns the findings by their check: the worst of each.
func (w *world) examine() map[string]Finding {
	w.t.Helper()
	out := make(map[string]Finding)
	for _, f := range Examine(w.t.Context(), w.home, Options{Now: time.Now, Version: "test"}) {
		if seen, twice := out[f.Check]; !twice || Worst([]Finding{seen, f}) != seen.Level {
			out[f.Check] = f
		}
	}
	return out
}

// A stopped home as it should be is all green, and nothing is left in it.
func TestStoppedHomeIsExamined(t *testing.T) {
	w := newWorld(t)
	before, err := os.ReadDir(w.home.DataDir())
	require.NoError(t, err)
	for check, f := range w.examine() {
		if check != "sync" && check != "space" { // they are this machine's
			require.Equal(t, Green, f.Level, "%s: %+v", check, f)
		}
	}
	after, err := os.ReadDir(w.home.DataDir())
	require.NoError(t, err)
	require.Equal(t, len(before), len(after))
}

// What is done to a home is what the examination measures.
func TestFaultsOfAHomeAreFound(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	for _, tt := range []struct {
		check    string
		level    Level
		measured string
		do       func(t *testing.T, w *world) error
	}{
		{"config", Red, "node.name", func(_ *testing.T, w *world) error { w.home.Config().Node.Name = ""; return nil }},
		{"network", Red, "network.toml", func(_ *testing.T, w *world) error { return os.Remove(w.home.NetworkPath()) }},
		{"lock", Yellow, "left from pid 9", func(_ *testing.T, w *world) error { return w.home.SaveRunning(home.Running{PID: 9}) }},
		{"lock", Red, "its API does not answer", func(t *testing.T, w *world) error {
			lock, err := w.home.Lock("allegro validator run")
			t.Cleanup(func() { require.NoError(t, lock.Free()) })
			return err
		}},
		{"permissions", Red, "validator.key has mode 0644", func(_ *testing.T, w *world) error { return os.Chmod(w.home.VoteKeyPath(), 0o644) }},
		{"permissions", Yellow, "dave has mode 0755", func(_ *testing.T, w *world) error { return os.Chmod(w.home.Dir(), 0o755) }},
		{"keys", Red, "vote key", func(_ *testing.T, w *world) error { return os.Remove(w.home.VoteKeyPath()) }},
		{"keys", Red, "transport key", func(_ *testing.T, w *world) error { return os.Remove(w.home.IdentityPath()) }},
		{"keys", Red, "password", func(_ *testing.T, w *world) error {
			return os.WriteFile(w.home.PasswordPath(), []byte("wrong\n"), 0o600)
		}},
		{"keys", Yellow, "at the terminal", func(_ *testing.T, w *world) error { w.home.Config().Keystore.PasswordFile = ""; return nil }},
		{"seat", Red, "in no committee", func(_ *testing.T, w *world) error {
			w.file.Committees[0].Members[0].Key = netfile.Key{2}
			return w.home.SaveNetwork(w.file)
		}},
		{"seat", Red, "lists sponsor", func(_ *testing.T, w *world) error {
			w.file.Committees[0].Members[0].Sponsor = netfile.Address{8}
			return w.home.SaveNetwork(w.file)
		}},
		{"term", Yellow, "in 1h", func(_ *testing.T, w *world) error {
			w.file.Committees[0].End = uint64(time.Now().Add(90 * time.Minute).Unix())
			return w.home.SaveNetwork(w.file)
		}},
		{"listen", Red, "address already in use", func(_ *testing.T, w *world) error {
			w.home.Config().Metrics.Listen = taken.Addr().String()
			return nil
		}},
		{"sync", Red, "cannot be written", func(_ *testing.T, w *world) error { return os.Remove(w.home.DataDir()) }},
		{"space", Red, "no such file", func(_ *testing.T, w *world) error { return os.Remove(w.home.DataDir()) }},
		{"chain", Red, "refused", func(_ *testing.T, w *world) error { w.home.Config().Chain.RPC = "http://127.0.0.1:1"; return nil }},
		{"clock", Yellow, "could not be compared", func(_ *testing.T, w *world) error { w.home.Config().Chain.RPC = "http://127.0.0.1:1"; return nil }},
		{"chain", Red, "network.toml is for chain 5", func(_ *testing.T, w *world) error { w.file.Chain.ID = 5; return w.home.SaveNetwork(w.file) }},
		{"backup", Yellow, "127.0.0.1:1 gives no answer", func(_ *testing.T, w *world) error {
			w.home.Config().Chain.Backups = []string{"http://127.0.0.1:1"}
			return nil
		}},
		{"committee", Yellow, "edgar (weight 1) is not reached: dial tcp", func(_ *testing.T, w *world) error { return w.other.Close() }},
		{"quorum", Red, "weight 1 of 2", func(_ *testing.T, w *world) error { return w.other.Close() }},
		{"committee", Yellow, "no TCP address", func(_ *testing.T, w *world) error {
			edgar := &w.file.Committees[0].Members[1]
			edgar.Addresses = edgar.Addresses[:1]
			return w.home.SaveNetwork(w.file)
		}},
	} {
		t.Run(tt.check+" "+tt.measured, func(t *testing.T) {
			t.Parallel() // most of the time is that until the next block
			w := newWorld(t)
			require.NoError(t, tt.do(t, w))
			f := w.examine()[tt.check]
			require.Equal(t, tt.level, f.Level, "%+v", f)
			require.Contains(t, f.Measured, tt.measured)
		})
	}
}
