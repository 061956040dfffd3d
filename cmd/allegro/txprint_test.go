package main

import (
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/ethereum/go-ethereum/common"
)

// What a stage rests on is told in full: which block, which transactions, which payment.
func TestShowTellsTheEvidence(t *testing.T) {
	block := func(cause fastpay.Cause) document.StageEvidence {
		return document.StageEvidence{Cause: string(cause), Block: "7", BlockHash: "0xb10c", BlockTime: "1900000000"}
	}
	text := func(s string) *string { return &s }
	used := func(cause fastpay.Cause) document.StageEvidence {
		e := block(cause)
		e.ChainTxHash = text("0x76aa")
		return e
	}
	outflow, late := used(fastpay.CauseOutflow), used(fastpay.CauseBeforeParent)
	outflow.OutflowTxHash, late.Parent = text("0x77bb"), text("0x0fa7")
	for _, tt := range []struct {
		stage    fastpay.Stage
		evidence document.StageEvidence
		want     []string
	}{
		{fastpay.StageFinalized, used(fastpay.CauseSettled), []string{"executed, with exactly this transfer"}},
		{fastpay.StageFailed, late, []string{"reverted: a payment that it relies on was not executed before", "not executed before 0x0fa7"}},
		{fastpay.StageFailed, used(fastpay.CauseReverted), []string{"evidence reverted"}},
		{fastpay.StageConflicted, outflow, []string{"reverted: the money had been moved by another transaction", "money moved by 0x77bb"}},
		{fastpay.StageConflicted, used(fastpay.CauseSlotTaken), []string{"another transaction took its slot"}},
		{fastpay.StageConflicted, used(fastpay.CauseRedirected), []string{"a transaction that names it is not this payment"}},
		{fastpay.StageExpired, block(fastpay.CauseUnused), []string{"the slot was unused when the chain's time had reached valid_before"}},
	} {
		t.Run(tt.evidence.Cause, func(t *testing.T) {
			doc := document.Payment{
				TxID: "0x1d", From: common.Address{1}.Hex(), To: common.Address{2}.Hex(), Amount: "5", ValidBefore: "1900000000",
				Stage: text(string(tt.stage)), Guarantee: "none", Why: "so it is", StageEvidence: &tt.evidence,
			}
			var out strings.Builder
			if err := (payments{out: &out}).whole(&doc); err != nil {
				t.Fatal(err)
			}
			shown := strings.Join(strings.Fields(out.String()), " ")
			want := append(tt.want, string(tt.stage), "so it is", "block 7 0xb10c of 2030-03-17T17:46:40Z")
			if tt.evidence.ChainTxHash != nil {
				want = append(want, "transaction 0x76aa")
			}
			for _, part := range want {
				if !strings.Contains(shown, part) {
					t.Errorf("%q is missing in\n%s", part, out.String())
				}
			}
			if tt.evidence.ChainTxHash == nil && strings.Contains(shown, "transaction 0x") {
				t.Errorf("a transaction is named that there is not:\n%s", out.String())
			}
		})
	}
	var out strings.Builder
	if err := (payments{out: &out}).whole(&document.Payment{TxID: "0x1d"}); err != nil || strings.Contains(out.String(), "evidence") {
		t.Errorf("evidence without any: %v\n%s", err, out.String())
	}
}

// An account that moved money past Allegro may have promised more than it holds.
func TestAmountsAreWrittenForPeople(t *testing.T) {
	decimals, symbol := uint8(6), "pathUSD"
	for units, want := range map[string]string{
		"5000000": "5.00 pathUSD", "-6010996": "-6.010996 pathUSD", "0": "0.00 pathUSD", "-": "- units", "x": "x units",
	} {
		if got := amount(units, &decimals, &symbol); got != want {
			t.Errorf("%s is written %q, want %q", units, got, want)
		}
	}
	if got := amount("-7", nil, nil); got != "-7 units" {
		t.Errorf("without a token it is written %q", got)
	}
}
