package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/holiman/uint256"
	"github.com/urfave/cli/v3"
)

// demoPrinter tells people what the demo does while it happens.
type demoPrinter struct {
	out   io.Writer
	cfg   testnet.Config
	how   string    // what is special about this network; empty: one process
	start time.Time // of the scene
}

func (p *demoPrinter) header(home string) {
	chain := "own chain"
	if len(p.cfg.ChainURLs) > 0 {
		var hosts []string
		for _, rawURL := range p.cfg.ChainURLs {
			if u, err := url.Parse(rawURL); err == nil {
				hosts = append(hosts, u.Host) // the URL itself may hold an access token
			}
		}
		chain = "chain at " + strings.Join(hosts, ", ")
	}
	say(p.out, "allegro demo   %s · %s · %s · %s, %s blocks   (%s)\n",
		plural(p.cfg.Validators, "validator"), plural(len(p.cfg.Clients), "client"), plural(p.cfg.Aggregators, "aggregator"), chain, p.cfg.BlockTime, p.how)
	if p.cfg.Lane == netfile.SubBlockLane {
		say(p.out, "  lane      %s, as Tempo had it before T4: historical, no Tempo has it now\n", p.cfg.Lane)
	}
	if home != "" {
		say(p.out, "  home      %s\n", home)
	}
	var holds []string
	for _, a := range p.cfg.Clients {
		holds = append(holds, fmt.Sprintf("%s %s", title(a.Name), dollars(*uint256.NewInt(a.Balance))))
	}
	say(p.out, "  balances  %s\n", strings.Join(holds, " · "))
}

func (p *demoPrinter) ready(c *fastpay.Committee, took time.Duration) {
	peers := p.cfg.Validators + len(p.cfg.Clients) + p.cfg.Aggregators
	say(p.out, "  peers     %d of %d up and meshed in %.1f s · committee 0x%x… needs %d of %d\n",
		peers, peers, took.Seconds(), c.ID().Bytes()[:4], c.Quorum(), c.Total())
}

// pages tells where pages are served, and opens the first one if that is asked for.
func (p *demoPrinter) pages(ctx context.Context, cmd *cli.Command, urls map[string]string) {
	opened := !cmd.Bool("open")
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		say(p.out, "  UI        %s\n", urls[name])
		if opened {
			continue
		}
		opened = true
		if err := openBrowser(ctx, urls[name]); err != nil {
			say(cmd.Root().ErrWriter, "allegro: note: no browser was opened: %s\n", printable(err.Error()))
		}
	}
}

// waiting tells what the scene waits for.
func (p *demoPrinter) waiting() {
	say(p.out, "  waiting for the next block, to start right after its edge …\n")
}

func (p *demoPrinter) event(e testnet.Event) {
	switch e.Kind {
	case testnet.EventEdge:
		p.start = e.At
		p.line(e, "block %d seen: the scene starts right after its edge", e.Height)
	case testnet.EventAccepted:
		relies := ""
		if len(e.Hop.Parents) > 0 {
			relies = fmt.Sprintf("   on the strength of 0x%x…", e.Hop.Parents[0][:4])
		}
		p.line(e, "%s  ACCEPTED   height %d%s", hopText(e.Hop), e.Height, relies)
	case testnet.EventCertified:
		p.line(e, "%s  CERTIFIED  height %d   QC of 0x%x… signed by %s", hopText(e.Hop), e.Hop.HeightAtQC, e.Hop.ID[:4], strings.Join(e.Hop.Signers, ", "))
	case testnet.EventVerified:
		votes := 0
		for _, qc := range e.Checked {
			votes += len(qc.Certificates())
		}
		last := p.cfg.Clients[len(p.cfg.Clients)-1].Name
		p.line(e, "%s checked %s unaided, with nothing but the committee: %d of %d payer signatures and %d of %d votes are good",
			title(last), plural(len(e.Checked), "QC"), len(e.Checked), len(e.Checked), votes, votes)
	case testnet.EventBlock:
		p.line(e, "block %d seen", e.Height)
	case testnet.EventIncluded:
		p.line(e, "%s  INCLUDED   in block %d", hopText(e.Hop), e.Hop.Included)
	}
}

// line writes an event behind its moment in the scene.
func (p *demoPrinter) line(e testnet.Event, format string, args ...any) {
	say(p.out, "  %11s  %s\n", "+"+millis(e.At.Sub(p.start))+" ms", fmt.Sprintf(format, args...))
}

// hopText names a payment.
func hopText(h *testnet.Hop) string {
	return fmt.Sprintf("%s  %s → %s  %s", h.Name, title(h.From), title(h.To), dollars(h.Amount))
}

func (p *demoPrinter) verdict(r *testnet.Result) {
	switch r.Verdict {
	case testnet.Pass:
		var leads []string
		for i, hop := range r.Hops {
			lead, _ := hop.Lead()
			leads = append(leads, fmt.Sprintf("QC%d %s ms", i+1, millis(lead)))
		}
		say(p.out, "  VERDICT   %s before block %d\n\n", strings.Join(leads, ", "), r.Edge+1)
	case testnet.BlockFirst:
		say(p.out, "  VERDICT   %s\n\n", r.Reason)
	default:
		say(p.out, "  VERDICT   failed: %s\n\n", r.Reason)
	}
	table := tabwriter.NewWriter(p.out, 0, 0, 3, ' ', 0)
	say(table, "  payment\tfrom → to\tamount\tstage\tQC after\tbefore block\theight at QC\tincluded in\n")
	for _, hop := range r.Hops {
		lead := "–"
		if d, ok := hop.Lead(); ok {
			lead = millis(d) + " ms"
		}
		after, at, included := "–", "–", "–"
		if !hop.Certified.IsZero() {
			after, at = millis(hop.Certified.Sub(hop.Submitted))+" ms", fmt.Sprint(hop.HeightAtQC)
		}
		if hop.Included > 0 {
			included = fmt.Sprint(hop.Included)
		}
		say(table, "  %s\t%s → %s\t%s\t%s\t%s\t%s\t%s\t%s\n", hop.Name, title(hop.From), title(hop.To), dollars(hop.Amount), hop.Stage, after, lead, at, included)
	}
	_ = table.Flush() // prose, as what say prints
	var ends []string
	for _, b := range r.Balances {
		text := fmt.Sprintf("%s %s", title(b.Name), dollars(b.Have))
		if !b.Have.Eq(&b.Want) {
			text += fmt.Sprintf(" (should be %s)", dollars(b.Want))
		}
		ends = append(ends, text)
	}
	say(p.out, "\n  balances  %s\n", strings.Join(ends, " · "))
}

func (p *demoPrinter) kept(home string, r *testnet.Result) {
	for _, hop := range r.Hops {
		if !hop.Certified.IsZero() {
			say(p.out, "  check     allegro qc verify %s/%s --network %s/%s\n", home, qcFileName(hop), home, networkFileName)
		}
	}
}

func (p *demoPrinter) running(peers []*testnet.Peer, urls map[string]string) {
	say(p.out, "\n  The network keeps running. Metrics of each peer:\n")
	for _, peer := range peers {
		say(p.out, "    allegro metrics %s   # %s %s\n", urls[peer.Name], peer.Role, peer.Name)
	}
	say(p.out, "  Ctrl-C stops it.\n")
}

// millis writes a duration in milliseconds with thousands separators, with one
// decimal below a second.
func millis(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	if d < time.Second {
		return fmt.Sprintf("%s%.1f", sign, float64(d.Microseconds())/1000)
	}
	digits := fmt.Sprint(d.Milliseconds())
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// dollars writes an amount of the demo's asset.
func dollars(units uint256.Int) string {
	text := netfile.FormatAmount(units, 6)
	whole, cents, _ := strings.Cut(text, ".")
	for len(cents) < 2 {
		cents += "0"
	}
	return "$" + whole + "." + cents
}

// title writes a name as people do.
func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
