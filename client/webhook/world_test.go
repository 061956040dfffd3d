package webhook

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// now is the time in which the tests take place.
var now = time.Unix(1_700_000_000, 0)

func clock() time.Time { return now }

var (
	asset = common.HexToAddress("0x20c0000000000000000000000000000000000001")
	shop  = common.HexToAddress("0x5409000000000000000000000000000000000001")
)

// secretOf is a secret that follows from a name.
func secretOf(name string) Secret {
	key := sha256.Sum256([]byte(name))
	return Secret{key[:]}
}

// world is a network of one committee.
type world struct {
	t         *testing.T
	rules     *fastpay.Rules
	committee *fastpay.Committee
	keys      []ed25519.PrivateKey // by signer index
}

// newWorld makes a network, its members' keys from its name.
func newWorld(t *testing.T, name string) *world {
	t.Helper()
	w := &world{t: t}
	for i := range 4 {
		seed := sha256.Sum256(fmt.Appendf(nil, "%s %d", name, i))
		w.keys = append(w.keys, ed25519.NewKeyFromSeed(seed[:]))
	}
	slices.SortFunc(w.keys, func(a, b ed25519.PrivateKey) int {
		return bytes.Compare(a.Public().(ed25519.PublicKey), b.Public().(ed25519.PublicKey))
	})
	members := make([]fastpay.Member, len(w.keys))
	for i, k := range w.keys {
		members[i] = fastpay.Member{Key: [32]byte(k.Public().(ed25519.PublicKey)), Weight: 1}
	}
	var err error
	w.committee, err = fastpay.NewCommittee(1337, 1, 0, 2_000_000_000, fastpay.PaymentLane, members)
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

// qc is the QC of a payment of some units.
func (w *world) qc(payee common.Address, units uint64) *fastpay.QC {
	w.t.Helper()
	payer, err := crypto.ToECDSA(crypto.Keccak256([]byte("payer")))
	require.NoError(w.t, err)
	env := fastpay.Envelope{
		ChainID: w.rules.ChainID(), CommitteeID: w.committee.ID(), Asset: asset, Sender: crypto.PubkeyToAddress(payer.PublicKey),
		Recipient: payee, Amount: *uint256.NewInt(units), MaxFee: w.rules.MaxFee(), ValidBefore: uint64(now.Unix()) + 600,
		Note: sha256.Sum256([]byte("INV-7")),
	}
	env.Prev = env.Lane().Genesis()
	tx, err := w.rules.SignTx(env, payer)
	require.NoError(w.t, err)
	ids := []fastpay.ID{tx.ID()}
	root, err := fastpay.BatchRoot(ids)
	require.NoError(w.t, err)
	var votes []*fastpay.Certificate
	for i, k := range w.keys[:3] {
		digest := fastpay.BatchDigest(w.committee.ID(), w.committee.Key(i), 1, root)
		batch, err := fastpay.NewBatch(w.committee, i, ids, ed25519.Sign(k, digest[:]))
		require.NoError(w.t, err)
		votes = append(votes, batch.Certificate(0))
	}
	qc := fastpay.NewQC(w.committee, tx, votes)
	require.NotNil(w.t, qc)
	return qc
}

// documentOf is what a peer says of the payment of a QC.
func documentOf(qc *fastpay.QC, kind orders.Kind) orders.Document {
	env, file := qc.Tx().Envelope(), qc.File()
	return orders.Document{
		Schema: orders.Schema, MessageID: orders.MessageID(qc.Tx().ID(), kind), Kind: kind, TxID: qc.Tx().ID().Hex(),
		Payer: env.Sender.Hex(), Payee: env.Recipient.Hex(), Asset: env.Asset.Hex(), Amount: env.Amount.Dec(), Note: env.Note.Hex(),
		Stage: fastpay.StageCertified, Rule: 1, Reason: "rule 1", Height: "7", UnixMicros: "1700000000000000", QC: &file,
	}
}

// messageOf is the same as a message.
func messageOf(t *testing.T, qc *fastpay.QC, kind orders.Kind) (fastpay.ID, orders.Message) {
	t.Helper()
	body, err := json.Marshal(documentOf(qc, kind))
	require.NoError(t, err)
	return qc.Tx().ID(), orders.Message{Kind: kind, Body: body, At: now}
}
