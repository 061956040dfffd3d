package main

import (
	"fmt"
	"strings"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/ethereum/go-ethereum/common"
)

// advice is what an explanation comes down to: the reason in a sentence, and what to do
// next in one or two.
type advice struct {
	because string
	next    string
	command string // empty if there is none to type
}

// adviser words advice for one home.
type adviser struct {
	payments                // names accounts
	home     string         // the --home flag, as inHome has it
	account  common.Address // of the home; zero if it has none
}

// on returns what a diagnosis means. It judges nothing: the reason is the document's.
func (a adviser) on(doc *document.Why) advice {
	root := &doc.Steps[len(doc.Steps)-1]
	out := a.of(doc, root)
	if len(doc.Steps) > 1 {
		out.because = fmt.Sprintf("it waits for payment %s: %s", root.TxID, out.because)
	}
	return out
}

// of returns what the reason of the last step means.
func (a adviser) of(doc *document.Why, s *document.WhyStep) advice {
	show := "allegro tx show " + s.TxID + " --wait certified" + a.home
	switch s.Reason {
	case fastpay.ReasonUnknown:
		return a.unknown(doc)
	case fastpay.ReasonVotes:
		return advice{
			"nothing is known to be in its way, " + silent(s),
			"Wait a moment. If a validator stays silent, its operator looks at it with allegro doctor.", show,
		}
	case fastpay.ReasonUnreached:
		return a.unreached(s)
	case fastpay.ReasonRefused:
		return a.refused(doc, s)
	case fastpay.ReasonRival:
		return a.rival(s)
	case fastpay.ReasonPredecessor, fastpay.ReasonParent:
		return advice{"it waits for payment " + or(s.On, "unknown"), "Ask for the reason of that one.", "allegro why " + or(s.On, "TXID") + a.home}
	case fastpay.ReasonOverdue:
		return advice{
			fmt.Sprintf("its time is over: it was valid before %s, and the chain has come to %s", dateOf(s.Payment.ValidBefore), dateOf(or(doc.FinalizedTime, "0"))),
			"Ask again after the next finalized block, which shows whether it was executed in time.", "allegro why " + s.TxID + a.home,
		}
	case fastpay.ReasonHome:
		return advice{
			fmt.Sprintf("it is certified and settles only through the node of one validator, and %s", notReached(s)),
			fmt.Sprintf("Start %s, or mend its connection, before %s: then the payment expires unexecuted.", strings.Join(s.About, ", "), dateOf(s.Payment.ValidBefore)),
			"allegro tx show " + s.TxID + " --wait included" + a.home,
		}
	case fastpay.ReasonStale:
		return advice{
			fmt.Sprintf("it is %s, and this peer's own chain node shows no new blocks in which it could be seen", or(s.Payment.Stage, "certified")),
			"Look at the chain node that chain.rpc in config.toml names.", "allegro doctor" + a.home,
		}
	case fastpay.ReasonSettling:
		return a.settling(doc, s)
	case fastpay.ReasonIncluded:
		return advice{"block " + or(s.Payment.IncludedHeight, "unknown") + " has executed it, and is not final yet", "Wait for its finality.", "allegro tx show " + s.TxID + " --wait finalized" + a.home}
	case fastpay.ReasonFinalized:
		return advice{"nothing holds it up: finalized block " + or(s.Payment.IncludedHeight, "unknown") + " has executed it", "Nothing is to be done.", ""}
	case fastpay.ReasonEnded:
		return a.ended(doc, s)
	}
	return advice{"the peer gives a reason that this program does not know: " + string(s.Reason), "Update the program.", "allegro version"}
}

// unknown is about a payment that nobody has who could be asked.
func (a adviser) unknown(doc *document.Why) advice {
	var lack, mute []string
	for _, p := range doc.Asked {
		name := or(p.Name, shortPeer(p.PeerID))
		if p.Problem != nil {
			mute = append(mute, name)
		} else {
			lack = append(lack, name)
		}
	}
	because, unasked := "this peer does not have it", strings.Join(mute, ", ")+" could not be asked"
	if len(lack) == 0 {
		if len(mute) == 0 {
			unasked = "it is connected to nobody whom it could ask"
		}
		return advice{because + ", and " + unasked, "Find out what keeps this peer from the others.", "allegro doctor" + a.home}
	}
	because += ", nor has " + strings.Join(lack, ", ")
	next := ""
	if len(mute) > 0 {
		because += "; " + unasked
		next = "Ask again when that is possible. "
	}
	next += "Compare the tx id with the payer's, and ask in the payer's home: whoever has the payment hands it on while its peer runs."
	return advice{because, next, "allegro tx list" + a.home}
}

// unreached is about members without which there is no quorum.
func (a adviser) unreached(s *document.WhyStep) advice {
	have := fmt.Sprintf("it has %d of %d votes and needs %d", s.Payment.Weight, s.Payment.Total, s.Payment.Threshold)
	wait, becomes := "certified", "votes"
	if stageOf(s.Payment).Rank() >= fastpay.StageCertified.Rank() {
		have, wait, becomes = "it is certified, and nobody is there to put it on the chain", "included", "puts it on the chain"
	}
	return advice{
		fmt.Sprintf("%s: %s", have, notReached(s)),
		fmt.Sprintf("Start %s again (allegro validator run in its home, in a testnet allegro testnet start NAME), or mend the connection: it then %s by itself. Do not pay again.",
			strings.Join(s.About, " or "), becomes),
		"allegro tx show " + s.TxID + " --wait " + wait + a.home,
	}
}

// notReached says which of the validators that a reason is about are not reached, and
// since when. Why not is in the table.
func notReached(s *document.WhyStep) string {
	var parts []string
	for _, name := range s.About {
		text := name + " has not been reached since this peer started"
		for _, p := range s.Validators {
			if p.Validator == name && p.SinceMicros != nil {
				text = fmt.Sprintf("%s is not reached since %s", name, clock(p.SinceMicros))
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// silent names the validators that are reached and have given no answer.
func silent(s *document.WhyStep) string {
	var names []string
	for _, p := range s.Validators {
		if p.Reached && !p.Voted && p.Code == nil {
			names = append(names, p.Validator)
		}
	}
	if len(names) == 0 {
		return "its votes are on their way"
	}
	return "no answer has come from " + strings.Join(names, ", ")
}

// rival is about a payer that signed two payments for one slot.
func (a adviser) rival(s *document.WhyStep) advice {
	r := &s.Rivals[0]
	for i := range s.Rivals {
		if s.On != nil && s.Rivals[i].TxID == *s.On {
			r = &s.Rivals[i]
		}
	}
	what := fmt.Sprintf("the payer signed another payment for slot %s, %s", s.Payment.Seq, r.TxID)
	if r.Certified {
		return advice{what + ", which is certified", "This one never will be, whoever waits for it must be paid anew. Look at the other one.", "allegro why " + r.TxID + a.home}
	}
	return advice{
		fmt.Sprintf("%s, for which %s voted: neither of the two can get a quorum", what, strings.Join(r.Validators, ", ")),
		fmt.Sprintf("Both expire unexecuted, this one at %s; the payer's next payment then starts the lane anew.", dateOf(s.Payment.ValidBefore)), "allegro why " + r.TxID + a.home,
	}
}

// settling is about a certified payment that is on its way to the chain.
func (a adviser) settling(doc *document.Why, s *document.WhyStep) advice {
	out := advice{
		"it is certified, and on its way to the chain", fmt.Sprintf("Wait for a block. It must have it before %s.", dateOf(s.Payment.ValidBefore)),
		"allegro tx show " + s.TxID + " --wait included" + a.home,
	}
	if doc.Settlement != nil && doc.Settlement.Turn != nil {
		out.because += fmt.Sprintf(": %s is to hand it to its node now", *doc.Settlement.Turn)
	}
	if failed := attemptFailed(doc); failed != "" {
		out.because += failed
		out.next, out.command = "Mend what failed; the other validators take their turns meanwhile.", "allegro doctor"+a.home
	}
	return out
}

// attemptFailed says why this validator's last attempt to settle the root failed; empty if
// it did not, or this is no validator.
func attemptFailed(doc *document.Why) string {
	if s := doc.Settlement; s != nil && s.Own != nil && s.Own.Problem != nil {
		return fmt.Sprintf("; this validator's last attempt failed: %s", printable(*s.Own.Problem))
	}
	return ""
}

// ended is about a payment that the chain has decided against.
func (a adviser) ended(doc *document.Why, s *document.WhyStep) advice {
	again := a.payAgain(s)
	e := s.Payment.StageEvidence
	if e == nil {
		return advice{"it is " + or(s.Payment.Stage, "over"), again.next, again.command}
	}
	out := advice{fmt.Sprintf("it is %s: %s, as block %s shows", or(s.Payment.Stage, "over"), evidenceText(e), e.Block), again.next, again.command}
	switch fastpay.Cause(e.Cause) {
	case fastpay.CauseOutflow:
		out.because += ", by transaction " + or(e.OutflowTxHash, "unknown")
		out.next = "The payer moved the money past Allegro: the payment does not come again by itself. " + out.next
	case fastpay.CauseSlotTaken, fastpay.CauseRedirected:
		out.because += ", transaction " + or(e.ChainTxHash, "unknown")
		out.next = "The payer's key was used past Allegro. " + out.next
	case fastpay.CauseBeforeParent:
		out.because += ": payment " + or(e.Parent, "unknown")
	case fastpay.CauseReverted:
		out.next = "Ask the issuer of the token whether payer and payee may move it. " + out.next
	case fastpay.CauseUnused:
		if len(s.Payment.Signers) > 0 {
			out.because += "; it was certified, and no validator put it on the chain"
			failed := attemptFailed(doc)
			if failed == "" {
				out.next = "Look whether the validators' sponsor accounts have money. " + out.next
				break
			}
			out.because += failed
			out.next = "Mend what failed, for the payments to come. " + out.next
			if out.command == "" {
				out.command = "allegro doctor" + a.home
			}
		}
	}
	return out
}

// payAgain is what is left of a payment that never settles.
func (a adviser) payAgain(s *document.WhyStep) advice {
	p := s.Payment
	if a.account == (common.Address{}) || common.HexToAddress(p.From) != a.account {
		return advice{next: fmt.Sprintf("The money is still %s's, who has to pay again.", a.name(p.From))}
	}
	units := amount(p.Amount, p.Decimals, p.Symbol)
	value, symbol, _ := strings.Cut(units, " ")
	return advice{next: "The money is still yours: pay again.", command: fmt.Sprintf("allegro pay --to %s --amount %s --asset %s%s", shellWord(a.name(p.To)), value, shellWord(symbol), a.home)}
}
