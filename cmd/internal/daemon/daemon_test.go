package daemon

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

// world is a development chain and one network file for peers in this process.
type world struct {
	t    *testing.T
	file *netfile.File
	url  string
}

// newWorld starts a chain with a block a second.
func newWorld(t *testing.T) *world {
	t.Helper()
	cfg := devchain.DefaultConfig()
	cfg.BlockTime = time.Second
	chain, err := devchain.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(chain.Handler())
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- chain.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
		require.NoError(t, chain.Close())
		server.Close()
	})
	return &world{t: t, file: testnet.NewFile(netfile.PaymentLane, time.Second), url: server.URL}
}

// home makes the home of a peer. A validator takes a seat in the network file.
func (w *world) home(role p2p.Role, name string) *home.Home {
	w.t.Helper()
	cfg := home.DefaultConfig(role)
	cfg.Node.Name, cfg.Chain.RPC, cfg.Metrics.Listen, cfg.Aggregator.Listen = name, w.url, "", ""
	h, err := home.Create(w.t.TempDir()+"/"+name, cfg)
	require.NoError(w.t, err)
	account, err := h.NewAccount("secret", home.LightKDF)
	require.NoError(w.t, err)
	if role == p2p.RoleClient {
		h.Config().Client.Account = netfile.Address(account)
		return h
	}
	if role != p2p.RoleValidator {
		return h
	}
	h.Config().Validator.Sponsor = netfile.Address(account)
	key, err := h.VoteKey()
	require.NoError(w.t, err)
	member := netfile.Member{Name: name, Weight: 1, Sponsor: netfile.Address(account)}
	copy(member.Key[:], key[32:])
	if len(w.file.Committees) == 0 {
		w.file.Committees = []netfile.Committee{{Epoch: 1, End: uint64(time.Now().Add(time.Hour).Unix())}}
	}
	w.file.Committees[0].Members = append(w.file.Committees[0].Members, member)
	return h
}

// run runs the peer of a home until the test ends and returns a client of its API.
func (w *world) run(h *home.Home, now func() time.Time) *api.Client {
	w.t.Helper()
	client, stop := w.start(h, now)
	w.t.Cleanup(stop)
	return client
}

// start runs the peer of a home until stop is called.
func (w *world) start(h *home.Home, now func() time.Time) (client *api.Client, stop func()) {
	w.t.Helper()
	require.NoError(w.t, h.SaveNetwork(w.file))
	d, err := New(w.t.Context(), h, w.options(now))
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	select {
	case <-d.Serving():
	case err := <-done:
		w.t.Fatalf("the peer ended: %v", err)
	}
	path, err := h.SocketPath()
	require.NoError(w.t, err)
	client = api.Dial(path)
	return client, func() {
		client.Close()
		cancel()
		require.NoError(w.t, <-done)
	}
}

func (w *world) options(now func() time.Time) Options {
	return Options{
		Version: "test", Command: "allegro test", Now: now, FS: vfs.Default,
		Password: func(common.Address) (string, error) { return "secret", nil },
	}
}

// wait waits until a peer is ready for something.
func (w *world) wait(c *api.Client, what string) api.Self {
	w.t.Helper()
	var self api.Self
	err := c.Get(w.t.Context(), api.RouteWait, "", url.Values{"for": {what}, "timeout": {"30s"}}, &self)
	require.NoError(w.t, err)
	return self
}

// A clock that is minutes off stops nothing, since time is the chain's, but the operator
// is told, with the remedy.
func TestClockThatIsOffIsTold(t *testing.T) {
	w := newWorld(t)
	validator := w.home(p2p.RoleValidator, "dave")
	ahead := w.run(validator, func() time.Time { return time.Now().Add(5 * time.Minute) })
	self := w.wait(ahead, "quorum")
	require.True(t, *self.Running.Signing)
	require.Len(t, self.Running.Problems, 1)
	require.Regexp(t, `clock is 5m\d+s ahead of the chain's: set it`, self.Running.Problems[0])

	behind := w.run(w.home(p2p.RoleAggregator, "olivia"), func() time.Time { return time.Now().Add(-5 * time.Minute) })
	self = w.wait(behind, "block")
	require.Len(t, self.Running.Problems, 1)
	require.Regexp(t, `clock is (4m5\d|5m\d+)s behind the chain's: set it`, self.Running.Problems[0])
}

// A second process in a home, and a second signer of a vote key, are refused with the
// name of the first.
func TestSecondProcessIsRefused(t *testing.T) {
	w := newWorld(t)
	h := w.home(p2p.RoleValidator, "dave")
	w.run(h, time.Now)
	again, err := home.Open(h.Dir(), func(string) (string, bool) { return "", false })
	require.NoError(t, err)
	_, err = New(t.Context(), again, w.options(time.Now))
	require.ErrorIs(t, err, home.ErrInUse)
	require.ErrorContains(t, err, "allegro test")

	copied := w.home(p2p.RoleAggregator, "copy")
	copied.Config().Node.Role = p2p.RoleValidator
	copied.Config().Validator = h.Config().Validator
	require.NoError(t, copied.ImportVoteKey(h.VoteKeyPath()))
	require.NoError(t, copied.SaveNetwork(w.file))
	_, err = New(t.Context(), copied, w.options(time.Now))
	require.ErrorIs(t, err, home.ErrInUse)
	require.ErrorContains(t, err, "one key votes in one process only")
}

// The API answers what it cannot do with an error that says what it wants.
func TestErrorsOfTheAPI(t *testing.T) {
	w := newWorld(t)
	validator := w.run(w.home(p2p.RoleValidator, "dave"), time.Now)
	client := w.run(w.home(p2p.RoleClient, "alice"), time.Now)
	w.wait(client, "block")
	to := "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
	id := "0x" + strings.Repeat("ab", 32)
	for _, c := range []struct {
		name string
		do   func() error
		code string
		says string
	}{
		{"not a client", func() error {
			return validator.Post(t.Context(), api.RoutePayments, "", api.PayRequest{To: to, Amount: "1", Auto: true}, new(document.Payment))
		}, api.CodeWrongRole, "has the role validator"},
		{"too many decimals", func() error {
			return client.Post(t.Context(), api.RoutePayments, "", api.PayRequest{To: to, Amount: "10.0000001", Auto: true}, new(document.Payment))
		}, api.CodeUsage, "round it"},
		{"unknown asset", func() error {
			return client.Post(t.Context(), api.RoutePayments, "", api.PayRequest{To: to, Amount: "1", Asset: "EUR", Auto: true}, new(document.Payment))
		}, api.CodeUsage, "pathUSD"},
		{"a payment request and more", func() error {
			return client.Post(t.Context(), api.RoutePayments, "", api.PayRequest{To: to, Request: "allegro:" + to, Auto: true}, new(document.Payment))
		}, api.CodeUsage, "leave out to"},
		{"no payment request", func() error {
			return client.Post(t.Context(), api.RoutePayments, "", api.PayRequest{Request: "allegro:" + to, Auto: true}, new(document.Payment))
		}, api.CodeUsage, "nothing behind the payee"},
		{"a request without a note", func() error {
			return client.Post(t.Context(), api.RouteRequests, "", api.AskRequest{Amount: "1", Seconds: "0"}, new(api.PaymentRequest))
		}, api.CodeUsage, "needs a note"},
		{"a request with a hidden note", func() error {
			return client.Post(t.Context(), api.RouteRequests, "", api.AskRequest{Amount: "1", Note: "a\u202eb", Seconds: "0"}, new(api.PaymentRequest))
		}, api.CodeUsage, "not printable"},
		{"a request for an odd while", func() error {
			return client.Post(t.Context(), api.RouteRequests, "", api.AskRequest{Amount: "1", Note: "a", Seconds: "-1"}, new(api.PaymentRequest))
		}, api.CodeUsage, "whole number"},
		{"no hash of a note", func() error { return client.Get(t.Context(), api.RouteRequest, "INV-7", nil, new(api.PaymentRequest)) }, api.CodeUsage, "64 hex digits"},
		{"an order of nobody", func() error { return client.Get(t.Context(), api.RouteOrder, id, nil, new(api.Order)) }, api.CodeNotFound, "no payment"},
		{"an order of nobody, again", func() error { return client.Post(t.Context(), api.RouteRedeliver, id, nil, new(api.Order)) }, api.CodeNotFound, "no payment"},
		{"no state of orders", func() error {
			return client.Get(t.Context(), api.RouteOrders, "", url.Values{"state": {"paid"}}, new(api.Orders))
		}, api.CodeUsage, "want waiting, accepted, reversed or final"},
		{"too many orders", func() error {
			return client.Get(t.Context(), api.RouteOrders, "", url.Values{"limit": {"1001"}}, new(api.Orders))
		}, api.CodeUsage, "from 1 to 1000"},
		{"orders of a validator", func() error { return validator.Get(t.Context(), api.RouteOrders, "", nil, new(api.Orders)) }, api.CodeWrongRole, "has the role validator"},
		{"a request of a validator", func() error { return validator.Get(t.Context(), api.RouteRequests, "", nil, new(api.Requests)) }, api.CodeWrongRole, "has the role validator"},
		{"no money", func() error {
			return client.Post(t.Context(), api.RoutePayments, "", api.PayRequest{To: to, Amount: "1", Auto: true}, new(document.Payment))
		}, "insufficient_funds", "spendable"},
		{"unknown payment", func() error { return client.Get(t.Context(), api.RoutePayment, id, nil, new(document.Payment)) }, api.CodeNotFound, "not known"},
		{"no tx id", func() error { return client.Get(t.Context(), api.RouteQC, "0x12", nil, new(document.Payment)) }, api.CodeUsage, "64 hex digits"},
		{"no multiaddr", func() error {
			return client.Post(t.Context(), api.RoutePeers, "", api.ConnectRequest{Address: "127.0.0.1:4001"}, new(document.Peers))
		}, api.CodeUsage, "did you mean /ip4/127.0.0.1/tcp/4001"},
		{"nobody there", func() error {
			return client.Post(t.Context(), api.RoutePeers, "", api.ConnectRequest{Address: "/ip4/127.0.0.1/tcp/1/p2p/" + p2p.IdentityFromSeed("x").PeerID().String()}, new(document.Peers))
		}, api.CodeUnreachable, "refused"},
		{"disconnecting who is not connected", func() error {
			return client.Delete(t.Context(), api.RoutePeer, p2p.IdentityFromSeed("x").PeerID().String(), new(document.Peers))
		}, api.CodeUnreachable, "not connected"},
		{"disconnecting nobody", func() error { return client.Delete(t.Context(), api.RoutePeer, "x", new(document.Peers)) }, api.CodeUsage, "peer id"},
		{"unknown route", func() error { return client.Get(t.Context(), "/v1/nothing", "", nil, new(document.Peers)) }, api.CodeNotFound, "another version"},
		{"unknown profile", func() error { _, err := client.Raw(t.Context(), api.RouteProfile, "cpus", nil); return err }, api.CodeNotFound, "no profile"},
		{"not in time", func() error {
			return client.Get(t.Context(), api.RouteWait, "", url.Values{"for": {"quorum"}, "timeout": {"10ms"}}, new(api.Self))
		}, api.CodeDeadline, "dave"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.do()
			var told *api.Error
			require.ErrorAs(t, err, &told)
			require.Equal(t, c.code, told.Code, told.Message)
			require.Contains(t, told.Message, c.says)
		})
	}
}

// A peer whose network file differs is refused at hello, and its operator sees why.
func TestWrongNetworkFileIsTold(t *testing.T) {
	t.Parallel() // it waits more than it computes
	w := newWorld(t)
	dave := w.home(p2p.RoleValidator, "dave")
	validator := w.run(dave, time.Now)
	self := w.wait(validator, "quorum")
	w.file.Committees[0].Members[0].Addresses = self.Addresses
	w.file.Limits.DefaultLifeSeconds++
	client := w.run(w.home(p2p.RoleClient, "alice"), time.Now)
	err := client.Get(t.Context(), api.RouteWait, "", url.Values{"for": {"quorum"}, "timeout": {"3s"}}, new(api.Self))
	var told *api.Error
	require.ErrorAs(t, err, &told)
	require.Equal(t, api.CodeDeadline, told.Code)
	require.Contains(t, told.Message, "another network file")
	require.Contains(t, told.Message, "compare the two network.toml")
}

// A port that is taken is named, with the remedy.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	w := newWorld(t)
	for key, value := range map[string]string{
		"p2p.listen": fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port), "metrics.listen": taken.Addr().String(), "aggregator.listen": taken.Addr().String(),
	} {
		h := w.home(p2p.RoleAggregator, "olivia-"+key[:3])
		w.home(p2p.RoleValidator, "dave-"+key[:3])
		require.NoError(t, h.SaveNetwork(w.file))
		require.NoError(t, h.Config().Set(key, value))
		d, err := New(t.Context(), h, w.options(time.Now))
		require.NoError(t, err)
		err = d.Run(t.Context())
		require.ErrorContains(t, err, fmt.Sprint(port))
		require.ErrorContains(t, err, "choose another")
	}
}

// Every key of a config does something, so that nobody sets one in vain. What is logged
// is tested where logs are set up.
func TestEveryConfigKeyHasAnEffect(t *testing.T) {
	w := newWorld(t)
	w.home(p2p.RoleValidator, "dave")
	// what returns what a config makes of a peer.
	type made func(t *testing.T, h *home.Home) any
	node := func(field func(p2p.Config) any) made {
		return func(t *testing.T, h *home.Home) any {
			rules, err := w.file.Rules()
			require.NoError(t, err)
			d := &Daemon{home: h, file: w.file, rules: rules, opts: w.options(time.Now)}
			cfg, err := d.nodeConfig()
			require.NoError(t, err)
			return field(cfg)
		}
	}
	self := func(field func(api.Self) any) made {
		return func(t *testing.T, h *home.Home) any {
			require.NoError(t, h.SaveNetwork(w.file))
			d, err := New(t.Context(), h, w.options(time.Now))
			if err != nil {
				return err.Error()
			}
			defer func() { require.NoError(t, d.Close()) }()
			return field(d.self())
		}
	}
	// Which node is used once the own one has given no answer for a while.
	fallback := func(t *testing.T, h *home.Home) any {
		h.Config().Chain.RPC = "http://127.0.0.1:1"
		require.NoError(t, h.SaveNetwork(w.file))
		var hours atomic.Int64
		d, err := New(t.Context(), h, w.options(func() time.Time { return time.Unix(3600*hours.Add(1), 0) }))
		require.NoError(t, err)
		defer func() { require.NoError(t, d.Close()) }()
		_, err = d.chain.ChainID(t.Context())
		require.ErrorIs(t, err, tempo.ErrUnreachable)
		node, _ := d.chain.Node()
		return node
	}
	daemon := func(field func(*Daemon) any) made {
		return func(_ *testing.T, h *home.Home) any { return field(&Daemon{home: h}) }
	}
	// Who is told of orders, or why nobody can be.
	told := func(d *Daemon) any {
		deliverer, err := d.deliverer()
		return fmt.Sprintf("%T %v", deliverer, err)
	}
	another := "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
	peer := p2p.IdentityFromSeed("peer").PeerID().String()
	effects := map[string]struct {
		value string
		made  made
	}{
		"node.name":        {"zoe", self(func(s api.Self) any { return s.Name })},
		"node.role":        {"client", node(func(c p2p.Config) any { return c.Role })},
		"p2p.listen":       {"/ip4/127.0.0.1/tcp/7101", node(func(c p2p.Config) any { return c.Listen })},
		"p2p.announce":     {"/ip4/192.0.2.1/tcp/7101", node(func(c p2p.Config) any { return c.Announce })},
		"p2p.peers":        {"/ip4/192.0.2.1/tcp/7101/p2p/" + peer, node(func(c p2p.Config) any { return c.Peers })},
		"p2p.browser":      {"true", node(func(c p2p.Config) any { return c.Browser })},
		"p2p.public":       {"true", node(func(c p2p.Config) any { return c.Public })},
		"chain.rpc":        {"http://192.0.2.1:1", self(func(s api.Self) any { return s.Running.Problems })},
		"chain.backups":    {w.url, fallback},
		"client.account":   {another, self(func(s api.Self) any { return s.Account })},
		"delivery.webhook": {"https://shop.example/orders", daemon(told)},
		"delivery.command": {"true,--version", daemon(told)},
		"delivery.secret_file": {"other", func(_ *testing.T, h *home.Home) any {
			h.Config().Delivery.Webhook = "https://shop.example/orders"
			return told(&Daemon{home: h})
		}},
		"aggregator.listen":         {"127.0.0.1:1", func(_ *testing.T, h *home.Home) any { return h.Config().Aggregator.Listen }}, // see TestPortInUse
		"aggregator.hosts":          {"board.example", daemon(func(d *Daemon) any { return d.httpConfig().Hosts })},
		"aggregator.cors":           {"https://wallet.example", daemon(func(d *Daemon) any { return d.httpConfig().Origins })},
		"aggregator.retention_time": {"1h", daemon(func(d *Daemon) any { return d.retention().Time })},
		"aggregator.retention_size": {"1MB", daemon(func(d *Daemon) any { return d.retention().Bytes })},
		"metrics.listen":            {"127.0.0.1:1", func(_ *testing.T, h *home.Home) any { return h.Config().Metrics.Listen }}, // see TestPortInUse
		"validator.sponsor":         {another, self(func(s api.Self) any { return s.Account })},
		"keystore.password_file":    {"other", func(_ *testing.T, h *home.Home) any { return h.PasswordPath() }},
	}
	for _, key := range home.Keys() {
		if strings.HasPrefix(key, "log.") {
			continue
		}
		t.Run(key, func(t *testing.T) {
			effect, ok := effects[key]
			require.True(t, ok, "nothing shows what this key does")
			role := p2p.RoleClient
			switch key {
			case "node.role", "node.name":
				role = p2p.RoleAggregator
			case "validator.sponsor":
				role = p2p.RoleValidator
			}
			h := w.home(role, "p-"+strings.ReplaceAll(key, ".", "-"))
			before := effect.made(t, h)
			require.NoError(t, h.Config().Set(key, effect.value))
			require.NotEqual(t, before, effect.made(t, h))
		})
	}
}

// At the end of an epoch the next committee takes office in peers that go on running:
// its topics are joined, its members reach each other, and they sign.
func TestNextCommitteeTakesOffice(t *testing.T) {
	t.Parallel() // it waits more than it computes
	w := newWorld(t)
	dave, edgar := w.home(p2p.RoleValidator, "dave"), w.home(p2p.RoleValidator, "edgar")
	// Dave alone is in office until a while from now, then both are.
	change := uint64(time.Now().Add(joinBefore*time.Second + 6*time.Second).Unix())
	both := w.file.Committees[0]
	w.file.Committees = []netfile.Committee{
		{Epoch: 1, End: change, Members: both.Members[:1]},
		{Epoch: 2, Start: change, End: both.End, Members: both.Members},
	}
	first := w.run(dave, time.Now)
	w.file.Committees[0].Members = []netfile.Member{both.Members[0]}
	w.file.Committees[0].Members[0].Addresses = w.wait(first, "quorum").Addresses
	w.file.Committees[1].Members = []netfile.Member{w.file.Committees[0].Members[0], both.Members[1]}
	second := w.run(edgar, time.Now)
	topics := func() (names []string) {
		var doc document.Topics
		require.NoError(t, first.Get(t.Context(), api.RouteTopics, "", nil, &doc))
		for _, topic := range doc.Topics {
			if topic.Kind == "cert" {
				names = append(names, topic.Name)
			}
		}
		return names
	}
	require.Len(t, topics(), 1)

	for _, peer := range []*api.Client{first, second} {
		var c document.Committee
		for {
			require.NoError(t, peer.Get(t.Context(), api.RouteCommittee, "", nil, &c))
			if c.Epoch == "2" {
				break
			}
			w.wait(peer, "block")
		}
		self := w.wait(peer, "quorum")
		require.Equal(t, uint64(2), self.Running.Ready.Weight)
		require.True(t, *self.Running.Signing)
	}
	require.Len(t, topics(), 2, "the old topics are left a while later")
}

// A node of another chain than the network's, or than the one that the home has evidence
// of, ends the peer with the reason, whatever its role, before anything is read there.
func TestWrongChainIsRefused(t *testing.T) {
	w := newWorld(t)
	w.home(p2p.RoleValidator, "dave")
	for _, role := range []p2p.Role{p2p.RoleClient, p2p.RoleAggregator} {
		h := w.home(role, "p-"+string(role))
		w.file.Chain.ID++
		require.ErrorContains(t, w.end(h), "chain 31337 is at", role)
		w.file.Chain.ID--

		h = w.home(role, "q-"+string(role))
		client, stop := w.start(h, time.Now)
		w.wait(client, "block")
		stop()
		other := newWorld(t)
		require.NoError(t, h.Config().Set("chain.rpc", other.url))
		require.ErrorIs(t, w.end(h), ErrWrongChain, role)
	}
}

// TestSubBlockLanesOnAChainWithout starts a validator of a network with sub-block lanes
// at the node of a chain at T4, which it refuses.
func TestSubBlockLanesOnAChainWithout(t *testing.T) {
	w := newWorld(t)
	h := w.home(p2p.RoleValidator, "dave")
	w.file.Chain.Lane = netfile.SubBlockLane
	w.file.Committees[0].Members[0].NodeKey = netfile.Key{1}
	err := w.end(h)
	require.ErrorIs(t, err, validator.ErrNoSubBlocks)
	require.ErrorContains(t, err, "the node is at T4")
}

// end runs a peer that ends by itself and returns why.
func (w *world) end(h *home.Home) error {
	w.t.Helper()
	require.NoError(w.t, h.SaveNetwork(w.file))
	d, err := New(w.t.Context(), h, w.options(time.Now))
	require.NoError(w.t, err)
	return d.Run(w.t.Context())
}
