package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/prometheus/common/expfmt"
	"github.com/urfave/cli/v3"
)

// metricsPrefix is what the names of Allegro's own metrics start with. A peer
// also serves those of libp2p and of the Go runtime.
const metricsPrefix = "allegro_"

// metricsCommand shows the metrics of a running peer. It needs no Prometheus.
func metricsCommand() *cli.Command {
	return &cli.Command{
		Name:      "metrics",
		Usage:     "show the metrics of a running peer",
		ArgsUsage: "[ADDR]",
		Description: "ADDR is the metrics address of a peer: host:port or a URL, with or without /metrics. Without it the\n" +
			"peer that runs in the home is asked. Shown are Allegro's own series; histograms as count and mean with the median and the 99th percentile\n" +
			"estimated from their buckets.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "filter", Usage: "show all series whose `REGEXP` matches name{labels}, not only Allegro's own", Local: true},
			&cli.BoolFlag{Name: "raw", Usage: "print what the peer answers, unchanged", Local: true},
			&cli.DurationFlag{Name: "timeout", Usage: "give up after this `DURATION`", Value: 5 * time.Second, Local: true},
			homeFlag(), outputFlag(),
		},
		HideHelpCommand: true,
		OnUsageError:    usageError,
		Action:          withOutput(showMetrics),
	}
}

// showMetrics is the action of metrics.
func showMetrics(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if n := cmd.Args().Len(); n > 1 {
		return fail(exitUsage, "metrics wants one ADDR, such as 127.0.0.1:9460, or none: it got %d arguments", n)
	}
	raw, timeout := cmd.Bool("raw"), cmd.Duration("timeout")
	if raw && (asJSON || cmd.IsSet("filter")) {
		return fail(exitUsage, "--raw prints everything as it is: leave out --filter and --output")
	}
	if timeout <= 0 {
		return fail(exitUsage, "timeout %s is not positive", timeout)
	}
	wanted, err := seriesFilter(cmd.String("filter"))
	if err != nil {
		return err
	}
	page, err := metricsOf(ctx, cmd, timeout)
	if err != nil {
		return err
	}
	if raw {
		_, err := cmd.Root().Writer.Write(page.body)
		return err
	}
	all, err := page.series()
	if err != nil {
		return err
	}
	shown := []series{}
	for _, s := range all {
		if wanted(s) {
			shown = append(shown, s)
		}
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, metricsDocument{"allegro.metrics/v1", page.url, shown})
	}
	if len(shown) == 0 {
		fmt.Fprintf(cmd.Root().ErrWriter, "none of the %d series at %s matches: --filter . shows all\n", len(all), page.url)
	}
	return printSeries(cmd.Root().Writer, shown)
}

// metricsOf asks the peer at the address that the command names, or the one that runs
// in the home.
func metricsOf(ctx context.Context, cmd *cli.Command, timeout time.Duration) (*metricsPage, error) {
	if cmd.Args().Present() {
		address, err := metricsURL(cmd.Args().First())
		if err != nil {
			return nil, fail(exitUsage, "%w", err)
		}
		return fetchMetrics(ctx, address, timeout)
	}
	h, err := openHome(cmd)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, err := awaitRunning(ctx, h)
	if err != nil {
		return nil, notRunning(h, timeout)
	}
	defer client.Close()
	body, err := client.Raw(ctx, api.RouteMetrics, "", nil)
	if err != nil {
		return nil, apiError(err)
	}
	return &metricsPage{url: "the peer in " + h.Dir(), body: body, format: expfmt.NewFormat(expfmt.TypeTextPlain)}, nil
}

// metricsDocument is the answer of a peer in JSON.
type metricsDocument struct {
	Schema string   `json:"schema"`
	Source string   `json:"source"` // URL
	Series []series `json:"series"` // by name, then labels
}

// seriesFilter returns which series to show: Allegro's own, or those that a
// regular expression matches.
func seriesFilter(expression string) (func(series) bool, error) {
	if expression == "" {
		return func(s series) bool { return strings.HasPrefix(s.Name, metricsPrefix) }, nil
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, fail(exitUsage, "filter %q is not a regular expression: %w", expression, err)
	}
	return func(s series) bool { return re.MatchString(s.Name + s.labelText()) }, nil
}

// printSeries writes a table.
func printSeries(w io.Writer, all []series) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", printable(s.Name), s.labelText(), s.valueText())
	}
	return t.Flush()
}
