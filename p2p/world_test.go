package p2p

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// World is a network's cryptographic material: a committee of n members and the one
// that follows it, which lacks the last member if n is above 2, and payers. It is the
// same at every run.
type World struct {
	T     testing.TB
	Rules *fastpay.Rules
	Now   *fastpay.Committee
	Later *fastpay.Committee
	Keys  []ed25519.PrivateKey // in order of their index
}

var asset = common.HexToAddress("0x20c0000000000000000000000000000000000001")

// NewWorld makes a world of n validators.
func NewWorld(t testing.TB, n int) *World {
	t.Helper()
	return newWorld(t, n, 1337)
}

func newWorld(t testing.TB, n int, chainID uint64) *World {
	t.Helper()
	w := &World{T: t}
	for i := range n {
		seed := sha256.Sum256(fmt.Appendf(nil, "validator %d of chain %d", i, chainID))
		w.Keys = append(w.Keys, ed25519.NewKeyFromSeed(seed[:]))
	}
	slices.SortFunc(w.Keys, func(a, b ed25519.PrivateKey) int {
		return bytes.Compare(a.Public().(ed25519.PublicKey), b.Public().(ed25519.PublicKey))
	})
	members := make([]fastpay.Member, n)
	for i, k := range w.Keys {
		members[i] = fastpay.Member{Key: voteKey(k.Public().(ed25519.PublicKey)), Weight: 1}
	}
	w.Now = must(fastpay.NewCommittee(chainID, 1, 1_000, 1_000_000, fastpay.PaymentLane, members))
	if n > 2 {
		members = members[:n-1]
	}
	w.Later = must(fastpay.NewCommittee(chainID, 2, 1_000_000, 2_000_000, fastpay.PaymentLane, members))
	w.Rules = must(fastpay.NewRules(fastpay.Config{
		Committees: []*fastpay.Committee{w.Now, w.Later},
		Assets:     []fastpay.Asset{{Address: asset, MinAmount: *uint256.NewInt(1)}},
		MaxFees:    []uint256.Int{*uint256.NewInt(1_000)},
		MinSettle:  60, DefaultLife: 600, MaxLife: 86_400,
	}))
	return w
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Payer returns the account key of a number.
func (w *World) Payer(i int) *ecdsa.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "payer %d", i))
	return must(crypto.ToECDSA(seed[:]))
}

// Tx returns payment seq of a payer, for a committee.
func (w *World) Tx(c *fastpay.Committee, payer, seq int) *fastpay.Tx {
	w.T.Helper()
	key := w.Payer(payer)
	env := fastpay.Envelope{
		ChainID: c.ChainID(), CommitteeID: c.ID(), Asset: asset, Sender: crypto.PubkeyToAddress(key.PublicKey), Seq: uint64(seq),
		Recipient: common.HexToAddress("0x00000000000000000000000000000000000b0b01"),
		Amount:    *uint256.NewInt(uint64(seq) + 1), MaxFee: *uint256.NewInt(1_000), ValidBefore: 5_000,
	}
	env.Prev = env.Lane().Genesis()
	tx, err := w.Rules.SignTx(env, key)
	if err != nil {
		w.T.Fatal(err)
	}
	return tx
}

// Payments returns n payments of different payers for the first committee.
func (w *World) Payments(n int) []fastpay.Payment {
	payments := make([]fastpay.Payment, n)
	for i := range payments {
		payments[i].Tx = w.Tx(w.Now, i, 0)
	}
	return payments
}

// Batch returns a member's votes for payments.
func (w *World) Batch(c *fastpay.Committee, signer int, ids ...fastpay.ID) *fastpay.Batch {
	w.T.Helper()
	root, err := fastpay.BatchRoot(ids)
	if err != nil {
		w.T.Fatal(err)
	}
	digest := fastpay.BatchDigest(c.ID(), c.Key(signer), len(ids), root)
	return must(fastpay.NewBatch(c, signer, ids, ed25519.Sign(w.Keys[signer], digest[:])))
}

// Head returns a member's view at a height.
func (w *World) Head(c *fastpay.Committee, signer int, height uint64) *fastpay.Head {
	v := fastpay.HeadView{Height: height, Time: 2_000, FinalizedHeight: height, FinalizedTime: 2_000}
	digest := fastpay.HeadDigest(c, signer, v)
	return must(fastpay.NewHead(c, signer, v, ed25519.Sign(w.Keys[signer], digest[:])))
}

// QC returns the quorum certificate of a payment.
func (w *World) QC(c *fastpay.Committee, tx *fastpay.Tx) *fastpay.QC {
	var certs []*fastpay.Certificate
	for i := range c.Len() {
		certs = append(certs, w.Batch(c, i, tx.ID()).Certificate(0))
	}
	return fastpay.NewQC(c, tx, certs)
}

// Evidence returns proof that a payer signed two payments for one slot.
func (w *World) Evidence(c *fastpay.Committee, payer int) *fastpay.Evidence {
	w.T.Helper()
	a := w.Tx(c, payer, 0)
	env := a.Envelope()
	env.Amount = *uint256.NewInt(77)
	b := must(w.Rules.SignTx(env, w.Payer(payer)))
	return must(fastpay.NewPayerEvidence(a, b))
}

// Config returns a node's config without identity and transport: validator i of the
// first committee, or a client if i is negative.
func (w *World) Config(i int) Config {
	role := RoleClient
	if i >= 0 {
		role = RoleValidator
	}
	cfg := DefaultConfig(role)
	cfg.Version = "v0.0.0-test"
	cfg.Rules = w.Rules
	cfg.NetworkDigest = sha256.Sum256([]byte("network"))
	cfg.Committee = w.Now.ID()
	cfg.Jitter = func() float64 { return 0.5 }
	if i >= 0 {
		cfg.ValidatorKey = w.Keys[i].Public().(ed25519.PublicKey)
		cfg.SignHello = w.SignHello(i)
	}
	return cfg
}

// SignHello signs hellos with a member's key.
func (w *World) SignHello(i int) func(context.Context, common.Hash, []byte, []byte, [32]byte) ([]byte, error) {
	return func(_ context.Context, committee common.Hash, requester, responder []byte, nonce [32]byte) ([]byte, error) {
		digest := fastpay.HelloDigest(committee, requester, responder, nonce)
		return ed25519.Sign(w.Keys[i], digest[:]), nil
	}
}

// NewForeignWorld makes a world of another chain.
func NewForeignWorld(t testing.TB) *World {
	t.Helper()
	return newWorld(t, 2, 99)
}
