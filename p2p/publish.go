package p2p

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
)

// Errors of publishing and of requests. Compare with [errors.Is].
var (
	// ErrNotJoined: the topics of that committee are not joined.
	ErrNotJoined = errors.New("committee is not joined")
	// ErrTooLarge: one value does not fit into a message. A payment with many
	// parents' QCs fits without them: receivers fetch those by sync.
	ErrTooLarge = errors.New("too large for one message")
)

// PublishPayments gossips verified payments of a joined committee, as many messages
// as their number and size need. nil means queued: what gossip loses, a submit and
// sync repair. A payment published before is not sent again within two minutes.
func (n *Node) PublishPayments(ctx context.Context, committeeID common.Hash, payments []fastpay.Payment) error {
	groups, err := splitPayments(payments)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if err := n.gossip.publish(ctx, committeeID, topicTx, fastpay.EncodePayments(group)); err != nil {
			return err
		}
	}
	return nil
}

// PublishBatch gossips own votes. nil means queued.
func (n *Node) PublishBatch(ctx context.Context, b *fastpay.Batch) error {
	return n.gossip.publish(ctx, b.CommitteeID(), topicCert, b.Encode())
}

// PublishHead gossips the view of one's own chain node. nil means queued.
func (n *Node) PublishHead(ctx context.Context, h *fastpay.Head) error {
	return n.gossip.publish(ctx, h.CommitteeID(), topicHead, h.Encode())
}

// PublishEvidence gossips proof of an equivocation. nil means queued.
func (n *Node) PublishEvidence(ctx context.Context, e *fastpay.Evidence) error {
	return n.gossip.publish(ctx, e.CommitteeID(), topicEvidence, e.Encode())
}

// publish sends data to a topic of a joined committee.
func (g *gossip) publish(ctx context.Context, committeeID common.Hash, kind topicKind, data []byte) error {
	r, ok := g.room(committeeID)
	if !ok {
		return fmt.Errorf("publishing to topic %s of committee %s: %w: join it first", kind, committeeID, ErrNotJoined)
	}
	if len(data) > fastpay.MaxMessageSize {
		return fmt.Errorf("publishing %d bytes to topic %s: %w, at most %d", len(data), kind, ErrTooLarge, fastpay.MaxMessageSize)
	}
	if err := r.topics[kind].Publish(ctx, data, pubsub.WithValidatorData(ownMessage{})); err != nil {
		return fmt.Errorf("publishing to topic %s: %w", kind, err)
	}
	return nil
}

// listHeader is the most bytes that the header of a list takes here.
const listHeader = 4

// splitPayments cuts payments into tx messages that keep to the protocol's number
// and size.
func splitPayments(payments []fastpay.Payment) ([][]fastpay.Payment, error) {
	var groups [][]fastpay.Payment
	begin, size := 0, listHeader
	for i, p := range payments {
		n := len(p.Encode())
		if n+listHeader > fastpay.MaxMessageSize {
			return nil, fmt.Errorf("payment %s with %d parents has %d bytes: %w, at most %d: leave out parents",
				p.Tx.ID(), len(p.Parents), n, ErrTooLarge, fastpay.MaxMessageSize-listHeader)
		}
		if i-begin == fastpay.MaxPayments || size+n > fastpay.MaxMessageSize {
			groups = append(groups, payments[begin:i])
			begin, size = i, listHeader
		}
		size += n
	}
	if begin < len(payments) {
		groups = append(groups, payments[begin:])
	}
	return groups, nil
}
