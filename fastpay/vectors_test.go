package fastpay

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

var update = flag.Bool("update", false, "rewrite testdata/vectors.json and testdata/qc.json from the code")

const vectorsFile = "testdata/vectors.json"

// goldenVectors are examples of every hash and encoding of the protocol. Amounts
// are decimal strings, bytes 0x-hex.
type goldenVectors struct {
	Committees []committeeVector `json:"committees"`
	Lanes      []laneVector      `json:"lanes"`
	Payments   []paymentVector   `json:"payments"`
	Batches    []batchVector     `json:"batches"`
	Head       headVector        `json:"head"`
	Hello      helloVector       `json:"hello"`
	QC         qcVector          `json:"qc"`
}

type committeeVector struct {
	ChainID     uint64         `json:"chain_id"`
	Epoch       uint64         `json:"epoch"`
	Start       uint64         `json:"start"`
	End         uint64         `json:"end"`
	LaneKind    uint64         `json:"lane_kind"`
	Members     []memberVector `json:"members"`
	ID          common.Hash    `json:"id"`
	Quorum      uint64         `json:"quorum"`
	TopicPrefix string         `json:"topic_prefix"`
}

type memberVector struct {
	Key     hexutil.Bytes `json:"key"`
	Weight  uint64        `json:"weight"`
	NodeKey hexutil.Bytes `json:"node_key"`
}

type laneVector struct {
	Committee int            `json:"committee"` // place in committees
	Asset     common.Address `json:"asset"`
	Sender    common.Address `json:"sender"`
	ID        common.Hash    `json:"id"`
	Home      int            `json:"home"` // submitter at attempt 0
	NonceKey  common.Hash    `json:"nonce_key"`
	Genesis   common.Hash    `json:"genesis"`
	Slot      uint64         `json:"slot"` // of the two below
	ChainTx   common.Hash    `json:"chain_tx"`
	Foreign   common.Hash    `json:"foreign"`
	RestartAt uint64         `json:"restart_at"`
	Restart   common.Hash    `json:"restart"`
}

type paymentVector struct {
	ChainID     uint64         `json:"chain_id"`
	CommitteeID common.Hash    `json:"committee_id"`
	Asset       common.Address `json:"asset"`
	Sender      common.Address `json:"sender"`
	Seq         uint64         `json:"seq"`
	Prev        common.Hash    `json:"prev"`
	Recipient   common.Address `json:"recipient"`
	Amount      string         `json:"amount"`
	MaxFee      string         `json:"max_fee"`
	Parents     []ID           `json:"parents"`
	ValidBefore uint64         `json:"valid_before"`
	Restart     uint64         `json:"restart"`
	Note        common.Hash    `json:"note"`
	RLP         hexutil.Bytes  `json:"rlp"`
	TxID        ID             `json:"tx_id"`
	SignHash    common.Hash    `json:"sign_hash"` // of the chain transaction: keccak, see tempo/tx76
	FastPayTx   hexutil.Bytes  `json:"fastpay_tx"`
}

type batchVector struct {
	CommitteeID common.Hash     `json:"committee_id"`
	Key         hexutil.Bytes   `json:"key"`
	IDs         []ID            `json:"ids"`
	Leaves      []common.Hash   `json:"leaves"`
	Nodes       [][]common.Hash `json:"nodes"` // level by level above the leaves, the root last
	Root        common.Hash     `json:"root"`
	Paths       [][]common.Hash `json:"paths"`
	Digest      common.Hash     `json:"digest"`
}

type headVector struct {
	ChainID         uint64      `json:"chain_id"`
	CommitteeID     common.Hash `json:"committee_id"`
	Signer          uint64      `json:"signer"`
	Height          uint64      `json:"height"`
	Hash            common.Hash `json:"hash"`
	Time            uint64      `json:"time"`
	FinalizedHeight uint64      `json:"finalized_height"`
	FinalizedHash   common.Hash `json:"finalized_hash"`
	FinalizedTime   uint64      `json:"finalized_time"`
	Digest          common.Hash `json:"digest"`
}

type helloVector struct {
	CommitteeID common.Hash   `json:"committee_id"`
	Requester   hexutil.Bytes `json:"requester"`
	Responder   hexutil.Bytes `json:"responder"`
	Nonce       common.Hash   `json:"nonce"`
	Digest      common.Hash   `json:"digest"`
}

type qcVector struct {
	Committee int           `json:"committee"` // place in committees
	TxID      ID            `json:"tx_id"`
	Signers   []int         `json:"signers"`
	Weight    uint64        `json:"weight"`
	Bytes     hexutil.Bytes `json:"bytes"`
}

// makeVectors builds the vectors from fixed keys and deterministic signatures.
func makeVectors(t testing.TB) goldenVectors {
	var v goldenVectors
	n := newNetwork(t, 1, 3, 2, 1, 1)
	committees := []*Committee{n.c, subBlockCommittee(t, 3)}
	for _, c := range committees {
		v.Committees = append(v.Committees, vectorOfCommittee(c))
	}
	for i, c := range committees {
		for _, from := range []int{0, 1} {
			v.Lanes = append(v.Lanes, vectorOfLane(i, c, Lane{testChainID, usd, account(from)}))
		}
		v.Lanes = append(v.Lanes, vectorOfLane(i, c, Lane{testChainID, eur, account(0)}))
	}

	first := n.pay(t, 0, 1, 50)
	huge := func(e *Envelope) { e.Amount.SetAllOne().Rsh(&e.Amount, 128) }
	second := n.pay(t, 0, 1, 1, on(first), citingIDs(3), noted(7), huge)
	for _, tx := range []*Tx{first, second, n.pay(t, 1, 0, 300, reopen(128, 1_200))} {
		v.Payments = append(v.Payments, vectorOfPayment(n.c, tx))
	}
	for _, size := range []int{1, 2, 3, 4, 5, 7, 8, 13} {
		v.Batches = append(v.Batches, vectorOfBatch(n.c, ids(size)))
	}

	v.Head = headVector{
		testChainID, n.c.ID(), 2, aView.Height, aView.Hash, aView.Time,
		aView.FinalizedHeight, aView.FinalizedHash, aView.FinalizedTime, HeadDigest(n.c, 2, aView),
	}
	v.Hello = helloVector{CommitteeID: n.c.ID(), Requester: []byte("requester's peer id"), Responder: []byte("responder's peer id"), Nonce: common.Hash{1, 2, 3}}
	v.Hello.Digest = HelloDigest(n.c.ID(), v.Hello.Requester, v.Hello.Responder, v.Hello.Nonce)

	qc := NewQC(n.c, second, []*Certificate{
		n.vote(t, 0, second), // a batch of one
		certificateOf(n.batch(t, n.c, 1, append(ids(6), second.ID())...), second.ID()),
		certificateOf(n.batch(t, n.c, 2, append(ids(4), second.ID())...), second.ID()),
	})
	v.QC = qcVector{TxID: second.ID(), Weight: qc.Weight(), Bytes: qc.Encode()}
	for _, c := range qc.Certificates() {
		v.QC.Signers = append(v.QC.Signers, c.Signer())
	}
	return v
}

// certificateOf is the certificate of one payment of a batch.
func certificateOf(b *Batch, id ID) *Certificate {
	i, ok := b.indexOf(id)
	if !ok {
		panic("the batch does not name the payment")
	}
	return b.Certificate(i)
}

func vectorOfCommittee(c *Committee) committeeVector {
	v := committeeVector{
		ChainID: c.ChainID(), Epoch: c.Epoch(), Start: c.Start(), End: c.End(), LaneKind: uint64(c.LaneKind()),
		ID: c.ID(), Quorum: c.Quorum(), TopicPrefix: TopicPrefix(c.ID()),
	}
	for i := range c.Len() {
		m := c.Member(i)
		v.Members = append(v.Members, memberVector{m.Key[:], m.Weight, m.NodeKey[:]})
	}
	return v
}

func vectorOfLane(i int, c *Committee, l Lane) laneVector {
	const slot, restart = 300, 1_234
	chainTx := common.Hash{9}
	key := l.NonceKey(c)
	return laneVector{
		Committee: i, Asset: l.Asset, Sender: l.Sender, ID: l.ID(), Home: l.Home(c, 0), NonceKey: key.Bytes32(), Genesis: l.Genesis(),
		Slot: slot, ChainTx: chainTx, Foreign: l.Foreign(slot, chainTx), RestartAt: restart, Restart: l.Restart(slot, restart),
	}
}

func vectorOfPayment(c *Committee, tx *Tx) paymentVector {
	e := tx.Envelope()
	return paymentVector{
		e.ChainID, e.CommitteeID, e.Asset, e.Sender, e.Seq, e.Prev, e.Recipient, e.Amount.Dec(), e.MaxFee.Dec(),
		append([]ID{}, e.Parents...), e.ValidBefore, e.Restart, e.Note, encode(&e), tx.ID(), e.Transaction(c).SignHash(), tx.Encode(),
	}
}

func vectorOfBatch(c *Committee, ids []ID) batchVector {
	tree := newTree(ids)
	v := batchVector{CommitteeID: c.ID(), Key: []byte(c.Key(0)), IDs: ids, Leaves: tree[0], Nodes: tree[1:], Root: tree.root()}
	for i := range ids {
		v.Paths = append(v.Paths, tree.path(i))
	}
	v.Digest = BatchDigest(c.ID(), c.Key(0), len(ids), v.Root)
	return v
}

// The protocol's bytes do not change by accident: a difference here is a new
// version of the protocol, or a fault.
func TestVectors(t *testing.T) {
	have, err := json.MarshalIndent(makeVectors(t), "", " ")
	noError(t, err)
	have = append(have, '\n')
	if *update {
		noError(t, os.WriteFile(vectorsFile, have, 0o644))
	}
	want, err := os.ReadFile(vectorsFile)
	noError(t, err)
	if bytes.Equal(have, want) {
		return
	}
	for i, line := range bytes.Split(have, []byte("\n")) {
		if wanted := bytes.Split(want, []byte("\n")); i >= len(wanted) || !bytes.Equal(line, wanted[i]) {
			t.Fatalf("%s line %d is no longer what the code makes: %s", vectorsFile, i+1, line)
		}
	}
	t.Fatalf("%s has lines that the code does not make", vectorsFile)
}

// The vectors are right by the words of the protocol: a program that shares
// nothing with this package computes them again.
func TestVectorsAgreeWithAnIndependentProgram(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3 is not in PATH, and CI must check the vectors")
		}
		t.Skip("SKIPPED: python3 is not in PATH; the vectors are not checked independently")
	}
	run := func(file string) (string, error) {
		out, err := exec.Command(python, "testdata/check_vectors.py", file).CombinedOutput()
		return string(out), err
	}
	if out, err := run(vectorsFile); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	// The program is no rubber stamp: it finds a change in any part.
	text, err := os.ReadFile(vectorsFile)
	noError(t, err)
	for _, field := range []string{
		"topic_prefix", "quorum", "nonce_key", "home", "genesis", "foreign", "restart", "tx_id", "rlp", "fastpay_tx", "leaves", "root", "paths", "digest", "weight", "bytes",
	} {
		t.Run(field, func(t *testing.T) {
			var tree map[string]any
			noError(t, json.Unmarshal(text, &tree))
			if !spoil(tree, field) {
				t.Fatalf("no field %q in the vectors", field)
			}
			spoilt, err := json.Marshal(tree)
			noError(t, err)
			file := t.TempDir() + "/vectors.json"
			noError(t, os.WriteFile(file, spoilt, 0o600))
			if out, err := run(file); err == nil {
				t.Errorf("a changed %s is not found:\n%s", field, out)
			}
		})
	}
}

// spoil changes the last value of the first field of that name.
func spoil(value any, field string) bool {
	switch v := value.(type) {
	case map[string]any:
		if old, ok := v[field]; ok {
			v[field] = spoilt(old)
			return true
		}
		for _, name := range []string{"committees", "lanes", "payments", "batches", "head", "hello", "qc"} {
			if part, ok := v[name]; ok && spoil(part, field) {
				return true
			}
		}
	case []any:
		return spoil(v[len(v)-1], field)
	}
	return false
}

// spoilt is another value of the same type.
func spoilt(value any) any {
	switch v := value.(type) {
	case string:
		last := v[len(v)-1]
		return v[:len(v)-1] + string("10"[btoi(last == '1')])
	case float64:
		return v + 1
	case []any:
		return append(v[:len(v)-1:len(v)-1], spoilt(v[len(v)-1]))
	default:
		panic(fmt.Sprintf("cannot spoil a %T", value))
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestQCFileVector: the QC of the vectors as a file, for readers in other languages.
func TestQCFileVector(t *testing.T) {
	text, err := os.ReadFile(vectorsFile)
	noError(t, err)
	var v goldenVectors
	noError(t, json.Unmarshal(text, &v))
	c := v.Committees[v.QC.Committee]
	members := make([]Member, len(c.Members))
	for i, m := range c.Members {
		members[i] = Member{Key: [32]byte(m.Key), Weight: m.Weight, NodeKey: [32]byte(m.NodeKey)}
	}
	committee, err := NewCommittee(c.ChainID, c.Epoch, c.Start, c.End, LaneKind(c.LaneKind), members)
	noError(t, err)
	qc, err := committee.ParseQC(v.QC.Bytes)
	noError(t, err)
	have, err := json.MarshalIndent(qc.File(), "", "  ")
	noError(t, err)
	have = append(have, '\n')
	const file = "testdata/qc.json"
	if *update {
		noError(t, os.WriteFile(file, have, 0o644))
	}
	want, err := os.ReadFile(file)
	noError(t, err)
	equal(t, "QC file", string(have), string(want))
}
