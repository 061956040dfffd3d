package relay

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
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

var (
	asset = common.HexToAddress("0x20c0000000000000000000000000000000000001")
	bob   = common.HexToAddress("0xb0b")
)

// world is a relay among four members that answer as a test wants. Every account holds
// 100 units and has paid nothing yet.
type world struct {
	*Relay
	t         *testing.T
	committee *fastpay.Committee
	keys      []ed25519.PrivateKey // by signer index

	mu        sync.Mutex // guards what is below
	connected []int      // signers
	answer    func(ctx context.Context, signer int, tx *fastpay.Tx) (p2p.SubmitResult, error)
	asked     []int
	published []fastpay.Payment
	elsewhere []*fastpay.QC // what sync brings
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, connected: []int{0, 1, 2, 3}}
	w.answer = func(_ context.Context, signer int, tx *fastpay.Tx) (p2p.SubmitResult, error) {
		return w.vote(signer, tx), nil
	}
	var members []fastpay.Member
	for i := range 4 {
		seed := sha256.Sum256(fmt.Appendf(nil, "member %d", i))
		w.keys = append(w.keys, ed25519.NewKeyFromSeed(seed[:]))
	}
	slices.SortFunc(w.keys, func(a, b ed25519.PrivateKey) int {
		return bytes.Compare(a.Public().(ed25519.PublicKey), b.Public().(ed25519.PublicKey))
	})
	for _, k := range w.keys {
		members = append(members, fastpay.Member{Key: [32]byte(k.Public().(ed25519.PublicKey)), Weight: 1})
	}
	var err error
	w.committee, err = fastpay.NewCommittee(1337, 1, 0, 100_000, fastpay.PaymentLane, members)
	require.NoError(t, err)
	rules, err := fastpay.NewRules(fastpay.Config{
		Committees: []*fastpay.Committee{w.committee}, Assets: []fastpay.Asset{{Address: asset, MinAmount: *uint256.NewInt(1)}},
		MaxFees: []uint256.Int{*uint256.NewInt(1_000)}, MinSettle: 60, DefaultLife: 600, MaxLife: 3_600,
	})
	require.NoError(t, err)
	r, err := replica.New(replica.Config{Rules: rules, Limits: fastpay.DefaultBoardLimits(), Now: time.Now, Jitter: func() float64 { return 0 }})
	require.NoError(t, err)
	w.Relay = New(Config{Rules: rules, Replica: r, Node: w, Chain: w, Now: time.Now})
	w.block(1, 1_000)
	return w
}

// block shows a finalized block.
func (w *world) block(number, at uint64) {
	b := fastpay.Block{Number: number, Hash: common.Hash{byte(number)}, Time: at}
	w.cfg.Replica.Advance(fastpay.ChainView{Latest: b, Finalized: b}, time.Now())
	w.Pin(b, nil, time.Now())
}

// account is one of the accounts.
func account(i byte) (*ecdsa.PrivateKey, common.Address) {
	key, err := crypto.ToECDSA(bytes.Repeat([]byte{i}, 32))
	if err != nil {
		panic(err)
	}
	return key, crypto.PubkeyToAddress(key.PublicKey)
}

// sign signs an envelope of an account.
func (w *world) sign(i byte, env fastpay.Envelope) *fastpay.Tx {
	w.t.Helper()
	key, _ := account(i)
	tx, err := w.cfg.Rules.SignTx(env, key)
	require.NoError(w.t, err)
	return tx
}

// plan plans that an account pays bob.
func (w *world) plan(i byte, amount uint64) (fastpay.Envelope, fastpay.Funds, error) {
	_, from := account(i)
	return w.Plan(w.t.Context(), from, planner.Order{To: bob, Asset: asset, Amount: *uint256.NewInt(amount), Parents: planner.Parents{Auto: true}})
}

// vote is a member's answer.
func (w *world) vote(signer int, tx *fastpay.Tx) p2p.SubmitResult {
	root, err := fastpay.BatchRoot([]fastpay.ID{tx.ID()})
	require.NoError(w.t, err)
	digest := fastpay.BatchDigest(w.committee.ID(), w.committee.Key(signer), 1, root)
	batch, err := fastpay.NewBatch(w.committee, signer, []fastpay.ID{tx.ID()}, ed25519.Sign(w.keys[signer], digest[:]))
	require.NoError(w.t, err)
	return p2p.SubmitResult{ID: tx.ID(), Certificate: batch.Certificate(0)}
}

func (w *world) Peers() []p2p.PeerInfo {
	w.mu.Lock()
	defer w.mu.Unlock()
	peers := []p2p.PeerInfo{{ID: "stranger", State: p2p.PeerReady}}
	for _, signer := range w.connected {
		peers = append(peers, p2p.PeerInfo{ID: p2p.PeerID(fmt.Sprint(signer)), State: p2p.PeerReady, Member: w.committee.Key(signer)})
	}
	return peers
}

func (w *world) Submit(ctx context.Context, peer p2p.PeerID, items []fastpay.Payment) ([]p2p.SubmitResult, error) {
	var signer int
	if _, err := fmt.Sscan(string(peer), &signer); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.asked = append(w.asked, signer)
	w.mu.Unlock()
	res, err := w.answer(ctx, signer, items[0].Tx)
	return []p2p.SubmitResult{res}, err
}

func (w *world) PublishPayments(_ context.Context, _ common.Hash, payments []fastpay.Payment) error {
	w.published = append(w.published, payments...)
	return errors.New("nobody has subscribed")
}

func (w *world) Sync(context.Context, p2p.PeerID, p2p.SyncRequest) (resp p2p.SyncResponse, err error) {
	for _, qc := range w.elsewhere {
		resp.Items = append(resp.Items, p2p.SyncItem{Tx: qc.Tx(), Certificates: qc.Certificates()})
	}
	return resp, nil
}

func (w *world) AccountAt(context.Context, uint64, common.Hash, common.Address, common.Address, uint256.Int) (uint256.Int, uint64, *tx76.Outcome, error) {
	return *uint256.NewInt(100), 0, nil, nil
}

func (w *world) RefusalAt(context.Context, uint64, common.Hash, common.Address, common.Address, common.Address) (refusal, err error) {
	return nil, nil
}

// submitTo hands a payment to the relay.
func (w *world) submitTo(tx *fastpay.Tx) []Answer {
	w.t.Helper()
	answers, err := w.Relay.Submit(w.t.Context(), tx)
	require.NoError(w.t, err)
	return answers
}

// TestAQuorumIsEnough: the payment is published with the QCs it relies on, and a
// validator that does not answer is not waited for once the others have voted.
func TestAQuorumIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(ctx context.Context, signer int, tx *fastpay.Tx) (p2p.SubmitResult, error) {
			if signer == 2 {
				<-ctx.Done()
				return p2p.SubmitResult{}, ctx.Err()
			}
			return w.vote(signer, tx), nil
		}
		env, _, err := w.plan(1, 60)
		require.NoError(t, err)
		begun := time.Now()
		answers := w.submitTo(w.sign(1, env))
		require.Zero(t, time.Since(begun))
		require.Len(t, answers, 3)
		for i, signer := range []int{0, 1, 3} {
			require.Equal(t, signer, answers[i].Signer)
			require.Equal(t, env.ID(), answers[i].Certificate.ID())
		}
		require.Equal(t, env.ID(), w.published[0].Tx.ID())
		next, _, err := w.plan(1, 40)
		require.NoError(t, err)
		require.Equal(t, uint64(1), next.Seq, "it stands on what is certified")
	})
}

// TestSilentValidatorsAreNotWaitedForForEver: what the others said is returned in time.
func TestSilentValidatorsAreNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(ctx context.Context, signer int, tx *fastpay.Tx) (p2p.SubmitResult, error) {
			if signer > 0 {
				<-ctx.Done()
				return p2p.SubmitResult{}, ctx.Err()
			}
			return w.vote(signer, tx), nil
		}
		env, _, err := w.plan(1, 60)
		require.NoError(t, err)
		begun := time.Now()
		require.Len(t, w.submitTo(w.sign(1, env)), 1)
		require.Equal(t, submitTimeout, time.Since(begun))
	})
}

// TestWhoHasAnsweredIsNotAskedAgain: votes and refusals for good stand and are told again,
// a refusal that may end is asked for anew.
func TestWhoHasAnsweredIsNotAskedAgain(t *testing.T) {
	w := newWorld(t)
	rejects := map[int]*fastpay.Reject{
		1: {Code: fastpay.Equivocation, Text: "for good"}, 2: {Code: fastpay.TemporaryUnavailable, Text: "not now", Retryable: true},
	}
	w.answer = func(_ context.Context, signer int, tx *fastpay.Tx) (p2p.SubmitResult, error) {
		if r := rejects[signer]; r != nil {
			return p2p.SubmitResult{ID: tx.ID(), Reject: r}, nil
		}
		return w.vote(signer, tx), nil
	}
	w.connected = []int{0, 1, 2}
	env, _, err := w.plan(1, 60)
	require.NoError(t, err)
	tx := w.sign(1, env)
	first := w.submitTo(tx)
	require.Len(t, first, 3)
	require.Equal(t, rejects[1], first[1].Reject)
	require.ElementsMatch(t, []int{0, 1, 2}, w.asked)
	w.asked = nil
	require.Equal(t, first, w.submitTo(tx))
	require.Equal(t, []int{2}, w.asked)
}

// TestNobodyToSubmitTo: the caller is told, and may send the same bytes again.
func TestNobodyToSubmitTo(t *testing.T) {
	w := newWorld(t)
	w.connected = nil
	env, _, err := w.plan(1, 60)
	require.NoError(t, err)
	tx := w.sign(1, env)
	_, err = w.Relay.Submit(t.Context(), tx)
	require.ErrorIs(t, err, fastpay.TemporaryUnavailable)
	require.ErrorContains(t, err, "no validator of the committee is connected")
	w.connected = []int{0, 1, 2}
	require.Len(t, w.submitTo(tx), 3)
}

// TestASlotIsPlannedOnce: a payment that was signed and has no quorum yet keeps its slot
// until it expires.
func TestASlotIsPlannedOnce(t *testing.T) {
	w := newWorld(t)
	env, _, err := w.plan(1, 60)
	require.NoError(t, err)
	again, _, err := w.plan(1, 60)
	require.NoError(t, err)
	require.Equal(t, env, again, "planning reserves nothing")
	require.NoError(t, w.cfg.Replica.AddPayment(fastpay.Payment{Tx: w.sign(1, env)}))
	_, _, err = w.plan(1, 60)
	require.ErrorIs(t, err, fastpay.TemporaryUnavailable)
	require.ErrorContains(t, err, env.ID().Hex())
	require.ErrorContains(t, err, fmt.Sprint(env.ValidBefore))
	w.block(2, env.ValidBefore)
	_, _, err = w.plan(1, 60)
	require.NoError(t, err)
}

// TestMoneyThatGossipLostIsAskedFor: a payment to the payer that this aggregator has not
// heard of is found before the payer is told that money is short.
func TestMoneyThatGossipLostIsAskedFor(t *testing.T) {
	w := newWorld(t)
	_, payer := account(2)
	_, from := account(1)
	env, _, err := w.Plan(t.Context(), from, planner.Order{To: payer, Asset: asset, Amount: *uint256.NewInt(50), Parents: planner.Parents{Auto: true}})
	require.NoError(t, err)
	tx := w.sign(1, env)
	var votes []*fastpay.Certificate
	for signer := range 3 {
		votes = append(votes, w.vote(signer, tx).Certificate)
	}
	_, _, err = w.plan(2, 120)
	require.ErrorIs(t, err, fastpay.InsufficientFunds)
	w.elsewhere = []*fastpay.QC{fastpay.NewQC(w.committee, tx, votes)}
	spent, funds, err := w.plan(2, 120)
	require.NoError(t, err)
	require.Equal(t, []fastpay.ID{tx.ID()}, spent.Parents)
	require.Equal(t, int64(150), funds.Spendable.Int64())
}

// TestOnlyWhatIsWorthSigningIsPlanned: a payment that no validator would take is refused
// before a wallet is asked to sign it.
func TestOnlyWhatIsWorthSigningIsPlanned(t *testing.T) {
	w := newWorld(t)
	_, from := account(1)
	_, _, err := w.Plan(t.Context(), from, planner.Order{To: from, Asset: asset, Amount: *uint256.NewInt(1), Parents: planner.Parents{Auto: true}})
	require.ErrorIs(t, err, fastpay.InvalidFormat)
	_, _, err = w.plan(1, 0)
	require.ErrorIs(t, err, fastpay.InvalidFormat)
}
