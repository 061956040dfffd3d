package doctor_test

import (
	"context"
	"crypto/ecdsa"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/doctor"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// world is the stopped home of a validator, one of two, with a chain and somebody who
// listens at the other one's address.
type world struct {
	t         *testing.T
	home      *home.Home
	file      *netfile.File
	other     net.Listener
	stopChain func() // no more blocks come
	opts      doctor.Options
}

// newWorld makes the world, with a chain as change makes it.
func newWorld(t *testing.T, change func(*devchain.Config)) *world {
	t.Helper()
	sponsor := newKey(t)
	url, stop := serveChain(t, nil, func(c *devchain.Config) {
		c.Alloc = map[common.Address]map[common.Address]*uint256.Int{
			testnet.FeeToken: {crypto.PubkeyToAddress(sponsor.PublicKey): uint256.NewInt(sponsorHolds)},
		}
		if change != nil {
			change(c)
		}
	})
	other, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = other.Close() }) // a test may have closed it

	w := &world{
		t: t, other: other, stopChain: stop, file: testnet.NewFile(netfile.PaymentLane, time.Second),
		opts: doctor.Options{Now: time.Now, Version: "test"},
	}
	w.file.Committees = []netfile.Committee{{Epoch: 1, End: uint64(time.Now().Add(30 * 24 * time.Hour).Unix())}}
	w.home = w.validator("dave", url, sponsor)
	w.edit(func() { w.member(0).Addresses = []string{"/ip4/127.0.0.1/tcp/1/p2p/" + w.peerID(w.home)} })
	w.edit(func() { w.seat(netfile.Key{1}, "edgar", w.at("edgar")) })
	return w
}

// serveChain serves a chain until the test ends. stop ends its blocks before. They come
// faster than the network file says, so that nobody waits for one. front, if there is one,
// stands before the chain, and change changes it.
func serveChain(t *testing.T, front func(http.Handler) http.Handler, change func(*devchain.Config)) (url string, stop func()) {
	t.Helper()
	cfg := devchain.DefaultConfig()
	cfg.BlockTime = 100 * time.Millisecond
	if change != nil {
		change(&cfg)
	}
	chain, err := devchain.New(cfg)
	require.NoError(t, err)
	handler := chain.Handler()
	if front != nil {
		handler = front(handler)
	}
	server := httptest.NewServer(handler)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := chain.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(func() {
		stop()
		require.NoError(t, chain.Close())
		server.Close()
	})
	return server.URL, stop
}

// sponsorHolds is what dave's sponsor has of the fee token, in units.
const sponsorHolds = 1_000_000_000

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	return key
}

// create makes a home with an account that its role does not use yet.
func (w *world) create(role p2p.Role, name, chainURL string, key *ecdsa.PrivateKey) (*home.Home, netfile.Address) {
	w.t.Helper()
	c := home.DefaultConfig(role)
	c.Node.Name, c.Chain.RPC, c.Metrics.Listen = name, chainURL, ""
	h, err := home.Create(filepath.Join(w.t.TempDir(), name), c)
	require.NoError(w.t, err)
	account, err := h.ImportAccount(key, "secret", home.LightKDF)
	require.NoError(w.t, err)
	require.NoError(w.t, home.WriteNew(h.PasswordPath(), []byte("secret\n")))
	return h, netfile.Address(account)
}

// validator makes the home of a validator, with a seat in the network file.
func (w *world) validator(name, chainURL string, sponsor *ecdsa.PrivateKey) *home.Home {
	w.t.Helper()
	h, account := w.create(p2p.RoleValidator, name, chainURL, sponsor)
	h.Config().Validator.Sponsor = account
	key, err := h.VoteKey()
	require.NoError(w.t, err)
	w.seat(netfile.Key(key[32:]), name)
	w.member(len(w.members()) - 1).Sponsor = account
	return h
}

// seat gives a key a seat in the committee.
func (w *world) seat(key netfile.Key, name string, addresses ...string) {
	c := &w.file.Committees[0]
	c.Members = append(c.Members, netfile.Member{Name: name, Key: key, Weight: 1, Sponsor: netfile.Address{byte(len(c.Members)), 9}, Addresses: addresses})
}

func (w *world) members() []netfile.Member    { return w.file.Committees[0].Members }
func (w *world) member(i int) *netfile.Member { return &w.file.Committees[0].Members[i] }

// edit changes the home's network file.
func (w *world) edit(change func()) {
	w.t.Helper()
	change()
	require.NoError(w.t, w.home.SaveNetwork(w.file))
}

func (w *world) peerID(h *home.Home) string {
	w.t.Helper()
	identity, err := h.Identity()
	require.NoError(w.t, err)
	return identity.PeerID().String()
}

// at is the multiaddr of a validator, were it the one who listens.
func (w *world) at(name string) string {
	_, port, err := net.SplitHostPort(w.other.Addr().String())
	require.NoError(w.t, err)
	return "/ip4/127.0.0.1/tcp/" + port + "/p2p/" + p2p.IdentityFromSeed(name).PeerID().String()
}

// examine examines the home.
func (w *world) examine() []doctor.Finding {
	return doctor.Examine(w.t.Context(), w.home, w.opts)
}

// lookAt lets the home be examined at one moment, however long that takes.
func (w *world) lookAt(now time.Time) { w.opts.Now = func() time.Time { return now } }

// notGreen examines the home, and returns the findings that say that something is not as
// it should be. Disk and space are this machine's.
func (w *world) notGreen() []doctor.Finding {
	return slices.DeleteFunc(w.examine(), func(f doctor.Finding) bool {
		return f.Level == doctor.Green || f.Check == "sync" || f.Check == "space"
	})
}

// Of the stopped home of a validator, all that is not green is that it does not run, and so
// does not vote. Nothing is left in it.
func TestStoppedHomeIsExamined(t *testing.T) {
	w := newWorld(t, nil)
	w.lookAt(time.Now()) // blocks are new, however busy the machine
	before, err := os.ReadDir(w.home.DataDir())
	require.NoError(t, err)
	var red []string
	for _, f := range w.notGreen() {
		require.Equal(t, doctor.Red, f.Level, "%+v", f)
		red = append(red, f.Check)
	}
	require.Equal(t, []string{"running", "quorum"}, red)
	after, err := os.ReadDir(w.home.DataDir())
	require.NoError(t, err)
	require.Equal(t, len(before), len(after))
}

// Nobody misses a client that does not run, nor a validator that is not in office.
func TestWhoMayStop(t *testing.T) {
	w := newWorld(t, nil)
	w.member(0).Addresses = []string{w.at("dave")}
	client := w.payer("alice", w.home.Config().Chain.RPC)
	require.NoError(t, client.SaveNetwork(w.file))
	w.home = client
	w.lookAt(time.Now())
	require.Empty(t, w.notGreen())
	require.Contains(t, w.examine(), doctor.Finding{Check: "running", Level: doctor.Green, Measured: "no peer runs, and no committee in office counts on it"})
}
