package httpapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// rawTx is a Tempo transaction that pays as payments do: one transferWithMemo whose memo
// is a tx id.
type rawTx struct {
	*tx76.Transaction
	sender common.Address
	to     common.Address
	amount uint256.Int
	memo   common.Hash
}

// parseRawTx decodes a signed transaction. The error wraps [fastpay.InvalidFormat] if
// it is none, [fastpay.NotPaymentTx] if it is no payment.
func parseRawTx(raw []byte) (*rawTx, error) {
	if raw[0] != tx76.Type {
		return nil, fmt.Errorf("%w: the transaction has type 0x%02x: want a Tempo transaction of type 0x%02x, from /payments/prepare", fastpay.NotPaymentTx, raw[0], tx76.Type)
	}
	decoded, err := tx76.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: signed_tx: %w", fastpay.InvalidFormat, err)
	}
	tx := &rawTx{Transaction: decoded}
	if tx.sender, _, err = tx76.Recover(decoded.SignHash(), decoded.Signature); err != nil {
		return nil, fmt.Errorf("%w: signed_tx: signature: %w", fastpay.InvalidFormat, err)
	}
	call := decoded.Calls[0]
	if len(decoded.Calls) != 1 || call.To == nil {
		return nil, fmt.Errorf("%w: the transaction has %d calls: want one transferWithMemo of a token", fastpay.NotPaymentTx, len(decoded.Calls))
	}
	if tx.to, tx.amount, tx.memo, err = tempo.DecodeTransferWithMemo(call.Input); err != nil {
		return nil, fmt.Errorf("%w: the transaction's call is no transferWithMemo: %w", fastpay.NotPaymentTx, err)
	}
	return tx, nil
}

// paymentOf is the payment that the transaction and its envelope are. Without an envelope
// it is looked for: the one that is held, else the one that this aggregator would plan.
func (s *Server) paymentOf(ctx context.Context, raw *rawTx, envelope []byte, parent *fastpay.ID) (*fastpay.Tx, error) {
	var env fastpay.Envelope
	var err error
	if envelope != nil {
		env, err = fastpay.ParseEnvelope(envelope)
	} else {
		env, err = s.rebuild(ctx, raw, parent)
	}
	if err != nil {
		return nil, err
	}
	if parent != nil && !cites(&env, *parent) {
		return nil, fmt.Errorf("%w: the envelope does not cite parent_qc_hash %s", fastpay.InvalidParentQC, parent)
	}
	committee, ok := s.cfg.Rules.Committee(env.CommitteeID)
	if !ok {
		return nil, fmt.Errorf("%w: committee %s is not in this network file: prepare the payment again", fastpay.WrongCommittee, env.CommitteeID)
	}
	if raw.memo != env.ID() {
		return nil, fmt.Errorf("%w: the memo is %s, the envelope's tx id is %s: send the envelope that was signed", fastpay.NotPaymentTx, raw.memo, env.ID())
	}
	if env.Transaction(committee).SignHash() != raw.SignHash() {
		return nil, fmt.Errorf("%w: the transaction is not the one that the envelope stands for: sign what /payments/prepare returns", fastpay.NotPaymentTx)
	}
	return s.cfg.Rules.NewTx(env, raw.Signature)
}

func cites(env *fastpay.Envelope, parent fastpay.ID) bool {
	for _, id := range env.Parents {
		if id == parent {
			return true
		}
	}
	return false
}

// rebuild finds the envelope of a transaction. What the transaction does not say, its
// place in the lane and its parents, is that of the aggregator's own view.
func (s *Server) rebuild(ctx context.Context, raw *rawTx, parent *fastpay.ID) (fastpay.Envelope, error) {
	var held *fastpay.Tx
	s.cfg.Chain.Read(func(b *fastpay.Board) { held, _ = b.Tx(raw.memo) })
	if held != nil {
		return held.Envelope(), nil
	}
	tries := []planner.Parents{{IDs: []fastpay.ID{}}, {Auto: true}}
	if parent != nil {
		tries = []planner.Parents{{IDs: []fastpay.ID{*parent}}}
	}
	for _, cited := range tries {
		order := planner.Order{To: raw.to, Asset: *raw.Calls[0].To, Amount: raw.amount, Parents: cited}
		env, _, err := s.cfg.Relay.Plan(ctx, raw.sender, order)
		if errors.Is(err, fastpay.InsufficientFunds) {
			continue // another try cites what is needed, or the memo differs anyway
		}
		if err != nil {
			return env, err
		}
		env.MaxFee, env.ValidBefore = raw.MaxFeePerGas, raw.ValidBefore
		if env.ID() == raw.memo {
			return env, nil
		}
	}
	return fastpay.Envelope{}, fmt.Errorf("%w: the memo %s is not the tx id of the payment that this aggregator sees next in the payer's lane: send the envelope beside signed_tx", fastpay.NotPaymentTx, raw.memo)
}
