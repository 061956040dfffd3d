package client

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

var asset = common.HexToAddress("0x20c0000000000000000000000000000000000001")

// world is a committee, a chain on which every account holds 100 units, and wallets
// that are not run: tests call their parts.
type world struct {
	t         *testing.T
	rules     *fastpay.Rules
	committee *fastpay.Committee
	keys      []ed25519.PrivateKey // by signer index
}

func newWorld(t *testing.T, members int) *world {
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
	w.committee, err = fastpay.NewCommittee(1337, 1, 0, 100_000, fastpay.PaymentLane, listed)
	require.NoError(t, err)
	w.rules, err = fastpay.NewRules(fastpay.Config{
		Committees: []*fastpay.Committee{w.committee},
		Assets:     []fastpay.Asset{{Address: asset, MinAmount: *uint256.NewInt(1)}},
		MaxFees:    []uint256.Int{*uint256.NewInt(1_000)},
		MinSettle:  60, DefaultLife: 600, MaxLife: 3_600,
	})
	require.NoError(t, err)
	return w
}

func (w *world) account(i int) *ecdsa.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "account %d", i))
	key, err := crypto.ToECDSA(seed[:])
	require.NoError(w.t, err)
	return key
}

func (w *world) store(fs vfs.FS) *replica.Store {
	w.t.Helper()
	s, err := replica.OpenStore("/data", fs)
	require.NoError(w.t, err)
	return s
}

func (w *world) config(store *replica.Store) Config {
	node := p2p.DefaultConfig(p2p.RoleClient)
	node.Identity, node.Version, node.Committee = p2p.IdentityFromSeed("client"), "test", w.committee.ID()
	return Config{
		Rules: w.rules, Key: w.account(0), Node: node, Store: store, Chain: fakeChain{}, Follower: fakeChain{},
		Now: time.Now, Jitter: func() float64 { return 0 },
	}
}

// client is a wallet of account 0 that does not run.
func (w *world) client(store *replica.Store) *Client {
	w.t.Helper()
	c, err := New(w.config(store))
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, c.node.Close()) })
	return c
}

// see lets a wallet pin a block of a chain time, seen now.
func (w *world) see(c *Client, number, at uint64) {
	w.t.Helper()
	b := fastpay.Block{Number: number, Hash: common.Hash{byte(number)}, Time: at}
	c.planner.Pin(b, nil, time.Now())
}

// vote is a member's vote, in a batch of a size: the larger, the longer its path.
func (w *world) vote(signer int, id fastpay.ID, size int) *fastpay.Certificate {
	w.t.Helper()
	ids := []fastpay.ID{id}
	for i := 1; i < size; i++ {
		ids = append(ids, fastpay.ID{byte(i >> 8), byte(i), 1})
	}
	root, err := fastpay.BatchRoot(ids)
	require.NoError(w.t, err)
	digest := fastpay.BatchDigest(w.committee.ID(), w.committee.Key(signer), len(ids), root)
	b, err := fastpay.NewBatch(w.committee, signer, ids, ed25519.Sign(w.keys[signer], digest[:]))
	require.NoError(w.t, err)
	return b.Certificate(slices.Index(b.IDs(), id))
}

// incoming is the QC of a payment to account 0 in the payer's first slot.
func (w *world) incoming(payer int, amount, validBefore uint64, batch int) *fastpay.QC {
	w.t.Helper()
	key := w.account(payer)
	env := fastpay.Envelope{
		ChainID: 1337, CommitteeID: w.committee.ID(), Asset: asset, Sender: crypto.PubkeyToAddress(key.PublicKey),
		Recipient: crypto.PubkeyToAddress(w.account(0).PublicKey), Amount: *uint256.NewInt(amount),
		MaxFee: *uint256.NewInt(1_000), ValidBefore: validBefore,
	}
	env.Prev = env.Lane().Genesis()
	tx, err := w.rules.SignTx(env, key)
	require.NoError(w.t, err)
	var votes []*fastpay.Certificate
	for signer := range w.committee.Quorum() {
		votes = append(votes, w.vote(int(signer), tx.ID(), batch))
	}
	return fastpay.NewQC(w.committee, tx, votes)
}

func (w *world) order(amount uint64) Order {
	return Order{To: common.HexToAddress("0xb0b"), Asset: asset, Amount: *uint256.NewInt(amount), Parents: Parents{Auto: true}}
}

// fakeChain answers for every account: 100 units, nothing paid yet.
type fakeChain struct{}

func (fakeChain) AccountAt(context.Context, uint64, common.Hash, common.Address, common.Address, uint256.Int) (uint256.Int, uint64, *tx76.Outcome, error) {
	return *uint256.NewInt(100), 0, nil, nil
}

func (fakeChain) RefusalAt(context.Context, uint64, common.Hash, common.Address, common.Address, common.Address) (refusal, err error) {
	return nil, nil
}

func (fakeChain) NonceAt(context.Context, uint64, common.Hash, common.Address, uint256.Int) (uint64, error) {
	return 0, nil
}

func (fakeChain) OutcomeAt(context.Context, uint64, common.Hash, common.Address, uint256.Int, uint64) (*tx76.Outcome, error) {
	return nil, tempo.ErrUnavailable
}

func (fakeChain) Run(ctx context.Context, _ func(tempo.Update) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// unsyncable is a disk that refuses syncs on command.
type unsyncable struct{ broken atomic.Bool }

func (d *unsyncable) MaybeError(op errorfs.Op) error {
	sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
	if sync && d.broken.Load() && strings.HasSuffix(op.Path, ".log") {
		return errorfs.ErrInjected
	}
	return nil
}

func (d *unsyncable) String() string { return "unsyncable" }

// TestNothingIsSentBeforeItIsDurable: a payment that cannot be journaled is not
// known to anybody, and its slot is free after a restart.
func TestNothingIsSentBeforeItIsDurable(t *testing.T) {
	w := newWorld(t, 1)
	disk, mem := &unsyncable{}, vfs.NewCrashableMem()
	store := w.store(errorfs.Wrap(mem, disk))
	c := w.client(store)
	w.see(c, 1, 1_000)
	disk.broken.Store(true)
	_, err := c.Pay(t.Context(), w.order(5))
	require.ErrorIs(t, err, replica.ErrStoreFailed)
	require.ErrorContains(t, err, "was not sent")
	require.Empty(t, c.sender.open)
	c.replica.Read(func(b *fastpay.Board) { require.Zero(t, b.Len()) })
	disk.broken.Store(false)
	_, err = c.Pay(t.Context(), w.order(5))
	require.ErrorIs(t, err, replica.ErrStoreFailed, "what is on the disk is unknown")
	require.ErrorIs(t, store.Close(), replica.ErrStoreFailed)

	store = w.store(mem.CrashClone(vfs.CrashCloneCfg{}))
	c = w.client(store)
	w.see(c, 1, 1_000)
	id, err := c.Pay(t.Context(), w.order(7))
	require.NoError(t, err)
	require.Zero(t, c.sender.open[id].Seq())
	require.NoError(t, store.Close())
}

// TestJournaledPaymentsGoOnAfterARestart: what was signed is sent again with the
// same bytes, and the next payment stands on top of it.
func TestJournaledPaymentsGoOnAfterARestart(t *testing.T) {
	w := newWorld(t, 4)
	fs := vfs.NewCrashableMem()
	store := w.store(fs)
	c := w.client(store)
	w.see(c, 1, 1_000)
	first, err := c.Pay(t.Context(), w.order(5))
	require.NoError(t, err)
	second, err := c.Pay(t.Context(), w.order(5))
	require.NoError(t, err)
	before := c.sender.unfinished()
	left := fs.CrashClone(vfs.CrashCloneCfg{})
	require.NoError(t, store.Close())

	store = w.store(left)
	c = w.client(store)
	defer func() { require.NoError(t, store.Close()) }()
	after := c.sender.unfinished()
	require.Equal(t, []fastpay.ID{first, second}, []fastpay.ID{after[0].ID(), after[1].ID()}, "in the order of their slots")
	for i := range before {
		require.Equal(t, before[i].Encode(), after[i].Encode())
	}
	w.see(c, 2, 1_005)
	third, err := c.Pay(t.Context(), w.order(5))
	require.NoError(t, err)
	env := c.sender.open[third].Envelope()
	require.Equal(t, uint64(2), env.Seq)
	require.Equal(t, second, env.Prev)
}

// TestNothingStandsOnARefusedPayment: after validators refused a payment for good,
// the wallet signs nothing on top of it, says until when, and then restarts the
// lane.
func TestNothingStandsOnARefusedPayment(t *testing.T) {
	w := newWorld(t, 4)
	store := w.store(vfs.NewMem())
	defer func() { require.NoError(t, store.Close()) }()
	c := w.client(store)
	w.see(c, 1, 1_000)
	id, err := c.Pay(t.Context(), w.order(5))
	require.NoError(t, err)
	expiry := c.sender.open[id].Envelope().ValidBefore
	require.NoError(t, c.replica.Update(func(b *fastpay.Board) {
		for signer := range 2 {
			b.NoteReject(id, signer, fastpay.Reject{Code: fastpay.Expired, Text: "too late"})
		}
	}))
	require.Empty(t, c.sender.unfinished())
	_, err = c.Pay(t.Context(), w.order(5))
	require.ErrorIs(t, err, fastpay.TemporaryUnavailable)
	require.ErrorContains(t, err, fmt.Sprint(expiry))
	w.see(c, 2, expiry)
	again, err := c.Pay(t.Context(), w.order(5))
	require.NoError(t, err)
	env := c.sender.open[again].Envelope()
	require.Zero(t, env.Seq)
	require.Equal(t, expiry, env.Restart)
}

// TestPaymentsShareTheOwnQCsOnly: a payment is handed on with the QCs of the parents
// that it cites, not with those of the payments it stands on, of which there may
// be more than a message takes.
func TestPaymentsShareTheOwnQCsOnly(t *testing.T) {
	w := newWorld(t, 1)
	store := w.store(vfs.NewMem())
	defer func() { require.NoError(t, store.Close()) }()
	c := w.client(store)
	w.see(c, 1, 1_000)
	var last fastpay.ID
	for i := range 12 {
		parent := w.incoming(1+i, 20, 1_500, 1)
		require.NoError(t, c.replica.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(parent)) }))
		order := w.order(19)
		order.Parents = Parents{IDs: []fastpay.ID{parent.Tx().ID()}}
		id, err := c.Pay(t.Context(), order)
		require.NoError(t, err)
		require.NoError(t, c.replica.Update(func(b *fastpay.Board) { require.NoError(t, b.AddCertificate(w.vote(0, id, 1))) }))
		last = id
	}
	c.replica.Read(func(b *fastpay.Board) {
		qc, ok := b.QC(last)
		require.True(t, ok)
		require.Equal(t, uint64(11), qc.Tx().Seq())
	})
	promises, err := c.journal.load(w.rules)
	require.NoError(t, err)
	at := slices.IndexFunc(promises, func(p *fastpay.Promise) bool { return p.Tx.ID() == last })
	require.Greater(t, len(promises[at].QCs), fastpay.MaxParents, "the decision stood on more")
	item := c.replica.Payment(promises[at].Tx)
	require.Len(t, item.Parents, 1)
	_, err = w.rules.ParsePayment(item.Encode())
	require.NoError(t, err)
}

// TestSubmitsFitIntoAMessage: with large QCs as many payments as fit go together, and
// one that fits nowhere goes without its parents.
func TestSubmitsFitIntoAMessage(t *testing.T) {
	w := newWorld(t, 120)
	store := w.store(vfs.NewMem())
	defer func() { require.NoError(t, store.Close()) }()
	c := w.client(store)
	w.see(c, 1, 1_000)
	var ids []fastpay.ID
	for i := range fastpay.MaxParents {
		parent := w.incoming(1+i, 20, 1_500, fastpay.MaxBatch)
		ids = append(ids, parent.Tx().ID())
		require.NoError(t, c.replica.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(parent)) }))
	}
	citing := func(n int) fastpay.Payment {
		order := w.order(1)
		order.Parents = Parents{IDs: ids[:n]}
		id, err := c.Pay(t.Context(), order)
		require.NoError(t, err)
		return c.replica.Payment(c.sender.open[id])
	}
	one := citing(1)
	require.Len(t, one.Parents, 1)
	room := fastpay.MaxMessageSize - listHeader
	var fitted []fastpay.Payment
	for fit(one, &room) {
		fitted = append(fitted, one)
	}
	require.Greater(t, len(fitted), 3)
	require.LessOrEqual(t, len(fastpay.EncodePayments(fitted)), fastpay.MaxMessageSize)
	require.Greater(t, len(fastpay.EncodePayments(append(fitted, one))), fastpay.MaxMessageSize, "another one had room")
	require.Empty(t, citing(fastpay.MaxParents).Parents)
}

// TestOldUncertifiedPaymentsAreAskedFor: hundreds of later payments do not hide one
// that still lacks its QC.
func TestOldUncertifiedPaymentsAreAskedFor(t *testing.T) {
	w := newWorld(t, 1)
	store := w.store(vfs.NewMem())
	defer func() { require.NoError(t, store.Close()) }()
	c := w.client(store)
	old := w.incoming(1, 5, 1_500, 1).Tx()
	require.NoError(t, c.replica.AddPayment(fastpay.Payment{Tx: old}))
	for i := range p2p.MaxSyncItems + 10 {
		require.NoError(t, c.replica.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(w.incoming(2+i, 5, 1_500, 1))) }))
	}
	require.Equal(t, []fastpay.ID{old.ID()}, c.uncertified())
}

// TestFundsTellWhatIsConditional: what the chain has, what is certified to come and
// to go, and what may be spent are four numbers.
func TestFundsTellWhatIsConditional(t *testing.T) {
	w := newWorld(t, 4)
	store := w.store(vfs.NewMem())
	defer func() { require.NoError(t, store.Close()) }()
	c := w.client(store)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := c.Funds(ctx, c.Address(), asset)
	require.ErrorIs(t, err, context.Canceled, "the chain was not seen yet")
	w.see(c, 3, 1_000)
	require.NoError(t, c.replica.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(w.incoming(1, 40, 1_500, 1))) }))
	_, err = c.Pay(t.Context(), w.order(30))
	require.NoError(t, err)
	funds, block, err := c.Funds(t.Context(), c.Address(), asset)
	require.NoError(t, err)
	require.Equal(t, uint64(3), block.Number)
	require.Equal(t, uint64(100), funds.Confirmed.Uint64())
	require.Equal(t, int64(40), funds.CertifiedIn.Int64())
	require.Equal(t, int64(30), funds.CertifiedOut.Int64())
	require.Equal(t, int64(110), funds.Spendable.Int64())
}

// TestConfigNamesWhatIsMissing: a wallet is not made with a part missing, and the
// error says which.
func TestConfigNamesWhatIsMissing(t *testing.T) {
	w := newWorld(t, 1)
	store := w.store(vfs.NewMem())
	defer func() { require.NoError(t, store.Close()) }()
	good := w.config(store)
	require.NoError(t, good.Validate())
	for _, tc := range []struct {
		want string
		edit func(*Config)
	}{
		{"no rules", func(c *Config) { c.Rules = nil }},
		{"no account key", func(c *Config) { c.Key = nil }},
		{"no store", func(c *Config) { c.Store = nil }},
		{"no chain", func(c *Config) { c.Chain = nil }},
		{"no chain", func(c *Config) { c.Follower = nil }},
		{"no clock", func(c *Config) { c.Now = nil }},
		{"no jitter", func(c *Config) { c.Jitter = nil }},
	} {
		cfg := good
		tc.edit(&cfg)
		require.ErrorContains(t, cfg.Validate(), tc.want)
		_, err := New(cfg)
		require.Error(t, err)
	}
}
