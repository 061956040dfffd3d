package httpapi_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/aggregator/relay"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

// fakes is an aggregator that says what a test wants. Its chain is a real replica.
type fakes struct {
	replica  *replica.Replica
	registry *prometheus.Registry
	config   httpapi.Config

	mu       sync.Mutex // guards what is below
	payments []document.Payment
	peers    []p2p.PeerInfo
	changed  chan struct{}
	failed   error
	funds    func(ctx context.Context) error // what reading funds does
}

// newFakes returns an aggregator of a network of two that knows nothing.
func newFakes(t *testing.T) *fakes {
	t.Helper()
	f := &fakes{registry: prometheus.NewRegistry(), changed: make(chan struct{})}
	file := testnet.NewFile(netfile.PaymentLane, 5*time.Second)
	committee := netfile.Committee{Epoch: 1, End: 1 << 40}
	for _, name := range []string{"dave", "edgar"} {
		seed := sha256.Sum256([]byte(name))
		m := netfile.Member{Name: name, Weight: 1, Sponsor: netfile.Address(common.BytesToAddress(seed[:]))}
		copy(m.Key[:], ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
		committee.Members = append(committee.Members, m)
	}
	file.Committees = []netfile.Committee{committee}
	rules, err := file.Rules()
	require.NoError(t, err)
	now := time.Now
	f.replica, err = replica.New(replica.Config{Rules: rules, Limits: fastpay.DefaultBoardLimits(), Now: now, Jitter: func() float64 { return 0 }})
	require.NoError(t, err)
	f.config = httpapi.Config{
		File: file, Rules: rules, Archive: f, Chain: f.replica, Node: node{f}, Relay: node{f},
		Describer: document.NewDescriber(file, rules, node{f}, f.replica), Version: "test", Boot: [8]byte{7: 1},
		Limits: httpapi.DefaultLimits(), Now: now, Registerer: f.registry, Gatherer: f.registry,
	}
	return f
}

// server makes the server.
func (f *fakes) server(t *testing.T) *httpapi.Server {
	t.Helper()
	s, err := httpapi.New(f.config)
	require.NoError(t, err)
	return s
}

// block shows a height.
func (f *fakes) block(number uint64) {
	b := fastpay.Block{Number: number, Hash: common.Hash{byte(number)}, Time: 1_000 + 5*number}
	f.replica.Advance(fastpay.ChainView{Latest: b, Finalized: b}, f.config.Now())
}

// change lets the archive or the peers change.
func (f *fakes) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
	close(f.changed)
	f.changed = make(chan struct{})
}

// pay adds a payment between two accounts, whose number is its place.
func (f *fakes) pay(from, to common.Address) {
	f.change(func() {
		f.payments = append(f.payments, document.Payment{
			Schema: document.PaymentSchema, TxID: common.Hash{31: byte(len(f.payments) + 1)}.Hex(), From: from.Hex(), To: to.Hex(),
		})
	})
}

// counter is the value of a series.
func (f *fakes) counter(t *testing.T, name, label string) (sum float64) {
	t.Helper()
	families, err := f.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && (label == "" || slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == label })) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (f *fakes) Resolve(hash common.Hash) (fastpay.ID, bool, error) {
	_, known, err := f.Payment(hash)
	return hash, known, err
}

func (f *fakes) Payment(id fastpay.ID) (document.Payment, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.IndexFunc(f.payments, func(p document.Payment) bool { return p.TxID == id.Hex() })
	if at < 0 {
		return document.Payment{}, false, f.failed
	}
	return f.payments[at], true, f.failed
}

func (f *fakes) Payments(httpapi.Filter) (httpapi.Page, error)           { return httpapi.Page{}, f.Failed() }
func (f *fakes) Certificates(fastpay.ID) ([]*fastpay.Certificate, error) { return nil, f.Failed() }
func (f *fakes) QC(fastpay.ID) (*fastpay.QC, error)                      { return nil, f.Failed() }

func (f *fakes) Version() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return uint64(len(f.payments))
}

func (f *fakes) Since(version uint64, limit int) ([]document.Payment, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rest := f.payments[version:]
	rest = rest[:min(limit, len(rest))]
	return slices.Clone(rest), version + uint64(len(rest)), nil
}

func (f *fakes) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *fakes) Failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// node is the aggregator in its network, and its relay.
type node struct{ f *fakes }

func (n node) ID() p2p.PeerID           { return p2p.IdentityFromSeed("olivia").PeerID() }
func (n node) Addrs() []string          { return []string{"/ip4/127.0.0.1/tcp/1"} }
func (n node) Changed() <-chan struct{} { return n.f.Changed() }
func (n node) Peers() []p2p.PeerInfo {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	return slices.Clone(n.f.peers)
}
func (n node) Scores() []p2p.ScoreInfo              { return nil }
func (n node) Topics() []p2p.TopicInfo              { return nil }
func (n node) Members(common.Hash) []p2p.MemberInfo { return nil }
func (n node) Readiness(common.Hash) p2p.Readiness {
	return p2p.Readiness{Ready: true, Weight: 1, Quorum: 2, Missing: []string{"validator 1 (edgar): it is away"}}
}
func (n node) Funds(ctx context.Context, _, _ common.Address) (planner.Funds, error) {
	return planner.Funds{}, n.f.funds(ctx)
}
func (n node) Plan(context.Context, common.Address, planner.Order) (fastpay.Envelope, fastpay.Funds, error) {
	return fastpay.Envelope{}, fastpay.Funds{}, fmt.Errorf("%w: the lane is taken", fastpay.TemporaryUnavailable)
}
func (n node) Submit(context.Context, *fastpay.Tx) ([]relay.Answer, error) {
	return nil, fmt.Errorf("%w: nobody is connected", fastpay.TemporaryUnavailable)
}

// requireError requires an error document with a status and a code.
func requireError(t *testing.T, a answer, status int, code string) map[string]any {
	t.Helper()
	require.Equal(t, status, a.StatusCode, "%s", a.body)
	require.Equal(t, "application/json", a.Header.Get("Content-Type"))
	var doc map[string]any
	require.NoError(t, json.Unmarshal(a.body, &doc))
	require.Equal(t, code, doc["code"], "%s", a.body)
	require.NotEmpty(t, doc["error"])
	return doc
}

// header sets one.
func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// head lets a validator tell its view of the chain.
func (f *fakes) head(t *testing.T, name string, view fastpay.HeadView) {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	c := f.config.Rules.Committees()[0]
	signer, member := c.Index(key.Public().(ed25519.PublicKey))
	require.True(t, member)
	digest := fastpay.HeadDigest(c, signer, view)
	h, err := fastpay.NewHead(c, signer, view, ed25519.Sign(key, digest[:]))
	require.NoError(t, err)
	require.NoError(t, f.replica.GossipHead("peer", h))
}
