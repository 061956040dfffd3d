package man

import (
	"fmt"
	"strings"
)

// roff is a text in the language of manual pages, of which it uses the man macros.
type roff struct{ strings.Builder }

// escaped lets every character of a text stand for itself: a dash that can be copied, no
// escape sequence, no macro.
func escaped(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}

// macro begins something.
func (r *roff) macro(name string, args ...string) {
	r.WriteString("." + name)
	for _, a := range args {
		fmt.Fprintf(r, ` "%s"`, strings.NewReplacer(`\`, `\e`, `"`, `\(dq`).Replace(a))
	}
	r.WriteString("\n")
}

// line is one line of a paragraph.
func (r *roff) line(text string) {
	if text = strings.TrimSpace(text); text != "" {
		r.WriteString(escaped(text) + "\n")
	}
}

// bold is a line in bold.
func (r *roff) bold(text string) { r.WriteString(`\fB` + escaped(text) + `\fR` + "\n") }

// term is an entry of a list.
func (r *roff) term(name, meaning string) {
	r.macro("TP")
	r.bold(name)
	r.line(meaning)
}

// wrapWidth is where the lines of descriptions are full at the latest.
const wrapWidth = 80

// text is paragraphs with an empty line between. Their lines flow, but one that the next
// word would have fitted on was ended on purpose, and stays one.
func (r *roff) text(text string) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			r.macro("PP")
			continue
		}
		r.line(line)
		if i+1 == len(lines) {
			continue
		}
		if next, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " "); next != "" && len(line)+1+len(next) <= wrapWidth {
			r.macro("br")
		}
	}
}
