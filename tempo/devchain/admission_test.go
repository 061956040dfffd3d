package devchain_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

func TestAdmissionRefuses(t *testing.T) {
	c := start(t, withBaseFee(gwei20))
	now := uint64(genesisTime.Unix())
	for _, tc := range []struct {
		name string
		edit func(tx *tx76.Transaction)
		want string
	}{
		{"another chain", func(tx *tx76.Transaction) { tx.ChainID = 1 }, "invalid chain id: transaction is for 1, this chain is 31337"},
		{"fee below base fee", func(tx *tx76.Transaction) { tx.MaxFeePerGas = *uint256.NewInt(gwei20 - 1) }, "max fee per gas less than block base fee"},
		{"tip above fee", func(tx *tx76.Transaction) { tx.MaxPriorityFeePerGas = *uint256.NewInt(3 * gwei20) }, "max priority fee per gas higher"},
		{"gas above the cap", func(tx *tx76.Transaction) { tx.Gas = 30_000_001 }, "above the cap of 30000000"},
		{"too little gas", func(tx *tx76.Transaction) { tx.Gas = 270_999 }, "intrinsic gas too low: have 270999, need 271000"},
		{"expires in 3 s", func(tx *tx76.Transaction) { tx.ValidBefore = now + 3 }, "expires too soon"},
		{"valid only much later", func(tx *tx76.Transaction) { tx.ValidAfter = now + 121 }, "more than 120 s ahead"},
		{"native value", func(tx *tx76.Transaction) { tx.Calls[0].Value.SetOne() }, "native value transfer not allowed in Tempo mode"},
		{"creation", func(tx *tx76.Transaction) { tx.Calls[0].To = nil }, "does not support contract creation"},
		{"large input", func(tx *tx76.Transaction) { tx.Calls[0].Input = make([]byte, 128<<10+1) }, "input of 131073 bytes"},
		{"33 calls", func(tx *tx76.Transaction) {
			for len(tx.Calls) < 33 {
				tx.Calls = append(tx.Calls, tx.Calls[0])
			}
		}, "too many calls: have 33"},
		{"no calls", func(tx *tx76.Transaction) { tx.Calls = nil }, "calls: empty"},
		{"sub-block key", func(tx *tx76.Transaction) {
			tx.NonceKey.SetBytes(append([]byte{0x5b}, make([]byte, 31)...))
		}, "sub-block lanes ended with T4"},
		{"expiring nonce", func(tx *tx76.Transaction) { tx.NonceKey.SetAllOne() }, "does not support expiring nonces"},
		{"last nonce", func(tx *tx76.Transaction) { tx.Nonce = 1<<64 - 1 }, "nonce has max value"},
		{"authorizations", func(tx *tx76.Transaction) { tx.Authorizations = make([]tx76.Authorization, 1) }, "does not support authorization lists"},
		{"key authorization", func(tx *tx76.Transaction) { tx.KeyAuthorization = []byte{0xc2, 0xc0, 0x80} }, "does not support key authorizations"},
		{"fee token that is none", func(tx *tx76.Transaction) { tx.FeeToken = &tempo.FeeManager }, "is not a token of this chain"},
		{"poor payer", func(tx *tx76.Transaction) { tx.FeeToken = &tempo.BetaUSD }, "insufficient fee token balance: have 0, need 40000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx := priced(draft(0, pay(c.bob, usd(1))))
			tc.edit(tx)
			_, err := c.submit(c.sign(tx, c.alice))
			refusedWith(t, err, tc.want)
		})
	}
}

func refusedWith(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error is %v, want %q", err, want)
	}
	if coded, ok := err.(rpc.Error); !ok || coded.ErrorCode() != -32003 {
		t.Errorf("error has no code -32003: %#v", err)
	}
}

func TestAdmissionRefusesSignatures(t *testing.T) {
	c := start(t)
	bad := c.sign(draft(0, pay(c.bob, usd(1))), c.alice)
	bad.Signature[64] = 5
	_, err := c.submit(bad)
	refusedWith(t, err, "invalid signature")

	half := draft(0, pay(c.bob, usd(1)))
	half.Sponsored = true
	_, err = c.submit(c.sign(half, c.alice))
	refusedWith(t, err, "its signature is still missing")

	own := draft(0, pay(c.bob, usd(1)))
	own.Sponsored = true
	c.sign(own, c.alice)
	if err := own.SignSponsor(c.alice.address, c.alice.key); err != nil {
		t.Fatal(err)
	}
	_, err = c.submit(own)
	refusedWith(t, err, "cannot sponsor itself")

	keychain := draft(0, pay(c.bob, usd(1)))
	root := c.alice.address
	bound := crypto.Keccak256Hash([]byte{4}, keychain.SignHash().Bytes(), root[:])
	inner, signErr := tx76.SignSecp256k1(bound, c.bob.key)
	if signErr != nil {
		t.Fatal(signErr)
	}
	keychain.Signature = append(append([]byte{4}, root[:]...), inner...)
	_, err = c.submit(keychain)
	refusedWith(t, err, "does not support keychain signatures")

	var hash common.Hash
	err = c.rpc.Call(&hash, "eth_sendRawTransaction", hexutil.Bytes{0x02, 0xc0})
	refusedWith(t, err, "type byte 0x02, want 0x76")
}

// v is written as 0 or 1 by some; the transaction is known by the other form, in
// which a node encodes it.
func TestBothFormsOfVAreOneTransaction(t *testing.T) {
	c := start(t)
	tx := c.sign(draft(0, pay(c.bob, usd(1))), c.alice)
	short := *tx
	short.Signature = bytes.Clone(tx.Signature)
	short.Signature[64] -= 27
	if hash, err := c.submit(&short); err != nil || hash != tx.Hash() {
		t.Fatalf("hash %s, %v, want %s", hash, err, tx.Hash())
	}
	_, err := c.submit(tx)
	refusedWith(t, err, "transaction already imported")
	c.mine()
	c.status(tx.Hash(), 1)
	c.missing(short.Hash())
}

// The same bytes again are an error while they wait and a hash afterwards.
func TestDuplicates(t *testing.T) {
	c := start(t)
	tx := c.sign(draft(0, pay(c.bob, usd(1))), c.alice)
	c.send(tx)
	_, err := c.submit(tx)
	refusedWith(t, err, "transaction already imported")
	c.mine()
	c.send(tx)
	c.mine()
	c.holds(c.bob, usd(6))
}

// Another signature of the sponsor makes another transaction of the same
// payment: the first in the block wins.
func TestTwoSponsoringsOfOnePayment(t *testing.T) {
	c := start(t)
	first := c.sponsored(draft(0, pay(c.bob, usd(1))), c.alice)
	second := *first
	second.FeeToken = &tempo.PathUSD
	second.SponsorSignature = nil
	if err := second.SignSponsor(c.alice.address, c.bob.key); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first.Encode(), second.Encode()) {
		t.Fatal("one transaction, not two")
	}
	a, b := c.send(first), c.send(&second)
	c.mine()
	c.status(a, 1)
	c.missing(b)
	c.holds(c.bob, usd(6))
}

func TestPoolLimit(t *testing.T) {
	c := start(t, withPoolLimit(2))
	c.send(c.sign(draft(0, pay(c.bob, usd(1))), c.alice))
	c.send(c.sign(draft(1, pay(c.bob, usd(1))), c.alice))
	third := c.sign(draft(2, pay(c.bob, usd(1))), c.alice)
	_, err := c.submit(third)
	refusedWith(t, err, "txpool is full")
	c.mine()
	c.send(third)
}

// Signatures by browser keys are taken like any other.
func TestP256Sender(t *testing.T) {
	c := start(t)
	// The vector's key and transaction: made by an independent implementation.
	raw := vector(t, "p256-fee-payer")
	tx, err := tx76.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	sender, kind, err := tx.Sender()
	if err != nil || kind != tx76.P256 {
		t.Fatalf("%s, %v", kind, err)
	}
	c.send(c.sign(draft(0, pay(account{address: sender}, usd(20))), c.alice))
	hash := c.send(tx)
	c.mine()
	if r := c.receipt(hash); r.Status != 1 || r.GasUsed != 302_570+5_000 {
		t.Errorf("status %d, gas %d", r.Status, r.GasUsed)
	}
}
