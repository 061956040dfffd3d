package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/urfave/cli/v3"
)

// tailGossip prints messages as they come in at the peer.
func tailGossip(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	query := url.Values{}
	switch cmd.Args().Len() {
	case 0:
	case 1:
		query.Set("topic", cmd.Args().First())
	default:
		return fail(exitUsage, "pubsub tail wants one TOPIC or none: it got %d arguments", cmd.Args().Len())
	}
	if cmd.Bool("decode") {
		query.Set("decode", "true")
	}
	p, err := printerOf(cmd, s)
	if err != nil {
		return err
	}
	err = s.Lines(ctx, api.RouteTail, query, func(line []byte) error {
		if asJSON {
			_, err := cmd.Root().Writer.Write(append(bytes.TrimSpace(line), '\n'))
			return err
		}
		var doc document.Message
		if err := json.Unmarshal(line, &doc); err != nil {
			return fmt.Errorf("reading the peer's answer: %w", err)
		}
		p.message(&doc)
		return nil
	})
	if ctx.Err() != nil {
		return nil // watching ends when it is interrupted
	}
	return err
}

// message writes a gossip message, and under it what is inside.
func (p payments) message(doc *document.Message) {
	if doc.Dropped != "0" {
		say(p.out, "… %s messages were lost here: they came faster than they were read\n", doc.Dropped)
	}
	from := "from " + or(doc.From.Name, shortPeer(doc.From.PeerID))
	if doc.Own {
		from = "published here"
	}
	text := fmt.Sprintf("%s  %-8s  %-16s  %6d B  %s", clock(&doc.Micros), doc.Kind, from, doc.Bytes, doc.Verdict)
	if doc.Problem != nil {
		text += ": " + *doc.Problem
	}
	say(p.out, "%s\n", printable(text))
	if doc.Content == nil {
		return
	}
	for _, tx := range doc.Content.Payments {
		text := fmt.Sprintf("payment %s  %s → %s  %s", tx.TxID, p.name(tx.From), p.name(tx.To), amount(tx.Amount, tx.Decimals, tx.Symbol))
		if len(tx.Parents) > 0 {
			text += fmt.Sprintf("  relies on %s, %s came along", strings.Join(tx.Parents, ", "), plural(tx.QCs, "QC"))
		}
		say(p.out, "    %s\n", text)
	}
	if v := doc.Content.Votes; v != nil {
		for _, id := range v.TxIDs {
			say(p.out, "    vote of %s for %s\n", v.Validator, id)
		}
	}
	if h := doc.Content.Head; h != nil {
		say(p.out, "    %s is at height %s, finalized %s\n", h.Validator, h.Height, h.FinalizedHeight)
	}
	if e := doc.Content.Evidence; e != nil {
		who := "validator " + or(e.Validator, "")
		if e.Payer != nil {
			who = "payer " + p.name(*e.Payer)
		}
		say(p.out, "    evidence: %s signed for two payments of one slot, %s\n", who, strings.Join(e.TxIDs, " and "))
	}
}
