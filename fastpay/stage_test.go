package fastpay

import (
	"testing"
)

func TestStagesRiseAndEnd(t *testing.T) {
	good := []Stage{StageUnknown, StageAccepted, StageCertified, StageQueuedOnchain, StageIncluded, StageFinalized}
	for i, s := range good {
		equal(t, "rank of "+string(s), s.Rank(), i)
		equal(t, "terminal: "+string(s), s.Terminal(), s == StageFinalized)
	}
	for _, s := range []Stage{StageRejected, StageExpired, StageFailed, StageConflicted} {
		equal(t, "rank of "+string(s), s.Rank(), 0)
		equal(t, "terminal: "+string(s), s.Terminal(), true)
	}
}
