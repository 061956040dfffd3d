// Package man writes the manual of a program from its commands: a page in roff for the
// program and one for each command below it, with the texts that --help has.
package man

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// Manual is the pages of one program. Safe for concurrent use as long as nobody changes
// the commands.
type Manual struct {
	version  string
	date     string
	sections []Section
	pages    []*page // the program's own first
}

// Section is a part of the program's own page that its commands do not say.
type Section struct {
	Title string // in capitals, as manuals have them
	Text  string // above the terms; may be empty
	Terms []Term // listed below the text
}

// Term is something with its meaning.
type Term struct{ Name, Meaning string }

// page is about one command.
type page struct {
	words   []string // as they are typed
	command *cli.Command
	above   *page // nil for the program's own
	below   []*page
}

// name is what the manual calls the page: words with dashes between.
func (p *page) name() string { return strings.Join(p.words, "-") }

// New returns the manual of a program whose commands are complete, which they are once
// it runs. Hidden commands have no page. The date is that of the version, as 2027-01-31;
// empty if it is not known.
func New(root *cli.Command, version, date string, sections ...Section) *Manual {
	m := &Manual{version: version, date: date, sections: sections}
	m.add(&page{words: []string{root.Name}, command: root})
	return m
}

func (m *Manual) add(p *page) {
	m.pages = append(m.pages, p)
	for _, c := range p.command.VisibleCommands() {
		below := &page{words: append(slices.Clone(p.words), c.Name), command: c, above: p}
		p.below = append(p.below, below)
		m.add(below)
	}
}

// Pages are the names of all pages, such as allegro-qc-verify.
func (m *Manual) Pages() []string {
	var names []string
	for _, p := range m.pages {
		names = append(names, p.name())
	}
	return names
}

// Write writes the page of a name in roff. It is an error if there is none.
func (m *Manual) Write(w io.Writer, name string) error {
	for _, p := range m.pages {
		if p.name() == name {
			_, err := io.WriteString(w, m.roff(p))
			return err
		}
	}
	return fmt.Errorf("the manual has no page %s", name)
}

// roff is a page.
func (m *Manual) roff(p *page) string {
	var r roff
	r.macro("TH", strings.ToUpper(p.name()), "1", m.date, p.words[0]+" "+m.version, "Manual of "+p.words[0])
	r.macro("SH", "NAME")
	r.line(p.name() + " - " + p.command.Usage)
	r.macro("SH", "SYNOPSIS")
	r.bold(strings.Join(p.words, " "))
	r.line(synopsis(p.command))
	if p.command.Description != "" {
		r.macro("SH", "DESCRIPTION")
		r.text(p.command.Description)
	}
	if len(p.below) > 0 {
		r.macro("SH", "COMMANDS")
		for _, b := range p.below {
			r.term(b.name()+"(1)", b.command.Usage)
		}
	}
	if flags := p.command.VisibleFlags(); len(flags) > 0 {
		r.macro("SH", "OPTIONS")
		for _, f := range flags {
			names, usage, _ := strings.Cut(cli.FlagStringer(f), "\t")
			r.term(names, usage)
		}
	}
	if p.above == nil {
		for _, s := range m.sections {
			r.macro("SH", s.Title)
			if s.Text != "" {
				r.text(s.Text)
			}
			for _, t := range s.Terms {
				r.term(t.Name, t.Meaning)
			}
		}
		return r.String()
	}
	r.macro("SH", "SEE ALSO")
	r.line(strings.Join(p.seeAlso(), ", "))
	return r.String()
}

// synopsis is what follows the words of a command.
func synopsis(c *cli.Command) string {
	var parts []string
	if len(c.VisibleFlags()) > 0 {
		parts = append(parts, "[OPTIONS]")
	}
	if len(c.VisibleCommands()) > 0 {
		parts = append(parts, "COMMAND")
	}
	if c.ArgsUsage != "" {
		parts = append(parts, c.ArgsUsage)
	}
	return strings.Join(parts, " ")
}

// seeAlso names the pages of all commands above, and of those beside.
func (p *page) seeAlso() []string {
	var pages []string
	for above := p.above; above != nil; above = above.above {
		pages = append(pages, above.name()+"(1)")
	}
	if p.above.above != nil { // the program's own page lists the commands right below it
		for _, beside := range p.above.below {
			if beside != p {
				pages = append(pages, beside.name()+"(1)")
			}
		}
	}
	return pages
}
