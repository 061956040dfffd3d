package orders_test

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
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/client/orders"
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

var (
	asset  = common.HexToAddress("0x20c0000000000000000000000000000000000001")
	euro   = common.HexToAddress("0x20c0000000000000000000000000000000000002")
	seller = common.HexToAddress("0x5e11e5")
)

// genesis is the time of block 0, in seconds: that of a synctest bubble's beginning.
const genesis = 946_684_800

// world is a committee of one and a chain that a test moves, with a shop that can crash.
type world struct {
	t         *testing.T
	rules     *fastpay.Rules
	committee *fastpay.Committee
	vote      ed25519.PrivateKey

	disk   vfs.FS
	limits fastpay.BoardLimits
	cfg    orders.Config // what a test sets of it
	height uint64
	now    func() time.Time
	mu     sync.Mutex
	chain  map[common.Hash][]tx76.Outcome // what used the lanes' slots, by lane; guarded by mu
}

func newWorld(t *testing.T) *world {
	t.Helper()
	seed := sha256.Sum256([]byte("member"))
	w := &world{
		t: t, vote: ed25519.NewKeyFromSeed(seed[:]), disk: vfs.NewCrashableMem(), limits: fastpay.DefaultBoardLimits(),
		now:   time.Now,
		chain: make(map[common.Hash][]tx76.Outcome),
		cfg:   orders.Config{Policy: acceptance.Policy{{At: fastpay.StageCertified}}, Told: true, Keep: 1_000},
	}
	var err error
	w.committee, err = fastpay.NewCommittee(1337, 1, 0, 1<<40, fastpay.PaymentLane, []fastpay.Member{
		{Key: [32]byte(w.vote.Public().(ed25519.PublicKey)), Weight: 1},
	})
	require.NoError(t, err)
	w.rules, err = fastpay.NewRules(fastpay.Config{
		Committees: []*fastpay.Committee{w.committee},
		Assets:     []fastpay.Asset{{Address: asset, MinAmount: *uint256.NewInt(1)}, {Address: euro, MinAmount: *uint256.NewInt(1)}},
		MaxFees:    []uint256.Int{*uint256.NewInt(1_000), *uint256.NewInt(1_000)},
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

// envelope is a payer's first payment of an amount to the seller.
func (w *world) envelope(payer int, amount uint64, note string) fastpay.Envelope {
	env := fastpay.Envelope{
		ChainID: 1337, CommitteeID: w.committee.ID(), Asset: asset, Sender: crypto.PubkeyToAddress(w.payer(payer).PublicKey),
		Recipient: seller, Amount: *uint256.NewInt(amount), MaxFee: *uint256.NewInt(1_000), ValidBefore: genesis + 4_000,
	}
	if note != "" {
		env.Note = fastpay.NoteHash(note)
	}
	env.Prev = env.Lane().Genesis()
	return env
}

// sign makes a payment of an envelope.
func (w *world) sign(payer int, env fastpay.Envelope) *fastpay.Tx {
	w.t.Helper()
	tx, err := w.rules.SignTx(env, w.payer(payer))
	require.NoError(w.t, err)
	return tx
}

func (w *world) tx(payer int, amount uint64, note string) *fastpay.Tx {
	w.t.Helper()
	return w.sign(payer, w.envelope(payer, amount, note))
}

// next is the payer's payment behind another one.
func (w *world) next(payer int, prev *fastpay.Tx, amount uint64) *fastpay.Tx {
	w.t.Helper()
	env := w.envelope(payer, amount, "")
	env.Seq, env.Prev = prev.Envelope().Seq+1, prev.ID()
	return w.sign(payer, env)
}

func (w *world) qc(tx *fastpay.Tx) *fastpay.QC {
	w.t.Helper()
	ids := []fastpay.ID{tx.ID()}
	root, err := fastpay.BatchRoot(ids)
	require.NoError(w.t, err)
	digest := fastpay.BatchDigest(w.committee.ID(), w.committee.Key(0), 1, root)
	b, err := fastpay.NewBatch(w.committee, 0, ids, ed25519.Sign(w.vote, digest[:]))
	require.NoError(w.t, err)
	return fastpay.NewQC(w.committee, tx, []*fastpay.Certificate{b.Certificate(0)})
}

// settles is a payment's effect in a block.
func (w *world) settles(tx *fastpay.Tx, block uint64) tx76.Outcome {
	env := tx.Envelope()
	return tx76.Outcome{
		Sender: env.Sender, NonceKey: tx.Lane().NonceKey(w.committee), Nonce: env.Seq, BlockNumber: block, Success: true, Plain: 1,
		Transfers: []tx76.MemoTransfer{{Token: env.Asset, From: env.Sender, To: env.Recipient, Amount: env.Amount, Memo: tx.ID()}},
	}
}

// fails is a payment that reverts in a block.
func (w *world) fails(tx *fastpay.Tx, block uint64) tx76.Outcome {
	o := w.settles(tx, block)
	o.Success, o.Plain, o.Transfers, o.Attempted = false, 0, nil, tx.ID()
	return o
}

// foreign is another transaction in a payment's slot.
func (w *world) foreign(tx *fastpay.Tx, block uint64) tx76.Outcome {
	o := w.settles(tx, block)
	o.Plain, o.Transfers = 0, nil
	return o
}

// asked are a shop's requests.
type asked map[common.Hash]orders.Asked

func (a asked) ByNote(note common.Hash) (orders.Asked, bool) {
	r, ok := a[note]
	return r, ok
}

// request makes the shop know a request.
func (w *world) request(note string, amount, expires uint64) {
	if w.cfg.Requests == nil {
		w.cfg.Requests = asked{}
	}
	w.cfg.Requests.(asked)[fastpay.NoteHash(note)] = orders.Asked{Note: note, Asset: asset, Amount: *uint256.NewInt(amount), Expires: expires}
}

// use lets the chain's slots be used.
func (w *world) use(outcomes ...tx76.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range outcomes {
		w.chain[laneOf(o)] = append(w.chain[laneOf(o)], o)
	}
}

// laneOf is the key under which a world keeps what used a lane.
func laneOf(o tx76.Outcome) common.Hash {
	return crypto.Keccak256Hash(o.Sender[:], o.NonceKey.Bytes())
}

// node is a replica whose chain node answers at once.
type node struct {
	*replica.Replica
	w      *world
	silent atomic.Bool // it does not answer
	asked  atomic.Int64
}

// AskNode answers the Board's questions from the world's chain.
func (n *node) AskNode() {
	n.asked.Add(1)
	if n.silent.Load() {
		return
	}
	go func() {
		if err := n.Update(n.answer); err != nil && n.w.t.Context().Err() == nil {
			n.w.t.Log("answers were not stored: ", err) // by a store that a test breaks
		}
	}()
}

func (n *node) answer(b *fastpay.Board) {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	for _, q := range b.Questions(1_000) {
		used := n.w.chain[laneOf(tx76.Outcome{Sender: q.Lane.Sender, NonceKey: q.NonceKey})]
		for _, k := range b.NoteNonce(q.Lane, uint64(len(used)), b.Finalized()) {
			b.NoteOutcome(used[k])
		}
	}
}

// shop is one run of a peer with a book, in a synctest bubble.
type shop struct {
	w        *world
	disk     vfs.FS
	store    *replica.Store
	replica  *node
	book     *orders.Book
	registry *prometheus.Registry
	stop     context.CancelFunc
	ended    sync.WaitGroup
	failure  error // why Run ended
}

// open opens the book, and does not run it.
func (w *world) open() *shop {
	w.t.Helper()
	s := &shop{w: w, disk: w.disk, registry: prometheus.NewRegistry()}
	var err error
	s.store, err = replica.OpenStore("/shop", w.disk)
	require.NoError(w.t, err)
	r, err := replica.New(replica.Config{
		Rules: w.rules, Limits: w.limits, Store: s.store, Now: time.Now, Boot: [8]byte{1}, Jitter: func() float64 { return 0 },
	})
	require.NoError(w.t, err)
	s.replica = &node{Replica: r, w: w}
	cfg := w.cfg
	cfg.Account, cfg.Replica, cfg.Store, cfg.Now, cfg.Registerer = seller, s.replica, s.store, w.now, s.registry
	s.book, err = orders.Open(cfg)
	require.NoError(w.t, err)
	return s
}

// start opens the book and runs it; with a deliverer, it is told.
func (w *world) start(d orders.Deliverer) *shop {
	w.t.Helper()
	s := w.open()
	ctx, cancel := context.WithCancel(w.t.Context())
	s.stop = cancel
	s.ended.Go(func() { s.failure = s.book.Run(ctx) })
	if d != nil {
		s.ended.Go(func() {
			if err := s.book.Deliver(ctx, d); !errors.Is(err, context.Canceled) && s.store.Failed() == nil {
				w.t.Error("telling ended: ", err)
			}
		})
	}
	s.advance(fastpay.ChainView{Latest: s.at(w.height), Finalized: s.at(0)})
	return s
}

// close ends the run in order.
func (s *shop) close() {
	s.w.t.Helper()
	s.stop()
	s.ended.Wait()
	require.ErrorIs(s.w.t, s.failure, context.Canceled)
	require.NoError(s.w.t, s.store.Close())
}

// crash ends the run: what was not synced is lost.
func (s *shop) crash() {
	s.w.t.Helper()
	s.w.disk = s.disk.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{})
	s.close()
}

// certify lets the shop see QCs, again after a crash: one of which nothing durable was made
// may be lost in it, until gossip brings it back.
func (s *shop) certify(txs ...*fastpay.Tx) {
	s.w.t.Helper()
	for _, tx := range txs {
		require.NoError(s.w.t, s.replica.Update(func(b *fastpay.Board) {
			if err := b.AddQC(s.w.qc(tx)); !errors.Is(err, fastpay.ErrKnown) {
				require.NoError(s.w.t, err)
			}
		}))
	}
	synctest.Wait()
}

// block shows the next block, of which the one depth below is final.
func (s *shop) block(depth uint64, outcomes ...tx76.Outcome) {
	s.w.t.Helper()
	s.w.height++
	s.w.use(outcomes...)
	s.advance(fastpay.ChainView{Latest: s.at(s.w.height), Finalized: s.at(s.w.height - min(depth, s.w.height)), Outcomes: outcomes})
}

// at is a block: one second each.
func (s *shop) at(number uint64) fastpay.Block {
	return fastpay.Block{Number: number, Hash: common.Hash{1, byte(number >> 8), byte(number)}, Time: genesis + number}
}

func (s *shop) advance(v fastpay.ChainView) {
	s.replica.Advance(v, time.Now())
	s.replica.AskNode()
	synctest.Wait()
}

// states are the orders by payment.
func (s *shop) states(txs ...*fastpay.Tx) (out []orders.State) {
	s.w.t.Helper()
	for _, tx := range txs {
		o, _, err := s.book.Show(tx.ID())
		require.NoError(s.w.t, err)
		out = append(out, o.State)
	}
	return out
}

// show is an order that there is.
func (s *shop) show(tx *fastpay.Tx) orders.Order {
	s.w.t.Helper()
	o, ok, err := s.book.Show(tx.ID())
	require.NoError(s.w.t, err)
	require.True(s.w.t, ok)
	return o
}

// gauge is a series of the book.
func (s *shop) gauge(name string) float64 {
	s.w.t.Helper()
	families, err := s.registry.Gather()
	require.NoError(s.w.t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	require.Fail(s.w.t, "no series "+name)
	return 0
}

// receiver is a payee's program. It remembers what it was told, in order.
type receiver struct {
	mu     sync.Mutex
	told   []string          // message ids
	bodies map[string][]byte // by message id
	refuse func(id fastpay.ID, m orders.Message) error
}

func newReceiver() *receiver { return &receiver{bodies: make(map[string][]byte)} }

var errAway = errors.New("receiver is away")

// Deliver implements [orders.Deliverer].
func (r *receiver) Deliver(_ context.Context, id fastpay.ID, m orders.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil {
		if err := r.refuse(id, m); err != nil {
			return err
		}
	}
	name := orders.MessageID(id, m.Kind)
	if before, again := r.bodies[name]; again && !bytes.Equal(before, m.Body) {
		return fmt.Errorf("message %s has changed", name)
	}
	r.told, r.bodies[name] = append(r.told, name), bytes.Clone(m.Body)
	return nil
}

// setRefuse changes what is refused.
func (r *receiver) setRefuse(refuse func(id fastpay.ID, m orders.Message) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refuse
}

// list is what was told so far.
func (r *receiver) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

// once is what was told, each the first time.
func (r *receiver) once() (out []string) {
	for _, m := range r.list() {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// message names a message.
func message(tx *fastpay.Tx, kind orders.Kind) string { return orders.MessageID(tx.ID(), kind) }
