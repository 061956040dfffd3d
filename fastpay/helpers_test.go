package fastpay

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"
)

// The network of the tests. Times are small so that they read well.
const (
	testChainID = 42431
	epochStart  = 1_000
	epochEnd    = 100_000
	minSettle   = 20
	maxLife     = 5_000
	maxFee      = 20_000_000_000
)

// usd and eur are the listed assets.
var (
	usd = common.HexToAddress("0x20c0000000000000000000000000000000000001")
	eur = common.HexToAddress("0x20c0000000000000000000000000000000000002")
)

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: have %v, want %v", what, got, want)
	}
}

// refused checks that an error is of a code and says why.
func refused(t testing.TB, err error, code Code, text string) {
	t.Helper()
	switch {
	case !errors.Is(err, code):
		t.Errorf("have error %v, want one of code %s", err, code)
	case Classify(err).Code != code:
		t.Errorf("error %v is of class %s, want %s", err, Classify(err).Code, code)
	case !strings.Contains(err.Error(), text):
		t.Errorf("error %q does not say %q", err, text)
	}
}

// voteKey is a member's key, made from a number.
func voteKey(i int) ed25519.PrivateKey {
	seed := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("vote key"), uint32(i)))
	return ed25519.NewKeyFromSeed(seed[:])
}

// payer is an account's key, made from a number.
func payer(i int) *ecdsa.PrivateKey {
	seed := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("payer"), uint32(i)))
	key, err := crypto.ToECDSA(seed[:])
	if err != nil {
		panic(err)
	}
	return key
}

// accounts are the addresses of payers by number: to derive one takes long.
var accounts sync.Map

// account is the address of a payer.
func account(i int) common.Address {
	if a, ok := accounts.Load(i); ok {
		return a.(common.Address)
	}
	a := crypto.PubkeyToAddress(payer(i).PublicKey)
	accounts.Store(i, a)
	return a
}

// members builds a committee's members with their keys, in signer order.
func members(first int, weights []uint64) ([]Member, []ed25519.PrivateKey) {
	keys := make([]ed25519.PrivateKey, len(weights))
	for i := range keys {
		keys[i] = voteKey(first + i)
	}
	slices.SortFunc(keys, func(a, b ed25519.PrivateKey) int {
		return bytes.Compare(a.Public().(ed25519.PublicKey), b.Public().(ed25519.PublicKey))
	})
	out := make([]Member, len(weights))
	for i, k := range keys {
		out[i] = Member{Key: [32]byte(k.Public().(ed25519.PublicKey)), Weight: weights[i]}
	}
	return out, keys
}

// equalWeights are n members of weight 1.
func equalWeights(n int) []uint64 {
	return slices.Repeat([]uint64{1}, n)
}

// network is a network with all its keys.
type network struct {
	*Rules
	c    *Committee // of the first epoch
	next *Committee // of the second epoch, which starts when the first ends
	keys map[common.Hash][]ed25519.PrivateKey
}

// newNetwork returns a network whose first committee has the given weights. The
// second committee consists of four other members.
func newNetwork(t testing.TB, weights ...uint64) *network {
	t.Helper()
	n := &network{keys: make(map[common.Hash][]ed25519.PrivateKey)}
	committee := func(epoch, start, end uint64, first int, weights []uint64) *Committee {
		m, keys := members(first, weights)
		c, err := NewCommittee(testChainID, epoch, start, end, PaymentLane, m)
		noError(t, err)
		n.keys[c.ID()] = keys
		return c
	}
	n.c = committee(1, epochStart, epochEnd, 0, weights)
	n.next = committee(2, epochEnd, 2*epochEnd, 5000, equalWeights(4))
	rules, err := NewRules(Config{
		Committees:  []*Committee{n.c, n.next},
		Assets:      []Asset{{usd, *uint256.NewInt(1)}, {eur, *uint256.NewInt(10)}},
		MaxFees:     []uint256.Int{*uint256.NewInt(maxFee)},
		Sponsors:    []common.Address{account(99)},
		MinSettle:   minSettle,
		MaxLife:     maxLife,
		DefaultLife: 600,
	})
	noError(t, err)
	n.Rules = rules
	return n
}

// newNetwork4 returns a network of four members of weight 1.
func newNetwork4(t testing.TB) *network {
	t.Helper()
	return newNetwork(t, equalWeights(4)...)
}

// change alters an envelope of a test.
type change func(*Envelope)

// at places a payment in its lane.
func at(seq uint64, prev common.Hash) change {
	return func(e *Envelope) { e.Seq, e.Prev = seq, prev }
}

// on places a payment on top of another one, in its generation.
func on(tx *Tx) change {
	return func(e *Envelope) { e.Seq, e.Prev, e.Restart = tx.Seq()+1, tx.ID(), tx.env.Restart }
}

// reopen makes a payment open generation r at slot k.
func reopen(k, r uint64) change {
	return func(e *Envelope) { e.Seq, e.Prev, e.Restart = k, e.Lane().Restart(k, r), r }
}

// until sets a payment's expiry.
func until(validBefore uint64) change {
	return func(e *Envelope) { e.ValidBefore = validBefore }
}

// citing sets a payment's parents.
func citing(parents ...*Tx) change {
	return func(e *Envelope) {
		e.Parents = nil
		for _, p := range parents {
			e.Parents = append(e.Parents, p.ID())
		}
		slices.SortFunc(e.Parents, common.Hash.Cmp)
	}
}

// noted sets a payment's note, which makes it another payment.
func noted(note byte) change {
	return func(e *Envelope) { e.Note = common.Hash{note} }
}

// envelope is a payment between two accounts at the genesis of the payer's lane.
func (n *network) envelope(from, to int, amount uint64, changes ...change) Envelope {
	e := Envelope{
		ChainID:     testChainID,
		CommitteeID: n.c.ID(),
		Asset:       usd,
		Sender:      account(from),
		Recipient:   account(to),
		Amount:      *uint256.NewInt(amount),
		MaxFee:      *uint256.NewInt(maxFee),
		ValidBefore: epochStart + 1_000,
	}
	e.Prev = e.Lane().Genesis()
	for _, c := range changes {
		c(&e)
	}
	return e
}

// pay returns a signed payment.
func (n *network) pay(t testing.TB, from, to int, amount uint64, changes ...change) *Tx {
	t.Helper()
	tx, err := n.SignTx(n.envelope(from, to, amount, changes...), payer(from))
	noError(t, err)
	return tx
}

// unsigned returns a payment as a verified value without its signature: for
// tests in which signatures are not the point and many payments are.
func unsigned(e Envelope) *Tx {
	return &Tx{env: e, raw: encode(&txBody{e, nil}), id: e.ID(), lane: e.Lane().ID()}
}

// batch is a member's vote for payments, signed.
func (n *network) batch(t testing.TB, c *Committee, signer int, ids ...ID) *Batch {
	t.Helper()
	ids = slices.Clone(ids)
	root, err := BatchRoot(ids)
	noError(t, err)
	digest := BatchDigest(c.ID(), c.Key(signer), len(ids), root)
	b, err := NewBatch(c, signer, ids, ed25519.Sign(n.keys[c.ID()][signer], digest[:]))
	noError(t, err)
	return b
}

// vote is a member's vote for one payment of its committee, signed.
func (n *network) vote(t testing.TB, signer int, tx *Tx) *Certificate {
	t.Helper()
	c, ok := n.Committee(tx.CommitteeID())
	if !ok {
		t.Fatal("payment of a committee that the network does not have")
	}
	return n.batch(t, c, signer, tx.ID()).Certificate(0)
}

// votes are the votes of several members for one payment, signed.
func (n *network) votes(t testing.TB, tx *Tx, signers ...int) []*Certificate {
	t.Helper()
	var out []*Certificate
	for _, s := range signers {
		out = append(out, n.vote(t, s, tx))
	}
	return out
}

// qc certifies a payment with the votes of its committee's first members.
func (n *network) qc(t testing.TB, tx *Tx) *QC {
	t.Helper()
	c, _ := n.Committee(tx.CommitteeID())
	var certificates []*Certificate
	var weight uint64
	for i := 0; weight < c.Quorum(); i++ {
		certificates = append(certificates, n.vote(t, i, tx))
		weight += c.Weight(i)
	}
	qc := NewQC(c, tx, certificates)
	if qc == nil {
		t.Fatal("votes of a quorum make no QC")
	}
	return qc
}

// id makes a tx id from a number.
func id(i int) ID {
	return sha256.Sum256(binary.BigEndian.AppendUint32([]byte("id"), uint32(i)))
}

// ids are n ascending tx ids.
func ids(n int) []ID {
	out := make([]ID, n)
	for i := range out {
		out[i] = id(i)
	}
	slices.SortFunc(out, common.Hash.Cmp)
	return out
}

// reencode decodes RLP into a tree of any and []byte, lets f change it, and
// encodes it again: so tests spell faults that no constructor makes.
func reencode(t testing.TB, raw []byte, f func([]any) []any) []byte {
	t.Helper()
	tree, rest, err := rlpTree(raw)
	if err != nil || len(rest) > 0 {
		t.Fatalf("not one rlp value: %v", err)
	}
	out, err := rlp.EncodeToBytes(f(tree.([]any)))
	noError(t, err)
	return out
}

// rlpTree reads the first RLP value of raw.
func rlpTree(raw []byte) (value any, rest []byte, err error) {
	kind, content, rest, err := rlp.Split(raw)
	if err != nil {
		return nil, nil, err
	}
	if kind != rlp.List {
		return bytes.Clone(content), rest, nil
	}
	list := []any{}
	for len(content) > 0 {
		var item any
		if item, content, err = rlpTree(content); err != nil {
			return nil, nil, err
		}
		list = append(list, item)
	}
	return list, rest, nil
}
