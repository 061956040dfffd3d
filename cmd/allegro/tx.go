package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

func txCommand() *cli.Command {
	return &cli.Command{
		Name:  "tx",
		Usage: "look at payments",
		Commands: []*cli.Command{
			{
				Name: "show", Usage: "show all that this peer knows of a payment", ArgsUsage: "TXID",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "wait", Usage: "wait for `STAGE` first: accepted, certified, included or finalized", Local: true},
					&cli.DurationFlag{Name: "timeout", Value: 30 * time.Second, Usage: "wait no longer than this `DURATION`", Local: true},
					homeFlag(), outputFlag(),
				},
				HideHelpCommand: true, OnUsageError: usageError,
				Action: inSession(showTx),
			},
			{
				Name: "list", Usage: "list payments, the latest change first",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "account", Usage: "only those from or to `ACCOUNT`, an address or a name of contacts.toml", Local: true},
					&cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N`", Local: true},
					homeFlag(), outputFlag(),
				},
				OnUsageError: usageError,
				Action:       inSession(listTxs),
			},
			{
				Name: "watch", Usage: "print payments as they change, with each validator's height", ArgsUsage: "[TXID]",
				Description: "Runs until it is interrupted. With -o json each line is one document of schema allegro.tx/v1.",
				Flags:       []cli.Flag{homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: inSession(watchTxs),
			},
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

// printerOf writes payments with the names of the session's home.
func printerOf(cmd *cli.Command, s *session) (payments, error) {
	contacts, err := s.home.Contacts()
	if err != nil {
		return payments{}, fail(exitUsage, "%w", err)
	}
	return payments{cmd.Root().Writer, contacts}, nil
}

func showTx(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	id, err := takesOne(cmd, "TXID")
	if err != nil {
		return err
	}
	var query url.Values
	var want fastpay.Stage
	if cmd.IsSet("wait") {
		if want, err = parseStage(cmd.String("wait")); err != nil {
			return err
		}
		query = url.Values{"wait": {string(want)}, "timeout": {cmd.Duration("timeout").String()}}
	}
	var doc document.Payment
	if err := s.Get(ctx, api.RoutePayment, id, query, &doc); err != nil {
		return err
	}
	p, err := printerOf(cmd, s)
	if err != nil {
		return err
	}
	if asJSON {
		err = writeJSON(cmd.Root().Writer, &doc)
	} else {
		err = p.whole(&doc)
	}
	if err != nil || want == "" {
		return err
	}
	return endOf(&doc, want, cmd.Duration("timeout"), inHome(s.home.Dir()))
}

func listTxs(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	p, err := printerOf(cmd, s)
	if err != nil {
		return err
	}
	query := url.Values{"limit": {strconv.Itoa(cmd.Int("limit"))}}
	if text := cmd.String("account"); text != "" {
		account, err := p.contacts.Resolve(text)
		if err != nil {
			return fail(exitUsage, "--account: %w", err)
		}
		query.Set("account", account.Hex())
	}
	var doc document.Payments
	if err := s.Get(ctx, api.RoutePayments, "", query, &doc); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &doc)
	}
	return p.table(doc.Payments)
}

func watchTxs(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	query := url.Values{}
	switch cmd.Args().Len() {
	case 0:
	case 1:
		query.Set("id", cmd.Args().First())
	default:
		return fail(exitUsage, "tx watch wants one TXID or none: it got %d arguments", cmd.Args().Len())
	}
	p, err := printerOf(cmd, s)
	if err != nil {
		return err
	}
	err = s.Lines(ctx, api.RouteWatch, query, func(line []byte) error {
		if asJSON {
			_, err := cmd.Root().Writer.Write(append(bytes.TrimSpace(line), '\n'))
			return err
		}
		var doc document.Payment
		if err := json.Unmarshal(line, &doc); err != nil {
			return fmt.Errorf("reading the peer's answer: %w", err)
		}
		p.line(&doc)
		return nil
	})
	if ctx.Err() != nil {
		return nil // watching ends when it is interrupted
	}
	return err
}
