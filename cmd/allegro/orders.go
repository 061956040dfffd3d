package main

import (
	"context"
	"net/url"
	"strconv"
	"text/tabwriter"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/urfave/cli/v3"
)

func ordersCommand() *cli.Command {
	return &cli.Command{
		Name:  "orders",
		Usage: "look at payments to the account, as config.toml accepts them",
		Description: "A payment is accepted as the rules under [[accept]] have it. Who delivery.webhook or delivery.command\n" +
			"names is told of it then, and once more when it is final or has come to nothing.",
		Commands: []*cli.Command{
			{
				Name: "list", Usage: "list orders: those that wait, then the others, the newest first",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "state", Usage: "only those in `STATE`: waiting, accepted, reversed or final", Local: true},
					&cli.IntFlag{Name: "limit", Value: 50, Usage: "at most `N`", Local: true},
					homeFlag(), outputFlag(),
				},
				OnUsageError: usageError,
				Action:       inSession(listOrders),
			},
			{
				Name: "show", Usage: "show an order, why it is accepted or waits, and who was told", ArgsUsage: "TXID",
				Flags: []cli.Flag{homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: onOrder(func(ctx context.Context, s *session, id string, doc *api.Order) error {
					return s.Get(ctx, api.RouteOrder, id, nil, doc)
				}),
			},
			{
				Name: "redeliver", Usage: "tell the messages of an order again", ArgsUsage: "TXID",
				Flags: []cli.Flag{homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: onOrder(func(ctx context.Context, s *session, id string, doc *api.Order) error {
					return s.Post(ctx, api.RouteRedeliver, id, nil, doc)
				}),
			},
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

func listOrders(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	var doc api.Orders
	query := url.Values{"state": {cmd.String("state")}, "limit": {strconv.Itoa(cmd.Int("limit"))}}
	if err := s.Get(ctx, api.RouteOrders, "", query, &doc); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, &doc)
	}
	p, err := printerOf(cmd, s)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	say(t, "STATE\tSTAGE\tFROM\tAMOUNT\tFOR\tTOLD\tTXID\n")
	for i := range doc.Orders {
		o := &doc.Orders[i]
		say(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.State, o.Stage, p.name(o.Payer), amount(o.Amount, o.Decimals, o.Symbol), requestOf(o), toldOf(o), o.TxID)
	}
	return t.Flush()
}

// onOrder makes the action of a command about the order of a payment, which ask asks for.
func onOrder(ask func(ctx context.Context, s *session, id string, doc *api.Order) error) cli.ActionFunc {
	return inSession(func(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
		id, err := takesOne(cmd, "TXID")
		if err != nil {
			return err
		}
		var doc api.Order
		if err := ask(ctx, s, id, &doc); err != nil {
			return err
		}
		if asJSON {
			return writeJSON(cmd.Root().Writer, &doc)
		}
		p, err := printerOf(cmd, s)
		if err != nil {
			return err
		}
		d := s.home.Config().Delivery
		return p.order(&doc, d.Webhook != "" || len(d.Command) > 0)
	})
}

// order writes all about an order. receiver says that the home names one of messages.
func (p payments) order(o *api.Order, receiver bool) error {
	t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	say(t, "order %s\n", o.TxID)
	say(t, "  from\t%s\n  amount\t%s\n  state\t%s\n", p.name(o.Payer), amount(o.Amount, o.Decimals, o.Symbol), o.State)
	say(t, "  stage\t%s, %s asked for (%s)\n  for\t%s\n", o.Stage, o.At, printable(o.Reason), requestOf(o))
	for _, m := range o.Messages {
		say(t, "  %s\t%s, %s\n", m.Kind, dateOfMicros(m.Made), deliveryOf(&m, receiver))
	}
	return t.Flush()
}

// requestOf says what an order is for.
func requestOf(o *api.Order) string {
	switch {
	case o.Request == nil:
		return "–"
	case o.Request.Late:
		return printable(o.Request.Note) + " (" + string(o.Request.Verdict) + ", late)"
	}
	return printable(o.Request.Note) + " (" + string(o.Request.Verdict) + ")"
}

// toldOf is the last message of an order that was taken.
func toldOf(o *api.Order) string {
	told := orders.Kind("–")
	for _, m := range o.Messages {
		if m.Delivered != nil {
			told = m.Kind
		}
	}
	return string(told)
}

// deliveryOf says whether a message was taken, and if not, why.
func deliveryOf(m *api.OrderMessage, receiver bool) string {
	switch {
	case m.Delivered != nil:
		return "taken at " + dateOfMicros(*m.Delivered)
	case !receiver:
		return "told nobody: config.toml has neither delivery.webhook nor delivery.command"
	case m.Problem != nil:
		return "not taken, tried " + m.Attempts + " times: " + printable(*m.Problem)
	}
	return "not taken"
}
