package p2p

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
)

// ownMessage marks what this node publishes: the role made it from verified values,
// so that it is neither verified again nor shown to the sink, whose state would call
// it known.
type ownMessage struct{}

// validator returns the function that decides on a topic's messages before they are
// forwarded. It runs on pubsub's validation workers.
func (g *gossip) validator(c *fastpay.Committee, kind topicKind) pubsub.ValidatorEx {
	m := &g.metrics.gossip[kind]
	return func(ctx context.Context, from PeerID, msg *pubsub.Message) pubsub.ValidationResult {
		if _, own := msg.ValidatorData.(ownMessage); own {
			g.tails.tell(func() Heard { return heard(c, kind, from, msg, time.Now(), true, nil) })
			return pubsub.ValidationAccept
		}
		began := time.Now()
		err := g.check(c, kind, from, msg.GetData())
		m.validation.Observe(time.Since(began).Seconds())
		if ctx.Err() != nil {
			return pubsub.ValidationIgnore // the node stops: its answer is no judgement
		}
		if code := fastpay.Classify(err).Code; code != "" {
			g.metrics.rejected.WithLabelValues(kind.String(), string(code)).Inc()
		}
		g.tails.tell(func() Heard { return heard(c, kind, from, msg, began, false, err) })
		result := verdict(err)
		if result == pubsub.ValidationReject {
			log.Debugw("rejected gossip", "topic", kind.String(), "from", from, "err", err)
		}
		return result
	}
}

// heard describes a message for those who read along.
func heard(c *fastpay.Committee, kind topicKind, from PeerID, msg *pubsub.Message, at time.Time, own bool, err error) Heard {
	return Heard{
		At: at, Topic: msg.GetTopic(), Kind: kind.String(), Committee: c.ID(), ID: [messageIDLen]byte([]byte(messageID(msg.Message))),
		From: from, Own: own, Data: msg.GetData(), Verdict: fastpay.Classify(err).Verdict, Problem: err,
	}
}

// check verifies a message and hands it to the sink. A panic is a fault of this
// peer: the message is ignored.
func (g *gossip) check(c *fastpay.Committee, kind topicKind, from PeerID, data []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Errorw("panic while validating gossip", "topic", kind.String(), "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: panic: %v", fastpay.TemporaryUnavailable, p)
		}
	}()
	if len(data) > fastpay.MaxMessageSize {
		return fmt.Errorf("%w: message of %d bytes, at most %d are possible", fastpay.InvalidFormat, len(data), fastpay.MaxMessageSize)
	}
	switch kind {
	case topicTx:
		return g.checkPayments(c, from, data)
	case topicCert:
		began := time.Now()
		b, err := g.rules.ParseBatch(data)
		g.metrics.certVerify.Observe(time.Since(began).Seconds())
		if err := inTopic(c, err, b); err != nil {
			g.metrics.certInvalid.WithLabelValues(string(fastpay.Classify(err).Code)).Inc()
			return err
		}
		return g.sink.GossipBatch(from, b)
	case topicHead:
		h, err := g.rules.ParseHead(data)
		if err := inTopic(c, err, h); err != nil {
			return err
		}
		return g.sink.GossipHead(from, h)
	default:
		e, err := g.rules.ParseEvidence(data)
		if err := inTopic(c, err, e); err != nil {
			return err
		}
		return g.sink.GossipEvidence(from, e)
	}
}

// checkPayments verifies a tx message. The sink sees none of its payments if one of
// them can never be valid: whoever verified them would not have sent that.
func (g *gossip) checkPayments(c *fastpay.Committee, from PeerID, data []byte) error {
	items, err := fastpay.SplitPayments(data)
	if err != nil {
		return err
	}
	payments := make([]fastpay.Payment, len(items))
	errs := make([]error, len(items))
	for i, item := range items {
		p, err := g.rules.ParsePayment(item)
		if errs[i] = inTopic(c, err, p.Tx); errs[i] != nil {
			if fastpay.Classify(errs[i]).Verdict == fastpay.VerdictReject {
				return errs[i]
			}
			continue
		}
		payments[i] = p
	}
	for i, p := range payments {
		if errs[i] == nil {
			errs[i] = g.sink.GossipPayment(from, p)
		}
	}
	return worst(errs)
}

// inTopic returns err, or else an error if a verified value is of another committee
// than its topic: no honest peer publishes it there.
func inTopic(c *fastpay.Committee, err error, v interface{ CommitteeID() common.Hash }) error {
	if err != nil {
		return err
	}
	if v.CommitteeID() != c.ID() {
		return fmt.Errorf("%w: message of committee %s in a topic of %s", fastpay.InvalidFormat, v.CommitteeID(), c.ID())
	}
	return nil
}
