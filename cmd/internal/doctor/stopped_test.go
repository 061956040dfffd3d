package doctor_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/doctor"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// cause is something that is done to a home, its chain or its network, and what the
// examination is to find then.
type cause struct {
	check    string
	level    doctor.Level
	measured string // part of it
	chain    func(*devchain.Config)
	do       func(w *world)
}

// nodes are chains that are not as they should be.
var (
	// manual makes no blocks.
	manual = func(age time.Duration) func(*devchain.Config) {
		return func(c *devchain.Config) { c.Manual, c.GenesisTime = true, time.Now().Add(-age) }
	}
	// lagging calls blocks final late, and is older than what it calls final.
	lagging = func(blocks uint64, age time.Duration) func(*devchain.Config) {
		return func(c *devchain.Config) { c.FinalityLag, c.GenesisTime = blocks, time.Now().Add(-age) }
	}
	otherChain = func(c *devchain.Config) { c.ChainID = 5 }
)

// nowhere is the URL of a node that is off.
const nowhere = "http://127.0.0.1:1"

// clockOff is a clock that is wrong.
func clockOff(by time.Duration) func(*world) {
	return func(w *world) { w.opts.Now = func() time.Time { return time.Now().Add(by) } }
}

// remove removes a file of the home.
func remove(path func(*home.Home) string) func(*world) {
	return func(w *world) { require.NoError(w.t, os.Remove(path(w.home))) }
}

// setting changes the config.
func setting(change func(*home.Config)) func(*world) {
	return func(w *world) { change(w.home.Config()) }
}

// network changes the network file.
func network(change func(*world)) func(*world) {
	return func(w *world) { w.edit(func() { change(w) }) }
}

// stoppedCauses are what happens to the home of a peer that does not run.
func stoppedCauses() []cause {
	const red, yellow = doctor.Red, doctor.Yellow
	return []cause{
		{"config", red, "node.name", nil, setting(func(c *home.Config) { c.Node.Name = "" })},
		{"network", red, "network.toml", nil, remove((*home.Home).NetworkPath)},

		{"lock", yellow, "left from pid 9", nil, func(w *world) { require.NoError(w.t, w.home.SaveRunning(home.Running{PID: 9})) }},
		{"lock", red, "its API does not answer", nil, func(w *world) {
			lock, err := w.home.Lock("allegro validator run")
			require.NoError(w.t, err)
			w.t.Cleanup(func() { require.NoError(w.t, lock.Free()) })
		}},
		{"lock", red, "reading api.json", nil, func(w *world) {
			require.NoError(w.t, os.MkdirAll(filepath.Join(w.home.Dir(), "run", "api.json"), 0o700))
		}},

		{"permissions", red, "validator.key has mode 0644", nil, func(w *world) { require.NoError(w.t, os.Chmod(w.home.VoteKeyPath(), 0o644)) }},
		{"permissions", yellow, "dave has mode 0755", nil, func(w *world) { require.NoError(w.t, os.Chmod(w.home.Dir(), 0o755)) }},
		{"permissions", red, "not a directory", nil, func(w *world) {
			keys := filepath.Dir(w.home.VoteKeyPath())
			require.NoError(w.t, os.Rename(keys, keys+".old"))
			require.NoError(w.t, os.WriteFile(keys, nil, 0o600))
		}},

		{"keys", red, "vote key", nil, remove((*home.Home).VoteKeyPath)},
		{"keys", red, "transport key", nil, remove((*home.Home).IdentityPath)},
		{"keys", red, "the password does not open it", nil, func(w *world) {
			require.NoError(w.t, os.WriteFile(w.home.PasswordPath(), []byte("wrong\n"), 0o600))
		}},
		{"keys", red, "password file", nil, remove((*home.Home).PasswordPath)},
		{"keys", red, "validator.sponsor in config.toml names no account", nil, setting(func(c *home.Config) { c.Validator.Sponsor = netfile.Address{} })},
		{"keys", yellow, "at the terminal", nil, setting(func(c *home.Config) { c.Keystore.PasswordFile = "" })},

		{"seat", red, "in no committee", nil, network(func(w *world) { w.member(0).Key = netfile.Key{2} })},
		{"seat", red, "lists sponsor", nil, network(func(w *world) { w.member(0).Sponsor = netfile.Address{8} })},
		{"seat", red, "sends others for this validator to", nil, network(func(w *world) { w.member(0).Addresses = []string{w.at("frank")} })},
		{"seat", yellow, "has no address of this validator", nil, network(func(w *world) { w.member(0).Addresses = nil })},
		{"seat", yellow, "is not in office: epoch 1 is from", nil, network(func(w *world) { w.file.Committees[0].Start = uint64(time.Now().Add(time.Hour).Unix()) })},
		{"running", red, "in office in epoch 1 and does not run", nil, func(*world) {}},
		{"term", yellow, "in 1h", nil, network(func(w *world) { w.file.Committees[0].End = uint64(time.Now().Add(90 * time.Minute).Unix()) })},
		{"term", red, "which has passed", nil, network(func(w *world) { w.file.Committees[0].End = uint64(time.Now().Add(-time.Minute).Unix()) })},

		{"listen", red, "address already in use", nil, func(w *world) { w.home.Config().Metrics.Listen = w.other.Addr().String() }},
		{"listen", yellow, "listens nowhere", nil, setting(func(c *home.Config) { c.P2P.Listen = nil })},
		{"sync", red, "cannot be written", nil, remove((*home.Home).DataDir)},
		{"space", red, "no such file", nil, remove((*home.Home).DataDir)},

		{"chain", red, "refused", nil, setting(func(c *home.Config) { c.Chain.RPC = nowhere })},
		{"chain", red, "is of chain 5, network.toml is for chain 31337", otherChain, func(*world) {}},
		{"chain", yellow, "at height 0, whose block is dated", manual(8 * time.Second), func(w *world) { w.lookAt(time.Now()) }},
		{"chain", red, "at height 0, whose block is dated", manual(time.Minute), func(*world) {}},
		{"finality", yellow, "is behind the newest by", lagging(1_000, 0), func(w *world) {
			w.edit(func() { w.file.Limits.MinSettleSeconds = 600 })
			untilHeight(4)(w)
		}},
		{"finality", red, "nothing that is certified now could be counted on to settle", lagging(1_000, time.Hour), untilHeight(1)},
		{"finality", red, "names no finalized block", nil, func(w *world) { w.home.Config().Chain.RPC, _ = serveChain(w.t, withoutFinality, nil) }},
		{"backup", yellow, "127.0.0.1:1 gives no answer", nil, setting(func(c *home.Config) { c.Chain.Backups = []string{nowhere} })},
		{"backup", red, "is of chain 5", nil, func(w *world) {
			url, _ := serveChain(w.t, nil, otherChain)
			w.home.Config().Chain.Backups = []string{url}
		}},
		{"sponsor", red, "cannot pay for a payment", nil, setting(func(c *home.Config) { c.Validator.Sponsor = netfile.Address{8} })},
		{"sponsor", yellow, "enough for 100 payments", nil, network(func(w *world) {
			price := uint256.NewInt(sponsorHolds / 100 * 1_000_000_000_000 / fastpay.PaymentGas)
			w.file.Fees.MaxFeePerGas = []netfile.Amount{netfile.Amount(*price)}
		})},
		{"sponsor", yellow, "could not be read", nil, network(func(w *world) { w.file.Fees.FeeToken = netfile.Address{7} })},
		{"clock", yellow, "could not be compared", nil, func(w *world) { w.stopChain() }},
		{"clock", yellow, "after the time it bears", nil, clockOff(66 * time.Second)},
		{"clock", yellow, "before the time it bears", nil, clockOff(-90 * time.Second)},
		{"clock", red, "after the time it bears", nil, clockOff(2 * time.Hour)},

		{"committee", yellow, "edgar (weight 1) is not reached: dial tcp", nil, func(w *world) { require.NoError(w.t, w.other.Close()) }},
		{"committee", yellow, "no TCP address", nil, network(func(w *world) {
			w.member(1).Addresses = []string{"/ip4/127.0.0.1/udp/1/quic-v1/p2p/" + p2p.IdentityFromSeed("edgar").PeerID().String()}
		})},
		{"quorum", red, "weight 1 of 2", nil, func(*world) {}}, // it does not run itself
		{"quorum", yellow, "weight 3 of 4 is reached, 3 is needed: margin 0", nil, network(func(w *world) {
			w.seat(netfile.Key{2}, "frank", w.at("frank"))
			w.seat(netfile.Key{3}, "grace", w.at("grace"))
		})},
	}
}

// untilHeight waits until the chain has some blocks.
func untilHeight(height uint64) func(*world) {
	return func(w *world) {
		chain, err := tempo.Dial(w.t.Context(), w.home.Config().Chain.RPC, tempo.Options{})
		require.NoError(w.t, err)
		defer chain.Close()
		waitFor(w.t, func() bool {
			head, err := chain.Header(w.t.Context(), tempo.Latest)
			require.NoError(w.t, err)
			return head.Number >= height
		})
	}
}

// withoutFinality is in front of a node that has no finalized block.
func withoutFinality(node http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		var call struct {
			ID json.RawMessage `json:"id"`
		}
		if strings.Contains(string(body), `"finalized"`) && json.Unmarshal(body, &call) == nil {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"jsonrpc":"2.0","id":`+string(call.ID)+`,"error":{"code":-39001,"message":"unknown block"}}`)
			return
		}
		again := httptest.NewRequest(r.Method, r.URL.String(), strings.NewReader(string(body)))
		again.Header = r.Header
		node.ServeHTTP(w, again)
	})
}

// patience is when a test gives up: far beyond what it waits for on any machine.
const patience = 2 * time.Minute

// waitFor looks until a condition holds.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("what is waited for did not come within %s", patience)
		}
	}
}
