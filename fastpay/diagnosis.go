package fastpay

import "slices"

// Reason says why a payment is where it is: what it waits for, or what ended it.
type Reason string

const (
	// ReasonUnknown: the payment is not held.
	ReasonUnknown Reason = "unknown"
	// ReasonVotes: nothing is known to be in the way. The members that have voted, and
	// those that are reached and have not refused, make a quorum.
	ReasonVotes Reason = "votes"
	// ReasonUnreached: without members that are not reached no quorum votes or, once
	// there is a QC, nobody settles the payment.
	ReasonUnreached Reason = "unreached"
	// ReasonRefused: without members that refuse it no quorum votes.
	ReasonRefused Reason = "refused"
	// ReasonRival: so many members have voted for another payment of its slot that no
	// quorum is left for this one.
	ReasonRival Reason = "rival"
	// ReasonPredecessor: the payment that it names as prev is not certified or, once
	// there is a QC, not executed.
	ReasonPredecessor Reason = "predecessor"
	// ReasonParent: the same of a payment that it cites for its credit, or that one
	// has ended without effect.
	ReasonParent Reason = "parent"
	// ReasonOverdue: the finalized time has reached valid_before, and the chain has yet
	// to say whether the slot is used.
	ReasonOverdue Reason = "overdue"
	// ReasonHome: there is a QC, and the one member through whose node the payment
	// settles is not reached.
	ReasonHome Reason = "home"
	// ReasonStale: there is a QC, and this peer's node shows no blocks in which the
	// payment could be seen.
	ReasonStale Reason = "stale"
	// ReasonSettling: there is a QC, and the members take turns to hand the payment to
	// their nodes.
	ReasonSettling Reason = "settling"
	// ReasonIncluded: a block that is not final yet has executed it.
	ReasonIncluded Reason = "included"
	// ReasonFinalized: a finalized block has executed it.
	ReasonFinalized Reason = "finalized"
	// ReasonEnded: the chain has decided against it; the evidence says how.
	ReasonEnded Reason = "ended"
)

// Reasons returns every reason, in the order of the constants.
func Reasons() []Reason {
	return []Reason{ReasonUnknown, ReasonVotes, ReasonUnreached, ReasonRefused, ReasonRival, ReasonPredecessor, ReasonParent,
		ReasonOverdue, ReasonHome, ReasonStale, ReasonSettling, ReasonIncluded, ReasonFinalized, ReasonEnded}
}

// Case is what one peer knows of a payment that is asked about. [Board.Trace] makes it.
type Case struct {
	Committee   *Committee
	Stage       Stage
	Evidence    *StageEvidence // nil until the chain has said something
	ValidBefore uint64
	Finalized   uint64 // time of the newest finalized block; 0 before one was seen
	Stale       bool   // the peer's node has shown no block for too long
	Voted       []bool // by signer index; so are the next two
	Reached     []bool
	Refusals    []*Reject // a member's last one; nil if it gave none
	Rivals      []Rival   // the strongest first
	WaitsFor    []Dependency
	// Home is the one member through whose node the payment settles, by signer index;
	// -1 if the members take turns.
	Home int
}

// Rival is another payment for the same slot that stands in a payment's way.
type Rival struct {
	ID        ID
	Stage     Stage
	Voted     []bool // by signer index
	Certified bool   // also by a payment that stands on it
}

// Dependency is a payment on which another one stands.
type Dependency struct {
	ID     ID
	Parent bool  // cited for its credit; else named as prev
	Held   bool  // its FastPayTx is
	Stage  Stage // unknown unless Held
	// Certified: a QC is held or, of a predecessor, one of a payment that stands on it.
	Certified bool
}

// Diagnosis is the judgement of a [Case].
type Diagnosis struct {
	Reason Reason
	// Code is what most of the refusing weight says, of ReasonRefused.
	Code Code
	// Members are those whom the reason is about, by signer index: those not reached,
	// those who refuse with Code, or the home.
	Members []int
	// On is the other payment that the reason is about: a rival, a predecessor, a
	// parent; zero if it is about none.
	On ID
}

// Diagnose says why a payment is where it is. What no validator can change counts
// first, then who is missing, then what the payment waits for.
func Diagnose(c *Case) Diagnosis {
	switch c.Stage {
	case StageFinalized:
		return Diagnosis{Reason: ReasonFinalized}
	case StageExpired, StageFailed, StageConflicted:
		d := Diagnosis{Reason: ReasonEnded}
		if c.Evidence != nil {
			d.On = c.Evidence.Parent
		}
		return d
	case StageRejected:
		return c.refused()
	case StageIncluded:
		if c.Stale {
			return Diagnosis{Reason: ReasonStale}
		}
		return Diagnosis{Reason: ReasonIncluded}
	case StageCertified, StageQueuedOnchain:
		return c.settling()
	}
	return c.voting()
}

// voting is the diagnosis of a payment without a QC.
func (c *Case) voting() Diagnosis {
	if c.overdue() {
		return Diagnosis{Reason: ReasonOverdue}
	}
	if r, found := c.rival(); found {
		return Diagnosis{Reason: ReasonRival, On: r.ID}
	}
	if c.weight(func(i int) bool { return c.Voted[i] || c.Reached[i] }) < c.Committee.Quorum() {
		return Diagnosis{Reason: ReasonUnreached, Members: c.away(func(i int) bool { return !c.Voted[i] })}
	}
	for _, d := range c.WaitsFor {
		if !d.Certified && d.Stage.Rank() < StageCertified.Rank() {
			return d.reason()
		}
	}
	if c.weight(func(i int) bool { return c.Voted[i] || c.Reached[i] && c.Refusals[i] == nil }) < c.Committee.Quorum() {
		return c.refused()
	}
	return Diagnosis{Reason: ReasonVotes}
}

// settling is the diagnosis of a payment with a QC that no block has executed.
func (c *Case) settling() Diagnosis {
	switch {
	case c.Stale:
		return Diagnosis{Reason: ReasonStale}
	case c.overdue():
		return Diagnosis{Reason: ReasonOverdue}
	}
	for _, d := range c.WaitsFor {
		if d.Stage.Rank() < StageIncluded.Rank() && !d.Stage.Terminal() {
			return d.reason()
		}
	}
	if c.Home >= 0 && !c.Reached[c.Home] {
		return Diagnosis{Reason: ReasonHome, Members: []int{c.Home}}
	}
	if !slices.Contains(c.Reached, true) {
		return Diagnosis{Reason: ReasonUnreached, Members: c.away(func(int) bool { return true })}
	}
	return Diagnosis{Reason: ReasonSettling}
}

// overdue reports whether the chain's time is past what the payment allows.
func (c *Case) overdue() bool { return c.Finalized >= c.ValidBefore }

// reason is the diagnosis of a payment that stands on d.
func (d *Dependency) reason() Diagnosis {
	if d.Parent {
		return Diagnosis{Reason: ReasonParent, On: d.ID}
	}
	return Diagnosis{Reason: ReasonPredecessor, On: d.ID}
}

// rival returns the strongest rival if no quorum is left beside all of them: who has
// voted for one has no vote for this payment. A certified one leaves none.
func (c *Case) rival() (Rival, bool) {
	for _, r := range c.Rivals {
		if r.Certified {
			return r, true
		}
	}
	free := c.weight(func(i int) bool {
		return c.Voted[i] || !slices.ContainsFunc(c.Rivals, func(r Rival) bool { return r.Voted[i] })
	})
	if free < c.Committee.Quorum() {
		return c.Rivals[0], true
	}
	return Rival{}, false
}

// refused is the diagnosis of a payment that members refuse: for the reason that most
// of their weight gives, the first in the order of [Codes] if several are as strong.
func (c *Case) refused() Diagnosis {
	weights := make(map[Code]uint64)
	for i, r := range c.Refusals {
		if r != nil && !c.Voted[i] {
			weights[r.Code] += c.Committee.Weight(i)
		}
	}
	d := Diagnosis{Reason: ReasonRefused}
	for _, code := range Codes() {
		if weights[code] > weights[d.Code] {
			d.Code = code
		}
	}
	for i, r := range c.Refusals {
		if r != nil && !c.Voted[i] && r.Code == d.Code {
			d.Members = append(d.Members, i)
		}
	}
	return d
}

// away are the members that are not reached, of those that count.
func (c *Case) away(counts func(signer int) bool) []int {
	var out []int
	for i, reached := range c.Reached {
		if !reached && counts(i) {
			out = append(out, i)
		}
	}
	return out
}

// weight is that of the members for which a condition holds.
func (c *Case) weight(holds func(signer int) bool) (sum uint64) {
	for i := range c.Committee.Len() {
		if holds(i) {
			sum += c.Committee.Weight(i)
		}
	}
	return sum
}
