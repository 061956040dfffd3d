package fastpay

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"
)

// badEnvelopes are envelopes that no verifying constructor accepts.
var badEnvelopes = []struct {
	name   string
	change change
	code   Code
	text   string
}{
	{"another chain", func(e *Envelope) { e.ChainID++ }, WrongChain, "payment is for chain 42432"},
	{"unknown committee", func(e *Envelope) { e.CommitteeID[0] ^= 1 }, WrongCommittee, "not in this network file"},
	{"highest nonce", func(e *Envelope) { e.Seq = math.MaxUint64 }, InvalidFormat, "above the highest nonce"},
	{"amount 0", func(e *Envelope) { e.Amount.Clear() }, InvalidFormat, "amount is 0"},
	{"amount of 17 bytes", func(e *Envelope) { e.Amount.Lsh(uint256.NewInt(1), 128) }, InvalidFormat, "amount has more than 16 bytes"},
	{"max_fee of 17 bytes", func(e *Envelope) { e.MaxFee.Lsh(uint256.NewInt(1), 128) }, InvalidFormat, "max_fee has more than 16 bytes"},
	{"no expiry", until(0), InvalidFormat, "valid_before is 0"},
	{"to nobody", func(e *Envelope) { e.Recipient = common.Address{} }, InvalidFormat, "zero address"},
	{"to oneself", func(e *Envelope) { e.Recipient = e.Sender }, InvalidFormat, "is the sender"},
	{"to a token", func(e *Envelope) { e.Recipient = eur }, InvalidFormat, "is a token"},
	{"to a virtual address", func(e *Envelope) { copy(e.Recipient[4:14], bytes.Repeat([]byte{0xfd}, 10)) }, InvalidFormat, "virtual address"},
	{"nine parents", func(e *Envelope) { e.Parents = ids(9) }, InvalidFormat, "9 parents"},
	{"parents unsorted", func(e *Envelope) { e.Parents = ids(3); slices.Reverse(e.Parents) }, InvalidFormat, "do not ascend strictly at 1"},
	{"one parent twice", func(e *Envelope) { e.Parents = []ID{id(1), id(1)} }, InvalidFormat, "do not ascend strictly at 1"},
	{"unlisted asset", func(e *Envelope) { e.Asset[19] = 9 }, NotPaymentTx, "is not listed"},
	{"amount below the least", func(e *Envelope) { e.Asset, e.Amount = eur, *uint256.NewInt(9) }, NotPaymentTx, "below the network's least amount 10"},
	{"max_fee not allowed", func(e *Envelope) { e.MaxFee = *uint256.NewInt(maxFee + 1) }, NotPaymentTx, "max_fee"},
}

func TestEnvelopeRefusals(t *testing.T) {
	n := newNetwork4(t)
	for _, c := range badEnvelopes {
		t.Run(c.name, func(t *testing.T) {
			env := n.envelope(0, 1, 50, c.change)
			_, err := n.SignTx(env, payer(0))
			refused(t, err, c.code, c.text)
			refused(t, n.CheckEnvelope(&env), c.code, c.text)
		})
	}
	t.Run("sponsor as payer", func(t *testing.T) {
		_, err := n.SignTx(n.envelope(99, 1, 50), payer(99))
		refused(t, err, NotPaymentTx, "sponsor's account")
	})
}

// TestEnvelopesAreSignedElsewhere: an envelope travels as its RLP, and with the payer's
// signature it is the payment that the payer would have made itself.
func TestEnvelopesAreSignedElsewhere(t *testing.T) {
	n := newNetwork4(t)
	env := n.envelope(0, 1, 50)
	want, err := n.SignTx(env, payer(0))
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseEnvelope(env.Encode())
	if err != nil || got.ID() != want.ID() {
		t.Fatalf("envelope reads as %+v, %v", got, err)
	}
	if err := n.CheckEnvelope(&got); err != nil {
		t.Errorf("a good envelope is refused: %v", err)
	}
	tx, err := n.NewTx(got, want.Signature())
	if err != nil || !bytes.Equal(tx.Encode(), want.Encode()) {
		t.Errorf("payment of envelope and signature: %v, %v, want %x", tx, err, want.Encode())
	}
	_, err = n.NewTx(n.envelope(0, 1, 51), want.Signature())
	refused(t, err, InvalidFormat, "signature is of")
	_, err = ParseEnvelope(append(env.Encode(), 0))
	refused(t, err, InvalidFormat, "envelope is not canonical rlp")
}

func TestEnvelopeLimitsAreAccepted(t *testing.T) {
	n := newNetwork4(t)
	most := new(uint256.Int).Sub(new(uint256.Int).Lsh(uint256.NewInt(1), 128), uint256.NewInt(1))
	for name, c := range map[string]change{
		"least amount":          func(e *Envelope) { e.Asset, e.Amount = eur, *uint256.NewInt(10) },
		"most amount":           func(e *Envelope) { e.Amount = *most },
		"highest seq":           func(e *Envelope) { e.Seq = math.MaxUint64 - 1 },
		"eight parents":         func(e *Envelope) { e.Parents = ids(MaxParents) },
		"latest expiry":         until(math.MaxUint64),
		"latest restart":        func(e *Envelope) { e.Restart = math.MaxUint64 },
		"almost a token":        func(e *Envelope) { e.Recipient = common.HexToAddress("0x20c0000000000000000001000000000000000001") },
		"almost virtual":        func(e *Envelope) { copy(e.Recipient[4:13], bytes.Repeat([]byte{0xfd}, 9)) },
		"virtual at other byte": func(e *Envelope) { copy(e.Recipient[5:15], bytes.Repeat([]byte{0xfd}, 10)); e.Recipient[4] = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			want := n.envelope(0, 1, 50, c)
			tx, err := n.SignTx(want, payer(0))
			noError(t, err)
			again, err := n.ParseTx(tx.Encode())
			noError(t, err)
			equal(t, "id", again.ID(), want.ID())
		})
	}
}

func TestEnvelopeRLPIsTheListOfSection1(t *testing.T) {
	n := newNetwork4(t)
	e := n.envelope(0, 1, 300, noted(3), citingIDs(2), func(e *Envelope) { e.Seq, e.Restart = 9, 1_234 })
	parents := []any{e.Parents[0][:], e.Parents[1][:]}
	spelled, err := rlp.EncodeToBytes([]any{
		e.ChainID, e.CommitteeID[:], e.Asset[:], e.Sender[:], e.Seq, e.Prev[:], e.Recipient[:], e.Amount.ToBig(), e.MaxFee.ToBig(),
		parents, e.ValidBefore, e.Restart, e.Note[:],
	})
	noError(t, err)
	equal(t, "id", e.ID(), H("allegro/v1/tx", spelled))
}

// citingIDs makes a payment cite n unknown payments.
func citingIDs(n int) change { return func(e *Envelope) { e.Parents = ids(n) } }

func TestEveryFieldOfAnEnvelopeChangesItsID(t *testing.T) {
	n := newNetwork4(t)
	seen := map[ID]string{}
	base := n.envelope(0, 1, 50, citingIDs(2))
	seen[base.ID()] = "base"
	for name, c := range map[string]change{
		"chain": func(e *Envelope) { e.ChainID++ }, "committee": func(e *Envelope) { e.CommitteeID[9]++ }, "asset": func(e *Envelope) { e.Asset = eur },
		"sender": func(e *Envelope) { e.Sender[0]++ }, "seq": func(e *Envelope) { e.Seq++ }, "prev": func(e *Envelope) { e.Prev[0]++ },
		"recipient": func(e *Envelope) { e.Recipient[0]++ }, "amount": func(e *Envelope) { e.Amount.AddUint64(&e.Amount, 1) },
		"max_fee": func(e *Envelope) { e.MaxFee.AddUint64(&e.MaxFee, 1) }, "parents": citingIDs(1), "valid_before": func(e *Envelope) { e.ValidBefore++ },
		"restart": func(e *Envelope) { e.Restart++ }, "note": noted(1),
	} {
		e := base
		c(&e)
		if double, ok := seen[e.ID()]; ok {
			t.Errorf("%s changed: same id as %s", name, double)
		}
		seen[e.ID()] = name
	}
}

func TestChainTransactionIsTheOneOfSection1(t *testing.T) {
	n := newNetwork4(t)
	e := n.envelope(0, 1, 50, func(e *Envelope) { e.Seq = 4 })
	tx := e.Transaction(n.c)
	equal(t, "chain id", tx.ChainID, testChainID)
	equal(t, "tip", tx.MaxPriorityFeePerGas.Uint64(), 0)
	equal(t, "max fee", tx.MaxFeePerGas, e.MaxFee)
	equal(t, "gas", tx.Gas, 1_000_000)
	equal(t, "nonce key", tx.NonceKey, e.Lane().NonceKey(n.c))
	equal(t, "nonce", tx.Nonce, 4)
	equal(t, "valid before", tx.ValidBefore, e.ValidBefore)
	equal(t, "valid after", tx.ValidAfter, 0)
	equal(t, "sponsored", tx.Sponsored, true)
	equal(t, "fee token", tx.FeeToken, nil)
	equal(t, "lists", len(tx.AccessList)+len(tx.Authorizations)+len(tx.KeyAuthorization), 0)
	equal(t, "calls", len(tx.Calls), 1)
	equal(t, "callee", *tx.Calls[0].To, usd)
	equal(t, "value", tx.Calls[0].Value.Uint64(), 0)

	input, id := tx.Calls[0].Input, e.ID()
	want := crypto.Keccak256([]byte("transferWithMemo(address,uint256,bytes32)"))[:4]
	want = append(want, common.LeftPadBytes(e.Recipient[:], 32)...)
	want = append(want, common.LeftPadBytes([]byte{50}, 32)...)
	want = append(want, id[:]...)
	equal(t, "call data", fmt.Sprintf("%x", input), fmt.Sprintf("%x", want))
}
