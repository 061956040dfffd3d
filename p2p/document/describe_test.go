package document

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/fastpay"
)

// Each cause of a stage has a reason of its own that names the evidence, and a document
// with the same.
func TestReasonNamesTheEvidence(t *testing.T) {
	e := fastpay.StageEvidence{Block: fastpay.Block{Number: 7, Hash: common.Hash{0xb1}, Time: 9}}
	tx, other := common.Hash{0x76}, common.Hash{0x77}
	reasons := make(map[string]bool)
	for _, tt := range []struct {
		stage fastpay.Stage
		cause fastpay.Cause
		set   func(*fastpay.StageEvidence)
		names []string
	}{
		{fastpay.StageFinalized, fastpay.CauseSettled, func(e *fastpay.StageEvidence) { e.ChainTx = tx }, nil},
		{fastpay.StageFailed, fastpay.CauseBeforeParent, func(e *fastpay.StageEvidence) { e.ChainTx, e.Parent = tx, other }, []string{tx.Hex(), other.Hex()}},
		{fastpay.StageFailed, fastpay.CauseReverted, func(e *fastpay.StageEvidence) { e.ChainTx = tx }, []string{tx.Hex()}},
		{fastpay.StageConflicted, fastpay.CauseOutflow, func(e *fastpay.StageEvidence) { e.ChainTx, e.Outflow = tx, other }, []string{tx.Hex(), other.Hex()}},
		{fastpay.StageConflicted, fastpay.CauseSlotTaken, func(e *fastpay.StageEvidence) { e.ChainTx = tx }, []string{tx.Hex()}},
		{fastpay.StageConflicted, fastpay.CauseRedirected, func(e *fastpay.StageEvidence) { e.ChainTx = tx }, []string{tx.Hex()}},
		{fastpay.StageExpired, fastpay.CauseUnused, func(*fastpay.StageEvidence) {}, []string{"block 7"}},
	} {
		e := e
		e.Cause = tt.cause
		tt.set(&e)
		word, why := guarantee(tt.stage, &e)
		require.Equal(t, tt.stage == fastpay.StageFinalized, word == "final", tt.cause)
		require.False(t, reasons[why], "%s has the reason of another cause", tt.cause)
		reasons[why] = true
		for _, name := range tt.names {
			require.Contains(t, why, name, tt.cause)
		}
		orNull := func(h common.Hash) *string {
			if h == (common.Hash{}) {
				return nil
			}
			return new(h.Hex())
		}
		require.Equal(t, &StageEvidence{
			Cause: string(tt.cause), Block: "7", BlockHash: common.Hash{0xb1}.Hex(), BlockTime: "9",
			ChainTxHash: orNull(e.ChainTx), OutflowTxHash: orNull(e.Outflow), Parent: orNull(e.Parent),
		}, stageEvidence(&e))
	}
	for _, stage := range []fastpay.Stage{fastpay.StageUnknown, fastpay.StageAccepted, fastpay.StageCertified, fastpay.StageRejected} {
		_, why := guarantee(stage, nil)
		require.NotEmpty(t, why, stage)
	}
}
