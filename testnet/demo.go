package testnet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/crypto"
)

// demo lets a page play the scene again, by the network's own clients.
type demo struct{ network *Network }

var _ httpapi.Demo = (*demo)(nil)

// Accounts are the clients', if their keys are public: on a chain of others they are
// this network's own.
func (d *demo) Accounts() []httpapi.DemoAccount {
	cfg := &d.network.cfg
	if cfg.Salt != "" {
		return nil
	}
	var out []httpapi.DemoAccount
	for _, a := range cfg.Clients {
		key := cfg.accountKey("account", a.Name)
		out = append(out, httpapi.DemoAccount{
			Name: a.Name, Address: addressOf(key).Hex(), PrivateKey: fmt.Sprintf("0x%x", crypto.FromECDSA(key)),
		})
	}
	return out
}

// Play plays the scene and tells its steps in the words of the original system, which
// has names for those of the first two payments.
func (d *demo) Play(ctx context.Context, report func(httpapi.DemoEvent)) error {
	select {
	case <-d.network.played:
	default:
		return ErrPlaying // or about to be, with the money that everybody has now
	}
	var start time.Time
	result, err := d.network.Replay(ctx, func(e Event) {
		switch e.Kind {
		case EventEdge:
			start = e.At
			d.reportHead(e.Height, report)
		case EventBlock:
			d.reportHead(e.Height, report)
		case EventSubmitted, EventCertified:
			for _, step := range stepsOf(e) {
				step.TimestampMS = e.At.Sub(start).Milliseconds()
				report(httpapi.DemoEvent{Step: &step})
			}
		}
	})
	if err != nil {
		return err
	}
	if result.Verdict == Failed {
		return fmt.Errorf("the scene failed: %s", result.Reason)
	}
	done := &httpapi.DemoDone{
		Success: true, TotalMS: d.network.cfg.Now().Sub(start).Milliseconds(), StartBlockHeight: result.Edge,
		Verdict: httpapi.DemoVerdict{HeightAtQC: result.Hops[len(result.Hops)-1].HeightAtQC, Proved: result.Verdict == Pass},
	}
	for i, margin := range []**int64{&done.Verdict.QC1MarginMS, &done.Verdict.QC2MarginMS} {
		if i < len(result.Hops) {
			if lead, known := result.Hops[i].Lead(); known {
				*margin = new(lead.Milliseconds())
			}
		}
	}
	report(httpapi.DemoEvent{Done: done})
	return nil
}

// stepsOf are the steps that an event of the scene is.
func stepsOf(e Event) []httpapi.DemoStep {
	hop := e.Hop
	id := new(hop.ID.Hex())
	submitted := httpapi.DemoStep{Label: "Submitted", Description: fmt.Sprintf("%s pays %s", hop.From, hop.To), TxHash: id}
	certified := httpapi.DemoStep{
		Label: "QC formed", Description: fmt.Sprintf("%s holds the QC of the payment", hop.To), TxHash: id, QCHash: id, CertCount: new(len(hop.Signers)),
	}
	if len(hop.Parents) > 0 {
		submitted.ParentQCHash = new(hop.Parents[0].Hex())
		submitted.Description += " on the strength of the QC of the payment before"
	}
	switch {
	case hop.Name == "T1" && e.Kind == EventSubmitted:
		submitted.Step = httpapi.StepAliceSubmit
		return []httpapi.DemoStep{submitted}
	case hop.Name == "T1":
		certified.Step = httpapi.StepAliceQC
		imported := httpapi.DemoStep{
			Step: httpapi.StepBobImport, Label: "QC checked", Description: fmt.Sprintf("%s has checked the QC itself", hop.To), QCHash: id,
		}
		return []httpapi.DemoStep{certified, imported}
	case hop.Name == "T2" && e.Kind == EventSubmitted:
		submitted.Step = httpapi.StepBobSubmit
		return []httpapi.DemoStep{submitted}
	case hop.Name == "T2":
		certified.Step = httpapi.StepBobQC
		return []httpapi.DemoStep{certified}
	}
	return nil // a longer chain of payments has steps without names
}

// reportHead tells a height as the last client saw it.
func (d *demo) reportHead(height uint64, report func(httpapi.DemoEvent)) {
	clients := d.network.Clients()
	last := clients[len(clients)-1]
	blocks := last.Replica.BlocksSeen()
	at := slices.IndexFunc(blocks, func(b replica.BlockSeen) bool { return b.Block.Number == height })
	if at < 0 {
		return // its node went on by more than one block at once
	}
	b := blocks[at]
	report(httpapi.DemoEvent{Head: &httpapi.ChainHead{
		BlockHeight: height, BlockHash: b.Block.Hash.Hex(), UnixMillis: b.Block.Time * 1000,
		ObservedMicros: new(document.Micros(b.Seen)), Source: last.Name,
	}})
}
