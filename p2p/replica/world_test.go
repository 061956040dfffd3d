package replica_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// world is a network's cryptographic material: a committee and payers. It is the
// same at every run.
type world struct {
	t         testing.TB
	rules     *fastpay.Rules
	committee *fastpay.Committee
	keys      []ed25519.PrivateKey // by signer index
}

var asset = common.HexToAddress("0x20c0000000000000000000000000000000000001")

// newWorld makes a world with a committee of four.
func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOf(t, 4)
}

func newWorldOf(t testing.TB, members int) *world {
	t.Helper()
	w := &world{t: t}
	for i := range members {
		seed := sha256.Sum256(fmt.Appendf(nil, "member %d", i))
		w.keys = append(w.keys, ed25519.NewKeyFromSeed(seed[:]))
	}
	slices.SortFunc(w.keys, func(a, b ed25519.PrivateKey) int {
		return bytes.Compare(a.Public().(ed25519.PublicKey), b.Public().(ed25519.PublicKey))
	})
	listed := make([]fastpay.Member, members)
	for i, k := range w.keys {
		listed[i] = fastpay.Member{Key: [32]byte(k.Public().(ed25519.PublicKey)), Weight: 1}
	}
	var err error
	w.committee, err = fastpay.NewCommittee(1337, 1, 0, 1<<40, fastpay.PaymentLane, listed)
	require.NoError(t, err)
	w.rules, err = fastpay.NewRules(fastpay.Config{
		Committees: []*fastpay.Committee{w.committee},
		Assets:     []fastpay.Asset{{Address: asset, MinAmount: *uint256.NewInt(1)}},
		MaxFees:    []uint256.Int{*uint256.NewInt(1_000)},
		MinSettle:  60, DefaultLife: 600, MaxLife: 86_400,
	})
	require.NoError(t, err)
	return w
}

func (w *world) payer(i int) *ecdsa.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "payer %d", i))
	key, err := crypto.ToECDSA(seed[:])
	require.NoError(w.t, err)
	return key
}

// tx is a payer's payment in a slot. Two notes make two payments.
func (w *world) tx(payer int, seq uint64, note string, parents ...fastpay.ID) *fastpay.Tx {
	w.t.Helper()
	key := w.payer(payer)
	env := fastpay.Envelope{
		ChainID: 1337, CommitteeID: w.committee.ID(), Asset: asset, Sender: crypto.PubkeyToAddress(key.PublicKey), Seq: seq,
		Recipient: common.HexToAddress("0xb0b"), Amount: *uint256.NewInt(5), MaxFee: *uint256.NewInt(1_000), ValidBefore: 5_000,
		Note: sha256.Sum256([]byte(note)), Parents: parents,
	}
	env.Prev = env.Lane().Genesis()
	tx, err := w.rules.SignTx(env, key)
	require.NoError(w.t, err)
	return tx
}

// txs are the first payments of n payers.
func (w *world) txs(n int) []*fastpay.Tx {
	w.t.Helper()
	out := make([]*fastpay.Tx, n)
	for i := range out {
		out[i] = w.tx(i, 0, "")
	}
	return out
}

// batch is a member's votes.
func (w *world) batch(signer int, ids ...fastpay.ID) *fastpay.Batch {
	w.t.Helper()
	root, err := fastpay.BatchRoot(ids)
	require.NoError(w.t, err)
	digest := fastpay.BatchDigest(w.committee.ID(), w.committee.Key(signer), len(ids), root)
	b, err := fastpay.NewBatch(w.committee, signer, ids, ed25519.Sign(w.keys[signer], digest[:]))
	require.NoError(w.t, err)
	return b
}

// votes are the votes of the first n members for a payment.
func (w *world) votes(tx *fastpay.Tx, n int) []*fastpay.Certificate {
	w.t.Helper()
	var out []*fastpay.Certificate
	for i := range n {
		out = append(out, w.batch(i, tx.ID()).Certificate(0))
	}
	return out
}

// head is a member's view of its node.
func (w *world) head(signer int, view fastpay.HeadView) *fastpay.Head {
	w.t.Helper()
	digest := fastpay.HeadDigest(w.committee, signer, view)
	h, err := fastpay.NewHead(w.committee, signer, view, ed25519.Sign(w.keys[signer], digest[:]))
	require.NoError(w.t, err)
	return h
}

// qc is the QC of a payment.
func (w *world) qc(tx *fastpay.Tx) *fastpay.QC { return fastpay.NewQC(w.committee, tx, w.votes(tx, 3)) }

// settles is a payment's effect in a block.
func (w *world) settles(tx *fastpay.Tx, block uint64) tx76.Outcome {
	env := tx.Envelope()
	return tx76.Outcome{
		Sender: env.Sender, NonceKey: tx.Lane().NonceKey(w.committee), Nonce: env.Seq, BlockNumber: block, Success: true, Plain: 1,
		Transfers: []tx76.MemoTransfer{{Token: asset, From: env.Sender, To: env.Recipient, Amount: env.Amount, Memo: tx.ID()}},
	}
}

// evidence convicts a payer.
func (w *world) evidence(payer int) *fastpay.Evidence {
	w.t.Helper()
	e, err := fastpay.NewPayerEvidence(w.tx(payer, 0, ""), w.tx(payer, 0, "again"))
	require.NoError(w.t, err)
	return e
}

// replica returns a Replica; change may set more.
func (w *world) replica(change func(*replica.Config)) *replica.Replica {
	w.t.Helper()
	cfg := replica.Config{
		Rules: w.rules, Limits: fastpay.DefaultBoardLimits(), Now: time.Now, Boot: [8]byte{1},
		Jitter: func() float64 { return 0 },
	}
	if change != nil {
		change(&cfg)
	}
	r, err := replica.New(cfg)
	require.NoError(w.t, err)
	return r
}

// store opens a store on a file system, and closes it with the test.
func (w *world) store(fs vfs.FS) *replica.Store {
	w.t.Helper()
	s, err := replica.OpenStore("/peer/data", fs)
	require.NoError(w.t, err)
	return s
}

func add(t testing.TB, r *replica.Replica, txs ...*fastpay.Tx) {
	t.Helper()
	for _, tx := range txs {
		require.NoError(t, r.AddPayment(fastpay.Payment{Tx: tx}))
	}
}

// idsOf are the payments of an answer.
func idsOf(items []p2p.SyncItem) []fastpay.ID {
	ids := make([]fastpay.ID, len(items))
	for i, item := range items {
		ids[i] = item.Tx.ID()
	}
	return ids
}

// errSilent is what a peer without an answer answers.
var errSilent = errors.New("no answer")

// fakeNet is a [replica.Node] among scripted peers. Those with a Replica answer from it.
type fakeNet struct {
	unmeshed bool // nobody forwards payments

	mu      sync.Mutex
	peers   []p2p.PeerInfo
	answers map[p2p.PeerID]func(ctx context.Context, req p2p.SyncRequest) (p2p.SyncResponse, error)
	asked   []asked
}

// asked is a request that was made.
type asked struct {
	peer p2p.PeerID
	req  p2p.SyncRequest
}

func newFakeNet() *fakeNet {
	return &fakeNet{answers: make(map[p2p.PeerID]func(context.Context, p2p.SyncRequest) (p2p.SyncResponse, error))}
}

// join adds a ready peer: a member if key is not nil.
func (n *fakeNet) join(id p2p.PeerID, key ed25519.PublicKey, answer func(ctx context.Context, req p2p.SyncRequest) (p2p.SyncResponse, error)) p2p.PeerInfo {
	info := p2p.PeerInfo{ID: id, State: p2p.PeerReady, Member: key}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.peers = append(n.peers, info)
	n.answers[id] = answer
	return info
}

// serve answers from a Replica.
func serve(r *replica.Replica) func(ctx context.Context, req p2p.SyncRequest) (p2p.SyncResponse, error) {
	return func(ctx context.Context, req p2p.SyncRequest) (p2p.SyncResponse, error) { return r.Sync(ctx, "", req) }
}

// silent answers nothing until the request is given up.
func silent(ctx context.Context, _ p2p.SyncRequest) (p2p.SyncResponse, error) {
	<-ctx.Done()
	return p2p.SyncResponse{}, errSilent
}

// Sync implements [replica.Node].
func (n *fakeNet) Sync(ctx context.Context, peer p2p.PeerID, req p2p.SyncRequest) (p2p.SyncResponse, error) {
	n.mu.Lock()
	n.asked = append(n.asked, asked{peer, req})
	answer := n.answers[peer]
	n.mu.Unlock()
	time.Sleep(20 * time.Millisecond) // a round trip
	return answer(ctx, req)
}

// Peers implements [replica.Node].
func (n *fakeNet) Peers() []p2p.PeerInfo {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.peers)
}

// Forwarded implements [replica.Node].
func (n *fakeNet) Forwarded() bool { return !n.unmeshed }

// requests are the requests made so far, to a peer if it is named.
func (n *fakeNet) requests(peer p2p.PeerID) []p2p.SyncRequest {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []p2p.SyncRequest
	for _, a := range n.asked {
		if peer == "" || a.peer == peer {
			out = append(out, a.req)
		}
	}
	return out
}

// running runs a Replica's fetching until the returned function is called.
func running(t *testing.T, r *replica.Replica, n replica.Node) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, n) }()
	return func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	}
}

// counter is the sum of a counter's series.
func counter(t *testing.T, registry *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
