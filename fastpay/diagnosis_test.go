package fastpay

import (
	"slices"
	"testing"
)

// Every reason and every reject code is what some case is diagnosed with, and each case
// with what comes first.
func TestDiagnoseFindsTheReason(t *testing.T) {
	n := newNetwork(t, 1, 1, 1, 1) // three are a quorum
	refusal := func(code Code) *Reject { return &Reject{Code: code, Retryable: classes[code].Retryable} }
	voted := func(signers ...int) func(*Case) {
		return func(c *Case) {
			for _, s := range signers {
				c.Voted[s] = true
			}
		}
	}
	away := func(signers ...int) func(*Case) {
		return func(c *Case) {
			for _, s := range signers {
				c.Reached[s] = false
			}
		}
	}
	refuse := func(code Code, signers ...int) func(*Case) {
		return func(c *Case) {
			for _, s := range signers {
				c.Refusals[s] = refusal(code)
			}
		}
	}
	rival := func(id ID, certified bool, signers ...int) func(*Case) {
		return func(c *Case) {
			r := Rival{ID: id, Voted: make([]bool, 4), Certified: certified}
			for _, s := range signers {
				r.Voted[s] = true
			}
			c.Rivals = append(c.Rivals, r)
		}
	}
	on := func(d Dependency) func(*Case) { return func(c *Case) { c.WaitsFor = append(c.WaitsFor, d) } }
	stage := func(s Stage) func(*Case) { return func(c *Case) { c.Stage = s } }
	stale := func(c *Case) { c.Stale = true }
	home := func(signer int) func(*Case) { return func(c *Case) { c.Home = signer } }
	late := func(c *Case) { c.Finalized = c.ValidBefore }

	cases := []struct {
		name string
		set  []func(*Case)
		want Diagnosis
	}{
		{"nobody has answered", nil, Diagnosis{Reason: ReasonVotes}},
		{"one refuses, three are enough", []func(*Case){refuse(InsufficientFunds, 3)}, Diagnosis{Reason: ReasonVotes}},
		{"a refusal of one that voted since", []func(*Case){voted(3), refuse(InsufficientFunds, 2, 3)}, Diagnosis{Reason: ReasonVotes}},
		{"one is away", []func(*Case){away(3)}, Diagnosis{Reason: ReasonVotes}},
		{"one that is away has voted", []func(*Case){away(2, 3), voted(2)}, Diagnosis{Reason: ReasonVotes}},
		{"two are away", []func(*Case){voted(0, 1), away(2, 3)}, Diagnosis{Reason: ReasonUnreached, Members: []int{2, 3}}},
		{"two are away and it waits for a parent", []func(*Case){away(2, 3), on(Dependency{ID: id(1), Parent: true})}, Diagnosis{Reason: ReasonUnreached, Members: []int{2, 3}}},
		{"two refuse", []func(*Case){voted(0), refuse(InsufficientFunds, 1, 2)}, Diagnosis{Reason: ReasonRefused, Code: InsufficientFunds, Members: []int{1, 2}}},
		{"refusals differ", []func(*Case){refuse(Expired, 0), refuse(InsufficientFunds, 1, 2)}, Diagnosis{Reason: ReasonRefused, Code: InsufficientFunds, Members: []int{1, 2}}},
		{"refusals are as strong", []func(*Case){refuse(MissingParentQC, 0), refuse(Expired, 1)}, Diagnosis{Reason: ReasonRefused, Code: Expired, Members: []int{1}}},
		{"one refuses, one is away", []func(*Case){away(0), refuse(TemporaryUnavailable, 1)}, Diagnosis{Reason: ReasonRefused, Code: TemporaryUnavailable, Members: []int{1}}},
		{"rejected", []func(*Case){stage(StageRejected), refuse(Equivocation, 1, 2), rival(id(1), true, 1, 2)}, Diagnosis{Reason: ReasonRefused, Code: Equivocation, Members: []int{1, 2}}},
		{"a rival has one vote", []func(*Case){rival(id(1), false, 0)}, Diagnosis{Reason: ReasonVotes}},
		{"a rival has two votes", []func(*Case){voted(2), rival(id(1), false, 0, 1)}, Diagnosis{Reason: ReasonRival, On: id(1)}},
		{"two rivals have one vote each", []func(*Case){rival(id(1), false, 0), rival(id(2), false, 1)}, Diagnosis{Reason: ReasonRival, On: id(1)}},
		{"a rival is certified, its votes are not held", []func(*Case){rival(id(2), false, 0), rival(id(1), true)}, Diagnosis{Reason: ReasonRival, On: id(1)}},
		{"the rival's voters are Byzantine", []func(*Case){voted(0, 1), rival(id(1), false, 0, 1)}, Diagnosis{Reason: ReasonVotes}},
		{"its predecessor has no quorum", []func(*Case){on(Dependency{ID: id(1), Held: true, Stage: StageAccepted})}, Diagnosis{Reason: ReasonPredecessor, On: id(1)}},
		{"its predecessor is certified by a descendant", []func(*Case){on(Dependency{ID: id(1), Held: true, Stage: StageAccepted, Certified: true})}, Diagnosis{Reason: ReasonVotes}},
		{"its parent is not held", []func(*Case){on(Dependency{ID: id(1), Stage: StageCertified, Certified: true}), on(Dependency{ID: id(2), Parent: true})}, Diagnosis{Reason: ReasonParent, On: id(2)}},
		{"its parent has expired", []func(*Case){on(Dependency{ID: id(2), Parent: true, Held: true, Stage: StageExpired})}, Diagnosis{Reason: ReasonParent, On: id(2)}},
		{"overdue", []func(*Case){late, away(0, 1, 2, 3)}, Diagnosis{Reason: ReasonOverdue}},

		{"certified", []func(*Case){stage(StageCertified), away(1, 2, 3)}, Diagnosis{Reason: ReasonSettling}},
		{"handed over", []func(*Case){stage(StageQueuedOnchain)}, Diagnosis{Reason: ReasonSettling}},
		{"certified, the home is away", []func(*Case){stage(StageCertified), home(2), away(0, 1, 2, 3)}, Diagnosis{Reason: ReasonHome, Members: []int{2}}},
		{"certified, the home is there", []func(*Case){stage(StageCertified), home(2), away(0)}, Diagnosis{Reason: ReasonSettling}},
		{"certified, nobody is reached", []func(*Case){stage(StageCertified), voted(0, 1, 2), away(0, 1, 2, 3)}, Diagnosis{Reason: ReasonUnreached, Members: []int{0, 1, 2, 3}}},
		{"certified, the predecessor is pending", []func(*Case){stage(StageCertified), on(Dependency{ID: id(1), Held: true, Stage: StageQueuedOnchain, Certified: true})}, Diagnosis{Reason: ReasonPredecessor, On: id(1)}},
		{"certified, the parent is pending", []func(*Case){stage(StageCertified), on(Dependency{ID: id(1), Parent: true, Held: true, Stage: StageCertified, Certified: true})}, Diagnosis{Reason: ReasonParent, On: id(1)}},
		{"certified, the parent is dead", []func(*Case){stage(StageCertified), on(Dependency{ID: id(1), Parent: true, Held: true, Stage: StageFailed})}, Diagnosis{Reason: ReasonSettling}},
		{"certified and overdue", []func(*Case){stage(StageCertified), late}, Diagnosis{Reason: ReasonOverdue}},
		{"certified, no blocks", []func(*Case){stage(StageCertified), stale, late}, Diagnosis{Reason: ReasonStale}},
		{"included", []func(*Case){stage(StageIncluded)}, Diagnosis{Reason: ReasonIncluded}},
		{"included, no blocks", []func(*Case){stage(StageIncluded), stale}, Diagnosis{Reason: ReasonStale}},
		{"finalized", []func(*Case){stage(StageFinalized), stale}, Diagnosis{Reason: ReasonFinalized}},
		{"expired", []func(*Case){stage(StageExpired), late}, Diagnosis{Reason: ReasonEnded}},
		{"conflicted", []func(*Case){stage(StageConflicted)}, Diagnosis{Reason: ReasonEnded}},
		{"failed for its parent", []func(*Case){stage(StageFailed), func(c *Case) { c.Evidence = &StageEvidence{Cause: CauseBeforeParent, Parent: id(3)} }}, Diagnosis{Reason: ReasonEnded, On: id(3)}},
	}
	met := map[Reason]bool{ReasonUnknown: true} // of a trace alone
	for _, tt := range cases {
		c := Case{Committee: n.c, ValidBefore: 2_000, Finalized: 1_500, Home: -1, Voted: make([]bool, 4), Reached: slices.Repeat([]bool{true}, 4), Refusals: make([]*Reject, 4)}
		for _, set := range tt.set {
			set(&c)
		}
		d := Diagnose(&c)
		met[d.Reason] = true
		if d.Reason != tt.want.Reason || d.Code != tt.want.Code || d.On != tt.want.On || !slices.Equal(d.Members, tt.want.Members) {
			t.Errorf("%s: have %+v, want %+v", tt.name, d, tt.want)
		}
	}
	for _, code := range Codes() {
		c := Case{Committee: n.c, ValidBefore: 2_000, Home: -1, Voted: make([]bool, 4), Reached: slices.Repeat([]bool{true}, 4), Refusals: make([]*Reject, 4)}
		refuse(code, 0, 3)(&c)
		d := Diagnose(&c)
		equal(t, "code", d.Code, code)
		equal(t, "members", len(d.Members), 2)
	}
	for _, r := range Reasons() {
		if !met[r] {
			t.Errorf("no case is diagnosed %q", r)
		}
	}
}
