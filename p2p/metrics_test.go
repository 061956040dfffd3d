package p2p

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestMetricNames holds the names that dashboards and `allegro metrics` use.
func TestMetricNames(t *testing.T) {
	reg := prometheus.NewRegistry()
	m, err := newMetrics(reg, RoleClient, "test")
	if err != nil {
		t.Fatal(err)
	}
	w := NewWorld(t, 4)
	m.setCommittee(w.Now, 3)
	for _, vec := range []*prometheus.CounterVec{m.hello, m.helloServed, m.submitAsked, m.submitServed, m.dials} {
		vec.WithLabelValues(resultOK)
	}
	m.certInvalid.WithLabelValues("INVALID_FORMAT")
	m.rejected.WithLabelValues("tx", "EXPIRED")
	m.submitItems.WithLabelValues("")
	m.syncAsked.WithLabelValues("since", resultOK)
	m.syncServed.WithLabelValues("since", resultOK)
	m.syncItems.WithLabelValues("since")
	m.peers.WithLabelValues(string(RoleClient))
	m.streamSeconds.WithLabelValues(string(syncProtocol))
	got := make(map[string]bool)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		got[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = true
	}
	for _, name := range []string{
		"allegro_gossip_messages_total{result,topic}", "allegro_gossip_rejected_total{code,topic}",
		"allegro_cert_invalid_total{reason}", "allegro_cert_verify_seconds{}", "allegro_build_info{go,role,version}",
		"allegro_gossip_mesh_peers{topic}", "allegro_gossip_graft_total{topic}", "allegro_gossip_prune_total{topic}",
		"allegro_gossip_rpc_dropped_total{}", "allegro_gossip_drop_total{where}", "allegro_gossip_bytes_total{dir}",
		"allegro_gossip_duplicate_delay_seconds{topic}", "allegro_gossip_validation_seconds{topic}",
		"allegro_hello_total{result}", "allegro_hello_served_total{result}", "allegro_dials_total{result}",
		"allegro_submit_requests_total{result}", "allegro_submit_served_total{result}", "allegro_submit_items_total{code}",
		"allegro_sync_requests_total{kind,result}", "allegro_sync_served_total{kind,result}",
		"allegro_sync_items_total{kind}", "allegro_sync_dropped_total{}", "allegro_peers{role}", "allegro_stream_seconds{protocol}",
		"allegro_committee_size{epoch}", "allegro_committee_threshold{epoch}", "allegro_committee_reachable{epoch}",
	} {
		if !got[name] {
			t.Errorf("there is no %s", name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s is not listed here", name)
	}
}

func TestMetricsOfTwoNodes(t *testing.T) {
	reg := prometheus.NewRegistry()
	first, err := newMetrics(reg, RoleClient, "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newMetrics(reg, RoleClient, "test"); err == nil || !strings.Contains(err.Error(), "its own registry") {
		t.Errorf("a second node on a registry: %v", err)
	}
	first.unregister()
	if _, err := newMetrics(reg, RoleClient, "test"); err != nil {
		t.Errorf("a node on the registry of a stopped one: %v", err)
	}
	reg = prometheus.NewRegistry()
	for _, name := range []string{"one", "two"} {
		if _, err := newMetrics(prometheus.WrapRegistererWith(prometheus.Labels{"peer": name}, reg), RoleClient, "test"); err != nil {
			t.Errorf("a node on a wrapped registry: %v", err)
		}
	}
}
