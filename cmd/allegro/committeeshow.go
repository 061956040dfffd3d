package main

import (
	"context"
	"text/tabwriter"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

func showCommitteeCommand() *cli.Command {
	return &cli.Command{
		Name:  "show",
		Usage: "show the committee in office, and whom the running peer reaches",
		Flags: []cli.Flag{homeFlag(), outputFlag()}, OnUsageError: usageError,
		Action: withOutput(showCommittee),
	}
}

func showCommittee(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	doc, err := committeeOf(ctx, h)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, doc)
	}
	w := cmd.Root().Writer
	say(w, "committee %s\n  epoch %s, in office from %s until %s of chain time\n  a payment needs %d of %d\n",
		doc.ID, doc.Epoch, dateOf(doc.Start), dateOf(doc.End), doc.Threshold, doc.Total)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	say(t, "  #\tNAME\tWEIGHT\tREACHED\tHEIGHT\tVOTE KEY\tPROBLEM\n")
	for _, m := range doc.Members {
		reached, height := "–", "–"
		if m.Reached != nil {
			reached = map[bool]string{true: "yes", false: "NO"}[*m.Reached]
		}
		if m.Head != nil {
			height = m.Head.Height
		}
		say(t, "  %d\t%s\t%d\t%s\t%s\t%s…\t%s\n", m.Index, m.Name, m.Weight, reached, height, m.Key[:10], printable(or(m.Problem, "")))
	}
	return t.Flush()
}

// committeeOf asks the running peer of a home, or reads its network file.
func committeeOf(ctx context.Context, h *home.Home) (*document.Committee, error) {
	client, err := dialRunning(ctx, h)
	if err != nil {
		return nil, err
	}
	if client != nil {
		defer client.Close()
		var doc document.Committee
		if err := client.Get(ctx, api.RouteCommittee, "", nil, &doc); err != nil {
			return nil, apiError(err)
		}
		return &doc, nil
	}
	file, err := h.Network()
	if err != nil {
		return nil, fail(exitUsage, "%w", err)
	}
	rules, err := file.Rules()
	if err != nil {
		return nil, fail(exitUsage, "%w", err)
	}
	doc := document.CommitteeOf(file, rules.CommitteeAt(uint64(time.Now().Unix())))
	return &doc, nil
}
