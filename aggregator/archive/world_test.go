package archive_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"sort"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// world is a network of two members with an aggregator's disk, without connections.
type world struct {
	t         *testing.T
	rules     *fastpay.Rules
	committee *fastpay.Committee
	keys      []ed25519.PrivateKey // by signer index
	limits    fastpay.BoardLimits
	retention archive.Retention
	disk      vfs.FS
}

var asset = common.HexToAddress("0x20c0000000000000000000000000000000000001")

// newWorld makes a world; it is the same at every run.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, limits: fastpay.DefaultBoardLimits(), retention: archive.DefaultRetention(), disk: vfs.NewCrashableMem()}
	var members []fastpay.Member
	for i := range 2 {
		seed := sha256.Sum256(fmt.Appendf(nil, "archive member %d", i))
		w.keys = append(w.keys, ed25519.NewKeyFromSeed(seed[:]))
	}
	sort.Slice(w.keys, func(i, j int) bool { return string(w.keys[i][32:]) < string(w.keys[j][32:]) })
	for _, key := range w.keys {
		members = append(members, fastpay.Member{Key: [32]byte(key[32:]), Weight: 1})
	}
	var err error
	w.committee, err = fastpay.NewCommittee(1337, 1, 0, 1<<40, fastpay.PaymentLane, members)
	require.NoError(t, err)
	w.rules = w.rulesOf(1)
	return w
}

// rulesOf are rules that take payments of at least an amount.
func (w *world) rulesOf(least uint64) *fastpay.Rules {
	w.t.Helper()
	rules, err := fastpay.NewRules(fastpay.Config{
		Committees: []*fastpay.Committee{w.committee},
		Assets:     []fastpay.Asset{{Address: asset, MinAmount: *uint256.NewInt(least)}},
		MaxFees:    []uint256.Int{*uint256.NewInt(1_000)}, MinSettle: 60, DefaultLife: 600, MaxLife: 86_400,
	})
	require.NoError(w.t, err)
	return rules
}

func (w *world) payer(i int) *ecdsa.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "archive payer %d", i))
	key, err := crypto.ToECDSA(seed[:])
	require.NoError(w.t, err)
	return key
}

// tx is the first payment of a payer.
func (w *world) tx(payer int) *fastpay.Tx {
	w.t.Helper()
	key := w.payer(payer)
	env := fastpay.Envelope{
		ChainID: 1337, CommitteeID: w.committee.ID(), Asset: asset, Sender: crypto.PubkeyToAddress(key.PublicKey),
		Recipient: common.HexToAddress("0xb0b"), Amount: *uint256.NewInt(5), MaxFee: *uint256.NewInt(1_000), ValidBefore: 5_000,
	}
	env.Prev = env.Lane().Genesis()
	tx, err := w.rules.SignTx(env, key)
	require.NoError(w.t, err)
	return tx
}

// vote is a member's vote for a payment.
func (w *world) vote(signer int, tx *fastpay.Tx) *fastpay.Batch {
	w.t.Helper()
	ids := []fastpay.ID{tx.ID()}
	root, err := fastpay.BatchRoot(ids)
	require.NoError(w.t, err)
	digest := fastpay.BatchDigest(w.committee.ID(), w.committee.Key(signer), 1, root)
	batch, err := fastpay.NewBatch(w.committee, signer, ids, ed25519.Sign(w.keys[signer], digest[:]))
	require.NoError(w.t, err)
	return batch
}

// settles is a payment's effect in a block.
func settles(committee *fastpay.Committee, tx *fastpay.Tx, block uint64) tx76.Outcome {
	env := tx.Envelope()
	return tx76.Outcome{
		Sender: env.Sender, NonceKey: tx.Lane().NonceKey(committee), TxHash: crypto.Keccak256Hash(tx.Encode()), BlockNumber: block,
		BlockHash: common.Hash{byte(block)}, BlockTime: block, Success: true, Plain: 1,
		Transfers: []tx76.MemoTransfer{{Token: asset, From: env.Sender, To: env.Recipient, Amount: env.Amount, Memo: tx.ID()}},
	}
}

// run is one run of an aggregator's archive on the world's disk.
type run struct {
	*archive.Archive
	w        *world
	board    *replica.Replica
	store    *replica.Store
	now      func() time.Time
	registry *prometheus.Registry
	cancel   context.CancelFunc
	done     chan error
	ended    bool
}

// start opens the archive on the world's disk and runs it. It must be in a bubble.
func (w *world) start() *run {
	w.t.Helper()
	r := &run{w: w, registry: prometheus.NewRegistry(), done: make(chan error, 1)}
	var err error
	r.store, err = replica.OpenStore("/aggregator/data", w.disk)
	require.NoError(w.t, err)
	r.now, err = archive.Clock(r.store, time.Now)
	require.NoError(w.t, err)
	r.board, err = replica.New(replica.Config{
		Rules: w.rules, Limits: w.limits, Store: r.store, Now: r.now, Jitter: func() float64 { return 0 },
	})
	require.NoError(w.t, err)
	r.Archive, err = archive.Open(archive.Config{
		Rules: w.rules, Store: r.store, Source: r.board, Limits: w.limits, Retention: w.retention, Now: r.now, Registerer: r.registry,
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(w.t.Context())
	r.cancel = cancel
	go func() { r.done <- r.Run(ctx) }()
	w.t.Cleanup(func() { // of a test that has failed
		if !r.ended {
			r.stop()
		}
	})
	synctest.Wait()
	return r
}

// stop ends the run well.
func (r *run) stop() {
	r.w.t.Helper()
	r.ended = true
	r.cancel()
	require.ErrorIs(r.w.t, <-r.done, context.Canceled)
	require.NoError(r.w.t, r.store.Close())
}

// crash ends the run and leaves what the disk had synced.
func (r *run) crash() {
	r.w.t.Helper()
	left := r.w.disk.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
	r.stop()
	r.w.disk = left
}

// pay brings payments.
func (r *run) pay(txs ...*fastpay.Tx) {
	r.w.t.Helper()
	for _, tx := range txs {
		require.NoError(r.w.t, r.board.AddPayment(fastpay.Payment{Tx: tx}))
	}
	synctest.Wait()
}

// vote brings a member's vote.
func (r *run) vote(signer int, tx *fastpay.Tx) {
	r.w.t.Helper()
	require.NoError(r.w.t, r.board.GossipBatch("peer", r.w.vote(signer, tx)))
	synctest.Wait()
}

// certify brings both members' votes.
func (r *run) certify(txs ...*fastpay.Tx) {
	r.w.t.Helper()
	for _, tx := range txs {
		r.vote(0, tx)
		r.vote(1, tx)
	}
}

// block brings a block with payments. final is the finalized height.
func (r *run) block(n, final uint64, txs ...*fastpay.Tx) {
	view := fastpay.ChainView{Latest: fastpay.Block{Number: n, Hash: common.Hash{byte(n)}, Time: n}}
	view.Finalized = fastpay.Block{Number: final, Hash: common.Hash{byte(final)}, Time: final}
	for _, tx := range txs {
		view.Outcomes = append(view.Outcomes, settles(r.w.committee, tx, n))
	}
	r.board.Advance(view, r.now())
	synctest.Wait()
}

// record is what is shown of a payment.
func (r *run) record(tx *fastpay.Tx) replica.Record {
	r.w.t.Helper()
	rec, ok, err := r.Record(tx.ID())
	require.NoError(r.w.t, err)
	require.True(r.w.t, ok, "the payment is not shown")
	return rec
}

// shows reports whether a payment is shown.
func (r *run) shows(tx *fastpay.Tx) bool {
	r.w.t.Helper()
	_, ok, err := r.Record(tx.ID())
	require.NoError(r.w.t, err)
	return ok
}

// list are the ids of a list.
func (r *run) list(f archive.Filter) (ids []fastpay.ID) {
	r.w.t.Helper()
	if f.Limit == 0 {
		f.Limit = 100
	}
	for {
		page, err := r.Records(f)
		require.NoError(r.w.t, err)
		for _, rec := range page.Records {
			ids = append(ids, rec.Tx.ID())
		}
		if f.Before = page.Next; f.Before == 0 {
			return ids
		}
	}
}

// metric is the value of a series.
func (r *run) metric(name string) float64 {
	r.w.t.Helper()
	families, err := r.registry.Gather()
	require.NoError(r.w.t, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// ids are the ids of payments.
func ids(txs ...*fastpay.Tx) (out []fastpay.ID) {
	for _, tx := range txs {
		out = append(out, tx.ID())
	}
	return out
}

// shown is what is compared of a record over a restart.
type shown struct {
	stage   fastpay.Stage
	final   bool
	votes   int
	qc      string
	chainTx common.Hash
	line    replica.Timeline
}

func show(r replica.Record) shown {
	s := shown{stage: r.Stage, final: r.Final, votes: len(r.Certificates), line: r.Timeline}
	if r.QC != nil {
		s.qc = string(r.QC.Encode())
	}
	if r.Outcome != nil {
		s.chainTx = r.Outcome.TxHash
	}
	return s
}
