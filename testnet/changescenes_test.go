package testnet_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/aggregator"
	"github.com/allegro-p2p/allegro/aggregator/httpapi/httpapitest"
	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/client/request"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// scene is something that happens and that series tell of.
type scene string

const (
	meeting      scene = "peers start and meet"
	paying       scene = "a payment is made, certified and settled"
	refusing     scene = "a validator refuses payments, and has no room for one"
	returning    scene = "peers that were away catch up"
	reading      scene = "people read the pages"
	forgetting   scene = "what became final long ago is dropped"
	asking       scene = "a wallet makes more payment requests than it keeps"
	runningDry   scene = "sponsors have no money"
	vandalising  scene = "a peer sends rubbish"
	equivocating scene = "a payer signs two payments for one slot"
	leaving      scene = "a peer leaves its committee"
	lying        scene = "a member tells lies"
	overloading  scene = "a peer takes nothing any more"
	failingOver  scene = "a backup with other blocks takes the place of the own node"
)

// peaceful is a network in which peers come, go and come back.
func (w *witness) peaceful(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 50, func(cfg *testnet.Config) {
			four(cfg)
			cfg.Version = "test"
			crashable := cfg.FS
			cfg.FS = func(name string) vfs.FS {
				if name == "alice" {
					return vfs.NewMem() // keeps ten thousand requests in a fraction of the time
				}
				return crashable(name)
			}
			cfg.EditValidator = func(_ string, c *validator.Config) { c.Limits.Pool = 1 }
			cfg.EditClient = func(_ string, c *client.Config) {
				c.Deliverer = orders.DelivererFunc(func(_ context.Context, _ fastpay.ID, m orders.Message) error {
					if m.Attempts == 0 {
						return errors.New("the till is closed")
					}
					return nil
				})
			}
			cfg.EditAggregator = func(_ string, c *aggregator.Config) { c.Retention.Time = 10 * time.Second }
		})
		defer v.close(t)
		k := w.begin(t, meeting)
		k.started(t, v.Peers...)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, carol, dave := v.Peer("alice"), v.Peer("bob"), v.Peer("carol"), v.Peer("dave")
		k.await(t)

		k = w.begin(t, paying, v.Peers...)
		pay(t, ctx, alice, bob, 1)
		k.await(t)

		k = w.begin(t, refusing, v.Peers...)
		hand, payer := v.stranger(t, ctx, "stranger", nil), v.hand(t, "bob")
		for _, seq := range []uint64{7, 8} {
			env := payer.envelope(alice.Client.Address(), 1)
			env.Seq = seq
			hand.refused(t, ctx, "dave", fastpay.NonceSeqTooHigh, payer.sign(t, env))
		}
		k.await(t)

		k = w.begin(t, returning, dave, alice, carol)
		away := make(map[string]*vfs.MemFS)
		for _, name := range []string{"frank", "bob", "olivia"} {
			away[name] = v.crash(t, name)
		}
		payCents(t, ctx, alice, carol, 1)
		for name, disk := range away {
			v.restart(t, name, disk)
			k.started(t, v.Peer(name))
		}
		k.await(t)

		olivia := v.Peer("olivia")
		w.pages(t, ctx, v, olivia)
		k = w.begin(t, forgetting, olivia)
		k.await(t)

		k = w.begin(t, asking, alice)
		for i := range client.MaxRequests + 1 {
			require.NoError(t, alice.Client.Requests().Add(request.Request{
				Network: v.File().Digest(), Payee: alice.Client.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(1),
				Note: fmt.Sprint("INV-", i), Expires: 1, // long ago
			}, time.Now()))
		}
		k.await(t)
	})
}

// pages has readers at an aggregator's API: one that asks for another host, one that comes
// back, and one that takes nothing.
func (w *witness) pages(t *testing.T, ctx context.Context, v *virtual, p *testnet.Peer) {
	t.Helper()
	server, err := p.Aggregator.HTTP(aggregator.HTTPConfig{File: v.File(), Version: "test", Gatherer: p.Registry})
	require.NoError(t, err)
	k := w.begin(t, reading, p)
	listener := httpapitest.NewListener()
	serving, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- server.Serve(serving, listener) }()
	people := listener.Client("192.0.2.1:1")
	get := func(url string, want int) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		require.NoError(t, err)
		resp, err := people.Do(req)
		require.NoError(t, err)
		require.Equal(t, want, resp.StatusCode)
		return resp
	}
	require.NoError(t, get("http://localhost/api/v1/network", http.StatusOK).Body.Close())
	require.NoError(t, get("http://elsewhere.example/api/v1/network", http.StatusMisdirectedRequest).Body.Close())

	stream := get("http://localhost/api/v1/events?types=payment", http.StatusOK)
	lines := bufio.NewScanner(stream.Body)
	// next is what follows a word in the next line that begins with it.
	next := func(word string) string {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), word); ok {
				return rest
			}
		}
		require.Fail(t, "the stream has ended", "waiting for %q: %v", word, lines.Err())
		return ""
	}
	place := next("id: ")
	payCents(t, ctx, v.Peer("alice"), v.Peer("carol"), 1)
	next("event: payment")
	k.look(t) // while the stream is open
	require.NoError(t, stream.Body.Close())
	require.NoError(t, get("http://localhost/api/v1/events?since="+place, http.StatusOK).Body.Close())

	slow, err := listener.Dial(ctx, "192.0.2.2:1")
	require.NoError(t, err)
	_, err = io.WriteString(slow, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	k.await(t)
	require.NoError(t, slow.Close())
	stop()
	require.NoError(t, <-done)
	people.CloseIdleConnections()
}

// attacked is a network with a peer, a payer and a member that mean ill, and with sponsors
// that have nothing.
func (w *witness) attacked(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 51, func(cfg *testnet.Config) {
			attacked(cfg)
			cfg.EditValidator = func(_ string, c *validator.Config) { c.Settlement.Sponsor = poor(t) }
			cfg.EditClient = func(_ string, c *client.Config) { c.Node.Limits.Queue = 4 }
			cfg.EditAggregator = func(_ string, c *aggregator.Config) { c.Limits.StrayVotes = fastpay.MaxBatch }
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		require.NoError(t, v.Peer("mallory").Stop())
		alice, bob, mallory := v.Peer("alice"), v.Peer("bob"), v.hand(t, "mallory")
		var peers []*testnet.Peer
		for _, name := range []string{"dave", "edgar", "frank", "alice", "bob", "olivia"} {
			peers = append(peers, v.Peer(name))
		}

		k := w.begin(t, runningDry, append(peers, v.Peer("grace"))...)
		first := qc(t, bob, payCents(t, ctx, alice, bob, 1))
		k.await(t)

		k = w.begin(t, vandalising, peers...)
		vandal := v.raw(t, ctx, "vandal")
		for _, p := range peers {
			require.NoError(t, vandal.Connect(ctx, v.net.Host(p.Name).Addr()))
		}
		time.Sleep(time.Second) // topics are announced
		require.NoError(t, vandal.Publish(ctx, v.topic("cert"), []byte("rubbish")))
		k.await(t)

		k = w.begin(t, equivocating, peers...)
		hand := v.stranger(t, ctx, "stranger", nil)
		hand.split(t, ctx, mallory.sign(t, mallory.envelope(bob.Client.Address(), 1)), mallory.sign(t, mallory.envelope(alice.Client.Address(), 1)))
		k.await(t)

		k = w.begin(t, leaving, v.Peer("grace"))
		require.NoError(t, v.Peer("grace").Node.Leave(v.Committee().ID()))
		k.await(t)

		k = w.begin(t, lying, peers...)
		grace := v.impostor(t, ctx, "grace", func(r *p2ptest.Recorder) {
			other := mallory.sign(t, mallory.envelope(bob.Client.Address(), 2))
			r.SyncBy(func(_ context.Context, _ p2p.PeerID, req p2p.SyncRequest) (p2p.SyncResponse, error) {
				if req.Kind == p2p.SyncDigests {
					return p2p.SyncResponse{Digests: make([]fastpay.ID, p2p.SyncBuckets)}, nil
				}
				// These are no votes for that payment.
				return p2p.SyncResponse{Items: []p2p.SyncItem{{Tx: other, Certificates: first.Certificates()}}}, nil
			})
		})
		var latest, final fastpay.Block
		dave := v.Peer("dave")
		dave.Replica.Read(func(b *fastpay.Board) { latest, final = b.Latest(), b.Finalized() })
		view := fastpay.HeadView{Height: latest.Number + 1, FinalizedHeight: final.Number, FinalizedHash: common.Hash{1}, Time: latest.Time}
		require.NoError(t, grace.PublishHead(ctx, v.head(t, ctx, "grace", view)))
		v.strays(t, ctx, grace.Node, 0, 3)
		k.await(t)

		k = w.begin(t, overloading, peers...)
		v.net.Host("dave").Kill() // connected, as far as anybody can see
		v.strays(t, ctx, alice.Node, 3, 13)
		k.await(t)
	})
}

// strays publishes full batches of grace's votes for what does not exist, from one number
// to another.
func (v *virtual) strays(t *testing.T, ctx context.Context, by *p2p.Node, from, to uint64) {
	t.Helper()
	for n := from; n < to; n++ {
		ids := make([]fastpay.ID, fastpay.MaxBatch)
		for i := range ids {
			binary.BigEndian.PutUint64(ids[i][:], n<<32|uint64(i)+1)
		}
		require.NoError(t, by.PublishBatch(ctx, v.batch(t, ctx, "grace", ids...)))
	}
}

// poor is the key of an account that holds nothing.
func poor(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := crypto.ToECDSA(common.LeftPadBytes([]byte{1}, 32))
	require.NoError(t, err)
	return key
}

// chainClient stands for a role in the scenes of a chain's client, which is the same in all
// of them.
const chainClient = "chain"

// failover lets the own node of a chain's client go away, whose last block the backup does
// not have.
func (w *witness) failover(t *testing.T) {
	var seconds atomic.Int64 // on the clock of both nodes
	node := func() *devchain.Chain {
		cfg := devchain.DefaultConfig()
		cfg.Manual, cfg.GenesisTime = true, time.Unix(1_000, 0)
		cfg.Now = func() time.Time { return time.Unix(seconds.Load(), 0) }
		chain, err := devchain.New(cfg)
		require.NoError(t, err)
		return chain
	}
	own, backup := node(), node()
	mine := func(second int64, nodes ...*devchain.Chain) {
		seconds.Store(second)
		for _, n := range nodes {
			_, err := n.Mine()
			require.NoError(t, err)
		}
	}
	mine(1_001, own, backup)
	mine(1_002, own, backup)
	mine(1_003, own)
	mine(1_004, backup, backup)

	var gone atomic.Bool
	first := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			panic(http.ErrAbortHandler) // no answer
		}
		own.Handler().ServeHTTP(out, r)
	}))
	second := httptest.NewServer(backup.Handler())
	registry := prometheus.NewRegistry()
	chain, err := tempo.Dial(t.Context(), first.URL, tempo.Options{Backups: []string{second.URL}, SwitchAfter: time.Nanosecond, Registerer: registry})
	require.NoError(t, err)
	follower, err := tempo.NewFollower(chain, tempo.FollowerConfig{PollInterval: 10 * time.Millisecond, MinBackoff: 10 * time.Millisecond})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	updates, done := make(chan tempo.Update), make(chan error, 1)
	go func() {
		done <- follower.Run(ctx, func(u tempo.Update) error {
			select {
			case updates <- u:
			case <-ctx.Done():
			}
			return nil
		})
	}()
	require.EqualValues(t, 3, (<-updates).Latest.Number)
	k := w.begin(t, failingOver)
	k.watch(t, chainClient, registry, tellings(t, registry))
	gone.Store(true)
	require.EqualValues(t, 3, (<-updates).Reverted)
	k.look(t)
	stop()
	require.ErrorIs(t, <-done, context.Canceled)
	chain.Close()
	first.Close()
	second.Close()
	require.NoError(t, errors.Join(own.Close(), backup.Close()))
}
