package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// scene is a network with four validators and a payment of 10.50 pathUSD that
// was certified in it.
type scene struct {
	network netfile.File
	rules   *fastpay.Rules
	payer   *ecdsa.PrivateKey
	tx      *fastpay.Tx
	qc      *fastpay.QC
}

// Names of the validators; their keys follow from them.
var validatorNames = []string{"dave", "edgar", "frida", "gustav"}

func validatorKey(name string) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return ed25519.NewKeyFromSeed(seed)
}

// newScene builds the network and certifies the payment.
func newScene(t *testing.T) *scene {
	t.Helper()
	asset := netfile.Address{0: 0x20, 1: 0xc0}
	s := &scene{network: netfile.File{
		Version: netfile.Version,
		Name:    "demo",
		Chain:   netfile.Chain{ID: 31337, BlockTimeSeconds: 5, Finality: netfile.Finalized, Lane: netfile.PaymentLane, FIFO: true},
		Assets:  []netfile.Asset{{Symbol: "pathUSD", Address: asset, Decimals: 6, MinAmount: netfile.Amount(*uint256.NewInt(1))}},
		Fees:    netfile.Fees{MaxFeePerGas: []netfile.Amount{{}}, FeeToken: asset},
		Limits:  netfile.Limits{MinSettleSeconds: 600, MaxLifeSeconds: 86_400, DefaultLifeSeconds: 3_600, SponsoredPerPayerPerHour: 3_600},
	}}
	committee := netfile.Committee{Epoch: 1, End: 4_102_444_800}
	for _, name := range validatorNames {
		committee.Members = append(committee.Members, netfile.Member{
			Name: name, Key: netfile.Key(validatorKey(name).Public().(ed25519.PublicKey)), Weight: 1, Sponsor: netfile.Address{1},
		})
	}
	s.network.Committees = []netfile.Committee{committee}
	var err error
	if s.rules, err = s.network.Rules(); err != nil {
		t.Fatal(err)
	}
	if s.payer, err = crypto.ToECDSA(crypto.Keccak256([]byte("payer"))); err != nil {
		t.Fatal(err)
	}
	s.tx, err = s.rules.SignTx(fastpay.Envelope{
		ChainID:     31337,
		CommitteeID: s.rules.Committees()[0].ID(),
		Asset:       common.Address(asset),
		Sender:      crypto.PubkeyToAddress(s.payer.PublicKey),
		Recipient:   common.HexToAddress("0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"),
		Amount:      *uint256.NewInt(10_500_000),
		ValidBefore: 1_893_456_000,
	}, s.payer)
	if err != nil {
		t.Fatal(err)
	}
	s.qc = s.certify(t, s.rules.Committees()[0], s.tx)
	return s
}

// certify lets all validators vote for tx.
func (s *scene) certify(t *testing.T, c *fastpay.Committee, tx *fastpay.Tx) *fastpay.QC {
	t.Helper()
	var votes []*fastpay.Certificate
	for _, name := range validatorNames {
		key := validatorKey(name)
		index, ok := c.Index(key.Public().(ed25519.PublicKey))
		if !ok {
			t.Fatalf("%s is no member", name)
		}
		ids := []fastpay.ID{tx.ID()}
		root, err := fastpay.BatchRoot(ids)
		if err != nil {
			t.Fatal(err)
		}
		digest := fastpay.BatchDigest(c.ID(), c.Key(index), 1, root)
		batch, err := fastpay.NewBatch(c, index, ids, ed25519.Sign(key, digest[:]))
		if err != nil {
			t.Fatal(err)
		}
		votes = append(votes, batch.Certificate(0))
	}
	qc := fastpay.NewQC(c, tx, votes)
	if qc == nil {
		t.Fatal("no quorum")
	}
	return qc
}

// networkPath writes the network file and returns its path.
func (s *scene) networkPath(t *testing.T) string {
	t.Helper()
	data, err := s.network.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "network.toml", data)
}

// file is the QC file.
func (s *scene) file(t *testing.T) []byte { return encodeQCFile(t, s.qc.File()) }

func encodeQCFile(t *testing.T, f fastpay.QCFile) []byte {
	t.Helper()
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// files writes variants of a file into one directory and returns the path of
// the i-th.
func files(t *testing.T) func(data []byte) string {
	dir, n := t.TempDir(), 0
	return func(data []byte) string {
		n++
		path := filepath.Join(dir, fmt.Sprintf("%d.json", n))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
}
