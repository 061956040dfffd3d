package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

func payCommand() *cli.Command {
	return &cli.Command{
		Name:  "pay",
		Usage: "pay somebody, or what a payment request asks for, and wait until it is sure", ArgsUsage: "[URI]",
		Description: "The payment is journaled before it leaves, and a running peer goes on with it whatever happens to\n" +
			"this command. Without a running peer one is started for the moment.\n\n" +
			"URI is a payment request, allegro:0x…, as allegro request prints it: put it in quotes. It says whom to pay what\n" +
			"by itself; one that is of another network or has expired is refused, and so is an --amount that differs.\n\n" +
			"Exit codes: 0 the stage was reached, 4 it was not in time or the payment expired, 5 refused or\n" +
			"failed, 7 something conflicting took its place.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "pay `ACCOUNT`: an address, or a name of contacts.toml", Local: true},
			&cli.StringFlag{Name: "amount", Usage: "pay `AMOUNT` tokens, such as 10 or 10.50", Local: true},
			&cli.StringFlag{Name: "asset", Usage: "pay in `ASSET`, a symbol or address; by default the network's first", Local: true},
			&cli.StringFlag{Name: "parents", Value: "auto", Usage: "cite incoming payments as funds: auto, none, or `TXID`s with commas between", Local: true},
			&cli.StringFlag{Name: "note", Usage: "attach the SHA-256 of `TEXT`, for the payee to recognise", Local: true},
			&cli.StringFlag{Name: "wait", Value: "certified", Usage: "wait for `STAGE`: accepted, certified, included or finalized", Local: true},
			&cli.DurationFlag{Name: "timeout", Value: 30 * time.Second, Usage: "wait no longer than this `DURATION`", Local: true},
			homeFlag(), outputFlag(),
		},
		HideHelpCommand: true, OnUsageError: usageError,
		Action: withOutput(pay),
	}
}

// pay checks everything that can be checked before a peer is asked or started.
func pay(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	want, err := parseStage(cmd.String("wait"))
	if err != nil {
		return err
	}
	if cmd.Duration("timeout") <= 0 {
		return fail(exitUsage, "--timeout %s is not positive", cmd.Duration("timeout"))
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	contacts, err := h.Contacts()
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	req, peers, err := payRequest(cmd, h, contacts)
	if err != nil {
		return err
	}
	return inOpenSession(ctx, cmd, func(s *session) error {
		p := paying{cmd: cmd, s: s, want: want, asJSON: asJSON, show: payments{cmd.Root().Writer, contacts}, met: meet(ctx, s.Client, peers)}
		defer p.met.end()
		return p.run(ctx, req)
	})
}

// payRequest is what the home's peer is asked to pay, and the peers to dial for it.
func payRequest(cmd *cli.Command, h *home.Home, contacts home.Contacts) (*api.PayRequest, []string, error) {
	req := &api.PayRequest{}
	var peers []string
	if cmd.Args().Present() {
		uri, err := takesOne(cmd, "URI")
		if err != nil {
			return nil, nil, err
		}
		r, err := readRequest(cmd, h, uri)
		if err != nil {
			return nil, nil, err
		}
		req.Request, peers = uri, r.Peers
	} else {
		for _, name := range []string{"to", "amount"} {
			if cmd.String(name) == "" {
				return nil, nil, fail(exitUsage, "--%s is missing: want --to ACCOUNT --amount AMOUNT, or the URI of a payment request", name)
			}
		}
		to, err := contacts.Resolve(cmd.String("to"))
		if err != nil {
			return nil, nil, fail(exitUsage, "--to: %w", err)
		}
		req.To, req.Asset, req.Amount, req.Note = to.Hex(), cmd.String("asset"), cmd.String("amount"), cmd.String("note")
	}
	switch parents := cmd.String("parents"); parents {
	case "auto":
		req.Auto = true
	case "none":
	default:
		for _, id := range strings.Split(parents, ",") {
			req.Parents = append(req.Parents, strings.TrimSpace(id))
		}
	}
	return req, peers, nil
}

// parseStage reads a stage that one can wait for.
func parseStage(text string) (fastpay.Stage, error) {
	stage := fastpay.Stage(strings.ToUpper(text))
	if stage.Rank() == 0 || stage == fastpay.StageQueuedOnchain {
		return "", fail(exitUsage, "--wait %q: want accepted, certified, included or finalized", text)
	}
	return stage, nil
}

// paying is one payment on its way.
type paying struct {
	cmd    *cli.Command
	s      *session
	want   fastpay.Stage
	asJSON bool
	show   payments
	met    *meeting
}

func (p *paying) run(ctx context.Context, req *api.PayRequest) error {
	timeout := p.cmd.Duration("timeout")
	deadline := time.Now().Add(timeout)
	var doc document.Payment
	asked, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if err := p.s.Post(asked, api.RoutePayments, "", req, &doc); err != nil {
		if ctx.Err() == nil && asked.Err() != nil {
			return fail(exitDeadline, "nothing was signed within %s: the peer has not seen the chain yet", timeout)
		}
		if errors.Is(err, api.ErrUnreachable) && !errors.Is(err, api.ErrNotSent) {
			return withHint(&exitError{exitUnreachable, err}, "the payment may be signed: look with allegro tx list"+inHome(p.s.home.Dir())+" before you pay again")
		}
		return err
	}
	if !p.asJSON {
		p.show.heading(&doc)
	}
	for _, stage := range []fastpay.Stage{fastpay.StageAccepted, fastpay.StageCertified, fastpay.StageIncluded, fastpay.StageFinalized} {
		if stage.Rank() > p.want.Rank() {
			break
		}
		left := max(time.Until(deadline), time.Millisecond)
		query := url.Values{"wait": {string(stage)}, "timeout": {left.String()}}
		if err := p.s.Get(ctx, api.RoutePayment, doc.TxID, query, &doc); err != nil {
			look := "allegro tx show " + doc.TxID + inHome(p.s.home.Dir())
			if ctx.Err() != nil {
				return withHint(ctx.Err(), fmt.Sprintf("payment %s is signed and goes on while this home's peer runs, do not pay again: %s", doc.TxID, look))
			}
			return withHint(fmt.Errorf("payment %s is signed and goes on while this home's peer runs, but its stage is not known: %w", doc.TxID, apiError(err)),
				"do not pay again: "+look)
		}
		if stageOf(&doc).Rank() < stage.Rank() {
			break
		}
		if !p.asJSON {
			p.show.reached(&doc, stage)
		}
	}
	if p.asJSON {
		if err := writeJSON(p.cmd.Root().Writer, &doc); err != nil {
			return err
		}
	}
	return p.met.explain(endOf(&doc, p.want, timeout, inHome(p.s.home.Dir())), stageOf(&doc))
}

// endOf is how a command ends that waited for a stage of a payment.
func endOf(doc *document.Payment, want fastpay.Stage, timeout time.Duration, inHome string) error {
	at := stageOf(doc)
	switch {
	case at.Rank() >= want.Rank():
		return nil
	case at == fastpay.StageExpired:
		return fail(exitDeadline, "payment %s is EXPIRED: %s", doc.TxID, doc.Why)
	case at == fastpay.StageConflicted:
		return fail(exitConflict, "payment %s is CONFLICTED: %s", doc.TxID, doc.Why)
	case at.Terminal():
		return fail(exitRejected, "payment %s is %s: %s%s", doc.TxID, at, doc.Why, waitingText(doc))
	}
	have := fmt.Sprintf("%d of %d votes, %d are needed", doc.Weight, doc.Total, doc.Threshold)
	if at.Rank() >= fastpay.StageCertified.Rank() {
		have = "it is " + string(at)
	}
	return withHint(fail(exitDeadline, "payment %s is not %s after %s: %s%s", doc.TxID, want, timeout, have, waitingText(doc)),
		fmt.Sprintf("it goes on while this home's peer runs, do not pay again: allegro why %s%s", doc.TxID, inHome))
}

// waitingText says who has not voted, and why.
func waitingText(doc *document.Payment) string {
	var parts []string
	for _, w := range doc.Waiting {
		text := w.Validator
		if w.Problem != nil {
			text += ": " + *w.Problem
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return "; " + strings.Join(parts, "; ")
}

// stageOf is a payment's stage.
func stageOf(doc *document.Payment) fastpay.Stage {
	if doc.Stage == nil {
		return fastpay.StageUnknown
	}
	return fastpay.Stage(*doc.Stage)
}
