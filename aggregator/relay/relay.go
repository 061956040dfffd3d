// Package relay plans payments for accounts and hands signed ones to the validators,
// for programs that are no peers of the network. It has no key and decides nothing:
// whoever signs what it plans recomputes the tx id first, and validators check all of
// it again.
package relay

import (
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Funds is what an account holds and may spend in an asset at a block, and the slot
// of its next payment.
type Funds struct {
	fastpay.Funds
	Block fastpay.Block
	Seq   uint64
}

// Order is a payment that an account wants to make.
type Order struct {
	From, To common.Address
	Asset    common.Address
	Amount   uint256.Int  // token units
	Auto     bool         // cite what is needed
	Parents  []fastpay.ID // if Auto is not set
	Note     string
}

// Proposal is a payment that can be signed.
type Proposal struct {
	Envelope  fastpay.Envelope
	Committee *fastpay.Committee
	Why       string // why these parents
}

// Answer is what one validator said of a payment.
type Answer struct {
	Validator int                  // signer index
	Result    *fastpay.Certificate // nil if it refused
	Reject    *fastpay.Reject
}
