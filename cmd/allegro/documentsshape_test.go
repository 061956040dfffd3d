package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// compare checks that output has the shape that the document shows: the same words, with
// other numbers, hashes and names of who voted first. Where the document has …, anything may
// stand. A hash that the document shows stands for the one that was printed from here on.
func (s *docReader) compare(c *shownCommand, out string, shape *regexp.Regexp) {
	s.t.Helper()
	require.Regexp(s.t, shape, out, "line %d: what %s prints has not the shape that the document shows\n%s", c.line, c.text, out)
	var shown []string
	for _, line := range c.output {
		shown = append(shown, fullHash.FindAllString(line, -1)...)
	}
	for i, printed := range shape.FindStringSubmatch(out)[1:] {
		s.replace(shown[i], printed)
	}
}

// fullHash is a hash in full, of a payment for one.
var fullHash = regexp.MustCompile(`0x[0-9a-f]{64}`)

// member is the name of a validator. Which of them did something first, or has the lower
// key and so the lower index, is another one in every run.
const member = `(?:dave|edgar|frank|grace)`

// memberRow is a line of a table with one for each member.
var memberRow = regexp.MustCompile(`^ *` + member + ` +\d`)

// shapeToken matches what differs between two runs, and white space.
var shapeToken = regexp.MustCompile(`…|[0-9a-f]{16}-\d+|0x[0-9a-fA-F]+|\d{4}-\d\d-\d\dT[\d:]+Z|[+-]?\d[\d,.:]*\d|[+-]?\d|\b` + member + `(?:, ` + member + `)*\b|\baccepted +CERTIFIED\b|\b(?:INCLUDED|FINALIZED)\b|\s+`)

// acceptedLine is printed only if a vote was seen before the quorum.
var acceptedLine = regexp.MustCompile(`^ *ACCEPTED +votes of `)

// shapeOf is the regular expression of a text's shape. more allows output behind it.
func shapeOf(text string, more bool) *regexp.Regexp {
	var shape strings.Builder
	shape.WriteString(`^\s*`)
	var rows []string // of the table of members that is being read
	for line := range strings.Lines(text + "\n") {
		if memberRow.MatchString(line) {
			rows = append(rows, shapeOfLine(line))
			continue
		}
		shape.WriteString(inAnyOrder(rows))
		rows = nil
		if acceptedLine.MatchString(line) {
			shape.WriteString(`(?:ACCEPTED\s+votes of [a-z, ]+\n\s*)?`)
			continue
		}
		shape.WriteString(shapeOfLine(line))
	}
	if !more {
		shape.WriteString(`$`)
	}
	return regexp.MustCompile(shape.String())
}

// shapeOfLine is the shape of one line with the white space behind it.
func shapeOfLine(line string) string {
	var shape strings.Builder
	at := 0
	line = strings.TrimSpace(line)
	for _, m := range shapeToken.FindAllStringIndex(line, -1) {
		shape.WriteString(regexp.QuoteMeta(line[at:m[0]]))
		shape.WriteString(shapeOfToken(line[m[0]:m[1]]))
		at = m[1]
	}
	return shape.String() + regexp.QuoteMeta(line[at:]) + `\s*`
}

// inAnyOrder is the shape of some rows, which have no full hashes.
func inAnyOrder(rows []string) string {
	if len(rows) == 0 {
		return ""
	}
	var orders []string
	for i, first := range rows {
		orders = append(orders, first+inAnyOrder(slices.Concat(rows[:i], rows[i+1:])))
	}
	return `(?:` + strings.Join(orders, `|`) + `)`
}

// eventID is one of the event stream's.
var eventID = regexp.MustCompile(`[0-9a-f]{16}-\d+`)

func shapeOfToken(found string) string {
	switch {
	case found == "…":
		return `[\s\S]*?`
	case strings.TrimSpace(found) == "":
		return `\s*`
	case fullHash.MatchString(found):
		return `(0x[0-9a-f]{64})`
	case strings.HasPrefix(found, "0x"):
		return `0x[0-9a-fA-F]+`
	case strings.HasPrefix(found, "accepted "): // a block may have come
		return `(?:accepted\s+(?:CERTIFIED|QUEUED_ONCHAIN|INCLUDED)|final\s+FINALIZED)`
	case found == "INCLUDED" || found == "FINALIZED": // the same
		return `(?:INCLUDED|FINALIZED)`
	case found[0] >= 'a':
		return `[a-z]+(?:, [a-z]+)*`
	case eventID.MatchString(found):
		return eventID.String()
	case strings.Contains(found, "T"):
		return `[\dTZ:-]+`
	default:
		return `[+-]?\d[\d,.:]*`
	}
}

// TestShapes: a shape takes other numbers and refuses other words.
func TestShapes(t *testing.T) {
	const shown = "a → b   10.00 pathUSD   0x0b15\n  ACCEPTED    votes of edgar\n  CERTIFIED   signed by dave, edgar   after 9.8 ms at height 0\n"
	for text, fits := range map[string]bool{
		shown: true,
		"a → b 9.00 pathUSD 0xABCDEF\n ACCEPTED votes of dave, edgar\n CERTIFIED signed by dave, edgar after 1,234.5 ms at height 12\n": true,
		"a → b 9.00 pathUSD 0xABCDEF\n CERTIFIED signed by dave, edgar after 1,234.5 ms at height 12\n":                                 true,
		"a → b 9.00 pathUSD 0xABCDEF\n QUEUED signed by dave, edgar after 1,234.5 ms at height 12\n":                                    false,
		"a → b 9.00 pathUSD 0xABCDEF\n CERTIFIED signed by dave, edgar after 1,234.5 ms at height 12\nand more":                         false,
		"a → b 9.00 pathUSD 0xABCDEF\n CERTIFIED signed by dave, edgar after x ms at height 12\n":                                       false,
	} {
		require.Equal(t, fits, shapeOf(shown, false).MatchString(text), "%s", text)
	}
	require.Regexp(t, shapeOf("{\"id\":\"0x3ef4…\",…}", false), "{\"id\":\"0xabcdef\",\"more\":{}}\n")
	require.NotRegexp(t, shapeOf("{\"id\":\"0x3ef4…\"}", false), "{\"tx\":\"0xabcdef\"}")
	require.Regexp(t, shapeOf("one\n", true), "one\ntwo\n")
	const order = "accepted  CERTIFIED  alice\n"
	require.Regexp(t, shapeOf(order, false), order)
	require.Regexp(t, shapeOf(order, false), "accepted  INCLUDED  alice\n", "a block has come")
	require.Regexp(t, shapeOf(order, false), "final     FINALIZED  alice\n")
	require.NotRegexp(t, shapeOf(order, false), "waiting   CERTIFIED  alice\n")
	require.NotRegexp(t, shapeOf(order, false), "accepted  ACCEPTED  alice\n")
	const table = "WHO    VOTE\ndave   1  yes\ngrace  1  no\nend\n"
	require.Regexp(t, shapeOf(table, false), "WHO    VOTE\nfrank  1  no\nedgar  1  yes\nend\n", "members have another order")
	require.NotRegexp(t, shapeOf(table, false), "WHO    VOTE\nfrank  1  no\nend\n", "a row is lacking")
	require.NotRegexp(t, shapeOf(table, false), "WHO    VOTE\nfrank  1  no\nedgar  1  no\nend\n")
	require.NotRegexp(t, shapeOf(table, false), "WHO    VOTE\nfrank  1  no\nedgar  1  late\nend\n")
}
