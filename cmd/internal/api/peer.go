package api

import (
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// Self is who a peer is, and how it is. It has no secrets: whoever makes a committee
// gets it from each validator. Running is null in a home where no process runs.
type Self struct {
	Schema        string           `json:"schema"`
	Name          string           `json:"name"`
	Role          p2p.Role         `json:"role"`
	PeerID        string           `json:"peer_id"`
	Addresses     []string         `json:"addresses"`     // multiaddrs that others can dial, with /p2p/
	ValidatorKey  *netfile.Key     `json:"validator_key"` // vote key; null unless it is a validator
	Account       *netfile.Address `json:"account"`       // a client's account or a validator's sponsor; null if it has none
	Home          string           `json:"home"`
	NetworkDigest *string          `json:"network_digest"` // of network.toml, whole; null in a home without a valid one
	Version       string           `json:"version"`        // of the program
	Running       *Running         `json:"running"`
}

// SelfSchema names the format of Self.
const SelfSchema = "allegro.id/v1"

// Chain is what the peer's own node has shown, and which node that is.
type Chain struct {
	document.Chain
	Node     string  `json:"node"`      // host of the node in use
	Backup   bool    `json:"backup"`    // it is not the own one
	HeadTime *string `json:"head_time"` // chain seconds of the block at height; null before one was seen
}

// Running is the state of a running peer.
type Running struct {
	PID     int                `json:"pid"`
	API     string             `json:"api"` // path of the Unix socket
	Since   string             `json:"since_unix_micros"`
	Metrics *string            `json:"metrics"` // URL; null if not served
	HTTP    *string            `json:"http"`    // URL of an aggregator's page and API; null if not served
	Network string             `json:"network"` // name and digest
	Ready   document.Readiness `json:"ready"`
	Chain   Chain              `json:"chain"`
	// Signing says whether a validator may sign, and WhyNot why it may not; null
	// for other roles.
	Signing *bool   `json:"signing"`
	WhyNot  *string `json:"why_not"`
	// Forks are the validators whose node has another final block than this peer's.
	Forks []Fork `json:"forks"`
	// Store says why evidence is not kept on disk; null while it is.
	Store *string `json:"store"`
	// Problems are what an operator should look at, each with its remedy.
	Problems []string `json:"problems"`
}

// Fork is a validator's final block that is not this peer's.
type Fork struct {
	Validator string `json:"validator"`
	Height    string `json:"height"`
	Hash      string `json:"hash"`     // as the validator says
	OwnHash   string `json:"own_hash"` // as this peer's node shows
}

// ConnectRequest asks a peer to dial another.
type ConnectRequest struct {
	Address string `json:"address"` // multiaddr with /p2p/
}

// Ping is a measured round trip.
type Ping struct {
	Schema        string `json:"schema"`
	PeerID        string `json:"peer_id"`
	LatencyMicros string `json:"latency_micros"`
}

// PingSchema names the format of Ping.
const PingSchema = "allegro.ping/v1"

// PayRequest asks a client to pay.
type PayRequest struct {
	To      string   `json:"to"`      // address
	Asset   string   `json:"asset"`   // address or symbol; empty: the network's first
	Amount  string   `json:"amount"`  // tokens, such as 10.50
	Parents []string `json:"parents"` // tx ids, if Auto is not set
	Auto    bool     `json:"auto"`    // cite what is needed
	Note    string   `json:"note"`
	// Request is the URI of a payment request, which says To, Asset, Amount and Note by
	// itself: they are empty then.
	Request string `json:"request"`
}

// AskRequest asks a client to make a payment request.
type AskRequest struct {
	Asset   string `json:"asset"`   // address or symbol; empty: the network's first
	Amount  string `json:"amount"`  // tokens, such as 10.50
	Note    string `json:"note"`    // by which the payment is known
	Seconds string `json:"seconds"` // from now until it expires; "0" for never
}

// PaymentRequest is a payment request that a client keeps.
type PaymentRequest struct {
	Schema   string   `json:"schema"`
	URI      string   `json:"uri"`
	Network  string   `json:"network"` // digest of the network file
	Payee    string   `json:"payee"`
	Asset    string   `json:"asset"`
	Symbol   *string  `json:"symbol"`
	Decimals *uint8   `json:"decimals"`
	Amount   string   `json:"amount"` // token units
	Note     string   `json:"note"`
	NoteHash string   `json:"note_hash"` // which the payment carries
	Expires  *string  `json:"expires"`   // chain seconds; null for never
	Expired  bool     `json:"expired"`
	Peers    []string `json:"peers"`
	Made     string   `json:"made_unix_micros"`
}

// PaymentRequestSchema names the format of PaymentRequest.
const PaymentRequestSchema = "allegro.request/v1"

// Requests are the payment requests that a client keeps, the newest first.
type Requests struct {
	Schema   string           `json:"schema"`
	Requests []PaymentRequest `json:"requests"`
}

// RequestsSchema names the format of Requests.
const RequestsSchema = "allegro.requests/v1"
