package netfile

import (
	"crypto/ecdsa"
	"errors"
	"slices"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// payer is an account of the tests.
func payer(t *testing.T) (*ecdsa.PrivateKey, common.Address) {
	t.Helper()
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("payer")))
	if err != nil {
		t.Fatal(err)
	}
	return key, crypto.PubkeyToAddress(key.PublicKey)
}

func TestRules(t *testing.T) {
	r, err := sample().Rules()
	if err != nil {
		t.Fatal(err)
	}
	if r.ChainID() != 31337 || r.MinSettle() != 600 || r.DefaultLife() != 3_600 || r.MaxLife() != 86_400 {
		t.Errorf("chain %d, times %d, %d, %d", r.ChainID(), r.MinSettle(), r.DefaultLife(), r.MaxLife())
	}
	if len(r.Committees()) != 2 || len(r.Assets()) != 2 || r.Assets()[1].MinAmount.Uint64() != 100 {
		t.Errorf("%d committees, assets %+v", len(r.Committees()), r.Assets())
	}
	if fee := r.MaxFee(); !fee.IsZero() {
		t.Errorf("wallets name the fee %s, want the first one", fee.Dec())
	}
	c := r.Committees()[1]
	if c.Epoch() != 2 || c.Start() != 2_000_000_000 || c.End() != 4_102_444_800 || c.Len() != 4 || c.LaneKind() != fastpay.PaymentLane {
		t.Errorf("second committee: epoch %d from %d to %d, %d members, lane kind %d", c.Epoch(), c.Start(), c.End(), c.Len(), c.LaneKind())
	}

	f := sample()
	subBlock(f)
	r, err = f.Rules()
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Committees()[0]; c.LaneKind() != fastpay.SubBlockLane || c.Member(0).NodeKey == [32]byte{} {
		t.Errorf("sub-block lane: kind %d, node key %x", c.LaneKind(), c.Member(0).NodeKey)
	}
}

// The lists of the file decide what a payment may say.
func TestRulesPolicy(t *testing.T) {
	key, account := payer(t)
	for _, c := range []struct {
		name   string
		change func(*File, *fastpay.Envelope)
		ok     bool
	}{
		{"plain", func(*File, *fastpay.Envelope) {}, true},
		{"second fee", func(_ *File, e *fastpay.Envelope) { e.MaxFee = *uint256.NewInt(20_000_000_000) }, true},
		{"other fee", func(_ *File, e *fastpay.Envelope) { e.MaxFee = *uint256.NewInt(1) }, false},
		{"other asset", func(_ *File, e *fastpay.Envelope) { e.Asset = common.Address{1} }, false},
		{"small amount", func(_ *File, e *fastpay.Envelope) { e.Amount = *uint256.NewInt(99) }, false},
		{"sponsor pays", func(f *File, _ *fastpay.Envelope) { f.Committees[0].Members[1].Sponsor = Address(account) }, false},
	} {
		f := sample()
		e := fastpay.Envelope{
			ChainID: 31337, Asset: common.Address(f.Assets[1].Address), Sender: account, Recipient: common.Address{7},
			Amount: *uint256.NewInt(100), ValidBefore: 4_000,
		}
		c.change(f, &e)
		r, err := f.Rules()
		if err != nil {
			t.Fatal(err)
		}
		e.CommitteeID = r.Committees()[0].ID()
		_, err = r.SignTx(e, key)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, fastpay.NotPaymentTx) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The order of members in the file is free: the committee is the same.
func TestMemberOrder(t *testing.T) {
	f, g := sample(), sample()
	slices.Reverse(g.Committees[1].Members)
	a, err := f.Rules()
	if err != nil {
		t.Fatal(err)
	}
	b, err := g.Rules()
	if err != nil {
		t.Fatal(err)
	}
	if a.Committees()[1].ID() != b.Committees()[1].ID() {
		t.Error("the order of members changes the committee's id")
	}
	if g.Committees[1].Members[0].Name != "gustav" {
		t.Error("building the rules sorted the file itself")
	}
}
