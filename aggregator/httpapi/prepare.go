package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// PrepareRequest asks for the payment that a wallet is to sign.
type PrepareRequest struct {
	From    string  `json:"from"`
	To      string  `json:"to"`
	Amount  string  `json:"amount"`  // token units, decimal
	Asset   string  `json:"asset"`   // address or symbol
	Parents Parents `json:"parents"` // "auto", also if left out, or tx ids
	Note    string  `json:"note"`    // the payment has its SHA-256
}

// maxNote bounds a note, in bytes: it is hashed and not kept.
const maxNote = 1 << 10

// Parents are what a payment cites, in JSON "auto" or a list of tx ids. If none are
// given, not even an empty list, they are "auto".
type Parents struct{ planner.Parents }

// MarshalJSON writes them.
func (p Parents) MarshalJSON() ([]byte, error) {
	if p.Auto || p.IDs == nil {
		return json.Marshal("auto")
	}
	return json.Marshal(p.IDs)
}

// UnmarshalJSON reads them.
func (p *Parents) UnmarshalJSON(data []byte) error {
	var word string
	if json.Unmarshal(data, &word) == nil {
		if word != "auto" {
			return fmt.Errorf("parents %q: want \"auto\" or a list of tx ids", word)
		}
		p.Parents = planner.Parents{Auto: true}
		return nil
	}
	var list []string
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("parents: want \"auto\" or a list of tx ids: %w", err)
	}
	p.Parents = planner.Parents{IDs: []fastpay.ID{}}
	for _, text := range list {
		id, err := parseHash("parents", text)
		if err != nil {
			return err
		}
		p.IDs = append(p.IDs, id)
	}
	return nil
}

// Prepared is a payment that a wallet can sign. The wallet recomputes tx_id from the
// envelope, and the transaction from both, before it does.
type Prepared struct {
	TxID        string         `json:"tx_id"`
	Envelope    string         `json:"envelope"` // canonical RLP, 0x-hex
	Fields      EnvelopeFields `json:"envelope_fields"`
	SigningHash string         `json:"signing_hash"` // keccak256 of transaction
	Transaction string         `json:"transaction"`  // the Tempo transaction in the form that its sender signs, a sponsor paying the fee
	Explain     string         `json:"explain"`      // why these parents
}

// EnvelopeFields are an envelope's, by the names of the specification.
type EnvelopeFields struct {
	ChainID     string   `json:"chain_id"`
	CommitteeID string   `json:"committee_id"`
	Asset       string   `json:"asset"`
	Sender      string   `json:"sender"`
	Seq         string   `json:"seq"`
	Prev        string   `json:"prev"`
	Recipient   string   `json:"recipient"`
	Amount      string   `json:"amount"`
	MaxFee      string   `json:"max_fee"`
	Parents     []string `json:"parents"`
	ValidBefore string   `json:"valid_before"`
	Restart     string   `json:"restart"`
	Note        string   `json:"note"`
}

func (s *Server) servePrepare(ctx context.Context, r *http.Request) (any, error) {
	req := PrepareRequest{Parents: Parents{planner.Parents{Auto: true}}}
	if err := read(r, &req); err != nil {
		return nil, err
	}
	from, order, err := s.order(&req)
	if err != nil {
		return nil, err
	}
	env, funds, err := s.cfg.Relay.Plan(ctx, from, order)
	if err != nil {
		return nil, err
	}
	committee, ok := s.cfg.Rules.Committee(env.CommitteeID)
	if !ok {
		return nil, fmt.Errorf("the plan is for committee %s, which is not in the network file", env.CommitteeID)
	}
	tx := env.Transaction(committee)
	return Prepared{
		TxID: env.ID().Hex(), Envelope: hexOf(env.Encode()), Fields: fieldsOf(&env), SigningHash: tx.SignHash().Hex(),
		Transaction: hexOf(tx.EncodeForSigning()), Explain: explain(&env, &funds, order.Parents.Auto),
	}, nil
}

// order checks what is to be paid.
func (s *Server) order(req *PrepareRequest) (from common.Address, o planner.Order, err error) {
	if from, err = parseAddress("from", req.From); err != nil {
		return from, o, err
	}
	if o.To, err = parseAddress("to", req.To); err != nil {
		return from, o, err
	}
	asset, err := s.asset(req.Asset)
	if err != nil {
		return from, o, err
	}
	o.Asset = common.Address(asset.Address)
	var amount netfile.Amount
	if err := amount.UnmarshalText([]byte(req.Amount)); err != nil {
		return from, o, badRequest("amount: %v", err)
	}
	o.Amount = uint256.Int(amount)
	if len(req.Note) > maxNote {
		return from, o, badRequest("note has %d bytes, at most %d are possible", len(req.Note), maxNote)
	}
	o.Parents, o.Note = req.Parents.Parents, req.Note
	return from, o, nil
}

// explain says why a payment cites what it cites.
func explain(env *fastpay.Envelope, f *fastpay.Funds, auto bool) string {
	switch n := len(env.Parents); {
	case !auto && n == 0:
		return "it relies on no other payment, as was asked for"
	case !auto:
		return fmt.Sprintf("it relies on the incoming payments that were asked for, %d", n)
	case n == 0:
		return fmt.Sprintf("the confirmed balance of %s units, less what the account's pending payments take, covers it: it relies on no other payment", f.Confirmed.Dec())
	default:
		return fmt.Sprintf("the confirmed balance of %s units, less what the account's pending payments take, does not cover it: it relies on the fewest certified incoming payments that do, %d", f.Confirmed.Dec(), n)
	}
}

func fieldsOf(e *fastpay.Envelope) EnvelopeFields {
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	f := EnvelopeFields{
		ChainID: number(e.ChainID), CommitteeID: e.CommitteeID.Hex(), Asset: e.Asset.Hex(), Sender: e.Sender.Hex(), Seq: number(e.Seq),
		Prev: e.Prev.Hex(), Recipient: e.Recipient.Hex(), Amount: e.Amount.Dec(), MaxFee: e.MaxFee.Dec(), Parents: []string{},
		ValidBefore: number(e.ValidBefore), Restart: number(e.Restart), Note: e.Note.Hex(),
	}
	for _, id := range e.Parents {
		f.Parents = append(f.Parents, id.Hex())
	}
	return f
}
