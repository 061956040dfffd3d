package document

import "github.com/allegro-p2p/allegro/p2p/replica"

// Readiness says whether the peer can take part in its committee's work.
type Readiness struct {
	Mesh      bool     `json:"mesh"`   // every member that can be reached is connected and meshed
	Quorum    bool     `json:"quorum"` // the reached members can certify a payment
	Weight    uint64   `json:"weight"` // of the reached members
	Threshold uint64   `json:"threshold"`
	Total     uint64   `json:"total"`
	Waiting   []string `json:"waiting"` // what still goes on
	Missing   []string `json:"missing"` // who cannot be reached, and why
}

// Chain is what the peer's node has shown.
type Chain struct {
	ID              string  `json:"id"`
	Height          *string `json:"height"` // null before a block was seen
	FinalizedHeight *string `json:"finalized_height"`
	FinalizedTime   *string `json:"finalized_time"`        // chain seconds
	HeadSeen        *string `json:"head_seen_unix_micros"` // when the height last moved here
}

// Peers are the peers that a peer knows.
type Peers struct {
	Schema string `json:"schema"`
	Peers  []Peer `json:"peers"`
}

// PeersSchema names the format of Peers.
const PeersSchema = "allegro.peers/v1"

// Peer is one of them.
type Peer struct {
	PeerID        string   `json:"peer_id"`
	Name          *string  `json:"name"` // from the network file
	State         string   `json:"state"`
	Role          *string  `json:"role"` // as its hello said
	Version       *string  `json:"version"`
	Direction     *string  `json:"direction"` // "outbound" or "inbound"
	Transport     *string  `json:"transport"`
	Address       *string  `json:"address"`
	Addresses     []string `json:"addresses"`
	SinceMicros   *string  `json:"since_unix_micros"`
	LatencyMicros *string  `json:"latency_micros"`
	Score         float64  `json:"score"`
	Problem       *string  `json:"problem"`
}

// Topics are the gossip topics that a peer has joined.
type Topics struct {
	Schema string  `json:"schema"`
	Topics []Topic `json:"topics"`
}

// TopicsSchema names the format of Topics.
const TopicsSchema = "allegro.topics/v1"

// Topic is one of them.
type Topic struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind"`
	Committee string     `json:"committee"`
	Peers     []PeerName `json:"peers"` // connected subscribers
	Mesh      []PeerName `json:"mesh"`  // those that get each message at once
}

// Scores are what gossip thinks of a peer's neighbours.
type Scores struct {
	Schema string  `json:"schema"`
	Scores []Score `json:"scores"`
}

// ScoresSchema names the format of Scores.
const ScoresSchema = "allegro.scores/v1"

// Score is what gossip thinks of one neighbour, and why.
type Score struct {
	PeerName
	Score      float64            `json:"score"`      // the sum
	Standing   float64            `json:"standing"`   // what is known of it beside its messages
	Colocation float64            `json:"colocation"` // peers at its address beyond those forgiven, squared
	Behaviour  float64            `json:"behaviour"`  // broken promises, and grafts in spite of a prune
	Invalid    map[string]float64 `json:"invalid"`    // rejected messages by kind of topic, decaying
}

// PeerName is a peer with its name, if it has one.
type PeerName struct {
	PeerID string  `json:"peer_id"`
	Name   *string `json:"name"`
}

// Committee is the committee in office, as the network file has it.
type Committee struct {
	Schema    string   `json:"schema"`
	ID        string   `json:"id"`
	Epoch     string   `json:"epoch"`
	Start     string   `json:"start"` // chain seconds
	End       string   `json:"end"`   // chain seconds
	Members   []Member `json:"members"`
	Threshold uint64   `json:"threshold"`
	Total     uint64   `json:"total"`
}

// CommitteeSchema names the format of Committee.
const CommitteeSchema = "allegro.committee/v1"

// Member is one validator of a committee.
type Member struct {
	Index     int      `json:"index"`
	Name      string   `json:"name"`
	Key       string   `json:"key"`
	Weight    uint64   `json:"weight"`
	Sponsor   string   `json:"sponsor"`
	Addresses []string `json:"addresses"`
	// Reached says whether the running peer reaches it, and Problem why not; null
	// where no peer runs.
	Reached *bool   `json:"reached"`
	PeerID  *string `json:"peer_id"`
	Problem *string `json:"problem"`
	Head    *Head   `json:"head"`
}

// Head is a validator's view of its own node, as it last said.
type Head struct {
	Validator       string `json:"validator"`
	Height          string `json:"height"`
	FinalizedHeight string `json:"finalized_height"`
	Time            string `json:"time"` // its now, in chain seconds
}

// Balance is what an account holds and may spend. No single number is true: what is
// certified is conditional until the chain has it.
type Balance struct {
	Schema       string `json:"schema"`
	Account      string `json:"account"`
	Asset        string `json:"asset"`
	Symbol       string `json:"symbol"`
	Decimals     uint8  `json:"decimals"`
	Confirmed    string `json:"confirmed"`     // at the block, token units
	CertifiedIn  string `json:"certified_in"`  // pending credits with a QC
	CertifiedOut string `json:"certified_out"` // pending payments of the account
	Spendable    string `json:"spendable"`     // by the next payment
	Height       string `json:"height"`        // of the finalized block that it is read at
}

// BalanceSchema names the format of Balance.
const BalanceSchema = "allegro.balance/v1"

// Payments is a list of payments, the newest first.
type Payments struct {
	Schema   string    `json:"schema"`
	Payments []Payment `json:"payments"`
}

// PaymentsSchema names the format of Payments.
const PaymentsSchema = "allegro.txs/v1"

// Payment is all that a peer knows of a payment, on its own clock. Times of an earlier
// run of the peer are null.
type Payment struct {
	Schema      string   `json:"schema"`
	TxID        string   `json:"tx_id"`
	From        string   `json:"from"`
	To          string   `json:"to"`
	Asset       string   `json:"asset"`
	Symbol      *string  `json:"symbol"`
	Decimals    *uint8   `json:"decimals"`
	Amount      string   `json:"amount"` // token units
	Seq         string   `json:"seq"`
	Parents     []string `json:"parents"`
	ValidBefore string   `json:"valid_before"`
	Restart     string   `json:"restart"`
	Note        *string  `json:"note"` // SHA-256 of the payer's text
	CommitteeID string   `json:"committee_id"`
	Raw         string   `json:"raw"` // FastPayTx: what the payer signed, with the signature
	// Home is the validator through whose node alone the payment settles, with lane
	// "subblock"; null with lane "payment", where the validators take turns.
	Home *string `json:"home"`

	Stage *string `json:"stage"` // null before a vote was seen
	// Guarantee is "none", "conditional" from CERTIFIED on, "final" once FINALIZED;
	// Why says what can still go wrong, or what has.
	Guarantee string `json:"guarantee"`
	Why       string `json:"why"`

	FirstSeenMicros *string `json:"first_seen_unix_micros"`
	CertifiedMicros *string `json:"certified_unix_micros"`
	LatencyMicros   *string `json:"latency_micros"` // first seen to QC
	HeightAtQC      *string `json:"height_at_qc"`
	LeadMicros      *string `json:"lead_micros"` // QC to the next height; null before that was seen
	QueuedMicros    *string `json:"queued_unix_micros"`
	IncludedMicros  *string `json:"included_unix_micros"`
	IncludedHeight  *string `json:"included_height"`
	FinalizedMicros *string `json:"finalized_unix_micros"`
	ChainTxHash     *string `json:"chain_tx_hash"`
	// StageEvidence is null until the chain has said something about the payment.
	StageEvidence *StageEvidence `json:"stage_evidence"`

	Timeline []Event `json:"timeline"` // what happened, in the order in which this peer learned of it

	Votes     []Vote       `json:"votes"`
	Weight    uint64       `json:"weight"` // of the votes
	Threshold uint64       `json:"threshold"`
	Total     uint64       `json:"total"`
	Signers   []string     `json:"signers"` // of the QC
	Waiting   []WaitingFor `json:"waiting"` // members without a vote; empty once certified
	Heads     []Head       `json:"heads"`   // each validator's view of the chain
}

// PaymentSchema names the format of Payment.
const PaymentSchema = "allegro.tx/v1"

// StageEvidence is what of the chain a payment's stage rests on.
type StageEvidence struct {
	// Cause is one of settled, before_parent, reverted, outflow, slot_taken,
	// redirected and unused.
	Cause string `json:"cause"`
	// The block that used the payment's slot or, if none has, the finalized one at
	// which that was read.
	Block         string  `json:"block"`
	BlockHash     string  `json:"block_hash"`
	BlockTime     string  `json:"block_time"`
	ChainTxHash   *string `json:"chain_tx_hash"`   // what used the slot; null if nothing has
	OutflowTxHash *string `json:"outflow_tx_hash"` // what moved the money away, of outflow
	Parent        *string `json:"parent"`          // tx id of what was not executed before, of before_parent
}

// Event is something that happened to a payment.
type Event struct {
	Event     replica.EventKind `json:"event"`
	Micros    *string           `json:"unix_micros"` // null if this peer did not see it happen
	Height    *string           `json:"height"`      // that the peer's node had shown by then; null if not known
	Validator *string           `json:"validator"`   // of a vote
}

// Vote is one validator's.
type Vote struct {
	Validator  string  `json:"validator"`
	Index      int     `json:"index"`
	Weight     uint64  `json:"weight"`
	SeenMicros *string `json:"seen_unix_micros"`
}

// WaitingFor is a member that has not voted, and what is known of why.
type WaitingFor struct {
	Validator string  `json:"validator"`
	Code      *string `json:"code"` // its last refusal
	Problem   *string `json:"problem"`
}
