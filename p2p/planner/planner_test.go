package planner

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

var (
	asset = common.HexToAddress("0x20c0000000000000000000000000000000000001")
	alice = common.HexToAddress("0xa11ce")
	bob   = common.HexToAddress("0xb0b")
)

// world is a committee of four and a planner on a frozen clock. Every account holds 100
// units and has paid nothing yet.
type world struct {
	*Planner
	committee *fastpay.Committee
	keys      []ed25519.PrivateKey // by signer index
	refusal   error                // the token's, of every transfer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	for i := range 4 {
		seed := sha256.Sum256(fmt.Appendf(nil, "member %d", i))
		w.keys = append(w.keys, ed25519.NewKeyFromSeed(seed[:]))
	}
	slices.SortFunc(w.keys, func(a, b ed25519.PrivateKey) int {
		return bytes.Compare(a.Public().(ed25519.PublicKey), b.Public().(ed25519.PublicKey))
	})
	var members []fastpay.Member
	for _, k := range w.keys {
		members = append(members, fastpay.Member{Key: [32]byte(k.Public().(ed25519.PublicKey)), Weight: 1})
	}
	var err error
	w.committee, err = fastpay.NewCommittee(1337, 1, 0, 100_000, fastpay.PaymentLane, members)
	require.NoError(t, err)
	rules, err := fastpay.NewRules(fastpay.Config{
		Committees: []*fastpay.Committee{w.committee},
		Assets:     []fastpay.Asset{{Address: asset, MinAmount: *uint256.NewInt(1)}},
		MaxFees:    []uint256.Int{*uint256.NewInt(1_000)},
		MinSettle:  60, DefaultLife: 600, MaxLife: 3_600,
	})
	require.NoError(t, err)
	frozen := time.Unix(1_000, 0)
	now := func() time.Time { return frozen }
	r, err := replica.New(replica.Config{Rules: rules, Limits: fastpay.DefaultBoardLimits(), Now: now, Jitter: func() float64 { return 0 }})
	require.NoError(t, err)
	w.Planner = New(Config{Rules: rules, Replica: r, Chain: w, Now: now})
	return w
}

// see pins a block of a chain time, seen now, and takes the turn.
func (w *world) see(t *testing.T, number, at uint64) *Turn {
	t.Helper()
	w.Pin(fastpay.Block{Number: number, Hash: common.Hash{byte(number)}, Time: at}, nil, w.cfg.Now())
	turn, err := w.Take(t.Context())
	require.NoError(t, err)
	return turn
}

func (w *world) AccountAt(context.Context, uint64, common.Hash, common.Address, common.Address, uint256.Int) (uint256.Int, uint64, *tx76.Outcome, error) {
	return *uint256.NewInt(100), 0, nil, nil
}

func (w *world) RefusalAt(context.Context, uint64, common.Hash, common.Address, common.Address, common.Address) (refusal, err error) {
	return w.refusal, nil
}

// TestNothingIsPlannedBeforeTheChainWasSeen: there is nothing to plan with, and who
// waits is told what for.
func TestNothingIsPlannedBeforeTheChainWasSeen(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Take(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "the chain was not seen yet")
}

// TestAPlanIsAnEnvelopeToSign: first slot, no parents, the default life, and the
// account's funds with it.
func TestAPlanIsAnEnvelopeToSign(t *testing.T) {
	w := newWorld(t)
	turn := w.see(t, 7, 1_000)
	defer turn.Release()
	order := Order{To: bob, Asset: asset, Amount: *uint256.NewInt(60), Parents: Parents{Auto: true}, Note: "rent"}
	env, funds, err := turn.Plan(t.Context(), alice, order)
	require.NoError(t, err)
	require.NoError(t, w.cfg.Rules.CheckEnvelope(&env))
	lane := fastpay.Lane{ChainID: 1337, Asset: asset, Sender: alice}
	require.Equal(t, fastpay.Envelope{
		ChainID: 1337, CommitteeID: w.committee.ID(), Asset: asset, Sender: alice, Prev: lane.Genesis(), Recipient: bob,
		Amount: *uint256.NewInt(60), MaxFee: *uint256.NewInt(1_000), ValidBefore: 1_600, Note: sha256.Sum256([]byte("rent")),
	}, env)
	require.Equal(t, uint64(100), funds.Confirmed.Uint64())

	order.Amount = *uint256.NewInt(101)
	_, funds, err = turn.Plan(t.Context(), alice, order)
	require.ErrorIs(t, err, fastpay.InsufficientFunds)
	require.Equal(t, int64(100), funds.Spendable.Int64(), "the funds are told beside the error")
	order.Asset = alice
	_, _, err = turn.Plan(t.Context(), alice, order)
	require.ErrorIs(t, err, fastpay.NotPaymentTx)
}

// TestPinsArePutTogether: blocks that come while a turn goes on do not wait for it, and
// the next turn reads again what any of them has touched.
func TestPinsArePutTogether(t *testing.T) {
	w := newWorld(t)
	turn := w.see(t, 1, 1_000)
	for _, owner := range []common.Address{alice, bob} {
		_, err := turn.Funds(t.Context(), owner, asset)
		require.NoError(t, err)
	}
	w.Pin(fastpay.Block{Number: 2, Time: 1_005}, []common.Address{alice}, w.cfg.Now())
	w.Pin(fastpay.Block{Number: 3, Time: 1_010}, nil, w.cfg.Now())
	w.Pin(fastpay.Block{Number: 2, Time: 1_005}, nil, w.cfg.Now())
	require.Equal(t, uint64(1), turn.planner.snap.Block().Number)
	turn.Release()
	turn, err := w.Take(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(3), w.snap.Block().Number)
	require.Equal(t, 1, w.snap.Len(), "bob's lane is kept, alice's is read again")
	w.Pin(fastpay.Block{Number: 4, Time: 1_015}, make([]common.Address, fastpay.MaxSnapshot+1), w.cfg.Now())
	turn.Release()
	turn, err = w.Take(t.Context())
	require.NoError(t, err)
	defer turn.Release()
	require.Zero(t, w.snap.Len(), "too many accounts to remember: all are read again")
}

// TestADecisionIsForeseen: the validators' rules are applied to what was signed, the
// token's own refusal among them; what is promised moves the next payment up.
func TestADecisionIsForeseen(t *testing.T) {
	w := newWorld(t)
	turn := w.see(t, 1, 1_000)
	defer func() { turn.Release() }()
	key, err := crypto.ToECDSA(bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	from := crypto.PubkeyToAddress(key.PublicKey)
	plan := func() *fastpay.Tx {
		env, _, err := turn.Plan(t.Context(), from, Order{To: bob, Asset: asset, Amount: *uint256.NewInt(60), Parents: Parents{Auto: true}})
		require.NoError(t, err)
		tx, err := w.cfg.Rules.SignTx(env, key)
		require.NoError(t, err)
		return tx
	}
	w.refusal = errors.New("the issuer paused the token")
	_, err = turn.Decide(t.Context(), plan())
	require.ErrorIs(t, err, fastpay.NotPaymentTx)
	require.ErrorContains(t, err, "the issuer paused the token")

	w.refusal = nil
	turn.Release()
	turn = w.see(t, 2, 1_005) // policies are asked anew
	promise, err := turn.Decide(t.Context(), plan())
	require.NoError(t, err)
	require.NoError(t, turn.Record(promise))
	_, _, err = turn.Plan(t.Context(), from, Order{To: bob, Asset: asset, Amount: *uint256.NewInt(60), Parents: Parents{Auto: true}})
	require.ErrorIs(t, err, fastpay.InsufficientFunds)
	funds, err := turn.Funds(t.Context(), from, asset)
	require.NoError(t, err)
	require.Equal(t, uint64(2), funds.Block.Number)
	require.Zero(t, funds.Nonce, "nothing is on the chain yet")
	require.Equal(t, int64(60), funds.CertifiedOut.Int64())
}

// TestMembersTimeIsBounded: now is the median of what members say, but
// never before its block or far ahead of its own clock, whoever lies.
func TestMembersTimeIsBounded(t *testing.T) {
	for _, tc := range []struct {
		name string
		said []uint64
		want uint64
	}{
		{"nobody has spoken", nil, 1_000},
		{"all agree", []uint64{1_002, 1_002, 1_002}, 1_002},
		{"one of four lies low", []uint64{0, 1_001, 1_002, 1_002}, 1_002},
		{"the only one lies low", []uint64{0}, 1_000},
		{"the only one lies high", []uint64{1 << 40}, 1_000 + clockSlack},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			turn := w.see(t, 1, 1_000)
			defer turn.Release()
			for signer, said := range tc.said {
				view := fastpay.HeadView{Height: 1, FinalizedHeight: 1, Time: said}
				digest := fastpay.HeadDigest(w.committee, signer, view)
				h, err := fastpay.NewHead(w.committee, signer, view, ed25519.Sign(w.keys[signer], digest[:]))
				require.NoError(t, err)
				require.NoError(t, w.cfg.Replica.GossipHead("peer", h))
			}
			require.Equal(t, tc.want, turn.now())
		})
	}
}

// TestExpiryKeepsToEveryLimit: the default life, shortened by what is cited and by
// the committee's end, and never too short to settle.
func TestExpiryKeepsToEveryLimit(t *testing.T) {
	w := newWorld(t)
	turn := w.see(t, 1, 1_000)
	defer turn.Release()
	for _, tc := range []struct {
		name        string
		now, credit uint64
		want        uint64
	}{
		{"default", 1_000, 0, 1_600},
		{"a credit ends earlier", 1_000, 1_200, 1_200},
		{"a credit ends later", 1_000, 9_000, 1_600},
		{"the committee ends", 99_900, 0, 100_000},
		{"a credit ends too soon", 1_000, 1_060, 0},
		{"the committee ends too soon", 99_950, 0, 0},
	} {
		got, err := turn.expiry(fastpay.Plan{Expiry: tc.credit}, tc.now)
		if tc.want == 0 {
			require.ErrorIs(t, err, fastpay.TemporaryUnavailable, tc.name)
			continue
		}
		require.NoError(t, err, tc.name)
		require.Equal(t, tc.want, got, tc.name)
	}
}

// TestReadingComesToAnEnd: what needs more of the chain than a snapshot keeps of it is
// refused for now instead of being read for ever.
func TestReadingComesToAnEnd(t *testing.T) {
	w := newWorld(t)
	turn := w.see(t, 1, 1_000)
	defer turn.Release()
	asked := 0
	err := turn.withState(t.Context(), func(*fastpay.Ledger) error {
		need := &fastpay.NeedError{}
		for range 4_096 {
			asked++
			need.Lanes = append(need.Lanes, fastpay.Lane{ChainID: 1337, Asset: asset, Sender: common.BigToAddress(big.NewInt(int64(asked)))})
		}
		return need
	})
	require.ErrorIs(t, err, fastpay.TemporaryUnavailable)
	require.ErrorContains(t, err, "wait until incoming payments are executed")
	require.LessOrEqual(t, w.snap.Len(), fastpay.MaxSnapshot)
}
