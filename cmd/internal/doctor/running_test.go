package doctor_test

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/daemon"
	"github.com/allegro-p2p/allegro/cmd/internal/doctor"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
)

// process is a running peer.
type process struct {
	t    *testing.T
	api  *api.Client
	stop func()
}

// run runs the peer of a home until stop is called, or the test ends.
func (w *world) run(h *home.Home, version string, fs vfs.FS) *process {
	w.t.Helper()
	require.NoError(w.t, h.SaveNetwork(w.file))
	d, err := daemon.New(w.t.Context(), h, daemon.Options{
		Version: version, Command: "allegro test", Now: time.Now, FS: fs,
		Password: func(common.Address) (string, error) { return "secret", nil },
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := d.Run(ctx); err != nil && !errors.Is(err, replica.ErrStoreFailed) {
			w.t.Error(err)
		}
	}()
	select {
	case <-d.Serving():
	case <-ended:
		w.t.FailNow()
	}
	path, err := h.SocketPath()
	require.NoError(w.t, err)
	p := &process{w.t, api.Dial(path), func() {
		cancel()
		<-ended
	}}
	w.t.Cleanup(func() {
		p.api.Close()
		p.stop()
	})
	return p
}

// peer is what the process says of itself.
func (p *process) peer() *doctor.Peer {
	p.t.Helper()
	var out doctor.Peer
	require.NoError(p.t, errors.Join(
		p.api.Get(p.t.Context(), api.RouteSelf, "", nil, &out.Self),
		p.api.Get(p.t.Context(), api.RoutePeers, "", nil, &out.Peers),
		p.api.Get(p.t.Context(), api.RouteCommittee, "", nil, &out.Committee),
		p.api.Get(p.t.Context(), api.RouteTopics, "", nil, &out.Topics),
	))
	return &out
}

// until waits until what the process says of itself is so, and lets it be examined.
func (w *world) until(p *process, so func(*doctor.Peer) bool) {
	w.t.Helper()
	waitFor(w.t, func() bool {
		w.opts.Running = p.peer()
		return so(w.opts.Running)
	})
}

// dave runs the home as it is.
func (w *world) dave() *process { return w.run(w.home, "test", vfs.Default) }

// edgar runs the other validator, in place of whoever listens at its address.
func (w *world) edgar(chainURL, version string) *process {
	w.t.Helper()
	w.file.Committees[0].Members = w.members()[:1]
	p := w.run(w.validator("edgar", chainURL, newKey(w.t)), version, vfs.Default)
	w.member(1).Addresses = p.peer().Self.Addresses
	return p
}

// payer makes the home of a client with one of the chain's development accounts.
func (w *world) payer(name, chainURL string) *home.Home {
	w.t.Helper()
	key, err := crypto.HexToECDSA(devKey)
	require.NoError(w.t, err)
	h, account := w.create(p2p.RoleClient, name, chainURL, key)
	h.Config().Client.Account = account
	return h
}

// devKey is that of the first account of the public mnemonic "test test … junk".
const devKey = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

// ready waits until a process is.
func (w *world) ready(p *process, what string) {
	w.t.Helper()
	require.NoError(w.t, p.api.Get(w.t.Context(), api.RouteWait, "", url.Values{"for": {what}, "timeout": {patience.String()}}, new(api.Self)))
	w.opts.Running = p.peer()
}

// runningCauses are what happens to a peer that runs.
func runningCauses() []cause {
	const red, yellow = doctor.Red, doctor.Yellow
	seesBlocks := func(p *doctor.Peer) bool { return p.Self.Running.Chain.HeadSeen != nil }
	return []cause{
		{"signing", red, "this validator does not sign", nil, func(w *world) { w.ready(w.dave(), "block") }},
		{"store", red, "store failed", nil, func(w *world) {
			var broken atomic.Bool
			w.file.Committees[0].Members = w.members()[:1]
			dave := w.run(w.home, "test", errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if op.Kind == errorfs.OpFileSyncData && broken.Load() {
					return errorfs.ErrInjected
				}
				return nil
			})))
			w.member(0).Addresses = dave.peer().Self.Addresses
			alice := w.run(w.payer("alice", w.home.Config().Chain.RPC), "test", vfs.Default)
			w.ready(alice, "quorum")
			broken.Store(true)
			pay := api.PayRequest{To: w.members()[0].Sponsor.String(), Amount: "1", Auto: true}
			require.NoError(w.t, alice.api.Post(w.t.Context(), api.RoutePayments, "", pay, new(document.Payment)))
			w.until(dave, func(p *doctor.Peer) bool { return p.Self.Running.Store != nil })
		}},
		{"chain", red, "it has shown the peer no block yet", nil, func(w *world) {
			w.home.Config().Chain.RPC = nowhere
			w.opts.Running = w.dave().peer()
		}},
		{"chain", yellow, "whose block came", nil, func(w *world) {
			w.ready(w.dave(), "block")
			w.stopChain()
			seen, err := strconv.ParseInt(*w.opts.Running.Self.Running.Chain.HeadSeen, 10, 64)
			require.NoError(w.t, err)
			w.lookAt(time.UnixMicro(seen).Add(8 * time.Second))
		}},
		{"backup", yellow, "is used", nil, func(w *world) {
			c := &w.home.Config().Chain
			c.RPC, c.Backups = nowhere, []string{c.RPC}
			w.until(w.dave(), func(p *doctor.Peer) bool { return seesBlocks(p) && p.Self.Running.Chain.Backup })
		}},
		{"fork", red, "edgar has 0x", nil, func(w *world) {
			url, _ := serveChain(w.t, nil, func(c *devchain.Config) { c.BaseFee = 1 })
			w.edgar(url, "test")
			w.until(w.dave(), func(p *doctor.Peer) bool { return len(p.Self.Running.Forks) > 0 })
		}},
		{"gossip", yellow, "nobody forwards tx, cert, head, evidence to this peer", nil, func(w *world) {
			w.opts.Running = w.dave().peer()
		}},
		{"gossip", yellow, "nothing was heard from edgar", nil, func(w *world) {
			w.edgar(nowhere, "test") // who sees no chain has nothing to tell
			dave := w.dave()
			w.ready(dave, "quorum")
			w.ready(dave, "block")
			w.lookAt(time.Now().Add(time.Minute))
		}},
		{"version", yellow, "this peer has test, edgar has v2", nil, func(w *world) {
			w.edgar(w.home.Config().Chain.RPC, "v2")
			w.ready(w.dave(), "quorum")
		}},
		{"version", yellow, "the running peer is of version test, this program of v2", nil, func(w *world) {
			w.opts.Running, w.opts.Version = w.dave().peer(), "v2"
		}},
		{"listen", yellow, "which p2p.announce names, cannot be reached", nil, func(w *world) {
			w.home.Config().P2P.Announce = []string{"/ip4/127.0.0.1/tcp/1"}
			w.opts.Running = w.dave().peer()
		}},
		{"listen", red, "cannot be reached from this machine", nil, func(w *world) {
			p := w.dave()
			w.opts.Running = p.peer()
			p.stop() // after it said where it listens
		}},
	}
}

// A validator that runs as it should is all green.
func TestRunningPeerIsExamined(t *testing.T) {
	w := newWorld(t, nil)
	w.edgar(w.home.Config().Chain.RPC, "test")
	p := w.dave()
	w.ready(p, "quorum")
	waitFor(t, func() bool { // a busy machine may hold blocks up for a moment
		w.opts.Running = p.peer()
		return len(w.notGreen()) == 0
	})
}
