package httpapi

import (
	"context"

	"github.com/allegro-p2p/allegro/aggregator/relay"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
)

// Archive is what the aggregator keeps of payments. Whatever it returns is on disk:
// what was served once is served after a restart too. Its methods are called
// concurrently and their errors are the disk's; what is not known is no error.
type Archive interface {
	// Resolve returns the tx id of the payment that a hash names: its tx id, or the
	// hash of the chain transaction that used its slot.
	Resolve(hash common.Hash) (fastpay.ID, bool, error)
	// Payment describes a payment, also one that has left the memory.
	Payment(id fastpay.ID) (document.Payment, bool, error)
	// Payments returns a page of payments, the newest first.
	Payments(f Filter) (Page, error)
	// Certificates returns the votes held for a payment, by signer index.
	Certificates(id fastpay.ID) ([]*fastpay.Certificate, error)
	// QC returns the QC of a payment, nil if there is none.
	QC(id fastpay.ID) (*fastpay.QC, error)

	// Version is the number of the last change. It rises with each, within one run. A
	// change is one of anything that a payment's document shows, its lead among them,
	// but not of the validators' heads, which have events of their own.
	Version() uint64
	// Since returns up to limit payments that changed after a version, the earliest
	// change first, and the version up to which the answer is complete.
	Since(version uint64, limit int) (payments []document.Payment, upTo uint64, err error)
	// Changed is closed at the next change. Take it before reading, so that no change
	// is missed.
	Changed() <-chan struct{}
	// Failed returns why the disk takes nothing any more, or nil.
	Failed() error
}

// Filter selects payments.
type Filter struct {
	Stage   fastpay.Stage   // empty: all
	Address *common.Address // payer or payee; nil: all
	Limit   int             // at least 1
	// Before continues a list behind a [Page.Next]. 0 begins with the newest.
	Before uint64
}

// Page is a part of a list of payments. The order is that in which the aggregator
// first saw them, which never changes, so that no page misses or repeats one.
type Page struct {
	Payments []document.Payment
	// Next is the place of the last one in that order, at least 1; 0: the list ends.
	Next uint64
}

// Chain is what the aggregator's own node and the validators' heads have shown.
// [replica.Replica] is one.
type Chain interface {
	Read(f func(*fastpay.Board))
	// BlocksAfter returns the heights above one, as far as they are remembered,
	// ascending, with the moment each was first seen.
	BlocksAfter(height uint64) []replica.BlockSeen
	// Changed is closed at the next new height, head or payment.
	Changed() <-chan struct{}
}

// Node is the aggregator in its network. [p2p.Node] is one.
type Node interface {
	ID() p2p.PeerID
	Addrs() []string
	Peers() []p2p.PeerInfo
	// Changed is closed at the next change of the peers or of readiness.
	Changed() <-chan struct{}
}

// Relay plans payments and hands them to the validators for programs that are no
// peers. [relay.Relay] is one.
type Relay interface {
	// Funds returns what an account holds and may spend in an asset.
	Funds(ctx context.Context, owner, asset common.Address) (planner.Funds, error)
	// Plan returns the envelope of an account's next payment, for its wallet to sign,
	// and what the account has.
	Plan(ctx context.Context, from common.Address, o planner.Order) (fastpay.Envelope, fastpay.Funds, error)
	// Submit publishes a payment and returns what the validators answer to it.
	Submit(ctx context.Context, tx *fastpay.Tx) ([]relay.Answer, error)
}
