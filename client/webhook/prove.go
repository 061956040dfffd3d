package webhook

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

var (
	// ErrNoQC: the message has none. Its peer has seen the payment on the chain alone; so
	// can who has a chain node, and nobody else need believe it.
	ErrNoQC = errors.New("message has no QC")
	// ErrUnproved: the QC is none of this network, or not of the payment that the message
	// speaks of. Whoever wrote the message lies, or has another network file.
	ErrUnproved = errors.New("message is not proved by its QC")
)

// Prove verifies the QC of a message with nothing but the rules of the network file, as
// allegro qc verify does, and that it is of the payment that the message speaks of: tx id,
// payer, payee, asset, amount and note. payee is who is to be paid: a QC of a payment to
// somebody else is worth nothing here. Errors wrap [ErrNoQC] or [ErrUnproved].
//
// So nobody who has stolen the secret, or the peer's machine, invents a payment. What
// became of it since, and what it was for, remains the word of the peer: the QC says
// neither that the chain has the payment nor that it came to nothing.
func Prove(rules *fastpay.Rules, payee common.Address, d *orders.Document) (*fastpay.QC, error) {
	if d.QC == nil {
		return nil, fmt.Errorf("%w: message %s at stage %s", ErrNoQC, d.MessageID, d.Stage)
	}
	file, err := json.Marshal(d.QC)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnproved, err)
	}
	qc, err := rules.ParseQCFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnproved, err)
	}
	env := qc.Tx().Envelope()
	for _, c := range []struct{ name, says, proved string }{
		{"tx_id", d.TxID, qc.Tx().ID().Hex()},
		{"payer", d.Payer, env.Sender.Hex()},
		{"payee", d.Payee, env.Recipient.Hex()},
		{"asset", d.Asset, env.Asset.Hex()},
		{"amount", d.Amount, env.Amount.Dec()},
		{"note", d.Note, env.Note.Hex()},
	} {
		if c.says != c.proved {
			return nil, fmt.Errorf("%w: %s is %q, its QC says %s", ErrUnproved, c.name, c.says, c.proved)
		}
	}
	if env.Recipient != payee {
		return nil, fmt.Errorf("%w: it is of a payment to %s, not to %s", ErrUnproved, env.Recipient, payee)
	}
	return qc, nil
}
