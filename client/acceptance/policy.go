package acceptance

import (
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Rule says at which stage payments of an asset, up to an amount, are accepted. The
// limits apply to acceptance at CERTIFIED, where the payee bears a risk; a payment that
// does not keep them waits for INCLUDED. A nil or zero limit is none.
type Rule struct {
	Asset common.Address // zeros: any asset
	UpTo  *uint256.Int   // largest amount, in token units; nil: any
	At    fastpay.Stage  // CERTIFIED, INCLUDED or FINALIZED

	PerPayer  *uint256.Int  // most that one payer may have outstanding, this payment included
	Total     *uint256.Int  // the same of all payers together
	MaxDepth  *int          // most payments, one upon the other, that have to execute before this one
	MinMargin time.Duration // least time to the first expiry; below LeastMargin, that holds
}

// Policy is a list of rules, of which the first that fits a payment decides. A payment
// that none fits waits for INCLUDED. So does every payment under the empty policy.
type Policy []Rule

// Default is what holds where no rule fits.
const Default = fastpay.StageIncluded

// LeastMargin is asked of every payment that is accepted at CERTIFIED: the chain takes none
// in the last seconds before its expiry, and a payment needs a block.
const LeastMargin = 10 * time.Second

// Payment is what a decision depends on.
type Payment struct {
	Asset  common.Address
	Amount uint256.Int
	Stage  fastpay.Stage
	// Proved reports that a QC is held, which whoever is told of the payment can verify.
	// Unprovable reports that its votes were waited for in vain: only then is a payment
	// accepted without one, once it is FINALIZED.
	Proved, Unprovable bool
	// What follows matters at CERTIFIED only. Depth is the number of payments, one upon the
	// other, that the chain has to execute first. Complete reports whether all of them are
	// known and certified.
	Depth    int
	Complete bool
	// Unfunded reports that one of them, or the payment itself, names one that came to nothing.
	Unfunded bool
	// Unread reports that the payee's node has yet to say what the chain has made of one of
	// them, or of the payment itself.
	Unread bool
	// Margin is the time until the first of them, or the payment itself, expires.
	Margin time.Duration
}

// Outstanding is what has been accepted of an asset at CERTIFIED and is in no block
// yet, in token units.
type Outstanding struct {
	Payer, Total uint256.Int
}

// Decision says whether a payment is accepted now, and why.
type Decision struct {
	Accepted bool
	// At is the stage that is asked of the payment.
	At fastpay.Stage
	// Rule is the place of the rule in the policy, from 1; 0 if none fits.
	Rule int
	// Reason names the rule, and the limit that the payment does not keep, for people.
	Reason string
	// Limited reports that the payment waits for a limit, which may have room later.
	Limited bool
	// Unread reports that it waits for the payee's node, which is to be asked.
	Unread bool
}

// Validate reports the first rule that makes no sense.
func (p Policy) Validate() error {
	for i, r := range p {
		if err := r.validate(); err != nil {
			return fmt.Errorf("accept rule %d: %w", i+1, err)
		}
		for j, earlier := range p[:i] {
			if earlier.covers(r) {
				return fmt.Errorf("accept rule %d is never reached: rule %d takes all of its payments, put it before that", i+1, j+1)
			}
		}
	}
	return nil
}

func (r Rule) validate() error {
	switch r.At {
	case fastpay.StageCertified, fastpay.StageIncluded, fastpay.StageFinalized:
	default:
		return fmt.Errorf("at is %q: want certified, included or finalized", r.At)
	}
	switch {
	case r.UpTo != nil && r.UpTo.IsZero():
		return errors.New("up_to is 0: no payment is that small")
	case r.MaxDepth != nil && *r.MaxDepth < 0:
		return fmt.Errorf("max_depth is %d: want 0 or more", *r.MaxDepth)
	case r.MinMargin < 0:
		return fmt.Errorf("min_margin is %s: want 0 or more", r.MinMargin)
	case r.At != fastpay.StageCertified && (r.PerPayer != nil || r.Total != nil || r.MaxDepth != nil || r.MinMargin != 0):
		return errors.New("it has a limit that concerns acceptance at certified only: remove it")
	}
	return nil
}

// covers reports whether a rule takes every payment that another one would.
func (r Rule) covers(o Rule) bool {
	if r.Asset != (common.Address{}) && r.Asset != o.Asset {
		return false
	}
	return r.UpTo == nil || o.UpTo != nil && !o.UpTo.Gt(r.UpTo)
}

func (r Rule) fits(pay Payment) bool {
	return (r.Asset == (common.Address{}) || r.Asset == pay.Asset) && (r.UpTo == nil || !pay.Amount.Gt(r.UpTo))
}

// Decide says whether a payment is accepted as it stands.
func (p Policy) Decide(pay Payment, out Outstanding) Decision {
	d := Decision{At: Default, Reason: "no rule fits it"}
	for i, r := range p {
		if !r.fits(pay) {
			continue
		}
		d = Decision{At: r.At, Rule: i + 1, Reason: fmt.Sprintf("rule %d", i+1)}
		if r.At == fastpay.StageCertified && reached(pay.Stage, fastpay.StageCertified) && !reached(pay.Stage, fastpay.StageIncluded) {
			if limit := r.limit(pay, out); limit != "" {
				d.At, d.Reason, d.Limited = fastpay.StageIncluded, fmt.Sprintf("rule %d, but %s", i+1, limit), true
				d.Unread = pay.Complete && !pay.Unfunded && pay.Unread
			}
		}
		break
	}
	if reached(pay.Stage, fastpay.StageIncluded) && !pay.Proved {
		d.At, d.Reason, d.Limited = fastpay.StageFinalized, d.Reason+", but no QC of it is held", !pay.Unprovable
	}
	d.Accepted = reached(pay.Stage, d.At) && !d.Limited
	return d
}

// reached reports whether a stage is one on the good way, and at least the wanted one.
func reached(stage, want fastpay.Stage) bool { return stage.Rank() >= want.Rank() }

// limit names the limit that a payment does not keep; empty: it keeps them all.
func (r Rule) limit(pay Payment, out Outstanding) string {
	if !pay.Complete {
		return "not every payment that it stands on is known and certified"
	}
	if pay.Unfunded {
		return "a payment that it stands on has come to nothing"
	}
	if pay.Unread {
		return "the chain node has yet to say that it was not executed long ago"
	}
	if r.MaxDepth != nil && pay.Depth > *r.MaxDepth {
		return fmt.Sprintf("it stands on %d payments that no block has, one upon the other, above max_depth %d", pay.Depth, *r.MaxDepth)
	}
	if least := max(r.MinMargin, LeastMargin); pay.Margin < least {
		return fmt.Sprintf("it may expire in %s, below min_margin %s", max(pay.Margin, 0).Truncate(time.Second), least)
	}
	for _, l := range []struct {
		name  string
		most  *uint256.Int
		there uint256.Int
	}{{"per_payer", r.PerPayer, out.Payer}, {"total", r.Total, out.Total}} {
		if l.most == nil {
			continue
		}
		sum, overflow := new(uint256.Int).AddOverflow(&l.there, &pay.Amount)
		if overflow {
			sum.SetAllOne()
		}
		if sum.Gt(l.most) {
			return fmt.Sprintf("%s units would be outstanding with it, above %s %s", sum.Dec(), l.name, l.most.Dec())
		}
	}
	return ""
}
