package fastpay

import (
	"slices"
	"sort"
)

// Outlook is what a peer knows beside its Board that bears on a payment's way.
type Outlook struct {
	// Reached says, by signer index, which members of a committee the peer reaches.
	Reached func(c *Committee) []bool
	// Stale: the peer's node has shown no block for too long.
	Stale bool
}

// Step is one payment on the way from one that is asked about to the root of its
// trouble.
type Step struct {
	ID   ID
	Held bool
	Case Case // zero unless Held
	Diagnosis
}

// Trace follows a payment to what it waits for, and that to what it waits for, up to
// the root cause: the last step. There is always a first one. Payments name others by
// hash, so there is no circle.
func (b *Board) Trace(id ID, o Outlook) []Step {
	var steps []Step
	for {
		rec, held := b.records[id]
		if !held {
			return append(steps, Step{ID: id, Diagnosis: Diagnosis{Reason: ReasonUnknown}})
		}
		step := Step{ID: id, Held: true, Case: b.caseOf(rec, o)}
		step.Diagnosis = Diagnose(&step.Case)
		steps = append(steps, step)
		if step.On == (ID{}) || step.Reason == ReasonRival || len(steps) == maxTrace {
			return steps
		}
		id = step.On
	}
}

// maxTrace bounds a trace: as long as a chain of unexecuted payments may be.
const maxTrace = MaxDepth + 1

// caseOf collects what is known of a payment.
func (b *Board) caseOf(rec *record, o Outlook) Case {
	committee, _ := b.rules.Committee(rec.tx.env.CommitteeID) // a payment of another is not taken
	c := Case{
		Committee: committee, Stage: b.Stage(rec.tx.id), ValidBefore: rec.tx.env.ValidBefore, Finalized: b.finalized.Time,
		Stale: o.Stale, Voted: votedBy(rec, committee), Reached: o.Reached(committee), Refusals: make([]*Reject, committee.Len()), Home: -1,
	}
	if committee.LaneKind() == SubBlockLane {
		c.Home = rec.tx.Lane().Home(committee, 0)
	}
	if e, said := b.StageEvidence(rec.tx.id); said {
		c.Evidence = &e
	}
	for signer, r := range rec.rejects {
		if signer < len(c.Refusals) {
			c.Refusals[signer] = &r
		}
	}
	c.Rivals = b.rivals(rec, committee)
	c.WaitsFor = b.dependencies(rec)
	return c
}

func votedBy(rec *record, c *Committee) []bool {
	out := make([]bool, c.Len())
	for signer := range rec.votes {
		out[signer] = true
	}
	return out
}

// rivals are the payments that a member's vote for which forbids it a vote for rec
// (rule 4 of section 4.2), the one with the most weight first.
func (b *Board) rivals(rec *record, c *Committee) []Rival {
	var found []*record
	for _, other := range b.lanes[rec.tx.lane].slots[rec.tx.env.Seq] {
		if other != rec && other.tx.env.CommitteeID == c.ID() && other.tx.env.Restart >= rec.tx.env.Restart {
			found = append(found, other)
		}
	}
	sort.Slice(found, func(i, j int) bool {
		x, y := found[i], found[j]
		switch {
		case x.certified != y.certified:
			return x.certified
		case x.weight != y.weight:
			return x.weight > y.weight
		}
		return x.tx.id.Cmp(y.tx.id) < 0
	})
	var out []Rival
	for _, other := range found {
		out = append(out, Rival{ID: other.tx.id, Stage: b.Stage(other.tx.id), Voted: votedBy(other, c), Certified: other.certified})
	}
	return out
}

// dependencies are the payments on which one stands and that the chain has not
// executed, as far as the chain was asked: its predecessor, then its parents in order.
func (b *Board) dependencies(rec *record) []Dependency {
	var out []Dependency
	lane := b.lanes[rec.tx.lane]
	if below, pending := b.pendingBelow(rec); pending {
		d := b.dependency(below)
		if d.Held {
			d.Certified = b.records[below].certified
		}
		if d.Held || lane.readAt != (Block{}) { // else the chain may have executed it long ago
			out = append(out, d)
		}
	}
	for _, parent := range rec.tx.env.Parents {
		if rec.certified && b.dead(parent) {
			continue // nothing waits for it, see PendingClosure
		}
		d := b.dependency(parent)
		d.Parent = true
		out = append(out, d)
	}
	return slices.DeleteFunc(out, func(d Dependency) bool { return d.Stage.Rank() >= StageIncluded.Rank() })
}

func (b *Board) dependency(id ID) Dependency {
	rec, held := b.records[id]
	d := Dependency{ID: id, Held: held, Stage: b.Stage(id)}
	d.Certified = held && rec.qc != nil
	return d
}
