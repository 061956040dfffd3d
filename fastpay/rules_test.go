package fastpay

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

func TestRulesRefusals(t *testing.T) {
	n := newNetwork4(t)
	m, _ := members(0, equalWeights(2))
	committee := func(chain, epoch, start, end uint64) *Committee {
		c, err := NewCommittee(chain, epoch, start, end, PaymentLane, m)
		noError(t, err)
		return c
	}
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no committee", func(c *Config) { c.Committees = nil }, "no committee"},
		{"two chains", func(c *Config) { c.Committees = []*Committee{n.c, committee(7, 2, epochEnd, epochEnd+1)} }, "is of chain 7"},
		{"epochs out of order", func(c *Config) { c.Committees = []*Committee{n.next, n.c} }, "must come after epoch 2"},
		{"one epoch twice", func(c *Config) { c.Committees = []*Committee{n.c, committee(testChainID, 1, epochEnd, epochEnd+1)} }, "must come after epoch 1"},
		{"epochs overlap", func(c *Config) { c.Committees = []*Committee{n.c, committee(testChainID, 2, epochEnd-1, epochEnd+1)} }, "start when that one has ended"},
		{"no asset", func(c *Config) { c.Assets = nil }, "no asset"},
		{"asset without address", func(c *Config) { c.Assets[0].Address = common.Address{} }, "needs an address"},
		{"min_amount 0", func(c *Config) { c.Assets[0].MinAmount.Clear() }, "min_amount"},
		{"asset twice", func(c *Config) { c.Assets[1] = c.Assets[0] }, "listed twice"},
		{"no max_fee", func(c *Config) { c.MaxFees = nil }, "no max_fee"},
		{"min_settle 0", func(c *Config) { c.MinSettle = 0 }, "min_settle"},
		{"default life below min_settle", func(c *Config) { c.DefaultLife = minSettle - 1 }, "default_life"},
		{"default life above max_life", func(c *Config) { c.DefaultLife = maxLife + 1 }, "max_life"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := n.cfg
			cfg.Assets = append([]Asset(nil), cfg.Assets...)
			c.change(&cfg)
			_, err := NewRules(cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("have error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func TestCommitteeAtFollowsStart(t *testing.T) {
	n := newNetwork4(t)
	for at, want := range map[uint64]*Committee{
		0: n.c, epochStart: n.c, epochEnd - 1: n.c, epochEnd: n.next, 3 * epochEnd: n.next,
	} {
		equal(t, "epoch", n.CommitteeAt(at).Epoch(), want.Epoch())
	}
}

func TestLaneOfFindsTheLaneOfANonceKey(t *testing.T) {
	n := newNetwork4(t)
	for _, asset := range []common.Address{usd, eur} {
		want := Lane{testChainID, asset, account(3)}
		got, ok := n.LaneOf(account(3), want.NonceKey(n.c))
		if !ok || got != want {
			t.Errorf("lane %+v, %v, want %+v", got, ok, want)
		}
	}
	if _, ok := n.LaneOf(account(3), *uint256.NewInt(7)); ok {
		t.Error("a nonce key outside the protocol has a lane")
	}
}

func TestRulesTellTheNetworkFile(t *testing.T) {
	n := newNetwork4(t)
	equal(t, "chain id", n.ChainID(), testChainID)
	equal(t, "min_settle", n.MinSettle(), minSettle)
	equal(t, "max_life", n.MaxLife(), maxLife)
	equal(t, "default_life", n.DefaultLife(), 600)
	equal(t, "max_fee", n.MaxFee(), *uint256.NewInt(maxFee))
	equal(t, "assets", len(n.Assets()), 2)
	equal(t, "committees", len(n.Committees()), 2)
	if c, ok := n.Committee(n.c.ID()); !ok || c != n.c {
		t.Error("the committee is not found by its id")
	}
	if _, ok := n.Committee(common.Hash{}); ok {
		t.Error("an unknown committee is found")
	}
}
