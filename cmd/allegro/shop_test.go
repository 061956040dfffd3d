package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/testnet/processes"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

const (
	shopPayers   = 8
	shopPayments = shopManyPayments + 1
	// shopManyPayments come from all payers at once.
	shopManyPayments = 1_000
	// shopFailures are payments that the shop accepts and the chain then does not.
	shopFailures = 3
)

// A shop is paid a thousand times by many payers over the real network. Its peer is killed
// three times meanwhile, and the program that is told of its orders twice. Each order is
// released exactly once; payments that fail after they were accepted are reported; all
// others come to be final.
func TestShopReleasesEachOrderOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.up()
	s.receiver.start()
	ctx, cancel := context.WithCancel(s.ctx)
	g, ctx := errgroup.WithContext(ctx)
	t.Cleanup(func() {
		cancel()
		_ = g.Wait() // what it failed with is told below
	})
	for _, payer := range s.payers {
		peer := s.client(payer)
		g.Go(func() error { return s.payMany(ctx, peer, payer, shopManyPayments/shopPayers) })
	}
	paid := make(chan error, 1)
	go func() { paid <- g.Wait() }()

	for _, kill := range []struct {
		at    int // orders that were released
		whose func()
	}{
		{shopPayments / 8, s.killPeer},
		{shopPayments / 4, s.receiver.kill},
		{shopPayments * 3 / 8, s.killPeer},
		{shopPayments / 2, s.receiver.kill},
		{shopPayments * 5 / 8, s.killPeer},
	} {
		s.await(func(told map[orders.Kind]int) bool { return told[orders.KindAccepted] >= kill.at })
		kill.whose()
	}
	require.NoError(t, <-paid)
	failing := s.payInVain()
	s.await(func(told map[orders.Kind]int) bool {
		return told[orders.KindFinal] == shopPayments && told[orders.KindReversed] == shopFailures
	})
	s.requireReleasedOnce(failing)
}

// shop is a lab in which a client is told of its orders.
type shop struct {
	*lab
	name, address string
	payers        []string
	drained       string // a payer who moves the money away
	receiver      *receiver
}

func newShop(t *testing.T) *shop {
	t.Helper()
	accounts := testnet.SceneAccounts(shopPayers + 1)
	// Under the race detector a thousand payments, which each of twelve processes verifies,
	// take minutes: these are the programs that people run.
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir, ".", "../../docs/examples/receiver").CombinedOutput()
	require.NoError(t, err, "%s", out)
	s := &shop{lab: newLabOf(t, filepath.Join(dir, "allegro"), 10*time.Minute, 2, func(spec *processes.Spec) {
		spec.Clients, spec.BlockTime = accounts, 4*time.Second
	})}
	s.drained, s.name = accounts[0].Name, accounts[len(accounts)-1].Name
	for _, a := range accounts[1 : len(accounts)-1] {
		s.payers = append(s.payers, a.Name)
	}
	var self api.Self
	s.read(s.name, &self, "id")
	s.address = self.Account.String()
	home, err := s.Home(s.name)
	require.NoError(t, err)
	s.receiver = newReceiver(t, s, filepath.Join(dir, "receiver"), home)
	s.command(0, s.name, "config", "set", "delivery.webhook", "http://"+s.receiver.address+"/orders")
	s.command(0, s.name, "config", "set", "delivery.secret_file", s.receiver.secret)
	config, err := os.OpenFile(filepath.Join(home, "config.toml"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = config.WriteString("\n[[accept]]\nup_to = \"10\"\nat = \"certified\"\n")
	require.NoError(t, err)
	require.NoError(t, config.Close())
	return s
}

// payMany makes payments to the shop, each once the one before is certified.
func (s *shop) payMany(ctx context.Context, peer *api.Client, payer string, n int) error {
	for i := range n {
		if _, err := s.payShop(ctx, peer, "0.01", fmt.Sprintf("%s %d", payer, i)); err != nil {
			return fmt.Errorf("payment %d of %s: %w", i, payer, err)
		}
	}
	return nil
}

// payShop makes a payment to the shop, and returns its id once it is certified.
func (s *shop) payShop(ctx context.Context, peer *api.Client, amount, note string) (string, error) {
	var p document.Payment
	err := peer.Post(ctx, api.RoutePayments, "", &api.PayRequest{To: s.address, Amount: amount, Note: note, Auto: true}, &p)
	if err != nil {
		return "", err
	}
	want := string(fastpay.StageCertified)
	if err := peer.Get(ctx, api.RoutePayment, p.TxID, url.Values{"wait": {want}, "timeout": {patience.String()}}, &p); err != nil {
		return "", err
	}
	if at := stageOf(&p); at.Rank() < fastpay.StageCertified.Rank() {
		return "", fmt.Errorf("payment %s is %s after %s", p.TxID, at, patience)
	}
	return p.TxID, nil
}

// client returns a client of a running peer's API.
func (s *shop) client(name string) *api.Client {
	s.t.Helper()
	var self api.Self
	s.read(name, &self, "id")
	require.NotNil(s.t, self.Running)
	peer := api.Dial(self.Running.API)
	s.t.Cleanup(peer.Close)
	return peer
}

// killPeer kills the shop's peer, and starts it again.
func (s *shop) killPeer() {
	s.t.Helper()
	s.kill(s.name)
	s.start(s.name)
}

// payInVain pays the shop with money that a transaction in the chain's pool moves away with
// the next block. It returns the payments.
func (s *shop) payInVain() []string {
	s.t.Helper()
	accepted := func(n int) {
		s.t.Helper()
		s.await(func(told map[orders.Kind]int) bool { return told[orders.KindAccepted] == n })
	}
	peer := s.client(s.drained)
	s.wait(s.name, "quorum")
	_, err := s.payShop(s.ctx, peer, "0.01", "the last good one")
	require.NoError(s.t, err)
	accepted(shopPayments)     // so that the shop's peer has read this payer's lane
	s.wait(s.drained, "block") // four seconds are left
	home, err := s.Home(s.drained)
	require.NoError(s.t, err)
	require.NoError(s.t, moveAway(s.ctx, home, s.ChainURL(), 14*testnet.Dollar))
	ids := make([]string, shopFailures)
	for i := range ids {
		ids[i], err = s.payShop(s.ctx, peer, "4", fmt.Sprintf("in vain %d", i))
		require.NoError(s.t, err)
	}
	accepted(shopPayments + shopFailures)
	return ids
}

// await waits until what the receiver has noted is enough.
func (s *shop) await(enough func(told map[orders.Kind]int) bool) {
	s.t.Helper()
	var told map[orders.Kind]int
	for told = s.receiver.told(); !enough(told); told = s.receiver.told() {
		require.NoError(s.t, s.ctx.Err(), "the receiver was told %v", told)
		select {
		case <-s.ctx.Done():
		case <-time.After(100 * time.Millisecond): // a file that grows
		}
	}
}

// requireReleasedOnce compares what the receiver noted with what was paid.
func (s *shop) requireReleasedOnce(failing []string) {
	s.t.Helper()
	ends := make(map[string]orders.Kind) // by tx id
	released := make(map[string]bool)
	for _, m := range s.receiver.messages() {
		id, kind := m.id, m.kind
		if kind == orders.KindAccepted {
			require.False(s.t, released[id], "order %s was released twice", id)
			released[id] = true
			continue
		}
		require.True(s.t, released[id], "order %s ended before it was released", id)
		require.NotContains(s.t, ends, id, "order %s ended twice", id)
		ends[id] = kind
	}
	require.Len(s.t, released, shopPayments+shopFailures)
	require.Len(s.t, ends, shopPayments+shopFailures)
	for _, id := range failing {
		require.Equal(s.t, orders.KindReversed, ends[id], "order %s", id)
	}
	// The chain agrees: what the orders that are final come to is on the account.
	s.requireBalances(map[string]string{s.name: fmt.Sprint(5*testnet.Dollar + shopPayments*testnet.Dollar/100)})
}

// receiver is the program of docs/examples that the shop's peer tells of its orders.
type receiver struct {
	t       *testing.T
	program string
	args    []string
	address string // HOST:PORT
	secret  string // path
	log     string // path
	process *exec.Cmd
	output  bytes.Buffer
}

func newReceiver(t *testing.T, s *shop, program, dir string) *receiver {
	t.Helper()
	r := &receiver{t: t, program: program, secret: filepath.Join(dir, "webhook.secret"), log: filepath.Join(t.TempDir(), "orders.log")}
	require.NoError(t, os.WriteFile(r.secret, []byte("whsec_"+base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free, also for its next run
	require.NoError(t, err)
	r.address = listener.Addr().String()
	require.NoError(t, listener.Close())
	r.args = []string{"-network", s.NetworkPath(), "-secret", r.secret, "-payee", s.address, "-orders", r.log, "-listen", r.address}
	t.Cleanup(func() {
		if r.process != nil {
			r.stop()
		}
		if t.Failed() {
			t.Logf("the receiver says:\n%s", r.output.String()[max(0, r.output.Len()-3000):])
		}
	})
	return r
}

func (r *receiver) start() {
	r.t.Helper()
	r.process = exec.Command(r.program, r.args...)
	r.process.Stdout, r.process.Stderr = &r.output, &r.output
	require.NoError(r.t, r.process.Start())
}

func (r *receiver) stop() {
	_ = r.process.Process.Kill()
	_ = r.process.Wait() // it was killed
	r.process = nil
}

// kill ends it as a power cut would, and starts it again.
func (r *receiver) kill() {
	r.t.Helper()
	r.stop()
	r.start()
}

// message is a line of what the receiver notes.
type message struct {
	id   string
	kind orders.Kind
}

// messages are what it has noted as it is now; the last line may be torn.
func (r *receiver) messages() (out []message) {
	data, err := os.ReadFile(r.log)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(r.t, err)
	for line := range bytes.Lines(data[:bytes.LastIndexByte(data, '\n')+1]) {
		name, _, _ := strings.Cut(string(line), " ")
		id, kind, _ := strings.Cut(name, "-")
		out = append(out, message{id, orders.Kind(kind)})
	}
	return out
}

// told counts them.
func (r *receiver) told() map[orders.Kind]int {
	counts := make(map[orders.Kind]int)
	for _, m := range r.messages() {
		counts[m.kind]++
	}
	return counts
}
