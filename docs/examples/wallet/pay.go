package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
)

// mostLooked is how many payments of the account are looked at for an invoice. A program
// with more of them keeps the tx id of each invoice itself.
const mostLooked = 1 << 16

// pay pays an invoice once, however often it is called, and waits for the QC.
func (w *wallet) pay(ctx context.Context, out io.Writer, payee, amount, invoice string) error {
	if !common.IsHexAddress(payee) {
		return fmt.Errorf("payee %q is no address: want 0x and 40 hex digits", payee)
	}
	units, err := netfile.ParseAmount(amount, w.asset.Decimals)
	if err != nil {
		return err
	}
	id, paid := w.find(invoice, func(tx *fastpay.Tx) bool { return tx.Sender() == w.Address() })
	if paid {
		fmt.Fprintf(out, "paid already as %s\n", id)
	} else {
		id, err = w.Pay(ctx, client.Order{
			To: common.HexToAddress(payee), Asset: common.Address(w.asset.Address), Amount: units,
			Parents: client.Parents{Auto: true}, Note: invoice,
		})
		if err != nil {
			return explained(err) // nothing was signed
		}
		// From here on the payment is in the journal: after a crash it goes on by itself.
		fmt.Fprintf(out, "signed %s\n", id)
	}
	stage, err := w.Wait(ctx, id, fastpay.StageCertified)
	if err != nil {
		return fmt.Errorf("payment %s is not certified yet, do not pay again: %w", id, err)
	}
	fmt.Fprintf(out, "%s %s %s to %s\n", stage, amount, w.asset.Symbol, payee)
	if stage.Rank() < fastpay.StageCertified.Rank() {
		return fmt.Errorf("payment %s ended as %s", id, stage)
	}
	return nil
}

// find returns the payment of an invoice, the earliest slot first if there are several. The
// payment has the SHA-256 of the invoice's text as its note.
func (w *wallet) find(invoice string, fits func(*fastpay.Tx) bool) (id fastpay.ID, found bool) {
	w.Replica().Read(func(b *fastpay.Board) { id, found = findIn(b, w.Address(), invoice, fits) })
	return id, found
}

func findIn(b *fastpay.Board, account common.Address, invoice string, fits func(*fastpay.Tx) bool) (id fastpay.ID, found bool) {
	var slot uint64
	for _, candidate := range b.Account(account, mostLooked) {
		tx, ok := b.Tx(candidate)
		if !ok || tx.Envelope().Note != sha256.Sum256([]byte(invoice)) || !fits(tx) {
			continue
		}
		if !found || tx.Seq() < slot {
			id, slot, found = candidate, tx.Seq(), true
		}
	}
	return id, found
}

// explained adds what a payer can do about a refusal.
func explained(err error) error {
	switch {
	case errors.Is(err, fastpay.InsufficientFunds):
		return fmt.Errorf("%w: wait for incoming payments to be certified or for the next block", err)
	case fastpay.Classify(err).Retryable:
		return fmt.Errorf("%w: try again after the next block", err)
	default:
		return err
	}
}
