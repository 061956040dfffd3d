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

	// Version is the number of the last change. It rises with each, within one run.
	Version() uint64
	// Since returns up to limit payments that changed after a version, the earliest
	// change first, and the version up to which the answer is complete.
	Since(version uint64, limit int) (payments []document.Payment, upTo uint64, err error)
	// Changed is closed at the next change. Take it before reading, so that no change
	// is missed.
	Changed() <-chan struct{}
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
	Topics() []p2p.TopicInfo
	Members(committeeID common.Hash) []p2p.MemberInfo
	Readiness(committeeID common.Hash) p2p.Readiness
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

// Demo plays the demo's scene again, on behalf of its own clients. It is nil outside a
// demo.
type Demo interface {
	// Accounts are the demo's, whose keys are public.
	Accounts() []DemoAccount
	// Play runs the scene once and tells each step as it happens, in order; report
	// must not block. An error says why it cannot be played now, such as money that
	// has run short.
	Play(ctx context.Context, report func(DemoEvent)) error
}

// DemoAccount is an account of the demo.
type DemoAccount struct {
	Name       string `json:"name"`
	Address    string `json:"address"`
	PrivateKey string `json:"private_key"` // 0x-hex; public
}

// DemoEvent is one of Step, Head and Done.
type DemoEvent struct {
	Step *DemoStep
	Head *ChainHead
	Done *DemoDone
}

// DemoStep is a step of the scene. Hashes are tx ids: a QC has no other identity.
type DemoStep struct {
	Step         DemoStepName `json:"step"`
	Label        string       `json:"label"`
	Description  string       `json:"description"`
	TxHash       *string      `json:"tx_hash,omitempty"`
	QCHash       *string      `json:"qc_hash,omitempty"`
	ParentQCHash *string      `json:"parent_qc_hash,omitempty"`
	CertCount    *int         `json:"cert_count,omitempty"`
	TimestampMS  int64        `json:"timestamp_ms"` // since the start of the scene
}

// DemoStepName names a step, as the original system did.
type DemoStepName string

// The steps, in their order.
const (
	StepAliceSubmit DemoStepName = "alice_submit_started"
	StepAliceQC     DemoStepName = "alice_qc_formed"
	StepBobImport   DemoStepName = "bob_import_qc"
	StepBobSubmit   DemoStepName = "bob_submit_started"
	StepBobQC       DemoStepName = "bob_qc_formed"
)

// ChainHead is the newest block. Height and time are numbers for the original
// system's clients; the other fields are added.
type ChainHead struct {
	BlockHeight    uint64  `json:"block_height"`
	BlockHash      string  `json:"block_hash"`
	UnixMillis     uint64  `json:"unix_millis"` // the block's own time
	ObservedMicros *string `json:"observed_unix_micros"`
	// NextBlockETAMillis is when the next block is due, negative if it is late; null
	// before a block was seen come.
	NextBlockETAMillis *int64 `json:"next_block_eta_ms"`
	Source             string `json:"source"` // whose view it is
}

// DemoDone ends a scene that went well.
type DemoDone struct {
	Success          bool        `json:"success"`
	TotalMS          int64       `json:"total_ms"`
	StartBlockHeight uint64      `json:"start_block_height"`
	Verdict          DemoVerdict `json:"verdict"`
}

// DemoVerdict says whether the QCs came before the block, once that was seen.
type DemoVerdict struct {
	QC1MarginMS *int64 `json:"qc1_margin_ms"` // QC to the next block; null before it was seen
	QC2MarginMS *int64 `json:"qc2_margin_ms"`
	HeightAtQC  uint64 `json:"height_at_qc"` // when the last QC formed
	Proved      bool   `json:"proved"`       // both QCs formed before the height moved
}
