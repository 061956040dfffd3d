package fastpay

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

func TestAdvanceKeepsUntouchedAccountsAndNoPolicies(t *testing.T) {
	s := NewSnapshot(Block{Number: 7})
	kept, touched := common.Hash{1}, common.Hash{2}
	s.SetAccount(kept, Account{Balance: *uint256.NewInt(5)})
	s.SetAccount(touched, Account{Balance: *uint256.NewInt(6)})
	transfer := Transfer{usd, account(0), account(1)}
	s.SetPolicy(transfer, nil)

	next := s.Advance(Block{Number: 8}, func(id common.Hash) bool { return id == touched })
	equal(t, "block", next.Block().Number, 8)
	equal(t, "accounts", next.Len(), 1)
	if a, ok := next.Account(kept); !ok || a.Balance.Uint64() != 5 {
		t.Error("an account that no log touched is lost")
	}
	if _, ok := next.Account(touched); ok {
		t.Error("a touched account is kept")
	}
	if _, ok := next.policies[transfer]; ok {
		t.Error("a policy outlives its block")
	}
	next.SetAccount(common.Hash{3}, Account{})
	equal(t, "accounts of the earlier snapshot", s.Len(), 2)
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
