package netfile

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// TestQCOfTheExample: testdata has a payment with the votes of dave and edgar, so that
// examples and tests of other packages show what they do with a real one.
func TestQCOfTheExample(t *testing.T) {
	rules, err := sample().Rules()
	if err != nil {
		t.Fatal(err)
	}
	committee := rules.Committees()[0]
	payer, err := crypto.ToECDSA(crypto.Keccak256([]byte("example payer")))
	if err != nil {
		t.Fatal(err)
	}
	env := fastpay.Envelope{
		ChainID: rules.ChainID(), CommitteeID: committee.ID(), Asset: common.Address(sample().Assets[0].Address),
		Sender:    crypto.PubkeyToAddress(payer.PublicKey),
		Recipient: common.HexToAddress("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"), // as in the payment requests' vectors
		Amount:    *uint256.NewInt(10_000_000), MaxFee: rules.MaxFee(), ValidBefore: 1_800_000_000, Note: fastpay.NoteHash("INV-7"),
	}
	env.Prev = env.Lane().Genesis()
	tx, err := rules.SignTx(env, payer)
	if err != nil {
		t.Fatal(err)
	}
	ids := []fastpay.ID{tx.ID()}
	root, err := fastpay.BatchRoot(ids)
	if err != nil {
		t.Fatal(err)
	}
	var votes []*fastpay.Certificate
	for i, name := range []string{"dave", "edgar"} {
		seed := make([]byte, ed25519.SeedSize)
		copy(seed, name)
		digest := fastpay.BatchDigest(committee.ID(), committee.Key(i), len(ids), root)
		batch, err := fastpay.NewBatch(committee, i, ids, ed25519.Sign(ed25519.NewKeyFromSeed(seed), digest[:]))
		if err != nil {
			t.Fatal(err)
		}
		votes = append(votes, batch.Certificate(0))
	}
	have, err := json.MarshalIndent(fastpay.NewQC(committee, tx, votes).File(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	have = append(have, '\n')
	requireGolden(t, "testdata/qc.json", have)
}
