package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/allegro-p2p/allegro/p2p/document"
)

// why writes an explanation: each payment on the way to the root, what surrounds that,
// and what it comes down to.
func (p payments) why(doc *whyDocument) error {
	for i := range doc.Steps {
		if i > 0 {
			say(p.out, "\nwhich waits for\n")
		}
		if err := p.whyStep(&doc.Why, &doc.Steps[i]); err != nil {
			return err
		}
	}
	if err := p.surroundings(&doc.Why); err != nil {
		return err
	}
	say(p.out, "\nbecause  %s\nnext     %s\n", doc.Because, doc.Next)
	if doc.Command != nil {
		say(p.out, "         %s\n", *doc.Command)
	}
	return nil
}

// whyStep writes one payment with each validator's part in it.
func (p payments) whyStep(doc *document.Why, s *document.WhyStep) error {
	say(p.out, "payment %s\n", s.TxID)
	d := s.Payment
	if d == nil {
		say(p.out, "  not known here\n")
		return nil
	}
	say(p.out, "  %s → %s   %s   %s, %d of %d votes, %d are needed\n", p.name(d.From), p.name(d.To), amount(d.Amount, d.Decimals, d.Symbol),
		or(d.Stage, "no vote seen"), d.Weight, d.Total, d.Threshold)
	say(p.out, "  slot %s of its lane, generation %s, valid before %s%s\n", d.Seq, d.Restart, dateOf(d.ValidBefore), p.left(doc, d))
	for _, parent := range d.Parents {
		say(p.out, "  relies on payment %s\n", parent)
	}
	for _, r := range s.Rivals {
		say(p.out, "  another payment for its slot is %s: %s, votes of %s\n", r.TxID, or(r.Stage, "no vote seen"), listOr(r.Validators, "nobody"))
	}
	t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	say(t, "  VALIDATOR\tWEIGHT\tVOTE\tREACHED\tITS NODE\tLAST ANSWER\n")
	for i := range s.Validators {
		v := &s.Validators[i]
		say(t, "  %s\t%d\t%s\t%s\t%s\t%s\n", v.Validator, v.Weight, voteText(v), reachedText(v), headText(v), answerText(v))
	}
	return t.Flush()
}

// left says how much of the chain's time a payment has left.
func (p payments) left(doc *document.Why, d *document.Payment) string {
	if doc.FinalizedTime == nil || stageOf(d).Terminal() {
		return ""
	}
	now, err := strconv.ParseInt(*doc.FinalizedTime, 10, 63)
	until, err2 := strconv.ParseInt(d.ValidBefore, 10, 63)
	if err != nil || err2 != nil {
		return ""
	}
	left := time.Duration(until-now) * time.Second
	if left <= 0 {
		return fmt.Sprintf(", which block %s has reached", or(doc.FinalizedHeight, "unknown"))
	}
	return fmt.Sprintf(", %s after block %s", left, or(doc.FinalizedHeight, "unknown"))
}

// voteText says whether a validator has voted.
func voteText(v *document.Part) string {
	switch {
	case !v.Voted:
		return "no"
	case v.VotedMicros == nil:
		return "yes"
	}
	return clock(v.VotedMicros)
}

// reachedText says since when a validator is reached, or not.
func reachedText(v *document.Part) string {
	switch {
	case v.Reached && v.SinceMicros == nil:
		return "this peer"
	case v.Reached:
		return "since " + clock(v.SinceMicros)
	case v.SinceMicros == nil:
		return "not yet"
	}
	return "not since " + clock(v.SinceMicros)
}

// headText is a validator's view of its own node.
func headText(v *document.Part) string {
	if v.Head == nil {
		return "–"
	}
	return fmt.Sprintf("%s, finalized %s", v.Head.Height, v.Head.FinalizedHeight)
}

// answerText is what is known of why a validator has not voted.
func answerText(v *document.Part) string {
	switch {
	case v.Voted:
		return "its vote"
	case v.Text != nil:
		text := *v.Text
		if v.Code != nil && !strings.HasPrefix(text, *v.Code) {
			text = *v.Code + ": " + text
		}
		if v.Retryable != nil && *v.Retryable {
			text += " (for now)"
		}
		return fmt.Sprintf("%s  %s", clock(v.RefusedMicros), printable(text))
	case v.Problem != nil:
		return "none: " + printable(*v.Problem)
	}
	return "none"
}

// listOr joins names.
func listOr(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}

// surroundings writes what bears on the last payment beside its votes.
func (p payments) surroundings(doc *document.Why) error {
	t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	row := func(label, format string, args ...any) { say(t, "%s\t%s\n", label, fmt.Sprintf(format, args...)) }
	say(t, "\n")
	for _, a := range doc.Asked {
		row("asked", "%s (%s): %s", or(a.Name, shortPeer(a.PeerID)), or(a.Role, "role unknown"), askedText(&a))
	}
	if f := doc.Funds; f != nil {
		units := func(n string) string { return amount(n, &f.Decimals, &f.Symbol) }
		row("funds", "%s has %s at block %s, certified in %s, out %s: spendable %s   (by this peer's own node)", p.name(f.Account),
			units(f.Confirmed), f.Height, units(f.CertifiedIn), units(f.CertifiedOut), units(f.Spendable))
	}
	if s := doc.Settlement; s != nil {
		p.settlement(row, s)
	}
	root := &doc.Steps[len(doc.Steps)-1]
	if root.Payment != nil && root.Payment.StageEvidence != nil {
		e := root.Payment.StageEvidence
		row("evidence", "%s, block %s of %s", evidenceText(e), e.Block, dateOf(e.BlockTime))
	}
	for _, c := range doc.Convictions {
		who := c.Offender
		if c.Kind == "payer" {
			who = p.name(who)
		}
		row("equivocation", "%s %s signed both %s and %s", c.Kind, who, c.TxA, c.TxB)
	}
	return t.Flush()
}

// settlement writes how a payment gets to the chain, or was tried to get there.
func (p payments) settlement(row func(label, format string, args ...any), s *document.Settlement) {
	if s.Turn != nil {
		row("turn", "%s is to hand it to its node now", *s.Turn)
	}
	own := s.Own
	switch {
	case own == nil:
		row("attempts", "only the validators know theirs: ask in their homes")
	case own.LastMicros == nil:
		row("attempts", "none that this validator remembers, which forgets them when it ends")
	case own.Problem != nil:
		row("attempts", "%d by this validator, the last at %s failed (%s): %s", own.Attempts, clock(own.LastMicros), or(own.Result, "unknown"), printable(*own.Problem))
	default:
		row("attempts", "%d by this validator, the last at %s: its node took the payment", own.Attempts, clock(own.LastMicros))
	}
}

// askedText is what a peer answered that was asked for a payment.
func askedText(a *document.AskedPeer) string {
	switch {
	case a.Problem != nil:
		return "no answer: " + printable(*a.Problem)
	case a.Held:
		return "has it"
	}
	return "does not have it"
}
