package validator

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

var asset = common.HexToAddress("0x20c0000000000000000000000000000000000001")

// world is a committee of one, whose validator is not run: tests call its parts.
type world struct {
	t         *testing.T
	rules     *fastpay.Rules
	committee *fastpay.Committee
	signer    *KeySigner
	chain     *fakeChain
}

func newWorld(t *testing.T) *world { return newWorldOf(t, fastpay.PaymentLane) }

// newWorldOf is a world with lanes of a kind.
func newWorldOf(t *testing.T, kind fastpay.LaneKind) *world {
	t.Helper()
	seed := sha256.Sum256([]byte("member"))
	w := &world{t: t, signer: NewKeySigner(ed25519.NewKeyFromSeed(seed[:])), chain: &fakeChain{headers: make(map[uint64]tempo.Header), fees: 1_000_000}}
	var err error
	member := fastpay.Member{Key: w.signer.Key(), Weight: 1}
	if kind == fastpay.SubBlockLane {
		member.NodeKey = [32]byte{1}
	}
	w.committee, err = fastpay.NewCommittee(1337, 1, 0, 1<<40, kind, []fastpay.Member{member})
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

func (w *world) key(use string, i int) *ecdsa.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "%s %d", use, i))
	key, err := crypto.ToECDSA(seed[:])
	require.NoError(w.t, err)
	return key
}

// tx is a payer's payment in a slot. Two notes make two payments.
func (w *world) tx(payer int, seq uint64, note string, parents ...fastpay.ID) *fastpay.Tx {
	w.t.Helper()
	key := w.key("payer", payer)
	env := fastpay.Envelope{
		ChainID: 1337, CommitteeID: w.committee.ID(), Asset: asset, Sender: crypto.PubkeyToAddress(key.PublicKey), Seq: seq,
		Recipient: common.HexToAddress("0xb0b"), Amount: *uint256.NewInt(5), MaxFee: *uint256.NewInt(1_000), ValidBefore: 5_000,
		Parents: parents, Note: sha256.Sum256([]byte(note)),
	}
	slices.SortFunc(env.Parents, fastpay.ID.Cmp)
	env.Prev = env.Lane().Genesis()
	tx, err := w.rules.SignTx(env, key)
	require.NoError(w.t, err)
	return tx
}

// batch is the member's signed votes.
func (w *world) batch(ids ...fastpay.ID) *fastpay.Batch {
	w.t.Helper()
	root, err := fastpay.BatchRoot(ids)
	require.NoError(w.t, err)
	signature, err := w.signer.SignBatch(w.t.Context(), w.committee.ID(), len(ids), root)
	require.NoError(w.t, err)
	b, err := fastpay.NewBatch(w.committee, 0, ids, signature)
	require.NoError(w.t, err)
	return b
}

// store opens a store that is closed with the test.
func (w *world) store(fs vfs.FS) *replica.Store {
	w.t.Helper()
	s, err := replica.OpenStore("/data", fs)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, s.Close()) })
	return s
}

// config is a whole config; its node listens nowhere.
func (w *world) config(store *replica.Store) Config {
	node := p2p.DefaultConfig(p2p.RoleValidator)
	node.Identity, node.Version, node.Committee = p2p.IdentityFromSeed("validator"), "test", w.committee.ID()
	return Config{
		Rules: w.rules, Signer: w.signer, Node: node, Store: store, Chain: w.chain, Follower: w.chain,
		Settlement: Settlement{Sponsor: w.key("sponsor", 0), BlockTime: time.Second, PerPayer: 2},
		Limits:     DefaultLimits(), Now: time.Now, Jitter: func() float64 { return 0 },
	}
}

// validator is one that does not run.
func (w *world) validator(store *replica.Store) *Validator {
	w.t.Helper()
	v, err := New(w.config(store))
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, v.node.Close()) })
	return v
}

// fakeChain is a node with headers, whose follower reports what a test says.
type fakeChain struct {
	headers map[uint64]tempo.Header
	sent    [][]byte
	fees    uint64 // what every account holds of the fee token
	err     error  // of every request

	schedule     tempo.ForkSchedule // empty: the node cannot tell
	balanceReads int                // that were answered
}

// block adds a block whose hash depends on a fork.
func (c *fakeChain) block(number uint64, fork byte) tempo.Header {
	h := tempo.Header{Number: number, Hash: common.Hash{fork, byte(number)}, Time: 1_000 + number}
	c.headers[number] = h
	return h
}

func (c *fakeChain) HeaderByNumber(_ context.Context, number uint64) (tempo.Header, error) {
	h, ok := c.headers[number]
	if c.err == nil && !ok {
		return h, tempo.ErrUnavailable
	}
	return h, c.err
}

func (c *fakeChain) Account(context.Context, tempo.Header, common.Address, common.Address, uint256.Int) (tempo.Account, error) {
	return tempo.Account{Balance: *uint256.NewInt(100)}, c.err
}

func (c *fakeChain) CanTransfer(context.Context, tempo.Header, common.Address, common.Address, common.Address, common.Hash) error {
	return c.err
}

func (c *fakeChain) BalanceAt(context.Context, uint64, common.Hash, common.Address, common.Address) (uint256.Int, error) {
	if c.err == nil {
		c.balanceReads++
	}
	return *uint256.NewInt(c.fees), c.err
}

func (c *fakeChain) ForkSchedule(context.Context) (tempo.ForkSchedule, bool, error) {
	return c.schedule, c.schedule.Active != "", c.err
}

func (c *fakeChain) Send(_ context.Context, raw []byte) (common.Hash, error) {
	if c.err == nil {
		c.sent = append(c.sent, raw)
	}
	return common.Hash{}, c.err
}

func (c *fakeChain) NonceAt(context.Context, uint64, common.Hash, common.Address, uint256.Int) (uint64, error) {
	return 0, c.err
}

func (c *fakeChain) OutcomeAt(context.Context, uint64, common.Hash, common.Address, uint256.Int, uint64) (*tx76.Outcome, error) {
	return nil, tempo.ErrUnavailable
}

func (c *fakeChain) Run(ctx context.Context, _ func(tempo.Update) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// settle reads what the engine asks of the chain until it asks no more.
func (w *world) settle(e *engine) {
	w.t.Helper()
	for {
		select {
		case job := <-e.reads:
			e.takeRead(e.read(w.t.Context(), job))
		default:
			return
		}
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

// gauge is the value of a gauge without labels.
func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
