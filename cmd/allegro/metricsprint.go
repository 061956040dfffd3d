package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// metricsDocument is what allegro metrics prints in JSON: one look at peers.
type metricsDocument struct {
	Schema string        `json:"schema"`
	Micros string        `json:"unix_micros"` // of the look, on the clock of the command
	Peers  []peerMetrics `json:"peers"`
}

// metricsSchema names the format of metricsDocument.
const metricsSchema = "allegro.metrics/v1"

// peerMetrics is what one peer told: its vitals, or the series that were asked for, or
// why it told nothing.
type peerMetrics struct {
	Source  string      `json:"source"`          // URL or home
	Error   *string     `json:"error"`           // null if it answered
	Seconds float64     `json:"seconds"`         // since the look before, which rates are over; 0 for series
	Vitals  []vitalLine `json:"vitals,omitzero"` // as the table has them
	Series  []series    `json:"series,omitzero"` // by name, then labels

	seriesTold int // before the filter
}

// printMetrics writes what peers told, one after the other.
func printMetrics(out, prose io.Writer, doc *metricsDocument) error {
	for i := range doc.Peers {
		p := &doc.Peers[i]
		if len(doc.Peers) > 1 || p.Vitals != nil {
			if i > 0 {
				say(out, "\n")
			}
			say(out, "%s", p.Source)
			if p.Vitals != nil {
				say(out, "   rates over %.2g s", p.Seconds)
			}
			say(out, "\n")
		}
		switch {
		case p.Error != nil:
			say(out, "  no metrics: %s\n", printable(*p.Error))
		case p.Vitals != nil:
			if err := printVitals(out, p.Vitals); err != nil {
				return err
			}
		default:
			if len(p.Series) == 0 {
				fmt.Fprintf(prose, "none of the %d series at %s matches: --filter . shows all\n", p.seriesTold, p.Source)
			}
			if err := printSeries(out, p.Series); err != nil {
				return err
			}
		}
	}
	return nil
}

// printVitals writes the table that a person reads: a line for what the peer has, and
// one that names what it does not have, since it plays another role or that did not
// happen yet.
func printVitals(w io.Writer, lines []vitalLine) error {
	var table bytes.Buffer
	var absent []string
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	say(t, "  \tNOW\tPER SECOND\tMEDIAN\tTAIL\tVERDICT\n")
	for i := range lines {
		l := &lines[i]
		if !l.Present {
			absent = append(absent, l.Name)
			continue
		}
		row := []string{l.Name, "", "", "", "", ""}
		count := l.Unit
		if l.TailQuantile != "" {
			count = unitCount // of observations
			row[3], row[4] = l.quantileText(l.P50), l.TailQuantile+" "+l.quantileText(l.Tail)
		}
		row[1] = count.text(l.Value)
		if l.Rate != nil {
			row[2] = count.text(rounded(*l.Rate))
		}
		if l.Verdict != nil {
			row[5] = fmt.Sprintf("%-4s  (%s)", *l.Verdict, l.Threshold)
		}
		say(t, "  %s\n", strings.Join(row, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(absent) > 0 {
		say(&table, "  none: %s\n", strings.Join(absent, ", "))
	}
	for line := range strings.Lines(table.String()) {
		say(w, "%s\n", strings.TrimRight(line, " \n"))
	}
	return nil
}

// quantileText writes a quantile, or the highest bucket if it lies above that.
func (l *vitalLine) quantileText(v *float64) string {
	if v == nil && l.highest != nil {
		return ">" + l.Unit.text(l.highest)
	}
	return l.Unit.text(v)
}

// rounded is a rate with the digits that it is good for.
func rounded(rate float64) *float64 {
	const tenths = 10
	rate = float64(int64(rate*tenths+0.5)) / tenths
	return &rate
}

// printSeries writes a table of series.
func printSeries(w io.Writer, all []series) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", printable(s.Name), s.labelText(), s.valueText())
	}
	return t.Flush()
}
