package p2p

import (
	"github.com/allegro-p2p/allegro/fastpay"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
)

// topicFilter lets peers announce the topics of this network's committees, joined
// or not: an announcement is made once, so that one dropped before we join would be
// missed for good.
type topicFilter map[string]struct{}

// newTopicFilter also bounds how many subscriptions one message may announce.
func newTopicFilter(rules *fastpay.Rules) pubsub.SubscriptionFilter {
	f := make(topicFilter)
	for _, c := range rules.Committees() {
		for kind := range topicKind(topicKinds) {
			f[topicName(c.ID(), kind)] = struct{}{}
		}
	}
	return pubsub.WrapLimitSubscriptionFilter(f, maxSubscriptions)
}

// CanSubscribe reports whether the topic is one of ours.
func (f topicFilter) CanSubscribe(topic string) bool {
	_, ok := f[topic]
	return ok
}

// FilterIncomingSubscriptions keeps the topics that are ours.
func (f topicFilter) FilterIncomingSubscriptions(_ PeerID, subs []*pb.RPC_SubOpts) ([]*pb.RPC_SubOpts, error) {
	return pubsub.FilterSubscriptions(subs, f.CanSubscribe), nil
}
