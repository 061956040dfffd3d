package main

import (
	"fmt"
	"strings"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
)

// refused is about members that refuse a payment, without which there is no quorum.
func (a adviser) refused(doc *document.Why, s *document.WhyStep) advice {
	code := fastpay.Code(or(s.Code, ""))
	out := advice{because: fmt.Sprintf("%s refuse it with %s: %s", strings.Join(s.About, " and "), code, said(s, code))}
	if len(s.About) == 1 {
		out.because = fmt.Sprintf("%s refuses it with %s: %s", s.About[0], code, said(s, code))
	}
	again := a.payAgain(s)
	wait := "allegro tx show " + s.TxID + " --wait certified" + a.home
	switch code {
	case fastpay.InvalidFormat, fastpay.WrongChain, fastpay.NotPaymentTx:
		out.next, out.command = "It can never be certified: compare this home's network.toml with the validators', then the payer pays anew.", "allegro committee show"+a.home
	case fastpay.WrongCommittee:
		out.next, out.command = "Its committee is not in office, or it would outlive it. "+again.next, again.command
	case fastpay.Expired, fastpay.NonceSeqTooLow:
		out.next, out.command = "It cannot be certified any more. "+again.next, again.command
	case fastpay.NonceSeqTooHigh:
		out.next, out.command = "The validators lack payments below it in the payer's lane: keep the payer's peer running, which hands them on.", "allegro tx list --account "+shellWord(a.name(s.Payment.From))+a.home
	case fastpay.Equivocation:
		out.next = fmt.Sprintf("The slot, or what it stands on, is promised to another payment of the payer's: this one expires at %s. The payer pays again after that.", dateOf(s.Payment.ValidBefore))
		out.command = "allegro tx list --account " + shellWord(a.name(s.Payment.From)) + a.home
	case fastpay.InsufficientFunds:
		out.next = fmt.Sprintf("Pay %s what is missing: the payment is then certified by itself, before %s.", a.name(s.Payment.From), dateOf(s.Payment.ValidBefore))
		if doc.Funds != nil {
			f := doc.Funds
			out.next = fmt.Sprintf("By this peer's own node %s can spend %s at block %s. %s", a.name(f.Account), amount(f.Spendable, &f.Decimals, &f.Symbol), f.Height, out.next)
		}
		out.command = "allegro balance " + shellWord(a.name(s.Payment.From)) + a.home
	case fastpay.MissingParentQC:
		out.next, out.command = "The validators have no QC of a payment that it relies on: keep a peer running that holds it, which hands it on.", wait
	case fastpay.InvalidParentQC:
		out.next, out.command = "A payment that it cites can never fund it. "+again.next, again.command
	case fastpay.TemporaryUnavailable:
		out.next, out.command = "That passes, or the validators' operators mend it: the payment is offered again every second while the payer's peer runs.", wait
	default:
		out.next, out.command = "Ask the validators' operators.", "allegro committee show"+a.home
	}
	return out
}

// said is what validators say with a refusal, each text once.
func said(s *document.WhyStep, code fastpay.Code) string {
	var texts []string
	seen := make(map[string]bool)
	for _, p := range s.Validators {
		if p.Code == nil || fastpay.Code(*p.Code) != code || p.Text == nil || seen[*p.Text] {
			continue
		}
		seen[*p.Text] = true
		texts = append(texts, printable(strings.TrimPrefix(*p.Text, string(code)+": ")))
	}
	return strings.Join(texts, "; ")
}
