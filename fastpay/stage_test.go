package fastpay

import (
	"fmt"
	"testing"
)

func TestStagesRiseAndEnd(t *testing.T) {
	good := []Stage{StageUnknown, StageAccepted, StageCertified, StageQueuedOnchain, StageIncluded, StageFinalized}
	for i, s := range good {
		equal(t, "rank of "+string(s), s.Rank(), i)
		equal(t, "terminal: "+string(s), s.Terminal(), s == StageFinalized)
	}
	bad := []Stage{StageRejected, StageExpired, StageConflicted, StageFailed}
	equal(t, "all stages", fmt.Sprint(Stages()), fmt.Sprint(append(good[1:], bad...)))
	for _, s := range bad {
		equal(t, "rank of "+string(s), s.Rank(), 0)
		equal(t, "terminal: "+string(s), s.Terminal(), true)
	}
}
