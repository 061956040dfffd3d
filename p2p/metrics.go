package p2p

import (
	"fmt"
	"runtime"
	"strconv"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of one node. No label names a peer or a payment: both
// are unbounded. Label values are bound before the hot path.
type metrics struct {
	gossip [topicKinds]topicMetrics

	rejected     *prometheus.CounterVec // topic, code
	certInvalid  *prometheus.CounterVec // reason
	certVerify   prometheus.Observer
	rpcDropped   prometheus.Counter
	dropOutbound prometheus.Counter
	dropThrottle prometheus.Counter
	bytesIn      prometheus.Counter
	bytesOut     prometheus.Counter

	hello         *prometheus.CounterVec // result
	helloServed   *prometheus.CounterVec // result
	submitAsked   *prometheus.CounterVec // result
	submitServed  *prometheus.CounterVec // result
	submitItems   *prometheus.CounterVec // code
	syncAsked     *prometheus.CounterVec // kind, result
	syncServed    *prometheus.CounterVec // kind, result
	syncItems     *prometheus.CounterVec // kind
	syncDropped   prometheus.Counter
	peers         *prometheus.GaugeVec     // role
	dials         *prometheus.CounterVec   // result
	committee     *prometheus.GaugeVec     // epoch
	threshold     *prometheus.GaugeVec     // epoch
	reachable     *prometheus.GaugeVec     // epoch
	streamSeconds *prometheus.HistogramVec // protocol

	registerer prometheus.Registerer
	collectors []prometheus.Collector
}

// topicMetrics are the counters of one kind of topic.
type topicMetrics struct {
	delivered, duplicate, rejected, ignored, undeliverable prometheus.Counter
	dropValidate                                           prometheus.Counter
	mesh                                                   prometheus.Gauge
	graft, prune                                           prometheus.Counter
	duplicateDelay, validation                             prometheus.Observer
}

// Results of streams, as labels.
const (
	resultOK          = "ok"
	resultInvalid     = "invalid"      // the peer broke the protocol
	resultRateLimited = "rate_limited" // too many requests
	resultOverload    = "overload"     // no streams or memory left for the peer
	resultUnsupported = "unsupported"  // the peer does not speak the protocol
	resultNetwork     = "wrong_network"
	resultForged      = "forged_member"
	resultError       = "error" // timeout, lost connection, or a fault of the role
)

// newMetrics makes the collectors and registers them if reg is not nil.
func newMetrics(reg prometheus.Registerer, role Role, version string) (*metrics, error) {
	m := &metrics{registerer: reg}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.collectors = append(m.collectors, c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		m.collectors = append(m.collectors, g)
		return g
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: 1.1,
		}, labels)
		m.collectors = append(m.collectors, h)
		return h
	}
	messages := counter("allegro_gossip_messages_total", "Gossip messages received, by what became of them.", "topic", "result")
	drops := counter("allegro_gossip_drop_total", "Gossip messages lost in this node, by the full queue.", "where")
	bytes := counter("allegro_gossip_bytes_total", "Bytes of gossip RPCs.", "dir")
	mesh := gauge("allegro_gossip_mesh_peers", "Peers in the mesh.", "topic")
	graft := counter("allegro_gossip_graft_total", "Peers put into the mesh.", "topic")
	prune := counter("allegro_gossip_prune_total", "Peers taken out of the mesh.", "topic")
	delay := histogram("allegro_gossip_duplicate_delay_seconds", "Time from the first copy of a message to a later one.",
		prometheus.ExponentialBuckets(0.000_25, 2, 14), "topic")
	validation := histogram("allegro_gossip_validation_seconds", "Time to decode, verify and hand over a message.",
		prometheus.ExponentialBuckets(0.000_05, 2, 14), "topic")

	m.rejected = counter("allegro_gossip_rejected_total", "Gossip messages not forwarded, by reject code, or by pubsub's own reason in lower case; known ones aside.", "topic", "code")
	m.certInvalid = counter("allegro_cert_invalid_total", "Gossiped batches of votes that did not verify, by reject code.", "reason")
	m.certVerify = histogram("allegro_cert_verify_seconds", "Time to decode and verify a gossiped batch of votes.",
		[]float64{.000_05, .000_1, .000_2, .000_5, .001, .002, .005, .01, .02, .05}).WithLabelValues()
	m.rpcDropped = counter("allegro_gossip_rpc_dropped_total", "Gossip RPCs dropped before a full outbound queue.").WithLabelValues()
	m.dropOutbound = drops.WithLabelValues("outbound")
	m.dropThrottle = drops.WithLabelValues("throttle")
	dropValidate := drops.WithLabelValues("validate")
	m.bytesIn, m.bytesOut = bytes.WithLabelValues("in"), bytes.WithLabelValues("out")
	m.hello = counter("allegro_hello_total", "Hellos asked, by result.", "result")
	m.helloServed = counter("allegro_hello_served_total", "Hellos answered, by result.", "result")
	m.submitAsked = counter("allegro_submit_requests_total", "Submits sent, by result.", "result")
	m.submitServed = counter("allegro_submit_served_total", "Submits answered, by result.", "result")
	m.submitItems = counter("allegro_submit_items_total", "Submitted payments answered, by reject code; \"\" is a certificate.", "code")
	m.syncAsked = counter("allegro_sync_requests_total", "Sync requests sent, by result.", "kind", "result")
	m.syncServed = counter("allegro_sync_served_total", "Sync requests answered, by result.", "kind", "result")
	m.syncItems = counter("allegro_sync_items_total", "Verified payments received by sync.", "kind")
	m.syncDropped = counter("allegro_sync_dropped_total", "Parts of sync answers that did not verify or were not asked for.").WithLabelValues()
	m.peers = gauge("allegro_peers", "Connected peers whose hello succeeded.", "role")
	m.dials = counter("allegro_dials_total", "Dials of configured peers and committee members, by result.", "result")
	m.committee = gauge("allegro_committee_size", "Members of a joined committee.", "epoch")
	m.threshold = gauge("allegro_committee_threshold", "Weight that a QC of a joined committee needs.", "epoch")
	m.reachable = gauge("allegro_committee_reachable", "Weight of the members that are connected and subscribed, this node included.", "epoch")
	m.streamSeconds = histogram("allegro_stream_seconds", "Time to answer a request.", prometheus.ExponentialBuckets(0.000_5, 2, 16), "protocol")

	// The program's version and the peer's role: what other series are joined with.
	gauge("allegro_build_info", "1, with what the peer is.", "version", "role", "go").
		WithLabelValues(version, string(role), runtime.Version()).Set(1)

	for kind := range topicKind(topicKinds) {
		t := kind.String()
		m.gossip[kind] = topicMetrics{
			delivered:      messages.WithLabelValues(t, "delivered"),
			duplicate:      messages.WithLabelValues(t, "duplicate"),
			rejected:       messages.WithLabelValues(t, "rejected"),
			ignored:        messages.WithLabelValues(t, "ignored"),
			undeliverable:  messages.WithLabelValues(t, "undeliverable"),
			dropValidate:   dropValidate,
			mesh:           mesh.WithLabelValues(t),
			graft:          graft.WithLabelValues(t),
			prune:          prune.WithLabelValues(t),
			duplicateDelay: delay.WithLabelValues(t),
			validation:     validation.WithLabelValues(t),
		}
	}
	return m, m.register()
}

func (m *metrics) register() error {
	if m.registerer == nil {
		return nil
	}
	for i, c := range m.collectors {
		if err := m.registerer.Register(c); err != nil {
			m.collectors = m.collectors[:i]
			m.unregister()
			return fmt.Errorf("p2p: registering metrics: %w: give each node of a process its own registry", err)
		}
	}
	return nil
}

// unregister lets another node of the process use the registry.
func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.collectors {
		m.registerer.Unregister(c)
	}
}

// setCommittee reports a joined committee.
func (m *metrics) setCommittee(c *fastpay.Committee, reachable uint64) {
	epoch := strconv.FormatUint(c.Epoch(), 10)
	m.committee.WithLabelValues(epoch).Set(float64(c.Len()))
	m.threshold.WithLabelValues(epoch).Set(float64(c.Quorum()))
	m.reachable.WithLabelValues(epoch).Set(float64(reachable))
}

// dropCommittee ends the reports on a committee that was left.
func (m *metrics) dropCommittee(c *fastpay.Committee) {
	epoch := strconv.FormatUint(c.Epoch(), 10)
	m.committee.DeleteLabelValues(epoch)
	m.threshold.DeleteLabelValues(epoch)
	m.reachable.DeleteLabelValues(epoch)
}
