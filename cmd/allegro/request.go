package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/urfave/cli/v3"
)

func requestCommand() *cli.Command {
	show := func(more ...cli.Flag) []cli.Flag { return append(more, qrFlag(), pngFlag(), homeFlag(), outputFlag()) }
	return &cli.Command{
		Name:  "request",
		Usage: "ask to be paid, with a URI and a QR code that say how much and where",
		Description: "The request is kept by the home's peer before it is shown, and found again by its note, whose SHA-256 the\n" +
			"payment carries. It is paid with allegro pay URI, or under Pay on an aggregator's page.",
		UsageText: "allegro request --amount AMOUNT --note TEXT [options]\nallegro request [command [command options]]",
		Flags: show(
			&cli.StringFlag{Name: "amount", Usage: "ask for `AMOUNT` tokens, such as 10 or 10.50", Local: true},
			&cli.StringFlag{Name: "note", Usage: "know the payment by `TEXT`, such as INV-7: up to 140 bytes, of one open request only", Local: true},
			&cli.StringFlag{Name: "asset", Usage: "be paid in `ASSET`, a symbol or address; by default the network's first", Local: true},
			&cli.DurationFlag{Name: "expires", Usage: "be void after `DURATION`, such as 10m", DefaultText: "never", Local: true},
		),
		Commands: []*cli.Command{
			{
				Name: "list", Usage: "list the requests that are kept, the newest first",
				Flags:        []cli.Flag{homeFlag(), outputFlag()},
				OnUsageError: usageError,
				Action:       inSession(listRequests),
			},
			{
				Name: "show", Usage: "show a request again", ArgsUsage: "NOTE",
				Flags: show(), HideHelpCommand: true, OnUsageError: usageError,
				Action: onRequest(func(ctx context.Context, cmd *cli.Command, s *session, id string, asJSON bool) error {
					var doc api.PaymentRequest
					if err := s.Get(ctx, api.RouteRequest, id, nil, &doc); err != nil {
						return err
					}
					return printRequest(cmd, s, &doc, asJSON)
				}),
			},
			{
				Name: "remove", Usage: "forget a request; whoever has its URI can still pay it", ArgsUsage: "NOTE",
				Flags: []cli.Flag{homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: onRequest(removeRequest),
			},
		},
		HideHelpCommand: true, OnUsageError: usageError,
		Action: withOutput(makeRequest),
	}
}

// onRequest makes the action of a command about the request of a note.
func onRequest(run func(ctx context.Context, cmd *cli.Command, s *session, id string, asJSON bool) error) cli.ActionFunc {
	return inSession(func(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
		note, err := takesOne(cmd, "NOTE")
		if err != nil {
			return err
		}
		return run(ctx, cmd, s, fastpay.NoteHash(note).Hex(), asJSON)
	})
}

// makeRequest checks what can be checked before a peer is asked or started.
func makeRequest(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	for _, name := range []string{"amount", "note"} {
		if cmd.String(name) == "" {
			return fail(exitUsage, "--%s is missing", name)
		}
	}
	life := cmd.Duration("expires")
	if cmd.IsSet("expires") && life < time.Second || life%time.Second != 0 {
		return fail(exitUsage, "--expires %s: want whole seconds, such as 10m", life)
	}
	if asJSON && cmd.Bool("qr") {
		return fail(exitUsage, "--qr draws for people: leave it out with -o json")
	}
	return inOpenSession(ctx, cmd, func(s *session) error {
		ask := api.AskRequest{
			Asset: cmd.String("asset"), Amount: cmd.String("amount"), Note: cmd.String("note"),
			Seconds: strconv.FormatInt(int64(life/time.Second), 10),
		}
		var doc api.PaymentRequest
		if err := s.Post(ctx, api.RouteRequests, "", ask, &doc); err != nil {
			return err
		}
		return printRequest(cmd, s, &doc, asJSON)
	})
}

// printRequest shows a request: what it asks for, the URI, and the QR code of it.
func printRequest(cmd *cli.Command, s *session, doc *api.PaymentRequest, asJSON bool) error {
	code, err := qrOf(doc.URI)
	if err != nil {
		return fail(exitInternal, "drawing the QR code: %w", err)
	}
	if asJSON {
		err = writeJSON(cmd.Root().Writer, doc)
	} else {
		err = printRequestText(cmd, s, doc, code)
	}
	if path := cmd.String("png"); err == nil && path != "" {
		if err := code.writePNG(path); err != nil {
			return withHint(fail(exitUsage, "the request is kept, but not as a picture: --png: %w", err),
				fmt.Sprintf("allegro request show %s --png FILE%s draws it again", shellWord(doc.Note), inHome(s.home.Dir())))
		}
	}
	return err
}

func printRequestText(cmd *cli.Command, s *session, doc *api.PaymentRequest, code qrCode) error {
	p, err := printerOf(cmd, s)
	if err != nil {
		return err
	}
	say(p.out, "%s to %s, note %s, %s\n%s\n", amount(doc.Amount, doc.Decimals, doc.Symbol), p.name(doc.Payee), doc.Note, untilOf(doc), doc.URI)
	return code.print(cmd)
}

// untilOf says how long a request is good.
func untilOf(doc *api.PaymentRequest) string {
	switch {
	case doc.Expires == nil:
		return "without an end"
	case doc.Expired:
		return "expired at " + dateOf(*doc.Expires)
	}
	return "until " + dateOf(*doc.Expires)
}

func listRequests(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	var doc api.Requests
	if err := s.Get(ctx, api.RouteRequests, "", url.Values{}, &doc); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &doc)
	}
	t := tabwriter.NewWriter(cmd.Root().Writer, 0, 0, 2, ' ', 0)
	say(t, "NOTE\tAMOUNT\tMADE\tGOOD\n")
	for _, r := range doc.Requests {
		say(t, "%s\t%s\t%s\t%s\n", r.Note, amount(r.Amount, r.Decimals, r.Symbol), dateOfMicros(r.Made), untilOf(&r))
	}
	return t.Flush()
}

func removeRequest(ctx context.Context, cmd *cli.Command, s *session, id string, asJSON bool) error {
	var doc api.PaymentRequest
	if err := s.Delete(ctx, api.RouteRequest, id, &doc); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &doc)
	}
	say(cmd.Root().Writer, "removed the request for %s with note %s\n", amount(doc.Amount, doc.Decimals, doc.Symbol), doc.Note)
	return nil
}
