package main

import (
	"context"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

func balanceCommand() *cli.Command {
	return &cli.Command{
		Name: "balance", Usage: "show what an account holds and may spend", ArgsUsage: "[ACCOUNT]",
		Description: "ACCOUNT is an address or a name of contacts.toml, by default the home's own account. What is certified is\n" +
			"conditional until the chain has it, so there are four numbers and never one.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "asset", Usage: "in `ASSET`, a symbol or address; by default the network's first", Local: true},
			&cli.DurationFlag{Name: "timeout", Value: 30 * time.Second, Usage: "wait for the chain no longer than this `DURATION`", Local: true},
			homeFlag(), outputFlag(),
		},
		HideHelpCommand: true, OnUsageError: usageError,
		Action: inSession(showBalance),
	}
}

func showBalance(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	p, err := printerOf(cmd, s)
	if err != nil {
		return err
	}
	account := s.home.Config().Client.Account.String()
	switch cmd.Args().Len() {
	case 0:
	case 1:
		a, err := p.contacts.Resolve(cmd.Args().First())
		if err != nil {
			return fail(exitUsage, "%w", err)
		}
		account = a.Hex()
	default:
		return fail(exitUsage, "balance wants one ACCOUNT or none: it got %d arguments", cmd.Args().Len())
	}
	query := url.Values{"timeout": {cmd.Duration("timeout").String()}}
	if asset := cmd.String("asset"); asset != "" {
		query.Set("asset", asset)
	}
	var doc document.Balance
	if err := s.Get(ctx, api.RouteBalance, account, query, &doc); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &doc)
	}
	t := tabwriter.NewWriter(cmd.Root().Writer, 0, 0, 2, ' ', tabwriter.AlignRight)
	say(cmd.Root().Writer, "%s in finalized block %s\n", p.name(doc.Account), doc.Height)
	for _, row := range []struct{ label, units, says string }{
		{"confirmed", doc.Confirmed, "on the chain"},
		{"certified in", doc.CertifiedIn, "incoming, conditional until the chain has it"},
		{"certified out", doc.CertifiedOut, "outgoing, signed and not on the chain yet"},
		{"spendable", doc.Spendable, "by the next payment"},
	} {
		say(t, "  %s\t%s\t  %s\n", row.label, amount(row.units, &doc.Decimals, &doc.Symbol), row.says)
	}
	return t.Flush()
}
