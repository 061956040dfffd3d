package testnet_test

import (
	"context"
	"crypto/ecdsa"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// inBubble runs a test once in virtual time.
func inBubble(t *testing.T, run func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		run(t, ctx)
	})
}

// shortLives makes payments expire within about half a minute of chain time.
func shortLives(f *netfile.File) {
	f.Limits.MinSettleSeconds, f.Limits.DefaultLifeSeconds = f.Chain.LeastSettleSeconds(), 35
}

// four is a network of four validators, of which one may be faulty.
func four(cfg *testnet.Config) { cfg.Validators = 4 }

// rules verify for the network, as any peer's do.
func (v *virtual) rules(t *testing.T) *fastpay.Rules {
	t.Helper()
	rules, err := v.File().Rules()
	require.NoError(t, err)
	return rules
}

// validators are the names of the members that run.
func (v *virtual) validators() []*testnet.Peer {
	var out []*testnet.Peer
	for _, p := range v.Peers {
		if p.Validator != nil {
			out = append(out, p)
		}
	}
	return out
}

// hand is a payer without a wallet: it signs whatever a test wants.
type hand struct {
	key     *ecdsa.PrivateKey
	address common.Address
	rules   *fastpay.Rules
	net     *virtual
}

// hand plays the account of a client. The client's own wallet must be stopped if
// it would pay too.
func (v *virtual) hand(t *testing.T, name string) *hand {
	t.Helper()
	key := v.accounts[name]
	require.NotNil(t, key, "there is no client %s", name)
	return &hand{key, crypto.PubkeyToAddress(key.PublicKey), v.rules(t), v}
}

// lane is the payer's lane.
func (h *hand) lane() fastpay.Lane {
	return fastpay.Lane{ChainID: h.rules.ChainID(), Asset: testnet.Asset, Sender: h.address}
}

// envelope is the first payment of the lane, with the default life.
func (h *hand) envelope(to common.Address, dollars uint64) fastpay.Envelope {
	return fastpay.Envelope{
		ChainID: h.rules.ChainID(), CommitteeID: h.net.Committee().ID(), Asset: testnet.Asset, Sender: h.address,
		Prev: h.lane().Genesis(), Recipient: to, Amount: *uint256.NewInt(dollars * testnet.Dollar),
		MaxFee: h.rules.MaxFee(), ValidBefore: uint64(time.Now().Unix()) + h.rules.DefaultLife(),
	}
}

// after is a payment in the slot above another one.
func (h *hand) after(tx *fastpay.Tx, to common.Address, dollars uint64) fastpay.Envelope {
	env := h.envelope(to, dollars)
	env.Seq, env.Prev, env.Restart = tx.Seq()+1, tx.ID(), tx.Envelope().Restart
	return env
}

func (h *hand) sign(t *testing.T, env fastpay.Envelope) *fastpay.Tx {
	t.Helper()
	tx, err := h.rules.SignTx(env, h.key)
	require.NoError(t, err)
	return tx
}

// stranger is a node that knows the protocol and belongs to nobody: it asks and
// sends what a test wants.
type stranger struct {
	*p2p.Node
	heard *p2ptest.Recorder
	net   *virtual
}

// stranger runs a node on a host of its own and waits until it is ready.
func (v *virtual) stranger(t *testing.T, ctx context.Context, name string, change func(*p2p.Config, *p2ptest.Recorder)) *stranger {
	t.Helper()
	s := &stranger{heard: &p2ptest.Recorder{}, net: v}
	cfg := p2p.DefaultConfig(p2p.RoleClient)
	cfg.Version, cfg.Rules, cfg.Jitter = "stranger", v.rules(t), func() float64 { return 0.5 }
	cfg.NetworkDigest, cfg.Committee = v.File().Digest(), v.Committee().ID()
	for _, m := range v.File().Committees[0].Members {
		cfg.Members = append(cfg.Members, p2p.Member{Key: slices.Clone(m.Key[:]), Name: m.Name, Addrs: m.Addresses})
	}
	cfg.Sink, cfg.Responder = s.heard, s.heard
	v.net.Host(name).Configure(&cfg)
	if change != nil {
		change(&cfg, s.heard)
	}
	var err error
	s.Node, err = p2p.New(cfg)
	require.NoError(t, err)
	v.closers = append(v.closers, p2ptest.Run(s.Node))
	_, err = s.WaitReady(ctx, v.Committee().ID())
	require.NoError(t, err)
	return s
}

// submit hands a payment with its parents' QCs to one validator.
func (s *stranger) submit(t *testing.T, ctx context.Context, to string, tx *fastpay.Tx, parents ...*fastpay.QC) p2p.SubmitResult {
	t.Helper()
	results, err := s.Submit(ctx, s.net.Peer(to).Node.ID(), []fastpay.Payment{{Tx: tx, Parents: parents}})
	require.NoError(t, err, "submitting to %s", to)
	return results[0]
}

// vote hands a payment to one validator and returns its vote.
func (s *stranger) vote(t *testing.T, ctx context.Context, to string, tx *fastpay.Tx, parents ...*fastpay.QC) *fastpay.Certificate {
	t.Helper()
	res := s.submit(t, ctx, to, tx, parents...)
	require.Nil(t, res.Reject, "%s refused", to)
	return res.Certificate
}

// refused hands a payment to one validator and expects a refusal with a code.
func (s *stranger) refused(t *testing.T, ctx context.Context, to string, want fastpay.Code, tx *fastpay.Tx, parents ...*fastpay.QC) *fastpay.Reject {
	t.Helper()
	res := s.submit(t, ctx, to, tx, parents...)
	require.NotNil(t, res.Reject, "%s voted, want %s", to, want)
	require.Equal(t, want, res.Reject.Code, "%s says %q", to, res.Reject.Text)
	require.NotEmpty(t, res.Reject.Text)
	return res.Reject
}

// split hands two payments for one slot to two halves of four validators, at the
// same moment, so that neither gets a quorum.
func (s *stranger) split(t *testing.T, ctx context.Context, a, b *fastpay.Tx) {
	t.Helper()
	var g errgroup.Group
	for i, name := range []string{"dave", "edgar", "frank", "grace"} {
		tx := []*fastpay.Tx{a, b}[i/2]
		g.Go(func() error {
			results, err := s.Submit(ctx, s.net.Peer(name).Node.ID(), []fastpay.Payment{{Tx: tx}})
			if err == nil && results[0].Reject != nil {
				err = results[0].Reject
			}
			return err
		})
	}
	require.NoError(t, g.Wait())
	for i, name := range []string{"dave", "edgar", "frank", "grace"} {
		s.refused(t, ctx, name, fastpay.Equivocation, []*fastpay.Tx{b, a}[i/2])
	}
}

// waitBoard waits until a peer's Board satisfies a condition.
func waitBoard(t *testing.T, ctx context.Context, p *testnet.Peer, what string, done func(*fastpay.Board) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	require.NoError(t, p.Replica.Wait(ctx, done), "%s waits for %s", p.Name, what)
}

// waitStage waits until a peer sees a payment in exactly a stage.
func waitStage(t *testing.T, ctx context.Context, p *testnet.Peer, id fastpay.ID, want fastpay.Stage) {
	t.Helper()
	var at fastpay.Stage
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	err := p.Replica.Wait(ctx, func(b *fastpay.Board) bool {
		at = b.Stage(id)
		return at == want
	})
	require.NoError(t, err, "%s sees %s in stage %q, want %s", p.Name, id, at, want)
}

// stage is the stage in which a peer sees a payment.
func stage(p *testnet.Peer, id fastpay.ID) (at fastpay.Stage) {
	p.Replica.Read(func(b *fastpay.Board) { at = b.Stage(id) })
	return at
}

// qc is the QC of a payment as a peer holds it.
func qc(t *testing.T, p *testnet.Peer, id fastpay.ID) (held *fastpay.QC) {
	t.Helper()
	p.Replica.Read(func(b *fastpay.Board) { held, _ = b.QC(id) })
	require.NotNil(t, held, "%s holds no QC of %s", p.Name, id)
	return held
}

// outcome is what the chain made of a payment's slot, as a peer sees it.
func outcome(t *testing.T, p *testnet.Peer, id fastpay.ID) (block uint64) {
	t.Helper()
	p.Replica.Read(func(b *fastpay.Board) {
		o, ok := b.Outcome(id)
		require.True(t, ok, "%s knows no outcome of %s", p.Name, id)
		block = o.BlockNumber
	})
	return block
}

// waitBlocks waits until a peer has seen n more heights.
func waitBlocks(t *testing.T, ctx context.Context, p *testnet.Peer, n uint64) {
	t.Helper()
	var from uint64
	p.Replica.Read(func(b *fastpay.Board) { from = b.Latest().Number })
	waitBoard(t, ctx, p, "blocks", func(b *fastpay.Board) bool { return b.Latest().Number >= from+n })
}

// requireBalances reads balances in token units at a peer's node.
func (v *virtual) requireBalances(t *testing.T, ctx context.Context, p *testnet.Peer, want map[string]uint64) {
	t.Helper()
	for name, units := range want {
		have, _, err := p.Balance(ctx, crypto.PubkeyToAddress(v.accounts[name].PublicKey))
		require.NoError(t, err)
		require.Equal(t, units, have.Uint64(), "balance of %s", name)
	}
}

// requireSound requires what no attack may change: every validator signs, all nodes
// have the same final blocks, and nobody is convicted but the guilty.
func (v *virtual) requireSound(t *testing.T, guilty ...common.Address) {
	t.Helper()
	for _, p := range v.Peers {
		if p.Validator != nil {
			require.NoError(t, p.Validator.Halted(), "%s has halted", p.Name)
		}
		require.Zero(t, metric(t, p, "allegro_head_conflicts_total", nil), p.Name)
		p.Replica.Read(func(b *fastpay.Board) {
			for _, e := range b.Evidence() {
				a, _ := e.Payments()
				require.Equal(t, fastpay.PayerEvidence, e.Kind(), "%s convicts a member", p.Name)
				require.Contains(t, guilty, a.Sender(), "%s convicts an honest payer", p.Name)
			}
		})
	}
}

// metric is the sum of a peer's series of a name whose labels include the pairs.
func metric(t *testing.T, p *testnet.Peer, name string, labels prometheus.Labels) (sum float64) {
	t.Helper()
	families, err := p.Registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if !hasLabels(m, labels) {
				continue
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}
	return sum
}

func hasLabels(m *dto.Metric, want prometheus.Labels) bool {
	have := make(map[string]string)
	for _, l := range m.GetLabel() {
		have[l.GetName()] = l.GetValue()
	}
	for name, value := range want {
		if have[name] != value {
			return false
		}
	}
	return true
}

// syncIDs asks for payments.
func syncIDs(ids ...fastpay.ID) p2p.SyncRequest {
	return p2p.SyncRequest{Kind: p2p.SyncIDs, IDs: ids}
}

// histogramCount is the number of a histogram's observations.
func histogramCount(t *testing.T, p *testnet.Peer, name string) (n uint64) {
	t.Helper()
	families, err := p.Registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				n += m.GetHistogram().GetSampleCount()
			}
		}
	}
	return n
}
