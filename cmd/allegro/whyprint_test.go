package main

import (
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/ethereum/go-ethereum/common"
)

// All evidence of an explanation is printed, and nothing that a peer made up can move the
// cursor.
func TestWhyPrintsTheEvidence(t *testing.T) {
	first := stepOf(fastpay.ReasonParent, fastpay.StageUnknown, func(s *document.WhyStep) {
		s.Payment.Parents = []string{"0x2e"}
		s.Rivals = []document.RivalPayment{{TxID: "0x3f", Stage: new("ACCEPTED"), Validators: []string{"dave", "edgar"}}, {TxID: "0x4a"}}
	})
	root := stepOf(fastpay.ReasonRefused, fastpay.StageAccepted, refusing(fastpay.InsufficientFunds, "3 units are spendable at block 8\x1b[2J"), func(s *document.WhyStep) {
		s.Validators[1].Retryable, s.Validators[1].RefusedMicros = new(true), new("1900000000000000")
		s.Validators[1].Head = &document.Head{Height: "9", FinalizedHeight: "8"}
		s.Validators = append(s.Validators, document.Part{Validator: "frank", Weight: 2, SinceMicros: new("1900000000000000"), Problem: new("connection refused")},
			document.Part{Validator: "grace", Weight: 1, Reached: true},
			document.Part{Validator: "heidi", Weight: 1})
	})
	doc := whyDocument{Because: "the reason", Next: "the next step", Command: new("allegro balance alice")}
	doc.Why = document.Why{
		TxID: "0x1d", Steps: []document.WhyStep{first, root}, FinalizedHeight: new("8"), FinalizedTime: new("1900000000"),
		Asked:       []document.AskedPeer{{Name: new("dave"), Role: new("validator")}, {PeerID: "12D3KooWabcdef", Problem: new("timeout")}, {Name: new("olivia"), Held: true}},
		Funds:       &document.Balance{Account: payerAddress.Hex(), Symbol: "pathUSD", Decimals: 6, Confirmed: "1000000", CertifiedIn: "2000000", CertifiedOut: "0", Spendable: "3000000", Height: "8"},
		Convictions: []document.Conviction{{Kind: "payer", Offender: payerAddress.Hex(), TxA: "0x1d", TxB: "0x3f"}, {Kind: "validator", Offender: "edgar", TxA: "0x1d", TxB: "0x4a"}},
		Settlement:  &document.Settlement{Turn: new("dave")},
	}
	printed := func() string {
		var out strings.Builder
		if err := (payments{out: &out}).why(&doc); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsRune(out.String(), '\x1b') {
			t.Errorf("an escape is printed: %q", out.String())
		}
		return strings.Join(strings.Fields(out.String()), " ")
	}
	for _, want := range []string{
		"no vote seen, 1 of 2 votes, 2 are needed", "slot 3 of its lane, generation 0, valid before 2030-03-17T18:46:40Z, 1h0m0s after block 8", "relies on payment 0x2e",
		"another payment for its slot is 0x3f: ACCEPTED, votes of dave, edgar", "another payment for its slot is 0x4a: no vote seen, votes of nobody",
		"which waits for payment 0x1d", "dave 1 yes since", "its vote", "edgar 1 no since", "9, finalized 8", `INSUFFICIENT_FUNDS: 3 units are spendable at block 8\x1b[2J (for now)`,
		"frank 2 no not since", "none: connection refused", "grace 1 no this peer", "heidi 1 no not yet",
		"asked dave (validator): does not have it", "asked …abcdef (role unknown): no answer: timeout", "asked olivia (role unknown): has it",
		"has 1.00 pathUSD at block 8, certified in 2.00 pathUSD, out 0.00 pathUSD: spendable 3.00 pathUSD",
		"equivocation payer " + common.HexToAddress(payerAddress.Hex()).Hex() + " signed both 0x1d and 0x3f", "equivocation validator edgar signed both 0x1d and 0x4a",
		"turn dave is to hand it to its node now", "attempts only the validators know theirs", "because the reason next the next step allegro balance alice",
	} {
		if shown := printed(); !strings.Contains(shown, want) {
			t.Errorf("%q is missing in\n%s", want, shown)
		}
	}
	for want, own := range map[string]document.Submission{
		"none that this validator remembers": {},
		"its node took the payment":          {Attempts: 2, LastMicros: new("1900000000000000"), Result: new("ok")},
		"failed (sponsor_dry): no money":     {Attempts: 2, LastMicros: new("1900000000000000"), Result: new("sponsor_dry"), Problem: new("no money")},
	} {
		doc.Settlement.Own = &own
		if shown := printed(); !strings.Contains(shown, want) {
			t.Errorf("%q is missing in\n%s", want, shown)
		}
	}
	doc.FinalizedTime = new("1900003600")
	if shown := printed(); !strings.Contains(shown, "18:46:40Z, which block 8 has reached") {
		t.Errorf("that the time is over is missing in\n%s", shown)
	}
}
