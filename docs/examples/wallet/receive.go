package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
)

// leastLeft is how long, in seconds, a payment must have to go when a shop hands over its
// goods: the validators need some blocks to bring it onto the chain. The payment's network
// demands at least this much when it is signed.
func leastLeft(rules *fastpay.Rules) uint64 { return rules.MinSettle() / 2 }

// receive waits until an invoice is certified, which is enough for a coffee, and then until
// the chain has it for good, which a car is worth waiting for.
func (w *wallet) receive(ctx context.Context, out io.Writer, amount, invoice string) error {
	units, err := netfile.ParseAmount(amount, w.asset.Decimals)
	if err != nil {
		return err
	}
	// What is asked for: this account, this token, at least this much.
	fits := func(tx *fastpay.Tx) bool {
		has := tx.Amount()
		return tx.Recipient() == w.Address() && tx.Envelope().Asset == common.Address(w.asset.Address) && !has.Lt(&units)
	}
	fmt.Fprintf(out, "waiting for %s %s at %s\n", amount, w.asset.Symbol, w.Address())
	var id fastpay.ID
	err = w.Replica().Wait(ctx, func(b *fastpay.Board) (certified bool) {
		found, ok := findIn(b, w.Address(), invoice, func(tx *fastpay.Tx) bool {
			return b.Stage(tx.ID()).Rank() >= fastpay.StageCertified.Rank() && fits(tx)
		})
		id = found
		return ok
	})
	if err != nil {
		return fmt.Errorf("waiting for invoice %q: %w", invoice, err)
	}
	// The peer verified every vote that it counted. The QC is verified once more from its
	// bytes: whoever has the committee can do the same with the file.
	qc, err := w.QC(id)
	if err != nil {
		return err
	}
	var now, least uint64
	w.Replica().Read(func(b *fastpay.Board) { now, least = b.Finalized().Time, leastLeft(b.Rules()) })
	if validBefore := qc.Tx().Envelope().ValidBefore; validBefore < now+least {
		return fmt.Errorf("payment %s expires at chain time %d, it is %d now: hand over nothing before it is FINALIZED", id, validBefore, now)
	}
	file, err := json.Marshal(qc.File())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "CERTIFIED %s, hand over the coffee; QC file of %d bytes\n", id, len(file))

	stage, err := w.Wait(ctx, id, fastpay.StageFinalized)
	if err != nil {
		return fmt.Errorf("payment %s is not final yet: %w", id, err)
	}
	fmt.Fprintf(out, "%s %s\n", stage, id)
	if stage != fastpay.StageFinalized {
		return fmt.Errorf("payment %s ended as %s: the chain did not credit it", id, stage)
	}
	fmt.Fprintln(out, "hand over the car")
	return nil
}
