package p2p

import (
	"slices"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
)

func TestGossipParams(t *testing.T) {
	for _, c := range []struct{ n, d, dlo, dhi, dout, dscore, dlazy int }{
		{1, 2, 1, 6, 0, 2, 6},
		{2, 2, 1, 6, 0, 2, 6},
		{3, 2, 1, 6, 0, 2, 6},
		{4, 3, 2, 7, 0, 3, 6},
		{5, 4, 3, 8, 1, 4, 6},
		{20, 4, 3, 8, 1, 4, 6},
		{50, 4, 3, 8, 1, 4, 6},
		{51, 8, 6, 12, 3, 6, 12},
		{1024, 8, 6, 12, 3, 6, 12},
	} {
		p := gossipParams(c.n)
		got := []int{p.D, p.Dlo, p.Dhi, p.Dout, p.Dscore, p.Dlazy}
		if want := []int{c.d, c.dlo, c.dhi, c.dout, c.dscore, c.dlazy}; !slices.Equal(got, want) {
			t.Errorf("n = %d: D, Dlo, Dhi, Dout, Dscore, Dlazy = %v, want %v", c.n, got, want)
		}
		if p.HeartbeatInterval != 500*time.Millisecond || p.HeartbeatInitialDelay != 50*time.Millisecond || p.HistoryLength != 10 || p.HistoryGossip != 3 {
			t.Errorf("n = %d: heartbeat %s, first %s, history %d, gossip %d", c.n, p.HeartbeatInterval, p.HeartbeatInitialDelay, p.HistoryLength, p.HistoryGossip)
		}
	}
	for n := range fastpay.MaxMembers + 1 {
		// What pubsub demands, and refuses to start without.
		if p := gossipParams(n); p.Dout >= p.Dlo || p.Dout >= p.D/2 || p.Dlo > p.D || p.D > p.Dhi || p.Dscore > p.Dhi {
			t.Errorf("n = %d: pubsub refuses %+v", n, p)
		}
	}
}

// TestScoresOfOffences holds the numbers that the comments in score.go promise.
func TestScoresOfOffences(t *testing.T) {
	offence := func(kind topicKind, rejected float64) float64 {
		p := topicScoreParams(kind)
		return p.TopicWeight * p.InvalidMessageDeliveriesWeight * rejected * rejected
	}
	if s := offence(topicCert, 1); s != gossipThreshold {
		t.Errorf("one rejected CertBatch costs %v, want %v", s, gossipThreshold)
	}
	if s := offence(topicTx, 5); s != gossipThreshold {
		t.Errorf("five rejected tx messages cost %v, want %v", s, gossipThreshold)
	}
	if s := offence(topicCert, 3); s >= graylistThreshold {
		t.Errorf("three rejected CertBatches cost %v, want a place on the gray list below %v", s, graylistThreshold)
	}
	if s := offence(topicCert, 2) + committeeScore; s != 0 {
		t.Errorf("a member has %v after two rejected CertBatches, want 0", s)
	}
	misbehaved := func(times float64) float64 {
		excess := max(times-behaviourThreshold, 0)
		return behaviourWeight * excess * excess
	}
	const restart = 2 * topicKinds // a graft within 10 s of a prune counts twice
	if s := misbehaved(8 * restart); s != 0 {
		t.Errorf("eight restarts at once cost %v, want nothing", s)
	}
	if s := misbehaved(8*restart + 16); s >= graylistThreshold {
		t.Errorf("a flood of grafts costs %v, want a place on the gray list below %v", s, graylistThreshold)
	}
	decay := scoreParams(false, nil).BehaviourPenaltyDecay
	if peak := restart / (1 - decay*decay); peak > behaviourThreshold {
		t.Errorf("restarts with two seconds between come to %v, beyond the %v that are forgiven", peak, behaviourThreshold)
	}
	for kind := range topicKind(topicKinds) {
		p := topicScoreParams(kind)
		if p.FirstMessageDeliveriesWeight != 0 || p.MeshMessageDeliveriesWeight != 0 || p.TimeInMeshWeight != 0 {
			t.Errorf("topic %s scores deliveries: a small network unmeshes itself", kind)
		}
	}
}
