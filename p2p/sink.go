package p2p

import (
	"context"

	"github.com/allegro-p2p/allegro/fastpay"
)

// Sink takes verified gossip. Its methods are called concurrently from the
// validation workers, before the message is forwarded, and must not block: a slow
// Sink delays every peer behind this one.
//
// nil means new: the message is forwarded. [fastpay.ErrKnown] and
// [fastpay.ErrBusy] drop it without blame, and so does every other error that
// [fastpay.Classify] does not map to a rejection. A message of several payments is
// forwarded if any of them is new.
//
// from is the neighbour that sent the message, not its author. What this node
// publishes itself does not come back through its Sink.
type Sink interface {
	GossipPayment(from PeerID, p fastpay.Payment) error
	GossipBatch(from PeerID, b *fastpay.Batch) error
	GossipHead(from PeerID, h *fastpay.Head) error
	GossipEvidence(from PeerID, e *fastpay.Evidence) error
}

// Responder answers the streams of other peers. Its methods are called
// concurrently; ctx ends with the request's deadline or when the node stops.
type Responder interface {
	// Submit decides on verified payments and returns one result per item, in
	// order. It is called on validators only.
	Submit(ctx context.Context, from PeerID, items []fastpay.Payment) []SubmitResult
	// Sync returns what this peer has verified. The request has been checked; the
	// answer keeps to MaxSyncItems and MaxSyncBytes (see [FitSync]). An error
	// resets the stream: the requester only learns that there is no answer.
	Sync(ctx context.Context, from PeerID, req SyncRequest) (SyncResponse, error)
}
