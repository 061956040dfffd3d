package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// payments writes payments for people.
type payments struct {
	out      io.Writer
	contacts home.Contacts
}

// name is an account as its owner knows it.
func (p payments) name(address string) string { return p.contacts.Name(common.HexToAddress(address)) }

// amount writes token units as people do. What an account may spend is below zero if it
// has promised more than it still holds.
func amount(units string, decimals *uint8, symbol *string) string {
	digits, negative := strings.CutPrefix(units, "-")
	n, err := uint256.FromDecimal(digits)
	if err != nil || decimals == nil || symbol == nil {
		return units + " units"
	}
	text := netfile.FormatAmount(*n, *decimals) + " " + *symbol
	if negative {
		return "-" + text
	}
	return text
}

// heading names a payment.
func (p payments) heading(doc *document.Payment) {
	say(p.out, "%s → %s   %s   %s\n", p.name(doc.From), p.name(doc.To), amount(doc.Amount, doc.Decimals, doc.Symbol), doc.TxID)
	for _, parent := range doc.Parents {
		say(p.out, "  relies on payment %s\n", parent)
	}
}

// reached writes a line about a stage that a payment has reached.
func (p payments) reached(doc *document.Payment, stage fastpay.Stage) {
	line := fmt.Sprintf("  %-10s", stage)
	switch stage {
	case fastpay.StageAccepted:
		var voters []string
		for _, v := range doc.Votes {
			voters = append(voters, v.Validator)
		}
		line += "  votes of " + strings.Join(voters, ", ")
	case fastpay.StageCertified:
		line += fmt.Sprintf("  signed by %s", strings.Join(doc.Signers, ", "))
		if doc.LatencyMicros != nil && doc.HeightAtQC != nil {
			line += fmt.Sprintf("   after %s at height %s", millisOf(doc.LatencyMicros), *doc.HeightAtQC)
		}
		line += "   conditional until the chain has it"
		if doc.Home != nil {
			line += fmt.Sprintf("\n              settles only through the node of %s", *doc.Home)
		}
	case fastpay.StageIncluded, fastpay.StageFinalized:
		if doc.IncludedHeight != nil {
			line += "  in block " + *doc.IncludedHeight
		}
		if doc.LeadMicros != nil && stage == fastpay.StageIncluded {
			line += fmt.Sprintf("   the QC formed %s before the next block", millisOf(doc.LeadMicros))
		}
	}
	say(p.out, "%s\n", line)
}

// millisOf writes microseconds as milliseconds.
func millisOf(micros *string) string {
	n, err := strconv.ParseInt(*micros, 10, 64)
	if err != nil {
		return *micros + " µs"
	}
	return millis(time.Duration(n)*time.Microsecond) + " ms"
}

// clock writes a moment as a time of day.
func clock(micros *string) string {
	if micros == nil {
		return "–"
	}
	n, err := strconv.ParseInt(*micros, 10, 64)
	if err != nil {
		return *micros
	}
	return time.UnixMicro(n).Format("15:04:05.000")
}

// dateOfMicros writes a moment as a date and time of day.
func dateOfMicros(micros string) string {
	n, err := strconv.ParseInt(micros, 10, 64)
	if err != nil {
		return micros
	}
	return time.UnixMicro(n).UTC().Format(time.RFC3339)
}

// or writes a text that may be unknown.
func or(s *string, unknown string) string {
	if s == nil {
		return unknown
	}
	return *s
}

// whole writes all that is known of a payment.
func (p payments) whole(doc *document.Payment) error {
	t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	row := func(label, format string, args ...any) { say(t, "  %s\t%s\n", label, fmt.Sprintf(format, args...)) }
	say(p.out, "payment %s\n", doc.TxID)
	row("from", "%s", p.name(doc.From))
	row("to", "%s", p.name(doc.To))
	row("amount", "%s", amount(doc.Amount, doc.Decimals, doc.Symbol))
	for _, parent := range doc.Parents {
		row("relies on", "%s", parent)
	}
	row("slot", "%s of its lane, generation %s", doc.Seq, doc.Restart)
	row("valid before", "%s", dateOf(doc.ValidBefore))
	if doc.Home != nil {
		row("home", "%s: settles only through the node of this validator, and waits while that is down", *doc.Home)
	}
	row("stage", "%s   (%s: %s)", or(doc.Stage, "no vote seen"), doc.Guarantee, doc.Why)
	row("seen", "%s", clock(doc.FirstSeenMicros))
	for _, v := range doc.Votes {
		row("vote", "%s  %s (weight %d)", clock(v.SeenMicros), v.Validator, v.Weight)
	}
	row("weight", "%d of %d, %d are needed", doc.Weight, doc.Total, doc.Threshold)
	if len(doc.Signers) > 0 {
		text := "signed by " + strings.Join(doc.Signers, ", ")
		if doc.HeightAtQC != nil {
			text += " at height " + *doc.HeightAtQC
		}
		if doc.LatencyMicros != nil {
			text += ", " + millisOf(doc.LatencyMicros) + " after it was seen"
		}
		row("QC", "%s  %s", clock(doc.CertifiedMicros), text)
	}
	if doc.LeadMicros != nil {
		row("lead", "%s before the next block", millisOf(doc.LeadMicros))
	}
	if doc.IncludedMicros != nil {
		row("included", "%s", clock(doc.IncludedMicros))
	}
	if doc.FinalizedMicros != nil {
		row("finalized", "%s", clock(doc.FinalizedMicros))
	}
	if e := doc.StageEvidence; e != nil {
		row("evidence", "%s", evidenceText(e))
		row("block", "%s  %s of %s", e.Block, e.BlockHash, dateOf(e.BlockTime))
		if e.ChainTxHash != nil {
			row("transaction", "%s", *e.ChainTxHash)
		}
		if e.OutflowTxHash != nil {
			row("money moved by", "%s", *e.OutflowTxHash)
		}
		if e.Parent != nil {
			row("not executed before", "%s", *e.Parent)
		}
	}
	for _, w := range doc.Waiting {
		row("waiting for", "%s: %s", w.Validator, printable(or(w.Problem, "no vote yet")))
	}
	for _, h := range doc.Heads {
		row("head", "%s is at height %s, finalized %s", h.Validator, h.Height, h.FinalizedHeight)
	}
	return t.Flush()
}

// evidenceText says in words what of the chain a stage rests on.
func evidenceText(e *document.StageEvidence) string {
	switch fastpay.Cause(e.Cause) {
	case fastpay.CauseSettled:
		return "executed, with exactly this transfer"
	case fastpay.CauseBeforeParent:
		return "reverted: a payment that it relies on was not executed before"
	case fastpay.CauseReverted:
		return "reverted"
	case fastpay.CauseOutflow:
		return "reverted: the money had been moved by another transaction"
	case fastpay.CauseSlotTaken:
		return "another transaction took its slot"
	case fastpay.CauseRedirected:
		return "a transaction that names it is not this payment"
	case fastpay.CauseUnused:
		return "the slot was unused when the chain's time had reached valid_before"
	}
	return e.Cause
}

// dateOf writes chain seconds.
func dateOf(seconds string) string {
	n, err := strconv.ParseUint(seconds, 10, 63)
	if err != nil {
		return seconds
	}
	if date := rfc3339(n); date != "" {
		return date
	}
	return seconds
}

// table writes one line a payment.
func (p payments) table(docs []document.Payment) error {
	t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	say(t, "SEEN\tFROM\tTO\tAMOUNT\tSTAGE\tVOTES\tHEIGHT AT QC\tIN BLOCK\tTX ID\n")
	for i := range docs {
		d := &docs[i]
		say(t, "%s\t%s\t%s\t%s\t%s\t%d/%d\t%s\t%s\t%s\n", clock(d.FirstSeenMicros), p.name(d.From), p.name(d.To),
			amount(d.Amount, d.Decimals, d.Symbol), or(d.Stage, "–"), d.Weight, d.Total, or(d.HeightAtQC, "–"), or(d.IncludedHeight, "–"), d.TxID)
	}
	return t.Flush()
}

// line writes a payment with each validator's height, for watching.
func (p payments) line(doc *document.Payment) {
	var heads []string
	for _, h := range doc.Heads {
		heads = append(heads, h.Validator+" "+h.Height)
	}
	text := fmt.Sprintf("%s  %s…  %s → %s  %s  %-11s", time.Now().Format("15:04:05.000"), doc.TxID[:10], p.name(doc.From), p.name(doc.To),
		amount(doc.Amount, doc.Decimals, doc.Symbol), or(doc.Stage, "–"))
	if doc.HeightAtQC != nil {
		text += "  QC at height " + *doc.HeightAtQC
	} else {
		text += fmt.Sprintf("  votes %d/%d", doc.Weight, doc.Threshold)
	}
	if doc.IncludedHeight != nil {
		text += "  in block " + *doc.IncludedHeight
	}
	if doc.LeadMicros != nil {
		text += "  lead " + millisOf(doc.LeadMicros)
	}
	if len(heads) > 0 {
		text += "  heights: " + strings.Join(heads, ", ")
	}
	say(p.out, "%s\n", text)
}
