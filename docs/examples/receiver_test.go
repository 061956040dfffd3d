package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/client/webhook"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// receiver is the example receiver of bob's shop, running.
type receiver struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines <-chan string // of its standard output
}

// startReceiver starts it at an address, and returns the URL at which it listens.
func (p *place) startReceiver(t *testing.T, address string) (r *receiver, url string) {
	t.Helper()
	var problems bytes.Buffer
	cmd := p.command(&problems, p.path("receiver"), "-network", p.path("network.toml"), "-secret", p.path("webhook.secret"),
		"-payee", p.accounts["bob"], "-orders", p.path("orders.log"), "-listen", address)
	r = &receiver{t, cmd, start(t, cmd)}
	line := next(t, p, r.lines)
	url, ok := strings.CutPrefix(line, "listening at ")
	if !ok {
		r.kill()
		t.Fatalf("the receiver does not listen: %q %s", line, &problems)
	}
	return r, url
}

// kill ends it as a power cut would, and returns what it printed since.
func (r *receiver) kill() (rest []string) {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Kill())
	for line := range r.lines {
		rest = append(rest, line)
	}
	var exit *exec.ExitError
	require.ErrorAs(r.t, r.cmd.Wait(), &exit)
	return rest
}

// next is what comes next.
func next[T any](t *testing.T, p *place, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-p.ctx.Done():
		t.Fatal("nothing came: ", p.ctx.Err())
	}
	return v
}

// webhookOf tells the receiver at a URL, with a secret, by a clock.
func webhookOf(t *testing.T, url, secret string, now func() time.Time) *webhook.Webhook {
	t.Helper()
	s, err := webhook.ParseSecret(secret)
	require.NoError(t, err)
	w, err := webhook.New(webhook.Config{URL: url, Secret: s, Now: now})
	require.NoError(t, err)
	return w
}

const (
	shopSecret  = "whsec_c2hvcHNob3BzaG9wc2hvcHNob3BzaG9w"
	thiefSecret = "whsec_dGhpZWZ0aGllZnRoaWVmdGhpZWZ0aGllZg=="
)

// pay pays a cent in the network's own process, and waits until the chain has it for good.
func (p *place) pay(t *testing.T, from, to string) fastpay.ID {
	t.Helper()
	payer := p.network.Peer(from).Client
	id, err := payer.Pay(p.ctx, client.Order{
		To: p.network.Peer(to).Client.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(testnet.Dollar / 100), Parents: client.Parents{Auto: true},
	})
	require.NoError(t, err)
	stage, err := payer.Wait(p.ctx, id, fastpay.StageFinalized)
	require.NoError(t, err)
	require.Equal(t, fastpay.StageFinalized, stage)
	return id
}

// Bob's peer accepts a payment and tells the receiver, which notes each message once, also
// across a kill -9. Then others tell it lies.
func testReceiver(t *testing.T, p *place) {
	require.NoError(t, os.WriteFile(p.path("webhook.secret"), []byte(shopSecret+"\n"), 0o600))
	r, url := p.startReceiver(t, "127.0.0.1:0")
	hook := webhookOf(t, url, shopSecret, time.Now)

	bob := p.network.Peer("bob")
	store, err := replica.OpenStore("orders", vfs.NewMem())
	require.NoError(t, err)
	book, err := orders.Open(orders.Config{
		Account: bob.Client.Address(), Policy: acceptance.Policy{{At: fastpay.StageCertified}},
		Replica: bob.Replica, Store: store, Told: true, Keep: 10, Now: time.Now,
	})
	require.NoError(t, err)
	taken := make(chan orders.Kind, 16)
	ctx, stop := context.WithCancel(p.ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return book.Run(ctx) })
	g.Go(func() error {
		return book.Deliver(ctx, orders.DelivererFunc(func(ctx context.Context, id fastpay.ID, m orders.Message) error {
			err := hook.Deliver(ctx, id, m)
			if err == nil {
				taken <- m.Kind
			}
			return err
		}))
	})
	defer func() {
		stop()
		require.ErrorIs(t, g.Wait(), context.Canceled)
		require.NoError(t, store.Close())
	}()

	id := p.pay(t, "alice", "bob")
	require.Equal(t, "accepted "+id.Hex()+" 10000 none", next(t, p, r.lines))
	require.Equal(t, "final "+id.Hex()+" 10000 none", next(t, p, r.lines))
	require.Equal(t, orders.KindAccepted, next(t, p, taken))
	require.Equal(t, orders.KindFinal, next(t, p, taken))
	noted, err := os.ReadFile(p.path("orders.log"))
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(noted, []byte("\n")))

	// A crash tears the line that it was about to write. What had been noted is told again,
	// and changes nothing.
	require.Empty(t, r.kill())
	require.NoError(t, os.WriteFile(p.path("orders.log"), append(bytes.Clone(noted), "0x12"...), 0o600))
	r, _ = p.startReceiver(t, strings.TrimPrefix(url, "http://"))
	require.NoError(t, book.Redeliver(id))
	require.Equal(t, orders.KindAccepted, next(t, p, taken))
	require.Equal(t, orders.KindFinal, next(t, p, taken))

	tellLies(t, p, url, book, id)
	require.Empty(t, r.kill())
	after, err := os.ReadFile(p.path("orders.log"))
	require.NoError(t, err)
	require.Equal(t, string(noted), string(after))
}

// tellLies sends the receiver what it must not believe, about an order that it knows and
// others that are none.
func tellLies(t *testing.T, p *place, url string, book *orders.Book, id fastpay.ID) {
	order, known, err := book.Show(id)
	require.NoError(t, err)
	require.True(t, known)
	right := order.Messages[0]
	foreign, err := p.network.Peer("alice").Client.QC(p.pay(t, "alice", "carol"))
	require.NoError(t, err)

	thief := webhookOf(t, url, thiefSecret, time.Now)
	require.ErrorContains(t, thief.Deliver(p.ctx, id, right), "401 Unauthorized")
	recorded := webhookOf(t, url, shopSecret, func() time.Time { return time.Now().Add(-webhook.Tolerance - time.Minute) })
	require.ErrorContains(t, recorded.Deliver(p.ctx, id, right), "401 Unauthorized")

	// The secret is stolen: only the QC is left to say what is true.
	stolen := webhookOf(t, url, shopSecret, time.Now)
	for name, c := range map[string]struct {
		lie  func(*orders.Document)
		says string
	}{
		"QC of another payment": {func(d *orders.Document) { d.TxID = fastpay.ID{9}.Hex() }, "tx_id is"},
		"QC of less":            {func(d *orders.Document) { d.Amount = "1000000" }, "amount is"},
		"forged view":           {func(d *orders.Document) { d.Amount, d.QC.View.Amount = "1000000", "1000000" }, "the bytes say 10000"},
		"forged QC":             {func(d *orders.Document) { d.QC.QC = d.QC.QC[:len(d.QC.QC)-64] + strings.Repeat("0", 64) }, "INVALID_FORMAT"},
		"no QC":                 {func(d *orders.Document) { d.QC = nil }, "no QC"},
		"QC of somebody else's money": {func(d *orders.Document) {
			file, env := foreign.File(), foreign.Tx().Envelope()
			d.QC, d.TxID, d.Payee, d.Amount = &file, file.TxID, env.Recipient.Hex(), env.Amount.Dec()
		}, "not to "},
	} {
		var d orders.Document
		require.NoError(t, json.Unmarshal(right.Body, &d))
		c.lie(&d)
		about := common.HexToHash(d.TxID)
		d.MessageID = orders.MessageID(about, d.Kind)
		body, err := json.Marshal(d)
		require.NoError(t, err)
		err = stolen.Deliver(p.ctx, about, orders.Message{Kind: d.Kind, Body: body})
		require.ErrorContains(t, err, "422 Unprocessable Entity", name)
		require.ErrorContains(t, err, c.says, name)
	}
}
