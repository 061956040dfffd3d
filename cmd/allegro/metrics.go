package main

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

// metricsPrefix is what the names of Allegro's own metrics start with. A peer
// also serves those of libp2p and of the Go runtime.
const metricsPrefix = "allegro_"

// metricsCommand shows the metrics of running peers. It needs no Prometheus.
func metricsCommand() *cli.Command {
	return &cli.Command{
		Name:      "metrics",
		Usage:     "show how running peers do",
		ArgsUsage: "[PEER…]",
		Description: "PEER is a peer's metrics address, host:port or a URL, with or without /metrics, or its home. Without one\n" +
			"the peer that runs in --home is asked. Of a testnet all peers: allegro metrics net/*/\n\n" +
			"Each peer is read twice. Shown is what an operator looks at first, with rates between the two, the median\n" +
			"and the 99th percentile (or the 1st, where little is bad) of what was observed between them, or since the\n" +
			"start if nothing was, and a verdict with its threshold. – is what this peer has not, or not yet, told.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "interval", Usage: "read again after this `DURATION`", Value: time.Second, Local: true},
			&cli.DurationFlag{Name: "watch", Usage: "go on, reading every `DURATION`, until it is interrupted; with -o json each line is one document", Local: true},
			&cli.BoolFlag{Name: "all", Usage: "list all of Allegro's own series, read once: histograms as count and mean with the median and the 99th percentile", Local: true},
			&cli.StringFlag{Name: "filter", Usage: "list the series whose `REGEXP` matches name{labels}, libp2p's and the runtime's too", Local: true},
			&cli.BoolFlag{Name: "raw", Usage: "print what the peer answers, unchanged", Local: true},
			&cli.DurationFlag{Name: "timeout", Usage: "give up on a peer after this `DURATION`", Value: 5 * time.Second, Local: true},
			homeFlag(), outputFlag(),
		},
		HideHelpCommand: true,
		OnUsageError:    usageError,
		Action:          withOutput(showMetrics),
	}
}

// showMetrics is the action of metrics.
func showMetrics(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	raw, watch := cmd.Bool("raw"), cmd.IsSet("watch")
	if raw && (asJSON || watch || cmd.Bool("all") || cmd.IsSet("filter") || cmd.Args().Len() > 1) {
		return fail(exitUsage, "--raw prints everything of one peer as it is: leave out --filter, --all, --watch, --output and further peers")
	}
	for _, flag := range []string{"timeout", "interval", "watch"} {
		if d := cmd.Duration(flag); d < 0 || d == 0 && (flag != "watch" || watch) {
			return fail(exitUsage, "%s %s is not positive", flag, d)
		}
	}
	wanted, err := seriesFilter(cmd.Bool("all"), cmd.String("filter"))
	if err != nil {
		return err
	}
	sources, err := metricsSources(cmd, cmd.Duration("timeout"))
	if err != nil {
		return err
	}
	if raw {
		page, err := sources[0].fetch(ctx)
		if err != nil {
			return err
		}
		_, err = cmd.Root().Writer.Write(page.body)
		return err
	}
	m := &metricsReader{sources: sources, wanted: wanted, looks: make([]look, len(sources))}
	if watch {
		return m.watch(ctx, cmd, asJSON)
	}
	doc, err := m.once(ctx, cmd.Duration("interval"))
	if len(sources) == 1 && err != nil {
		return err // there is nothing to show
	}
	return errors.Join(printOrEncode(cmd, &doc, asJSON), err)
}

// printOrEncode writes one look at peers.
func printOrEncode(cmd *cli.Command, doc *metricsDocument, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.Root().Writer, doc)
	}
	return printMetrics(cmd.Root().Writer, cmd.Root().ErrWriter, doc)
}

// metricsReader looks at peers again and again.
type metricsReader struct {
	sources []metricsSource
	wanted  func(series) bool // nil for the vitals
	looks   []look            // the last one at each source
}

// look is what a peer told at a moment; families is nil before the first answer.
type look struct {
	at       time.Time
	families families
}

// once looks twice, or once if series are wanted. The error is the first of those that
// the document has, too.
func (m *metricsReader) once(ctx context.Context, interval time.Duration) (metricsDocument, error) {
	if m.wanted == nil {
		if _, err := m.look(ctx); err != nil && len(m.sources) == 1 {
			return metricsDocument{}, err
		}
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return metricsDocument{}, ctx.Err()
		}
	}
	return m.look(ctx)
}

// watch looks until ctx ends, which is no error. A peer that no longer answers may come
// back; one that does not answer at first is wrong.
func (m *metricsReader) watch(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	ticks := time.NewTicker(cmd.Duration("watch"))
	defer ticks.Stop()
	doc, err := m.look(ctx)
	if err != nil {
		return err
	}
	for first := m.wanted == nil; ; first = false {
		if !first { // the first look has nothing to compare with
			if err := m.tell(cmd, &doc, asJSON); err != nil {
				return err
			}
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil
		}
		if doc, _ = m.look(ctx); ctx.Err() != nil { // what went wrong is in it
			return nil
		}
	}
}

// tell writes one look of many.
func (m *metricsReader) tell(cmd *cli.Command, doc *metricsDocument, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(cmd.Root().Writer).Encode(doc)
	}
	say(cmd.Root().Writer, "--- %s\n", clock(&doc.Micros))
	return printMetrics(cmd.Root().Writer, cmd.Root().ErrWriter, doc)
}

// look reads every peer once, all at the same time. The error is the first of those
// that the document has, too.
func (m *metricsReader) look(ctx context.Context) (metricsDocument, error) {
	doc := metricsDocument{Schema: metricsSchema, Micros: document.Micros(time.Now()), Peers: make([]peerMetrics, len(m.sources))}
	errs := make([]error, len(m.sources))
	var wg sync.WaitGroup
	for i := range m.sources {
		wg.Go(func() { doc.Peers[i], errs[i] = m.lookAt(ctx, i) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			doc.Peers[i].Error = new(err.Error())
		}
	}
	for _, err := range errs {
		if err != nil {
			return doc, err
		}
	}
	return doc, nil
}

// lookAt reads a peer, and compares it with the last look.
func (m *metricsReader) lookAt(ctx context.Context, i int) (p peerMetrics, err error) {
	p.Source = m.sources[i].name
	page, err := m.sources[i].fetch(ctx)
	if err != nil {
		return p, err
	}
	told, err := page.families()
	if err != nil {
		return p, err
	}
	if m.wanted != nil {
		all := seriesIn(told)
		p.Series, p.seriesTold = []series{}, len(all)
		for _, s := range all {
			if m.wanted(s) {
				p.Series = append(p.Series, s)
			}
		}
		return p, nil
	}
	before, now := m.looks[i], look{time.Now(), familiesOf(told)}
	m.looks[i] = now
	var passed time.Duration
	if before.families != nil {
		passed = now.at.Sub(before.at)
	}
	p.Seconds = passed.Seconds()
	p.Vitals = readVitals(before.families, now.families, passed)
	return p, nil
}

// seriesFilter returns which series to list: Allegro's own, or those that a regular
// expression matches; nil for none, but the vitals.
func seriesFilter(all bool, expression string) (func(series) bool, error) {
	if expression == "" {
		if !all {
			return nil, nil
		}
		return func(s series) bool { return strings.HasPrefix(s.Name, metricsPrefix) }, nil
	}
	if all {
		return nil, fail(exitUsage, "--all and --filter exclude each other: --filter %s lists all", metricsPrefix)
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, fail(exitUsage, "filter %q is not a regular expression: %w", expression, err)
	}
	return func(s series) bool { return re.MatchString(s.Name + s.labelText()) }, nil
}
