package api

import "github.com/allegro-p2p/allegro/p2p/document"

// Snapshot is a running peer at one moment: what allegro top shows.
type Snapshot struct {
	Schema           string             `json:"schema"`
	Micros           string             `json:"unix_micros"` // when it was taken, on the peer's clock
	Self             Self               `json:"self"`
	BlockTimeSeconds uint64             `json:"block_time_seconds"` // as the network file has it
	Peers            []document.Peer    `json:"peers"`
	Topics           []document.Topic   `json:"topics"`
	Payments         []document.Payment `json:"payments"` // the latest change first, at most SnapshotPayments
	// Since the peer started: payments that reached a stage, by stage; decisions
	// against payments and messages that were not forwarded, by reject code; and what
	// full queues lost, by queue.
	Stages          map[string]uint64 `json:"stages"`
	RefusedPayments map[string]uint64 `json:"refused_payments"`
	RefusedMessages map[string]uint64 `json:"refused_messages"`
	Dropped         map[string]uint64 `json:"dropped"`
}

const (
	// SnapshotSchema names the format of Snapshot.
	SnapshotSchema = "allegro.snapshot/v1"
	// SnapshotPayments bounds the payments of a snapshot: more than a screen has lines.
	SnapshotPayments = 100
)
