package main

import (
	"context"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/ethereum/go-ethereum/common"
	"github.com/urfave/cli/v3"
)

func whyCommand() *cli.Command {
	return &cli.Command{
		Name:      "why",
		Usage:     "explain why a payment is where it is, and what to do next",
		ArgsUsage: "TXID",
		Description: "Tells who has voted and who has not, with each validator's last answer, follows what the payment\n" +
			"waits for up to the root of the trouble, and ends with the reason and what to do. A payment that is\n" +
			"not certified is offered to the validators once more, so that their answers are new; one that is\n" +
			"not known here is asked for. It is signed: nothing is paid twice.\n" +
			"Exit code 2, after telling who was asked and who could not be, if nobody who could be asked has the\n" +
			"payment: one of the others may.",
		Flags:           []cli.Flag{homeFlag(), outputFlag()},
		HideHelpCommand: true,
		OnUsageError:    usageError,
		Action:          inSession(explain),
	}
}

// whyDocument is an explanation with what it comes down to in words.
type whyDocument struct {
	document.Why
	Because string  `json:"because"` // the reason in words
	Next    string  `json:"next"`
	Command *string `json:"command"` // to type next; null if there is none
}

// explain is the action of why.
func explain(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	id, err := takesOne(cmd, "TXID")
	if err != nil {
		return err
	}
	var doc whyDocument
	if err := s.Get(ctx, api.RouteWhy, id, nil, &doc.Why); err != nil {
		return err
	}
	p, err := printerOf(cmd, s)
	if err != nil {
		return err
	}
	found := adviser{p, inHome(s.home.Dir()), common.Address(s.home.Config().Client.Account)}.on(&doc.Why)
	doc.Because, doc.Next, doc.Command = found.because, found.next, document.OrNull(found.command)
	if asJSON {
		err = writeJSON(cmd.Root().Writer, &doc)
	} else {
		err = p.why(&doc)
	}
	if err == nil && doc.Steps[0].Payment == nil {
		return fail(exitUsage, "payment %s is not known: %s", id, found.because)
	}
	return err
}
