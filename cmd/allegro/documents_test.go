package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/tempo/anvil/anviltest"
	"github.com/allegro-p2p/allegro/testnet/prometheus/prometheustest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// Every command of the README is run, and so are those of docs/*.md, as a comment before the
// block says:
//
//	<!-- not run: REASON -->            the next block is not run
//	<!-- not run, PREFIX: REASON -->    it is run, but for commands that begin with PREFIX
//	<!-- run -->                        the next block of docs/*.md is run
//	<!-- run in a demo -->              the same, with a demo at $U
//	<!-- played by testnet/netns.sh --> TestFourHosts runs it
//
// No console block of docs/*.md is without one, and no commands stand in another block.
// Blocks below one heading are run in their order in one folder, but a demo begins anew, and
// what they print has the shape that the document shows.

// docBlock is a console block of a document.
type docBlock struct {
	heading string // above it
	line    int    // of its first line in the document
	lines   []string
	marker  string // text of the comment before it
}

var (
	headingLine = regexp.MustCompile(`^#+ (.*)$`)
	commentLine = regexp.MustCompile(`^<!-- (.*) -->$`)
)

// consoleBlocks are the console blocks of a document.
func consoleBlocks(t *testing.T, path string) (blocks []docBlock) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	heading, marker, fence := "", "", ""
	for i, line := range strings.Split(string(data), "\n") {
		switch {
		case fence == "console" && line != "```":
			last := &blocks[len(blocks)-1]
			last.lines = append(last.lines, line)
		case fence != "" && line == "```":
			fence = ""
		case fence != "":
		case strings.HasPrefix(line, "```"):
			if fence = line[3:]; fence == "" {
				fence = "text"
			}
			require.NotContains(t, []string{"sh", "bash", "shell"}, fence, "%s:%d: commands stand in console blocks, which are run", path, i+1)
			if fence == "console" {
				blocks = append(blocks, docBlock{heading: heading, line: i + 2, marker: marker})
			}
			marker = ""
		default:
			if m := headingLine.FindStringSubmatch(line); m != nil {
				heading = m[1]
			}
			if m := commentLine.FindStringSubmatch(line); m != nil {
				marker = m[1]
			} else if line != "" {
				marker = ""
			}
		}
	}
	require.Empty(t, fence, "%s ends within a block", path)
	return blocks
}

// shownCommand is one command of a block with what the document shows of its output.
type shownCommand struct {
	line   int
	host   string // "" or what stands before the prompt
	text   string
	output []string
}

var promptLine = regexp.MustCompile(`^([A-Z]?)\$ (.*)$`)

// commands splits a block.
func (b *docBlock) commands() (all []shownCommand) {
	continued := false
	for i, line := range b.lines {
		switch m := promptLine.FindStringSubmatch(line); {
		case continued:
			last := &all[len(all)-1]
			last.text += "\n" + line
			continued = strings.HasSuffix(line, `\`)
		case m != nil:
			all = append(all, shownCommand{line: b.line + i, host: m[1], text: m[2]})
			continued = strings.HasSuffix(line, `\`)
		case len(all) > 0:
			last := &all[len(all)-1]
			last.output = append(last.output, line)
		}
	}
	return all
}

// notRun is what a marker says about a command.
func (b *docBlock) notRun(c *shownCommand) (reason string, skip bool) {
	what, reason, found := strings.Cut(b.marker, ": ")
	if !found {
		return "", false
	}
	if what == "not run" {
		return reason, true
	}
	prefix, of := strings.CutPrefix(what, "not run, ")
	return reason, of && strings.HasPrefix(c.text, prefix)
}

// docPart is what is below one heading of a document, or one demo there.
type docPart struct {
	document string
	blocks   []docBlock
	prepare  docSetup // nil if nothing has to be
}

// docParts are the parts of a document whose blocks are to be run.
func docParts(document string, blocks []docBlock) (parts []docPart) {
	for _, b := range blocks {
		demo := strings.Contains(strings.Join(b.lines, "\n"), "allegro demo")
		if last := len(parts) - 1; last >= 0 && parts[last].blocks[0].heading == b.heading && !demo {
			parts[last].blocks = append(parts[last].blocks, b)
		} else {
			parts = append(parts, docPart{document, []docBlock{b}, docSetups[document+", "+b.heading]})
		}
	}
	return parts
}

// TestDocuments runs the README, and the blocks of docs/*.md that say that they can be. What
// does not depend on each other is run side by side: most of the time is waiting for the
// chain's blocks.
func TestDocuments(t *testing.T) {
	parts := docParts("README.md", consoleBlocks(t, "../../README.md"))
	paths, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	for _, path := range paths {
		name := filepath.Base(path)
		var run, inADemo []docBlock
		for _, b := range consoleBlocks(t, path) {
			switch {
			case b.marker == "run", strings.HasPrefix(b.marker, "not run, "), strings.HasPrefix(b.marker, "not run: "):
				run = append(run, b)
			case b.marker == "run in a demo":
				inADemo = append(inADemo, b)
			default:
				require.Equal(t, playedByNetns, b.marker, "%s:%d: nothing says whether this block is run", name, b.line)
			}
		}
		parts = append(parts, docParts(name, run)...)
		if len(inADemo) > 0 {
			parts = append(parts, docPart{name, inADemo, inDemo})
		}
	}
	headings := make(map[string]bool)
	for _, part := range parts {
		headings[part.document+", "+part.blocks[0].heading] = true
	}
	for heading := range docSetups {
		require.Contains(t, headings, heading, "a setup is for a heading that has no block to be run")
	}
	var g errgroup.Group
	g.SetLimit(sideBySide)
	for _, part := range parts {
		g.Go(func() error {
			t.Run(fmt.Sprintf("%s:%d, %s", part.document, part.blocks[0].line, part.blocks[0].heading), func(t *testing.T) {
				runBlocks(t, part.blocks, part.prepare)
			})
			return nil
		})
	}
	require.NoError(t, g.Wait())
}

// sideBySide is how many parts run at once. It is not the number of cores, which t.Parallel
// goes by: they wait more than they compute.
const sideBySide = 5

// docSetup prepares what the text around a block tells its reader to do, before the block.
type docSetup func(s *docReader, block int)

// docSetups are those of the headings that need one.
var docSetups = map[string]docSetup{
	"operators.md, On two machines":       twoMachines,
	"operators.md, An aggregator":         besideTestnet,
	"integrators.md, Asking for money":    besideTestnet,
	"chains.md, On anvil":                 onAnvil,
	"operators.md, Dashboards and alerts": watched,
	"operators.md, Getting paid":          shopHome,
}

// runBlocks runs the blocks of one heading.
func runBlocks(t *testing.T, blocks []docBlock, prepare docSetup) {
	var s *docReader
	for i, b := range blocks {
		for _, c := range b.commands() {
			if reason, skip := b.notRun(&c); skip {
				t.Logf("not run: line %d: %s: %s", c.line, firstWords(c.text), reason)
				continue
			}
			if s == nil {
				s = newDocReader(t)
			}
			if prepare != nil && s.prepared <= i {
				s.prepared = i + 1
				prepare(s, i)
			}
			s.run(&c)
		}
	}
}

// firstWords is the beginning of a command, for a log.
func firstWords(text string) string {
	if len(text) > 60 {
		return text[:60] + "…"
	}
	return text
}

// twoMachines plays both machines on this one: they are two folders and two loopback
// addresses.
func twoMachines(s *docReader, block int) {
	third := strconv.Itoa(1 + os.Getpid()%250)
	switch block {
	case 0:
		s.replace("192.0.2.1", "127."+third+".0.1")
		s.replace("192.0.2.2", "127."+third+".0.2")
	case 1: // what B prints of its validator and its wallet comes to A
		s.copyFile("B", "edgar.json", "A", "edgar.json")
		for host, names := range map[string][]string{"A": {"dave", "alice"}, "B": {"edgar", "bob"}} {
			for _, name := range names {
				var id struct {
					Account string `json:"account"`
				}
				require.NoError(s.t, json.Unmarshal([]byte(s.ask(host, "allegro id --home "+name+" -o json")), &id))
				s.replace(strings.ToUpper(name), id.Account)
			}
		}
	case 2: // the network file goes everywhere
		for host, names := range map[string][]string{"A": {"dave", "alice"}, "B": {"edgar", "bob"}} {
			for _, name := range names {
				s.copyFile("A", "network.toml", host, filepath.Join(name, "network.toml"))
			}
		}
	}
}

// besideTestnet has a testnet up, whose network file and chain node are at hand.
func besideTestnet(s *docReader, block int) {
	if block != 0 {
		return
	}
	s.ask("", "allegro testnet init --clients alice,bob --aggregators 0")
	s.ask("", "allegro testnet up")
	s.copyFile("", "net/network.toml", "", "network.toml")
	var state struct {
		Chain string `json:"chain_address"`
	}
	data, err := os.ReadFile(s.path("", "net/testnet.json"))
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(data, &state))
	s.ask("", "export NODE=http://"+state.Chain)
}

// onAnvil names the anvil that is there, on a port that is free, and the home that the text
// speaks of.
func onAnvil(s *docReader, block int) {
	switch block {
	case 0:
		port := freePort(s.t)
		s.replace("testnet/anvil/node_modules/.bin/anvil ", anviltest.Path(s.t)+" --port "+port+" ")
		s.replace("127.0.0.1:8545", "127.0.0.1:"+port)
	case 2:
		s.ask("", "allegro init --home dave --role client --light-kdf")
	}
}

// shopHome has the home whose configuration the text is about.
func shopHome(s *docReader, block int) {
	s.ask("", "allegro init --home shop --role client --light-kdf")
}

// watched has the folder that Prometheus is configured from, a port for it, and the minute
// in which alerts come.
func watched(s *docReader, block int) {
	const address = "127.0.0.1:9090"
	switch block {
	case 0:
		prometheustest.Path(s.t, "prometheus")
		prometheustest.Path(s.t, "promtool")
		folder, err := filepath.Abs(filepath.Join("..", "..", "testnet", "prometheus"))
		require.NoError(s.t, err)
		s.ask("", "mkdir testnet && cp -r "+folder+" testnet")
		s.replace(address, "127.0.0.1:"+freePort(s.t))
	case 2:
		text := strings.NewReplacer(s.replaced...).Replace("promtool query instant http://" + address)
		s.ask("", "until [ $("+text+` 'ALERTS{alertstate="firing"}' | grep -c 'PeerDown\|QuorumLost') = 6 ]; do sleep 1; done`)
	}
}

// freePort is a loopback port that nothing listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

// inDemo has a demo at $U, whose first payment is $ID.
func inDemo(s *docReader, block int) {
	if block != 0 {
		return
	}
	s.start("", "allegro demo --block-time 1s --home demo")
	s.await()
	out := s.printed("")
	page := regexp.MustCompile(`UI +(http://\S+)`).FindStringSubmatch(out)
	require.NotNil(s.t, page, out)
	s.ask("", "export U="+page[1]+" ID=$(jq -r .tx_id demo/qc-T1.json)")
	s.copyFile("", "demo/network.toml", "", "network.toml")
}
