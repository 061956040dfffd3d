package fastpay

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// subBlockCommittee is a committee of n members whose lanes are sub-block lanes.
func subBlockCommittee(t testing.TB, n int) *Committee {
	t.Helper()
	m, _ := members(0, equalWeights(n))
	for i := range m {
		m[i].NodeKey = crypto.Keccak256Hash([]byte{byte(i)})
	}
	c, err := NewCommittee(testChainID, 1, epochStart, epochEnd, SubBlockLane, m)
	noError(t, err)
	return c
}

func TestLaneIDNamesChainAssetAndSender(t *testing.T) {
	base := Lane{1, usd, account(0)}
	seen := map[common.Hash]bool{base.ID(): true}
	for _, other := range []Lane{{2, usd, account(0)}, {1, eur, account(0)}, {1, usd, account(1)}} {
		if seen[other.ID()] {
			t.Errorf("lane %+v has the id of another one", other)
		}
		seen[other.ID()] = true
	}
}

func TestLanePredecessorsDiffer(t *testing.T) {
	l, other := Lane{1, usd, account(0)}, Lane{1, usd, account(1)}
	seen := make(map[common.Hash]string)
	for name, h := range map[string]common.Hash{
		"genesis": l.Genesis(), "restart 3 at 5": l.Restart(3, 5), "restart 5 at 3": l.Restart(5, 3),
		"foreign": l.Foreign(3, common.Hash{1}), "foreign slot": l.Foreign(4, common.Hash{1}), "foreign hash": l.Foreign(3, common.Hash{2}),
		"other genesis": other.Genesis(), "other restart": other.Restart(3, 5), "other foreign": other.Foreign(3, common.Hash{1}),
	} {
		if double, ok := seen[h]; ok {
			t.Errorf("%s and %s are one hash", name, double)
		}
		seen[h] = name
	}
}

func TestPaymentLaneNonceKeyIsOnePerAsset(t *testing.T) {
	n := newNetwork4(t)
	a := Lane{testChainID, usd, account(0)}.NonceKey(n.c)
	b := Lane{testChainID, usd, account(1)}.NonceKey(n.next)
	c := Lane{testChainID, eur, account(0)}.NonceKey(n.c)
	equal(t, "key of another sender and committee", b, a)
	if a.Eq(&c) {
		t.Error("two assets share a nonce key")
	}
	key := a.Bytes32()
	equal(t, "first byte", key[0], 0x41)
}

func TestSubBlockLaneNonceKeyNamesTheHomeNode(t *testing.T) {
	c := subBlockCommittee(t, 5)
	homes := make(map[int]bool)
	for i := range 40 {
		l := Lane{testChainID, usd, account(i)}
		home := l.Home(c, 0)
		homes[home] = true
		nonceKey := l.NonceKey(c)
		key := nonceKey.Bytes32()
		node := c.Member(home).NodeKey
		if key[0] != 0x5b || !bytes.Equal(key[1:16], node[:15]) {
			t.Errorf("nonce key %x does not name the home's node %x", key, node)
		}
	}
	equal(t, "homes of 40 lanes", len(homes), 5)
}

// The submitter is (lane_id + attempt) mod n, with lane_id as a 256-bit number.
func TestHomeIsLaneIDModuloMembers(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 1000, MaxMembers} {
		m, _ := members(0, equalWeights(n))
		c, err := NewCommittee(testChainID, 1, 1, 2, PaymentLane, m)
		noError(t, err)
		for i := range 20 {
			l := Lane{testChainID, usd, account(i)}
			id := l.ID()
			for _, attempt := range []uint64{0, 1, 5, 1<<64 - 1} {
				want := new(big.Int).SetBytes(id[:])
				want.Add(want, new(big.Int).SetUint64(attempt)).Mod(want, big.NewInt(int64(n)))
				equal(t, "submitter", l.Home(c, attempt), int(want.Int64()))
			}
		}
	}
}

func TestPositionIsTheMemoOfTheOnlyTransfer(t *testing.T) {
	l := Lane{testChainID, usd, account(0)}
	ours := tx76.MemoTransfer{Token: usd, From: account(0), To: account(1), Amount: *uint256.NewInt(5), Memo: common.Hash{7}}
	changed := func(f func(*tx76.MemoTransfer)) tx76.MemoTransfer {
		c := ours
		f(&c)
		return c
	}
	otherToken := changed(func(m *tx76.MemoTransfer) { m.Token = eur })
	otherSender := changed(func(m *tx76.MemoTransfer) { m.From = account(2) })
	second := changed(func(m *tx76.MemoTransfer) { m.Memo = common.Hash{8} })
	foreign := l.Foreign(4, common.Hash{9})
	for _, c := range []struct {
		name      string
		transfers []tx76.MemoTransfer
		want      common.Hash
	}{
		{"exactly one", []tx76.MemoTransfer{ours}, ours.Memo},
		{"among others' transfers", []tx76.MemoTransfer{otherToken, ours, otherSender}, ours.Memo},
		{"another recipient and amount", []tx76.MemoTransfer{changed(func(m *tx76.MemoTransfer) { m.To, m.Amount = account(3), *uint256.NewInt(1) })}, ours.Memo},
		{"none: a revert", nil, foreign},
		{"only another token's", []tx76.MemoTransfer{otherToken}, foreign},
		{"only another sender's", []tx76.MemoTransfer{otherSender}, foreign},
		{"two", []tx76.MemoTransfer{ours, second}, foreign},
		{"the same twice", []tx76.MemoTransfer{ours, ours}, foreign},
	} {
		t.Run(c.name, func(t *testing.T) {
			equal(t, "position", l.PositionOf(&tx76.Outcome{Nonce: 4, TxHash: common.Hash{9}, Transfers: c.transfers}), c.want)
		})
	}
}

func TestNewAccountNeedsTheOutcomeBelowTheNonce(t *testing.T) {
	l := Lane{testChainID, usd, account(0)}
	fresh, err := NewAccount(l, *uint256.NewInt(3), 0, nil)
	noError(t, err)
	equal(t, "account at nonce 0", fresh, Account{*uint256.NewInt(3), 0, l.Genesis()})

	last := &tx76.Outcome{Sender: account(0), Nonce: 4, TxHash: common.Hash{1}}
	used, err := NewAccount(l, uint256.Int{}, 5, last)
	noError(t, err)
	equal(t, "tip", used.Tip, l.Foreign(4, common.Hash{1}))

	for name, o := range map[string]*tx76.Outcome{
		"none":       nil,
		"other slot": {Sender: account(0), Nonce: 5},
		"other lane": {Sender: account(1), Nonce: 4},
	} {
		if _, err := NewAccount(l, uint256.Int{}, 5, o); err == nil {
			t.Errorf("%s: an account without its tip was made", name)
		}
	}
}
