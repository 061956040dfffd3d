package replica_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

// measured is a Replica whose series are looked at.
type measured struct {
	*world
	*replica.Replica
	registry *prometheus.Registry
}

func measure(t *testing.T) *measured {
	t.Helper()
	m := &measured{world: newWorld(t), registry: prometheus.NewRegistry()}
	m.Replica = m.replica(func(cfg *replica.Config) { cfg.Registerer = m.registry })
	return m
}

// certify brings a payment's QC.
func (m *measured) certify(tx *fastpay.Tx) {
	m.t.Helper()
	require.NoError(m.t, m.Update(func(b *fastpay.Board) { require.NoError(m.t, b.AddQC(m.qc(tx))) }))
}

// block lets the own node show a block that executes payments.
func (m *measured) block(number uint64, txs ...*fastpay.Tx) {
	v := fastpay.ChainView{Latest: fastpay.Block{Number: number, Hash: common.Hash{byte(number)}}}
	for _, tx := range txs {
		v.Outcomes = append(v.Outcomes, m.settles(tx, number))
	}
	m.Advance(v, time.Now())
}

// histogram is one without labels.
func (m *measured) histogram(name string) *dto.Histogram {
	m.t.Helper()
	families, err := m.registry.Gather()
	require.NoError(m.t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetHistogram()
		}
	}
	require.Fail(m.t, "no such series", name)
	return nil
}

// requireSeries compares all series of a name with what a page of metrics would have.
func (m *measured) requireSeries(name, want string) {
	m.t.Helper()
	require.NoError(m.t, testutil.GatherAndCompare(m.registry, strings.NewReader(want), name))
}

// TestLeadIsNotPositiveWithoutALead: a QC before the next height has the time until that as
// its lead. One that came after the payment's block, or at its moment, has none above 0, and
// is exactly what the bucket up to 0 counts. A payment that was first seen after its block
// says nothing.
func TestLeadIsNotPositiveWithoutALead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := measure(t)
		txs := m.txs(4)
		early, late, level, unseen := txs[0], txs[1], txs[2], txs[3]
		requireLeads := func(count, notBefore uint64, sum float64) {
			t.Helper()
			h := m.histogram("allegro_qc_lead_seconds")
			require.Equal(t, count, h.GetSampleCount())
			require.InDelta(t, sum, h.GetSampleSum(), 1e-9)
			for _, b := range h.GetBucket() {
				if b.GetUpperBound() == 0 {
					require.Equal(t, notBefore, b.GetCumulativeCount())
					return
				}
			}
			require.Fail(t, "no bucket up to 0")
		}
		m.block(1)
		add(t, m.Replica, early, late, level)
		m.certify(early)
		time.Sleep(3 * time.Second)
		requireLeads(0, 0, 0)
		m.block(2, late)
		requireLeads(1, 0, 3)
		time.Sleep(2 * time.Second)
		m.certify(late)
		requireLeads(2, 1, 3-2)
		m.block(3, level)
		m.certify(level)
		requireLeads(3, 2, 3-2+0)

		m.block(4, unseen)
		time.Sleep(time.Second)
		m.certify(unseen)
		time.Sleep(time.Second)
		m.block(5)
		requireLeads(3, 2, 3-2+0)
	})
}

// TestDepthCountsWhatWaitsForABlock: a new QC's payment stands on the certified payments
// that no block has executed, by parents of parents, and on no others.
func TestDepthCountsWhatWaitsForABlock(t *testing.T) {
	m := measure(t)
	first := m.tx(0, 0, "")
	second := m.tx(1, 0, "", first.ID())
	third := m.tx(2, 0, "", second.ID())
	fourth := m.tx(3, 0, "", third.ID())
	m.block(1)
	deeper := func(tx *fastpay.Tx, by float64) {
		t.Helper()
		before := m.histogram("allegro_qc_depth")
		m.certify(tx)
		after := m.histogram("allegro_qc_depth")
		require.Equal(t, before.GetSampleCount()+1, after.GetSampleCount())
		require.Equal(t, by, after.GetSampleSum()-before.GetSampleSum())
	}
	deeper(first, 0)
	deeper(second, 1)
	deeper(third, 2)
	m.block(2, first)
	deeper(fourth, 2)
	deeper(m.tx(4, 0, ""), 0)
}

// TestQCLatencyNamesAPayment: the exemplar of a bucket is a payment that took as long.
func TestQCLatencyNamesAPayment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := measure(t)
		fast, slow := m.tx(0, 0, ""), m.tx(1, 0, "")
		add(t, m.Replica, fast, slow)
		time.Sleep(4 * time.Millisecond)
		m.certify(fast)
		time.Sleep(2 * time.Second)
		m.certify(slow)
		named := make(map[float64]string) // by the bucket's bound
		for _, b := range m.histogram("allegro_qc_latency_seconds").GetBucket() {
			if e := b.GetExemplar(); e != nil {
				require.Len(t, e.GetLabel(), 1)
				require.Equal(t, "tx", e.GetLabel()[0].GetName())
				named[b.GetUpperBound()] = e.GetLabel()[0].GetValue()
			}
		}
		require.Equal(t, map[float64]string{.005: fast.ID().String(), 2.5: slow.ID().String()}, named)
	})
}

// TestVotesAndConvictionsNameTheMember: votes for known payments are counted by who gave
// them, each once, and so are convictions of members; those of payers name nobody.
func TestVotesAndConvictionsNameTheMember(t *testing.T) {
	m := measure(t)
	a, b, later := m.tx(0, 0, ""), m.tx(0, 0, "again"), m.tx(1, 0, "")
	add(t, m.Replica, a)
	for _, votes := range []*fastpay.Batch{m.batch(3, a.ID()), m.batch(0, later.ID()), m.batch(2, a.ID(), b.ID())} {
		require.NoError(t, m.GossipBatch("peer", votes))
		require.ErrorIs(t, m.GossipBatch("peer", votes), fastpay.ErrKnown)
	}
	m.requireSeries("allegro_cert_received_total", `
		# HELP allegro_cert_received_total Valid votes for known payments, each member's once, by the member's index.
		# TYPE allegro_cert_received_total counter
		allegro_cert_received_total{validator="2"} 1
		allegro_cert_received_total{validator="3"} 1
	`)
	add(t, m.Replica, b, later)
	m.requireSeries("allegro_cert_received_total", `
		# HELP allegro_cert_received_total Valid votes for known payments, each member's once, by the member's index.
		# TYPE allegro_cert_received_total counter
		allegro_cert_received_total{validator="0"} 1
		allegro_cert_received_total{validator="2"} 2
		allegro_cert_received_total{validator="3"} 1
	`)
	m.requireSeries("allegro_equivocation_total", `
		# HELP allegro_equivocation_total Equivocations proven, by who is convicted; of a validator with its index.
		# TYPE allegro_equivocation_total counter
		allegro_equivocation_total{kind="payer",validator=""} 1
		allegro_equivocation_total{kind="validator",validator="2"} 1
	`)
}
