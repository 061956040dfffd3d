package testnet_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/testnet"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// change says what makes a series change, and at peers of which roles that is seen, by
// their letters: of those that serve it, those that have a part in the scene.
type change struct {
	in scene
	at string
}

// changes has every series of every role.
var changes = map[string]change{
	"allegro_build_info":               {meeting, "V C A"},
	"allegro_peers":                    {meeting, "V C A"},
	"allegro_dials_total":              {meeting, "V C A"},
	"allegro_hello_total":              {meeting, "V C A"},
	"allegro_hello_served_total":       {meeting, "V C A"},
	"allegro_stream_seconds":           {meeting, "V C A"},
	"allegro_committee_size":           {meeting, "V C A"},
	"allegro_committee_threshold":      {meeting, "V C A"},
	"allegro_committee_reachable":      {meeting, "V C A"},
	"allegro_gossip_mesh_peers":        {meeting, "V C A"},
	"allegro_gossip_graft_total":       {meeting, "V C A"},
	"allegro_gossip_bytes_total":       {meeting, "V C A"},
	"allegro_chain_height":             {meeting, "V C A"},
	"allegro_chain_finalized_height":   {meeting, "V C A"},
	"allegro_chain_rpc_requests_total": {meeting, "V C A"},
	"allegro_chain_head_age_seconds":   {meeting, "V C A"},
	"allegro_validator_signing":        {meeting, "V"},
	"allegro_validator_pinned_height":  {meeting, "V"},

	"allegro_tx_stage_total":                 {paying, "V C A"},
	"allegro_cert_received_total":            {paying, "V C A"},
	"allegro_cert_verify_seconds":            {paying, "V C A"},
	"allegro_qc_formed_total":                {paying, "V C A"},
	"allegro_qc_latency_seconds":             {paying, "V C A"},
	"allegro_qc_lead_seconds":                {paying, "V C A"},
	"allegro_qc_depth":                       {paying, "V C A"},
	"allegro_board_payments":                 {paying, "V C A"},
	"allegro_gossip_messages_total":          {paying, "V C A"},
	"allegro_gossip_validation_seconds":      {paying, "V C A"},
	"allegro_gossip_duplicate_delay_seconds": {paying, "V C A"},
	"allegro_client_payments_total":          {paying, "C"},
	"allegro_client_open_payments":           {paying, "C"},
	"allegro_client_submits_total":           {paying, "C"},
	"allegro_client_answers_total":           {paying, "C"},
	"allegro_submit_requests_total":          {paying, "C"},
	"allegro_submit_served_total":            {paying, "V"},
	"allegro_submit_items_total":             {paying, "V"},
	"allegro_cert_issued_total":              {paying, "V"},
	"allegro_journal_sync_seconds":           {paying, "V"},
	"allegro_validator_batch_votes":          {paying, "V"},
	"allegro_validator_chain_reads_total":    {paying, "V"},
	"allegro_settle_submissions_total":       {paying, "V"},
	"allegro_settle_sponsor_balance_units":   {paying, "V"},
	"allegro_orders_total":                   {paying, "C"},
	"allegro_orders_told_total":              {paying, "C"},
	"allegro_orders_untold":                  {paying, "C"},
	"allegro_archive_payments":               {paying, "A"},
	"allegro_archive_bytes":                  {paying, "A"},
	"allegro_archive_sync_seconds":           {paying, "A"},

	"allegro_tx_rejected_total":       {refusing, "V"},
	"allegro_validator_pool_payments": {refusing, "V"},
	"allegro_validator_dropped_total": {refusing, "V"},

	"allegro_sync_requests_total":        {returning, "V C A"},
	"allegro_sync_items_total":           {returning, "V C A"},
	"allegro_sync_fetches_total":         {returning, "V C A"},
	"allegro_sync_recovered_items_total": {returning, "V C A"},
	"allegro_sync_served_total":          {returning, "V"},

	"allegro_http_requests_total":       {reading, "A"},
	"allegro_http_request_seconds":      {reading, "A"},
	"allegro_http_refused_total":        {reading, "A"},
	"allegro_sse_clients":               {reading, "A"},
	"allegro_sse_events_total":          {reading, "A"},
	"allegro_sse_replayed_events_total": {reading, "A"},
	"allegro_sse_dropped_total":         {reading, "A"},

	"allegro_archive_dropped_total":         {forgetting, "A"},
	"allegro_client_requests_dropped_total": {asking, "C"},

	"allegro_settle_sponsor_dry": {runningDry, "V"},

	"allegro_gossip_rejected_total": {vandalising, "V C A"},
	"allegro_cert_invalid_total":    {vandalising, "V C A"},

	"allegro_equivocation_total": {equivocating, "V C A"},
	"allegro_gossip_prune_total": {leaving, "V"},

	"allegro_board_dropped_total":    {lying, "A"},
	"allegro_head_conflicts_total":   {lying, "V C A"},
	"allegro_sync_dropped_total":     {lying, "V C A"},
	"allegro_sync_turned_away_total": {lying, "V C A"},

	"allegro_gossip_drop_total":        {overloading, "C"},
	"allegro_gossip_rpc_dropped_total": {overloading, "C"},

	"allegro_chain_node":                {failingOver, chainClient},
	"allegro_chain_node_switches_total": {failingOver, chainClient},
	"allegro_chain_reconnects_total":    {failingOver, chainClient},
	"allegro_chain_reorgs_total":        {failingOver, chainClient},
}

// TestEveryMetricChanges plays what happens in networks, and requires of each series that
// a role serves that it tells of that. One which nothing changes would be a line on a
// dashboard that is flat whatever goes wrong.
func TestEveryMetricChanges(t *testing.T) {
	w := &witness{seen: make(map[sight]bool), registered: make(map[string]map[string]bool)}
	for _, film := range []struct {
		name string
		play func(t *testing.T)
	}{
		{"a network where people pay", w.peaceful},
		{"a network under attack", w.attacked},
		{"a chain with two nodes", w.failover},
	} {
		if !t.Run(film.name, film.play) {
			return // what it did not come to would be told of as unchanged
		}
	}
	for role, names := range w.registered {
		for name := range names {
			_, ok := changes[name]
			assert.True(t, ok, "no scene is said to change %s of role %s", name, role)
		}
	}
	for name, c := range changes {
		assert.NotEmpty(t, c.at, "%s is looked at nowhere", name)
		for _, role := range strings.Fields(c.at) {
			assert.True(t, w.registered[role][name], "%s is no series of role %s", name, role)
			assert.True(t, w.seen[sight{c.in, role, name}], "%s of role %s did not change when %s", name, role, c.in)
		}
	}
}

// sight is a series that changed in a scene at a peer of a role.
type sight struct {
	in         scene
	role, name string
}

// witness notes which series there are, and which change.
type witness struct {
	seen       map[sight]bool
	registered map[string]map[string]bool // by role, then name
}

// take is a scene as it is watched.
type take struct {
	witness *witness
	scene   scene
	watched []watched
}

// watched is a registry, of a peer of a role, and what it had told when the scene began.
type watched struct {
	role     string
	registry *prometheus.Registry
	before   map[string]string
}

// begin watches a scene at peers that run already.
func (w *witness) begin(t *testing.T, s scene, peers ...*testnet.Peer) *take {
	t.Helper()
	k := &take{witness: w, scene: s}
	for _, p := range peers {
		k.watch(t, letter(p.Role), p.Registry, tellings(t, p.Registry))
	}
	return k
}

// started watches also peers that started in this scene.
func (k *take) started(t *testing.T, peers ...*testnet.Peer) {
	t.Helper()
	for _, p := range peers {
		k.watch(t, letter(p.Role), p.Registry, nil)
	}
}

// watch adds a registry, and notes the series that it has.
func (k *take) watch(t *testing.T, role string, registry *prometheus.Registry, before map[string]string) {
	t.Helper()
	k.watched = append(k.watched, watched{role, registry, before})
	if k.witness.registered[role] == nil {
		k.witness.registered[role] = make(map[string]bool)
	}
	for _, name := range registeredBy(t, registry) {
		k.witness.registered[role][name] = true
	}
}

// look notes what has changed since the scene began.
func (k *take) look(t *testing.T) {
	t.Helper()
	for _, p := range k.watched {
		for name, now := range tellings(t, p.registry) {
			if now != p.before[name] {
				k.witness.seen[sight{k.scene, p.role, name}] = true
			}
		}
	}
}

// await looks until the scene has changed what it is said to, for up to two minutes of
// virtual time. What has not changed by then is told of in the end.
func (k *take) await(t *testing.T) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < 2*time.Minute; time.Sleep(time.Second / 2) {
		k.look(t)
		if k.complete() {
			return
		}
	}
}

// complete reports whether all has changed that the scene is said to change.
func (k *take) complete() bool {
	for name, c := range changes {
		for _, role := range strings.Fields(c.at) {
			if c.in == k.scene && !k.witness.seen[sight{c.in, role, name}] {
				return false
			}
		}
	}
	return true
}

// tellings are what a registry tells of its own series, by name. A value of 0 tells as
// little as none: those of labels that are known beforehand are there from the start.
func tellings(t *testing.T, registry *prometheus.Registry) map[string]string {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	out := make(map[string]string)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			// Of a histogram the number of observations counts: in virtual time work
			// takes none.
			if value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount()); value != 0 {
				out[f.GetName()] += fmt.Sprintln(labelText(m), value)
			}
		}
	}
	return out
}

// labelText writes the labels of a series, which a registry gives in order.
func labelText(m *dto.Metric) string {
	var pairs []string
	for _, l := range m.GetLabel() {
		pairs = append(pairs, l.GetName()+"="+l.GetValue())
	}
	return strings.Join(pairs, ",")
}
