package fastpay

// Stage is how far a payment has come, derived from evidence and never stored
// as a claim (section 6). Peers with the same evidence and block derive the same
// stage, QUEUED_ONCHAIN aside, which is local.
type Stage string

const (
	// StageUnknown: no evidence about the payment, or no vote seen.
	StageUnknown Stage = ""
	// StageAccepted: at least one valid vote is held.
	StageAccepted Stage = "ACCEPTED"
	// StageCertified: a QC is held. It is conditional until the chain has it.
	StageCertified Stage = "CERTIFIED"
	// StageQueuedOnchain: certified, and this peer has handed it to its node.
	StageQueuedOnchain Stage = "QUEUED_ONCHAIN"
	// StageIncluded: executed in a block that is not final yet. It may regress.
	StageIncluded Stage = "INCLUDED"
	// StageFinalized: executed in a finalized block.
	StageFinalized Stage = "FINALIZED"
	// StageRejected: members refused it for good, so that no quorum is left.
	StageRejected Stage = "REJECTED"
	// StageExpired: a finalized block's time reached valid_before with the slot unused,
	// or a block after that time was the first to use it.
	StageExpired Stage = "EXPIRED"
	// StageFailed: executed without effect, through no foreign transaction that is
	// known; the slot is burnt.
	StageFailed Stage = "FAILED"
	// StageConflicted: something foreign took the slot or the money.
	StageConflicted Stage = "CONFLICTED"
)

// Stages returns all that evidence can come to, in the order of a payment's life, and then
// its bad ends.
func Stages() []Stage {
	return []Stage{
		StageAccepted, StageCertified, StageQueuedOnchain, StageIncluded, StageFinalized,
		StageRejected, StageExpired, StageConflicted, StageFailed,
	}
}

// Terminal reports whether the stage can change only by a reorganisation of
// blocks that are not final.
func (s Stage) Terminal() bool {
	switch s {
	case StageFinalized, StageRejected, StageExpired, StageFailed, StageConflicted:
		return true
	}
	return false
}

// Rank orders the stages of a payment that goes well: 0 for an unknown one and for
// every stage off that way, then rising to FINALIZED.
func (s Stage) Rank() int {
	switch s {
	case StageAccepted:
		return 1
	case StageCertified:
		return 2
	case StageQueuedOnchain:
		return 3
	case StageIncluded:
		return 4
	case StageFinalized:
		return 5
	}
	return 0
}
