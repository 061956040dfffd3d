package daemon

import (
	"context"
	"fmt"
	"net/http"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p/document"
)

// serveSnapshot answers what the peer is at this moment; measure asks for fresh round
// trips.
func (d *Daemon) serveSnapshot(ctx context.Context, r *http.Request) (any, error) {
	if r.URL.Query().Get("measure") != "" {
		if err := d.measure(ctx); err != nil {
			return nil, err
		}
	}
	counted, err := d.counted()
	if err != nil {
		return nil, err
	}
	payments, err := d.newest(api.SnapshotPayments)
	if err != nil {
		return nil, err
	}
	return api.Snapshot{
		Schema: api.SnapshotSchema, Micros: document.Micros(d.opts.Now()), Self: d.self(), BlockTimeSeconds: d.file.Chain.BlockTimeSeconds,
		Peers: d.describer.Peers().Peers, Topics: d.describer.Topics().Topics, Payments: payments,
		Stages:          counted.by("allegro_tx_stage_total", "stage"),
		RefusedPayments: counted.by("allegro_tx_rejected_total", "code"),
		RefusedMessages: counted.by("allegro_gossip_rejected_total", "code"),
		Dropped:         merged(counted.by("allegro_gossip_drop_total", "where"), counted.by("allegro_validator_dropped_total", "where")),
	}, nil
}

// count is a counter's value with its labels.
type count struct {
	labels map[string]string
	value  uint64
}

// counts are the peer's counters by name.
type counts map[string][]count

// counted reads the peer's own counters: those of its metrics, so that all commands
// tell the same.
func (d *Daemon) counted() (counts, error) {
	families, err := d.registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("reading the peer's counters: %w", err)
	}
	all := make(counts)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if m.Counter == nil {
				continue
			}
			labels := make(map[string]string)
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			all[family.GetName()] = append(all[family.GetName()], count{labels, uint64(m.Counter.GetValue())})
		}
	}
	return all, nil
}

// by sums up a counter by one of its labels, without those that count nothing.
func (c counts) by(name, label string) map[string]uint64 {
	sums := make(map[string]uint64)
	for _, one := range c[name] {
		if one.value > 0 {
			sums[one.labels[label]] += one.value
		}
	}
	return sums
}

// merged adds two maps of counts.
func merged(a, b map[string]uint64) map[string]uint64 {
	for key, n := range b {
		a[key] += n
	}
	return a
}
