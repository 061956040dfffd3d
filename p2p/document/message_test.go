package document

import (
	"crypto/ed25519"
	"fmt"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// gossipWorld is a network of one validator, dave, as a peer describes it.
type gossipWorld struct {
	t         *testing.T
	describer *Describer
	committee *fastpay.Committee
	key       ed25519.PrivateKey
	asset     common.Address
}

// neighbours is a node that knows dave's peer and nobody else.
type neighbours struct{ Node }

const davesPeer, anothersPeer = p2p.PeerID("dave's"), p2p.PeerID("another's")

func (neighbours) Peers() []p2p.PeerInfo { return []p2p.PeerInfo{{ID: davesPeer, Name: "dave"}} }

func newGossipWorld(t *testing.T) *gossipWorld {
	w := &gossipWorld{t: t, key: ed25519.NewKeyFromSeed(make([]byte, 32)), asset: common.HexToAddress("0x20c0000000000000000000000000000000000001")}
	member := netfile.Member{Name: "dave", Weight: 1, Sponsor: netfile.Address{9}}
	copy(member.Key[:], w.key[32:])
	file := &netfile.File{
		Version: netfile.Version, Name: "test",
		Chain:      netfile.Chain{ID: 1337, BlockTimeSeconds: 5, Finality: netfile.Finalized, Lane: netfile.PaymentLane, FIFO: true},
		Assets:     []netfile.Asset{{Symbol: "pathUSD", Address: netfile.Address(w.asset), Decimals: 6, MinAmount: netfile.Amount(*uint256.NewInt(1))}},
		Fees:       netfile.Fees{MaxFeePerGas: []netfile.Amount{netfile.Amount(*uint256.NewInt(1000))}, FeeToken: netfile.Address(w.asset)},
		Limits:     netfile.Limits{MinSettleSeconds: 60, MaxLifeSeconds: 86_400, DefaultLifeSeconds: 3_600, SponsoredPerPayerPerHour: 60},
		Committees: []netfile.Committee{{Epoch: 1, End: 1_000_000, Members: []netfile.Member{member}}},
	}
	rules, err := file.Rules()
	require.NoError(t, err)
	w.committee = rules.Committees()[0]
	w.describer = NewDescriber(file, rules, neighbours{}, nil)
	return w
}

// tx is a payment of an amount in the lane's first slot.
func (w *gossipWorld) tx(units uint64, parents ...fastpay.ID) *fastpay.Tx {
	w.t.Helper()
	key, err := crypto.ToECDSA(append(make([]byte, 31), 7))
	require.NoError(w.t, err)
	env := fastpay.Envelope{
		ChainID: 1337, CommitteeID: w.committee.ID(), Asset: w.asset, Sender: crypto.PubkeyToAddress(key.PublicKey),
		Recipient: common.Address{0xb0}, Amount: *uint256.NewInt(units), MaxFee: *uint256.NewInt(1000), ValidBefore: 5_000, Parents: parents,
	}
	env.Prev = env.Lane().Genesis()
	tx, err := w.describer.rules.SignTx(env, key)
	require.NoError(w.t, err)
	return tx
}

func (w *gossipWorld) batch(ids ...fastpay.ID) *fastpay.Batch {
	w.t.Helper()
	root, err := fastpay.BatchRoot(ids)
	require.NoError(w.t, err)
	digest := fastpay.BatchDigest(w.committee.ID(), w.committee.Key(0), len(ids), root)
	b, err := fastpay.NewBatch(w.committee, 0, ids, ed25519.Sign(w.key, digest[:]))
	require.NoError(w.t, err)
	return b
}

// Each kind of message is described with what is inside, if that is asked for and
// verifies.
func TestMessages(t *testing.T) {
	w := newGossipWorld(t)
	parent := w.tx(3)
	tx, other := w.tx(1, parent.ID()), w.tx(2)
	batch := w.batch(tx.ID(), other.ID())
	qc := fastpay.NewQC(w.committee, parent, []*fastpay.Certificate{w.batch(parent.ID()).Certificate(0)})
	view := fastpay.HeadView{Height: 42, Time: 2_000, FinalizedHeight: 41, FinalizedTime: 1_990}
	digest := fastpay.HeadDigest(w.committee, 0, view)
	head, err := fastpay.NewHead(w.committee, 0, view, ed25519.Sign(w.key, digest[:]))
	require.NoError(t, err)
	payer, err := fastpay.NewPayerEvidence(tx, other)
	require.NoError(t, err)
	member, err := fastpay.NewValidatorEvidence(tx, batch, other, batch)
	require.NoError(t, err)
	proven := func(e *fastpay.Evidence) []string {
		a, b := e.Payments()
		return []string{a.ID().Hex(), b.ID().Hex()}
	}
	gossiped := func(tx *fastpay.Tx, qcs int) GossipedPayment {
		parents := []string{}
		for _, p := range tx.Envelope().Parents {
			parents = append(parents, p.Hex())
		}
		amount := tx.Amount()
		return GossipedPayment{
			TxID: tx.ID().Hex(), From: tx.Sender().Hex(), To: common.Address{0xb0}.Hex(), Asset: w.asset.Hex(), Symbol: new("pathUSD"), Decimals: new(uint8(6)),
			Amount: amount.Dec(), Seq: "0", Parents: parents, QCs: qcs,
		}
	}
	for _, c := range []struct {
		name, kind string
		data       []byte
		want       *Content
	}{
		{"payments", "tx", fastpay.EncodePayments([]fastpay.Payment{{Tx: tx, Parents: []*fastpay.QC{qc}}, {Tx: other}}),
			&Content{Payments: []GossipedPayment{gossiped(tx, 1), gossiped(other, 0)}}},
		{"votes", "cert", batch.Encode(), &Content{Votes: &GossipedVotes{Validator: "dave", TxIDs: hexes(batch.IDs())}}},
		{"head", "head", head.Encode(), &Content{Head: &Head{Validator: "dave", Height: "42", FinalizedHeight: "41", Time: "2000"}}},
		{"a payer's offence", "evidence", payer.Encode(), &Content{Evidence: &GossipedEvidence{Kind: "payer", Payer: new(tx.Sender().Hex()), TxIDs: proven(payer)}}},
		{"a member's offence", "evidence", member.Encode(), &Content{Evidence: &GossipedEvidence{Kind: "validator", Validator: new("dave"), TxIDs: proven(member)}}},
		{"no payments", "tx", []byte("junk"), nil},
		{"no votes", "cert", []byte("junk"), nil},
		{"no head", "head", []byte("junk"), nil},
		{"no evidence", "evidence", []byte("junk"), nil},
		{"a forged payment among others", "tx", forged(fastpay.EncodePayments([]fastpay.Payment{{Tx: other}, {Tx: tx}}), tx), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &p2p.Heard{
				At: time.UnixMicro(1_234), Topic: "/allegro/1/00112233/" + c.kind, Kind: c.kind, Committee: w.committee.ID(), ID: [20]byte{0xab},
				From: davesPeer, Data: c.data, Dropped: 7,
			}
			want := Message{
				Schema: "allegro.message/v1", Micros: "1234", Topic: h.Topic, Kind: c.kind, MessageID: fmt.Sprintf("0xab%038d", 0),
				From: PeerName{PeerID: davesPeer.String(), Name: new("dave")}, Bytes: len(c.data), Verdict: "accept", Dropped: "7",
			}
			require.Equal(t, want, w.describer.Messages(false).Of(h), "without what is inside")
			want.Content = c.want
			require.Equal(t, want, w.describer.Messages(true).Of(h))
		})
	}
	problem := fmt.Errorf("%w: no list", fastpay.InvalidFormat)
	doc := w.describer.Messages(true).Of(&p2p.Heard{From: anothersPeer, Own: true, Kind: "tx", Data: []byte("junk"), Verdict: fastpay.VerdictReject, Problem: problem})
	require.Equal(t, []any{"reject", "INVALID_FORMAT", problem.Error(), true, (*string)(nil)}, []any{doc.Verdict, *doc.Code, *doc.Problem, doc.Own, doc.From.Name})
	doc = w.describer.Messages(true).Of(&p2p.Heard{Kind: "tx", Verdict: fastpay.VerdictIgnore, Problem: fastpay.ErrKnown})
	require.Nil(t, doc.Code)
	require.Equal(t, fastpay.ErrKnown.Error(), *doc.Problem)
}

// hexes writes tx ids.
func hexes(ids []fastpay.ID) (out []string) {
	for _, id := range ids {
		out = append(out, id.Hex())
	}
	return out
}

// forged breaks the signature of a payment inside of a message.
func forged(data []byte, tx *fastpay.Tx) []byte {
	data = append([]byte(nil), data...)
	signature := tx.Signature()
	for i := range data {
		if len(data)-i >= len(signature) && string(data[i:i+len(signature)]) == string(signature) {
			data[i] ^= 1
			return data
		}
	}
	panic("the message does not have the payment")
}
