package fastpay

import (
	"errors"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

func TestAdvanceKeepsWhatNoLogChanges(t *testing.T) {
	s := NewSnapshot(Block{Number: 7})
	kept, touched := Lane{testChainID, usd, account(0)}, Lane{testChainID, usd, account(1)}
	s.SetAccount(kept, Account{Balance: *uint256.NewInt(5)})
	s.SetAccount(touched, Account{Balance: *uint256.NewInt(6)})
	transfer := Transfer{usd, account(0), account(1)}
	s.SetPolicy(transfer, nil)
	forbidden := Transfer{usd, account(1), account(0)}
	s.SetPolicy(forbidden, errors.New("on the issuer's list"))

	next := s.Advance(Block{Number: 8}, []common.Address{account(1), account(2)}, false)
	equal(t, "block", next.Block().Number, 8)
	equal(t, "accounts", next.Len(), 1)
	if a, ok := next.Account(kept.ID()); !ok || a.Balance.Uint64() != 5 {
		t.Error("an account that no log touched is lost")
	}
	if _, ok := next.Account(touched.ID()); ok {
		t.Error("a touched account is kept")
	}
	if _, ok := next.policies[transfer]; !ok {
		t.Error("a transfer that may be made is asked for again")
	}
	if _, ok := next.policies[forbidden]; ok {
		t.Error("a refusal outlives its block")
	}
	changed := next.Advance(Block{Number: 9}, nil, true)
	equal(t, "policies after a change", len(changed.policies), 0)
	equal(t, "accounts after a change of policies", changed.Len(), 1)
	next.SetAccount(Lane{testChainID, usd, account(3)}, Account{})
	equal(t, "accounts of the earlier snapshot", s.Len(), 2)
}

// Payments that nobody votes for cost reads too: a full snapshot starts over, and
// takes what comes next.
func TestSnapshotIsBounded(t *testing.T) {
	s := NewSnapshot(Block{Number: 7})
	lane := func(i int) Lane {
		return Lane{testChainID, usd, common.BigToAddress(uint256.NewInt(uint64(i)).ToBig())}
	}
	transfer := func(i int) Transfer { return Transfer{usd, lane(i).Sender, account(0)} }
	for i := range MaxSnapshot {
		s.SetAccount(lane(i), Account{Nonce: uint64(i)})
		s.SetPolicy(transfer(i), nil)
	}
	equal(t, "lanes", s.Len(), MaxSnapshot)
	equal(t, "policies", len(s.policies), MaxSnapshot)
	s.SetAccount(lane(MaxSnapshot), Account{Nonce: 7})
	s.SetPolicy(transfer(MaxSnapshot), nil)
	equal(t, "lanes after one more", s.Len(), 1)
	equal(t, "policies after one more", len(s.policies), 1)
	equal(t, "block", s.Block().Number, 7)
	if a, ok := s.Account(lane(MaxSnapshot).ID()); !ok || a.Nonce != 7 {
		t.Error("the lane that did not fit was not taken")
	}
}

func TestNeedErrorSaysWhatIsMissing(t *testing.T) {
	err := &NeedError{
		Lanes:     []Lane{{testChainID, usd, account(0)}},
		Transfers: []Transfer{{eur, account(1), account(2)}},
	}
	for _, want := range []string{account(0).Hex(), usd.Hex(), account(1).Hex(), account(2).Hex(), eur.Hex()} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}
