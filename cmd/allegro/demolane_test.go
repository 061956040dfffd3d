package main

import (
	"io"
	"strings"
	"testing"
)

// The demo plays its scene in sub-block lanes on a chain of its own, says what they are,
// and has both payments in one block.
func TestDemoInSubBlocks(t *testing.T) {
	r := command(t, nil, "demo", "--once", "--lane", "subblock", "--block-time", "2s", "-o", "json")
	r.expect(t, exitOK)
	var doc demoDocument
	decodeOne(t, r.stdout, &doc)
	if doc.Lane != "subblock" || !strings.Contains(r.stderr, "historical, no Tempo has it now") {
		t.Errorf("lane %q, and it says\n%s", doc.Lane, r.stderr)
	}
	if one, two := doc.Payments[0].IncludedHeight, doc.Payments[1].IncludedHeight; one == nil || two == nil || *one != *two {
		t.Errorf("the payments are in different blocks:\n%s", r.stdout)
	}
	for name, want := range map[string]string{"alice": "5000000", "bob": "5000000", "carol": "15000000"} {
		if doc.Balances[name] != want {
			t.Errorf("%s has %s, want %s", name, doc.Balances[name], want)
		}
	}
}

// Others' chains must have the lane, and a node for each validator.
func TestDemoRefusesChainsWithoutSubBlocks(t *testing.T) {
	command(t, nil, "demo", "--lane", "sideways").expect(t, exitUsage, `lane "sideways" is unknown`)
	for want, args := range map[string][]string{
		"the chain has no sub-block lanes, which ended with T4":                                  nil,
		"the chain has no node of dave: start it with allegro devchain --fork t3 --validator 0x": {"--fork", "t3"},
	} {
		d := startDevchain(t, io.Discard, args...)
		command(t, nil, "demo", "--once", "--lane", "subblock", "--chain", d.HTTP).expect(t, exitUsage, want)
		d.end()
	}
}
