package orders

import (
	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// State is how far an order has come.
type State string

const (
	// Waiting: the payment is known, and the policy asks more of it. Nobody was told.
	Waiting State = "waiting"
	// Accepted: the payee was told, or is about to be.
	Accepted State = "accepted"
	// Reversed: it had been accepted, and came to nothing.
	Reversed State = "reversed"
	// Final: a finalized block has it.
	Final State = "final"
)

// Order is a payment to the account, as the payee takes it.
type Order struct {
	ID     fastpay.ID
	Payer  common.Address
	Asset  common.Address
	Amount uint256.Int // in token units
	Note   common.Hash // SHA-256 of the payer's text, or zeros
	State  State
	Stage  fastpay.Stage
	// Decision is why it was accepted, or why it waits.
	Decision acceptance.Decision
	// Match is what the order is for; nil if its note is of no request.
	Match *Match
	// Messages are what the payee is told of it, in order.
	Messages []Message
}

// Verdict compares a payment with the request that its note names.
type Verdict string

const (
	Exact      Verdict = "exact"
	Under      Verdict = "under"       // with what was paid before, it is less than was asked
	Over       Verdict = "over"        // with what was paid before, it is more
	Double     Verdict = "double"      // all that was asked had been paid before
	WrongAsset Verdict = "wrong_asset" // another token was asked
)

// Match ties an order to a request.
type Match struct {
	Note       string // the request's text
	Asked      uint256.Int
	PaidBefore uint256.Int // by accepted payments of the same note and asset
	Verdict    Verdict
	Late       bool // it was accepted after the request had expired
}

// Asked is a request that payments can be tied to.
type Asked struct {
	Note    string
	Asset   common.Address
	Amount  uint256.Int // in token units
	Expires uint64      // seconds; 0: never
}

// match compares a payment with a request. before is what was accepted for it, now the
// chain's time in seconds.
func match(r Asked, asset common.Address, amount, before uint256.Int, now uint64) *Match {
	m := &Match{Note: r.Note, Asked: r.Amount, PaidBefore: before, Late: r.Expires > 0 && now >= r.Expires}
	sum, overflow := new(uint256.Int).AddOverflow(&before, &amount)
	switch {
	case asset != r.Asset:
		m.Verdict = WrongAsset
	case !before.Lt(&r.Amount):
		m.Verdict = Double
	case overflow || sum.Gt(&r.Amount):
		m.Verdict = Over
	case sum.Eq(&r.Amount):
		m.Verdict = Exact
	default:
		m.Verdict = Under
	}
	return m
}
