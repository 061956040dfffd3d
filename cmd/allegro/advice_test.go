package main

import (
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/ethereum/go-ethereum/common"
)

// payerAddress is the account that pays in the explanations of the tests.
var payerAddress = common.Address{0xa1}

// stepOf is a step of an explanation: a payment of two validators of which the first has
// voted.
func stepOf(reason fastpay.Reason, stage fastpay.Stage, change ...func(*document.WhyStep)) document.WhyStep {
	decimals, symbol, since := uint8(6), "pathUSD", "1900000000000000"
	s := document.WhyStep{
		TxID: "0x1d", Reason: reason, About: []string{}, Rivals: []document.RivalPayment{},
		Payment: &document.Payment{
			TxID: "0x1d", From: payerAddress.Hex(), To: common.Address{0xb0}.Hex(), Amount: "10000000", Decimals: &decimals, Symbol: &symbol,
			Seq: "3", Restart: "0", ValidBefore: "1900003600", Stage: document.OrNull(string(stage)), Weight: 1, Threshold: 2, Total: 2,
		},
		Validators: []document.Part{
			{Validator: "dave", Weight: 1, Voted: true, Reached: true, SinceMicros: &since},
			{Validator: "edgar", Index: 1, Weight: 1, Reached: true, SinceMicros: &since},
		},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

// about says whom a reason is about.
func about(names ...string) func(*document.WhyStep) {
	return func(s *document.WhyStep) { s.About = names }
}

// refusing makes edgar refuse.
func refusing(code fastpay.Code, text string) func(*document.WhyStep) {
	return func(s *document.WhyStep) {
		s.Code, s.About = new(string(code)), []string{"edgar"}
		s.Validators[1].Code, s.Validators[1].Text = new(string(code)), new(string(code)+": "+text)
	}
}

// decided is what the chain says of a payment.
func decided(cause fastpay.Cause) func(*document.WhyStep) {
	return func(s *document.WhyStep) {
		s.Payment.StageEvidence = &document.StageEvidence{
			Cause: string(cause), Block: "7", BlockTime: "1900003600", ChainTxHash: new("0x76aa"), OutflowTxHash: new("0x77bb"), Parent: new("0x0fa7"),
		}
	}
}

// adviceOn words an explanation of some steps, for the payer's home or another one.
func adviceOn(payer bool, doc document.Why) advice {
	a := adviser{home: " --home h"}
	if payer {
		a.account = payerAddress
	}
	return a.on(&doc)
}

// Each reason, each reject code and each cause of the chain has a sentence of its own
// that names what it is about, and says what to do; whatever can be typed is a command.
func TestEveryReasonHasItsAdvice(t *testing.T) {
	rival := func(certified bool) func(*document.WhyStep) {
		return func(s *document.WhyStep) {
			s.On = new("0x2e")
			s.Rivals = []document.RivalPayment{{TxID: "0x3f"}, {TxID: "0x2e", Certified: certified, Validators: []string{"edgar"}}}
		}
	}
	onOther := func(s *document.WhyStep) { s.On = new("0x2e") }
	signed := func(s *document.WhyStep) { s.Payment.Signers = []string{"dave", "edgar"} }
	included := func(s *document.WhyStep) { s.Payment.IncludedHeight = new("9") }
	voted, later := fastpay.StageAccepted, fastpay.StageCertified
	type row struct {
		name    string
		step    document.WhyStep
		because string
		next    string
		command string
	}
	rows := []row{
		{"votes", stepOf(fastpay.ReasonVotes, voted), "no answer has come from edgar", "Wait", "allegro tx show 0x1d --wait certified --home h"},
		{"unreached", stepOf(fastpay.ReasonUnreached, voted, about("edgar")), "it has 1 of 2 votes and needs 2: edgar is not reached since ", "Start edgar again", "allegro tx show 0x1d --wait certified --home h"},
		{"unreached settlers", stepOf(fastpay.ReasonUnreached, later, about("dave", "edgar")), "nobody is there to put it on the chain: dave is not reached", "Start dave or edgar again", "allegro tx show 0x1d --wait included --home h"},
		{"never reached", stepOf(fastpay.ReasonUnreached, voted, about("edgar"), func(s *document.WhyStep) { s.Validators[1].SinceMicros = nil }), "needs 2: edgar has not been reached since this peer started", "Start edgar again", "allegro tx show"},
		{"rival", stepOf(fastpay.ReasonRival, voted, rival(false)), "another payment for slot 3, 0x2e, for which edgar voted", "Both expire unexecuted, this one at 2030-03-17T18:46:40Z", "allegro why 0x2e --home h"},
		{"certified rival", stepOf(fastpay.ReasonRival, voted, rival(true)), "0x2e, which is certified", "never will be", "allegro why 0x2e --home h"},
		{"predecessor", stepOf(fastpay.ReasonPredecessor, voted, onOther), "it waits for payment 0x2e", "Ask", "allegro why 0x2e --home h"},
		{"overdue", stepOf(fastpay.ReasonOverdue, voted), "valid before 2030-03-17T18:46:40Z, and the chain has come to 2030-03-17T19:46:40Z", "Ask again", "allegro why 0x1d --home h"},
		{"home", stepOf(fastpay.ReasonHome, later, about("edgar")), "settles only through the node of one validator, and edgar is not reached", "Start edgar", "allegro tx show 0x1d --wait included --home h"},
		{"stale", stepOf(fastpay.ReasonStale, later), "shows no new blocks", "chain.rpc", "allegro doctor --home h"},
		{"settling", stepOf(fastpay.ReasonSettling, later), "on its way to the chain: dave is to hand it", "Wait for a block", "allegro tx show 0x1d --wait included --home h"},
		{"included", stepOf(fastpay.ReasonIncluded, fastpay.StageIncluded, included), "block 9", "finality", "allegro tx show 0x1d --wait finalized --home h"},
		{"finalized", stepOf(fastpay.ReasonFinalized, fastpay.StageFinalized, included), "finalized block 9", "Nothing", ""},
		{"ended", stepOf(fastpay.ReasonEnded, fastpay.StageFailed, decided(fastpay.CauseBeforeParent)), "not executed before, as block 7 shows: payment 0x0fa7", "still yours", "allegro pay"},
		{"reverted", stepOf(fastpay.ReasonEnded, fastpay.StageFailed, decided(fastpay.CauseReverted)), "FAILED: reverted", "issuer", "allegro pay"},
		{"outflow", stepOf(fastpay.ReasonEnded, fastpay.StageConflicted, decided(fastpay.CauseOutflow)), "by transaction 0x77bb", "past Allegro", "allegro pay"},
		{"slot taken", stepOf(fastpay.ReasonEnded, fastpay.StageConflicted, decided(fastpay.CauseSlotTaken)), "took its slot, as block 7 shows, transaction 0x76aa", "key was used", "allegro pay"},
		{"redirected", stepOf(fastpay.ReasonEnded, fastpay.StageConflicted, decided(fastpay.CauseRedirected)), "is not this payment", "key was used", "allegro pay"},
		{"expired without a quorum", stepOf(fastpay.ReasonEnded, fastpay.StageExpired, decided(fastpay.CauseUnused)), "EXPIRED: the slot was unused", "still yours", "allegro pay --to 0xB000000000000000000000000000000000000000 --amount 10.00 --asset pathUSD --home h"},
		{"expired with a QC", stepOf(fastpay.ReasonEnded, fastpay.StageExpired, decided(fastpay.CauseUnused), signed), "it was certified, and no validator put it on the chain", "sponsor", "allegro pay"},
		{"a later version's reason", stepOf("moon", voted), "moon", "Update", "allegro version"},
	}
	for code, next := range map[fastpay.Code]string{
		fastpay.InvalidFormat: "never be certified", fastpay.WrongChain: "never be certified", fastpay.NotPaymentTx: "never be certified",
		fastpay.WrongCommittee: "not in office", fastpay.Expired: "any more", fastpay.NonceSeqTooLow: "any more", fastpay.NonceSeqTooHigh: "lack payments",
		fastpay.Equivocation: "promised to another payment", fastpay.InsufficientFunds: "can spend 4.00 pathUSD at block 8", fastpay.MissingParentQC: "no QC",
		fastpay.InvalidParentQC: "never fund", fastpay.TemporaryUnavailable: "passes", "MOON": "operators",
	} {
		rows = append(rows, row{string(code), stepOf(fastpay.ReasonRefused, voted, refusing(code, "3 units at block 8")),
			"edgar refuses it with " + string(code) + ": 3 units at block 8", next, "allegro "})
	}
	met, advised := make(map[fastpay.Reason]bool), make(map[string]string)
	for _, tt := range rows {
		doc := document.Why{
			Steps: []document.WhyStep{tt.step}, FinalizedTime: new("1900007200"), Settlement: &document.Settlement{Turn: new("dave")},
			Funds: &document.Balance{Account: payerAddress.Hex(), Symbol: "pathUSD", Decimals: 6, Spendable: "4000000", Height: "8"},
		}
		got := adviceOn(true, doc)
		if !strings.Contains(got.because, tt.because) || !strings.Contains(got.next, tt.next) || !strings.HasPrefix(got.command, tt.command) || (tt.command == "") != (got.command == "") {
			t.Errorf("%s: because %q\nnext %q\ncommand %q\nwant %q, %q, %q", tt.name, got.because, got.next, got.command, tt.because, tt.next, tt.command)
		}
		if other, double := advised[got.because]; double {
			t.Errorf("%s has the reason of %s", tt.name, other)
		}
		advised[got.because], met[tt.step.Reason] = tt.name, true

		// Who cannot pay again is not told to.
		if got := adviceOn(false, doc); strings.HasPrefix(got.command, "allegro pay") {
			t.Errorf("%s: a home that is not the payer's is told %q", tt.name, got.command)
		}
		// As the root of another payment's trouble it is named.
		doc.Steps = []document.WhyStep{stepOf(fastpay.ReasonParent, voted), tt.step}
		if got := adviceOn(true, doc); !strings.HasPrefix(got.because, "it waits for payment 0x1d: ") {
			t.Errorf("%s as a root: %q", tt.name, got.because)
		}
	}
	for _, reason := range fastpay.Reasons() {
		if reason != fastpay.ReasonUnknown && reason != fastpay.ReasonParent && !met[reason] {
			t.Errorf("no row has the reason %q", reason)
		}
	}
	for _, code := range fastpay.Codes() {
		found := false
		for _, tt := range rows {
			found = found || tt.name == string(code)
		}
		if !found {
			t.Errorf("no row has the code %s", code)
		}
	}
}

// A payment that nobody has is told with who was asked.
func TestAdviceOnAnUnknownPayment(t *testing.T) {
	doc := document.Why{Steps: []document.WhyStep{{TxID: "0x1d", Reason: fastpay.ReasonUnknown}}}
	if got := adviceOn(true, doc); !strings.Contains(got.because, "connected to nobody") || got.command != "allegro doctor --home h" {
		t.Errorf("alone: %+v", got)
	}
	mute := document.AskedPeer{PeerID: "12D3KooWabcdef", Problem: new("timeout")}
	doc.Asked = []document.AskedPeer{mute, {Name: new("edgar"), Problem: new("it is not connected")}}
	if got := adviceOn(true, doc); got.because != "this peer does not have it, and …abcdef, edgar could not be asked" || got.command != "allegro doctor --home h" {
		t.Errorf("not answered: %+v", got)
	}
	doc.Asked = []document.AskedPeer{{Name: new("dave")}, mute}
	if got := adviceOn(true, doc); got.because != "this peer does not have it, nor has dave; …abcdef could not be asked" || !strings.HasPrefix(got.next, "Ask again when") || got.command != "allegro tx list --home h" {
		t.Errorf("asked, one in vain: %+v", got)
	}
	doc.Asked = doc.Asked[:1]
	if got := adviceOn(true, doc); got.because != "this peer does not have it, nor has dave" || !strings.HasPrefix(got.next, "Compare") {
		t.Errorf("asked: %+v", got)
	}
}

// A validator whose own attempts fail is told so, also when it is too late.
func TestAdviceOnAFailedAttempt(t *testing.T) {
	doc := document.Why{
		Steps:      []document.WhyStep{stepOf(fastpay.ReasonSettling, fastpay.StageCertified)},
		Settlement: &document.Settlement{Own: &document.Submission{Attempts: 2, Problem: new("the sponsor is dry")}},
	}
	signed := func(s *document.WhyStep) { s.Payment.Signers = []string{"dave", "edgar"} }
	for _, step := range []document.WhyStep{doc.Steps[0], stepOf(fastpay.ReasonEnded, fastpay.StageExpired, decided(fastpay.CauseUnused), signed)} {
		doc.Steps[0] = step
		got := adviceOn(false, doc)
		if !strings.Contains(got.because, "last attempt failed: the sponsor is dry") || !strings.Contains(got.next, "Mend what failed") || got.command != "allegro doctor --home h" {
			t.Errorf("%s: %+v", step.Reason, got)
		}
	}
}
