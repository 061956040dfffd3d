package acceptance_test

import (
	"math"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

var dollar, euro = common.Address{1}, common.Address{2}

func units(n uint64) *uint256.Int { return uint256.NewInt(n) }

func depth(n int) *int { return &n }

// certified is a payment of dollars that stands on nothing.
func certified(amount uint64) acceptance.Payment {
	return acceptance.Payment{
		Asset: dollar, Amount: *units(amount), Stage: fastpay.StageCertified, Proved: true, Complete: true, Margin: time.Minute,
	}
}

func changed(p acceptance.Payment, change func(*acceptance.Payment)) acceptance.Payment {
	change(&p)
	return p
}

// shop takes coffees when they are CERTIFIED, meals when they are INCLUDED and cars when
// they are FINALIZED.
var shop = acceptance.Policy{
	{UpTo: units(50), At: fastpay.StageCertified, PerPayer: units(100), Total: units(200), MaxDepth: depth(2), MinMargin: 30 * time.Second},
	{Asset: dollar, UpTo: units(1_000), At: fastpay.StageIncluded},
	{Asset: dollar, At: fastpay.StageFinalized},
}

func TestDecide(t *testing.T) {
	at := func(p acceptance.Payment, s fastpay.Stage) acceptance.Payment {
		return changed(p, func(p *acceptance.Payment) { p.Stage = s })
	}
	for name, c := range map[string]struct {
		policy acceptance.Policy
		pay    acceptance.Payment
		out    acceptance.Outstanding
		want   acceptance.Decision
	}{
		"nothing is accepted before INCLUDED without a policy": {
			nil, certified(1), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Reason: "no rule fits it"},
		},
		"INCLUDED without a policy": {
			nil, at(certified(1), fastpay.StageIncluded), acceptance.Outstanding{},
			acceptance.Decision{Accepted: true, At: fastpay.StageIncluded, Reason: "no rule fits it"},
		},
		"no rule for the asset": {
			shop, changed(certified(51), func(p *acceptance.Payment) { p.Asset = euro }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Reason: "no rule fits it"},
		},
		"a rule without an asset is of all": {
			shop, changed(certified(50), func(p *acceptance.Payment) { p.Asset = euro }), acceptance.Outstanding{},
			acceptance.Decision{Accepted: true, At: fastpay.StageCertified, Rule: 1, Reason: "rule 1"},
		},
		"it stands on what came to nothing": {
			acceptance.Policy{{At: fastpay.StageCertified}}, changed(certified(1), func(p *acceptance.Payment) { p.Unfunded, p.Unread = true, true }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Reason: "rule 1, but a payment that it stands on has come to nothing"},
		},
		"the least margin is asked without a limit": {
			acceptance.Policy{{At: fastpay.StageCertified}}, changed(certified(1), func(p *acceptance.Payment) { p.Margin = acceptance.LeastMargin - 1 }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Reason: "rule 1, but it may expire in 9s, below min_margin 10s"},
		},
		"in a block without a QC": {
			shop, changed(at(certified(1), fastpay.StageIncluded), func(p *acceptance.Payment) { p.Proved = false }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageFinalized, Rule: 1, Limited: true, Reason: "rule 1, but no QC of it is held"},
		},
		"in a final block without a QC": {
			nil, changed(at(certified(1), fastpay.StageFinalized), func(p *acceptance.Payment) { p.Proved = false }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageFinalized, Limited: true, Reason: "no rule fits it, but no QC of it is held"},
		},
		"in a block, and its votes do not come": {
			nil, changed(at(certified(1), fastpay.StageIncluded), func(p *acceptance.Payment) { p.Proved, p.Unprovable = false, true }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageFinalized, Reason: "no rule fits it, but no QC of it is held"},
		},
		"in a final block, and its votes do not come": {
			nil, changed(at(certified(1), fastpay.StageFinalized), func(p *acceptance.Payment) { p.Proved, p.Unprovable = false, true }), acceptance.Outstanding{},
			acceptance.Decision{Accepted: true, At: fastpay.StageFinalized, Reason: "no rule fits it, but no QC of it is held"},
		},
		"the node has not been heard": {
			shop, changed(certified(1), func(p *acceptance.Payment) { p.Unread = true }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Unread: true,
				Reason: "rule 1, but the chain node has yet to say that it was not executed long ago"},
		},
		"exactly up_to": {
			shop, certified(50), acceptance.Outstanding{},
			acceptance.Decision{Accepted: true, At: fastpay.StageCertified, Rule: 1, Reason: "rule 1"},
		},
		"above up_to": {
			shop, certified(51), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 2, Reason: "rule 2"},
		},
		"above up_to, INCLUDED": {
			shop, at(certified(1_000), fastpay.StageIncluded), acceptance.Outstanding{},
			acceptance.Decision{Accepted: true, At: fastpay.StageIncluded, Rule: 2, Reason: "rule 2"},
		},
		"above all up_to": {
			shop, at(certified(1_001), fastpay.StageIncluded), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageFinalized, Rule: 3, Reason: "rule 3"},
		},
		"FINALIZED": {
			shop, at(certified(1_001), fastpay.StageFinalized), acceptance.Outstanding{},
			acceptance.Decision{Accepted: true, At: fastpay.StageFinalized, Rule: 3, Reason: "rule 3"},
		},
		"one vote is not enough, and no limit is named": {
			shop, changed(certified(50), func(p *acceptance.Payment) { p.Stage, p.Complete, p.Margin = fastpay.StageAccepted, false, 0 }),
			acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageCertified, Rule: 1, Reason: "rule 1"},
		},
		"QUEUED_ONCHAIN is more than CERTIFIED": {
			shop, at(certified(50), fastpay.StageQueuedOnchain), acceptance.Outstanding{},
			acceptance.Decision{Accepted: true, At: fastpay.StageCertified, Rule: 1, Reason: "rule 1"},
		},
		"a payment that came to nothing": {
			shop, at(certified(50), fastpay.StageFailed), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageCertified, Rule: 1, Reason: "rule 1"},
		},
		"an unknown parent": {
			shop, changed(certified(50), func(p *acceptance.Payment) { p.Complete = false }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Reason: "rule 1, but not every payment that it stands on is known and certified"},
		},
		"exactly max_depth": {
			shop, changed(certified(50), func(p *acceptance.Payment) { p.Depth = 2 }), acceptance.Outstanding{},
			acceptance.Decision{Accepted: true, At: fastpay.StageCertified, Rule: 1, Reason: "rule 1"},
		},
		"above max_depth": {
			shop, changed(certified(50), func(p *acceptance.Payment) { p.Depth = 3 }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Reason: "rule 1, but it stands on 3 payments that no block has, one upon the other, above max_depth 2"},
		},
		"exactly min_margin": {
			shop, changed(certified(50), func(p *acceptance.Payment) { p.Margin = 30 * time.Second }), acceptance.Outstanding{},
			acceptance.Decision{Accepted: true, At: fastpay.StageCertified, Rule: 1, Reason: "rule 1"},
		},
		"below min_margin": {
			shop, changed(certified(50), func(p *acceptance.Payment) { p.Margin = 29 * time.Second }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Reason: "rule 1, but it may expire in 29s, below min_margin 30s"},
		},
		"its time has passed": {
			shop, changed(certified(50), func(p *acceptance.Payment) { p.Margin = -time.Second }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Reason: "rule 1, but it may expire in 0s, below min_margin 30s"},
		},
		"exactly per_payer and total": {
			shop, certified(50), acceptance.Outstanding{Payer: *units(50), Total: *units(150)},
			acceptance.Decision{Accepted: true, At: fastpay.StageCertified, Rule: 1, Reason: "rule 1"},
		},
		"above per_payer": {
			shop, certified(50), acceptance.Outstanding{Payer: *units(51), Total: *units(51)},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Reason: "rule 1, but 101 units would be outstanding with it, above per_payer 100"},
		},
		"above total": {
			shop, certified(50), acceptance.Outstanding{Payer: *units(1), Total: *units(151)},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Reason: "rule 1, but 201 units would be outstanding with it, above total 200"},
		},
		"a sum above all numbers": {
			shop, certified(50), acceptance.Outstanding{Payer: *new(uint256.Int).SetAllOne()},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Reason: "rule 1, but 115792089237316195423570985008687907853269984665640564039457584007913129639935 units would be outstanding with it, above per_payer 100"},
		},
		"limits are of no concern once a block has it": {
			shop, changed(certified(50), func(p *acceptance.Payment) { p.Stage, p.Complete = fastpay.StageIncluded, false }),
			acceptance.Outstanding{Payer: *units(100), Total: *units(200)},
			acceptance.Decision{Accepted: true, At: fastpay.StageCertified, Rule: 1, Reason: "rule 1"},
		},
		"max_depth 0 is a limit": {
			acceptance.Policy{{At: fastpay.StageCertified, MaxDepth: depth(0)}},
			changed(certified(50), func(p *acceptance.Payment) { p.Depth = 1 }), acceptance.Outstanding{},
			acceptance.Decision{At: fastpay.StageIncluded, Rule: 1, Limited: true, Reason: "rule 1, but it stands on 1 payments that no block has, one upon the other, above max_depth 0"},
		},
		"no limit is none but the least margin": {
			acceptance.Policy{{At: fastpay.StageCertified}},
			changed(certified(math.MaxUint64), func(p *acceptance.Payment) { p.Depth, p.Margin = 32, acceptance.LeastMargin }),
			acceptance.Outstanding{Payer: *units(math.MaxUint64), Total: *units(math.MaxUint64)},
			acceptance.Decision{Accepted: true, At: fastpay.StageCertified, Rule: 1, Reason: "rule 1"},
		},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.policy.Decide(c.pay, c.out)) })
	}
}

func TestValidate(t *testing.T) {
	require.NoError(t, shop.Validate())
	require.NoError(t, acceptance.Policy(nil).Validate())
	for want, p := range map[string]acceptance.Policy{
		`accept rule 1: at is "ACCEPTED": want certified, included or finalized`:               {{At: fastpay.StageAccepted}},
		`accept rule 1: at is "": want certified, included or finalized`:                       {{}},
		"accept rule 1: up_to is 0: no payment is that small":                                  {{UpTo: units(0), At: fastpay.StageCertified}},
		"accept rule 1: max_depth is -1: want 0 or more":                                       {{At: fastpay.StageCertified, MaxDepth: depth(-1)}},
		"accept rule 1: min_margin is -1s: want 0 or more":                                     {{At: fastpay.StageCertified, MinMargin: -time.Second}},
		"accept rule 1: it has a limit that concerns acceptance at certified only: remove it":  {{At: fastpay.StageIncluded, PerPayer: units(1)}},
		"accept rule 2: it has a limit that concerns acceptance at certified only: remove it":  {shop[0], {At: fastpay.StageFinalized, MinMargin: 1}},
		"accept rule 2 is never reached: rule 1 takes all of its payments, put it before that": {{At: fastpay.StageIncluded}, {Asset: dollar, At: fastpay.StageFinalized}},
		"accept rule 3 is never reached: rule 2 takes all of its payments, put it before that": {shop[0], {Asset: euro, UpTo: units(60), At: fastpay.StageIncluded}, {Asset: euro, UpTo: units(60), At: fastpay.StageFinalized}},
	} {
		require.EqualError(t, p.Validate(), want)
	}
	for name, p := range map[string]acceptance.Policy{
		"another asset":   {{Asset: dollar, At: fastpay.StageIncluded}, {Asset: euro, At: fastpay.StageFinalized}},
		"all assets":      {{Asset: dollar, At: fastpay.StageIncluded}, {At: fastpay.StageFinalized}},
		"a larger amount": {{UpTo: units(10), At: fastpay.StageIncluded}, {UpTo: units(11), At: fastpay.StageFinalized}},
		"every amount":    {{UpTo: units(10), At: fastpay.StageIncluded}, {At: fastpay.StageFinalized}},
	} {
		require.NoError(t, p.Validate(), name)
	}
}
