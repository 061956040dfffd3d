package p2p

import (
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
)

// Peer scores (section 3): penalties for what no honest peer does, and trust for
// the committee. Deliveries are not scored: a small network would unmesh itself.
const (
	// A score below gossipThreshold gets no IHAVE, below publishThreshold no own
	// messages, below graylistThreshold is not listened to.
	gossipThreshold   = -500
	publishThreshold  = -1000
	graylistThreshold = -2500
	// acceptPXThreshold is above what anybody but configured peers can have.
	acceptPXThreshold = 1000
	// opportunisticGraftThreshold is the median score below which a mesh looks for
	// better peers.
	opportunisticGraftThreshold = 3.5

	// invalidMessage is P4: squared count of rejected messages. With the weight of
	// their topic one rejected CertBatch costs 500 and five tx messages do.
	invalidBatchWeight   = -1000
	invalidMessageWeight = -200
	batchTopicWeight     = 0.5
	otherTopicWeight     = 0.1

	// P7, for grafting in spite of a prune and for promises not kept. A peer that was
	// killed and comes back knows of no prune: it grafts each topic again, which within
	// 10 s of the prune counts twice. behaviourThreshold forgives eight such restarts at
	// once in one committee, behaviourDecay any number of them with two seconds between
	// in which the peer is connected. The price: four broken promises or refused grafts a
	// second cost nothing, which is little work. Beyond that the square weighs: with 16 more
	// nobody listens to a flood of grafts any more, except to a member's.
	behaviourWeight    = -10
	behaviourThreshold = 8 * 2 * topicKinds
	behaviourDecay     = time.Minute

	// scoreDecay is how long the penalty for rejected messages lasts; retainScore how
	// long any outlives a connection.
	scoreDecay  = 10 * time.Minute
	retainScore = time.Hour

	// committeeScore outweighs a validator's own slips while it holds a proven key:
	// two rejected CertBatches in ten minutes leave it at nought.
	committeeScore = 2000
	// refusedScore is below every threshold.
	refusedScore = -10_000

	// colocationWeight and colocationThreshold are P6, on public nodes: more peers
	// than a household or an office behind one address.
	colocationWeight    = -10
	colocationThreshold = 16

	// inspectScores is how often scores are taken for [PeerInfo].
	inspectScores = 10 * time.Second
)

// scoreParams returns the parameters that hold for every topic. standing is P5: what
// this node knows about a peer beside its messages.
func scoreParams(public bool, standing func(PeerID) float64) *pubsub.PeerScoreParams {
	p := &pubsub.PeerScoreParams{
		Topics:                    make(map[string]*pubsub.TopicScoreParams),
		AppSpecificScore:          standing,
		AppSpecificWeight:         1,
		BehaviourPenaltyWeight:    behaviourWeight,
		BehaviourPenaltyThreshold: behaviourThreshold,
		BehaviourPenaltyDecay:     pubsub.ScoreParameterDecay(behaviourDecay),
		DecayInterval:             pubsub.DefaultDecayInterval,
		DecayToZero:               pubsub.DefaultDecayToZero,
		RetainScore:               retainScore,
		SeenMsgTTL:                seenFor,
	}
	if public {
		p.IPColocationFactorWeight = colocationWeight
		p.IPColocationFactorThreshold = colocationThreshold
	}
	return p
}

// scoreThresholds returns what a score means.
func scoreThresholds() *pubsub.PeerScoreThresholds {
	return &pubsub.PeerScoreThresholds{
		GossipThreshold:             gossipThreshold,
		PublishThreshold:            publishThreshold,
		GraylistThreshold:           graylistThreshold,
		AcceptPXThreshold:           acceptPXThreshold,
		OpportunisticGraftThreshold: opportunisticGraftThreshold,
	}
}

// topicScoreParams returns the parameters of a topic: P4 alone.
func topicScoreParams(kind topicKind) *pubsub.TopicScoreParams {
	p := &pubsub.TopicScoreParams{
		TopicWeight:                    otherTopicWeight,
		TimeInMeshQuantum:              time.Second, // must not be 0; its weight is
		InvalidMessageDeliveriesWeight: invalidMessageWeight,
		InvalidMessageDeliveriesDecay:  pubsub.ScoreParameterDecay(scoreDecay),
	}
	if kind == topicCert {
		p.TopicWeight = batchTopicWeight
		p.InvalidMessageDeliveriesWeight = invalidBatchWeight
	}
	return p
}
