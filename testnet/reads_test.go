package testnet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// countedNode is a peer's own node behind a counter of JSON-RPC requests: every one
// that comes over HTTP, those of a batch one by one. There is no WebSocket, which would
// go past it: peers ask for heads instead.
type countedNode struct {
	node   http.Handler
	server *httptest.Server

	mu    sync.Mutex // guards what follows
	calls map[string]int
	// holding lets no transaction through: the node says that its pool is full.
	holding bool
}

func newCountedNode(t *testing.T, node http.Handler) *countedNode {
	n := &countedNode{node: node, calls: make(map[string]int)}
	n.server = httptest.NewServer(n)
	t.Cleanup(n.server.Close)
	return n
}

// ServeHTTP implements [http.Handler].
func (n *countedNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		http.Error(w, "no WebSocket here", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	type request struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params []any           `json:"params"`
	}
	var batch []request
	if json.Unmarshal(body, &batch) != nil {
		batch = make([]request, 1)
		if err := json.Unmarshal(body, &batch[0]); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	n.mu.Lock()
	for _, req := range batch {
		n.calls[nameOfCall(req.Method, req.Params)]++
	}
	refuse := n.holding && batch[0].Method == "eth_sendRawTransaction"
	n.mu.Unlock()
	if refuse {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32003,"message":"txpool is full"}}`, batch[0].ID)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	n.node.ServeHTTP(w, r)
}

const (
	// look is the question after the newest blocks, which peers ask all the time.
	look = "look for blocks"
	send = "eth_sendRawTransaction"
	// sponsor is the question what the account holds that pays for transactions.
	sponsor = "balance of the sponsor"
)

// nameOfCall is what a request counts as: its method, a look, or one about the sponsor.
func nameOfCall(method string, params []any) string {
	if method == "eth_call" && len(params) > 0 {
		call, _ := params[0].(map[string]any)
		to, _ := call["to"].(string)
		if strings.EqualFold(to, common.Address(testnet.FeeToken).Hex()) {
			return sponsor
		}
	}
	if method == "eth_getBlockByNumber" && len(params) > 0 && (params[0] == "latest" || params[0] == "finalized") {
		return look
	}
	return method
}

func (n *countedNode) hold(yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.holding = yes
}

// reads returns what was asked since the last time, without looks and what submission
// takes: transactions, and what there is to pay for them.
func (n *countedNode) reads() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	reads := maps.Clone(n.calls)
	delete(reads, look)
	delete(reads, send)
	delete(reads, sponsor)
	n.calls = map[string]int{send: n.calls[send], sponsor: n.calls[sponsor]}
	return reads
}

func (n *countedNode) sends() int { return n.count(send) }

// count is how often something was asked that reads leaves out.
func (n *countedNode) count(what string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls[what]
}

// countedNet is a network over real sockets whose chain makes a block when the test
// says, and whose peers each have a counted node.
type countedNet struct {
	*testnet.Network
	t     *testing.T
	ctx   context.Context
	chain *devchain.Chain
	nodes []*countedNode // of the peers, in their order
	names []string       // of the clients
}

// payers is the number of accounts that pay in a ring.
const payers = 6

func startCounted(t *testing.T, ctx context.Context) *countedNet {
	t.Helper()
	chainConfig := devchain.DefaultConfig()
	chainConfig.Manual, chainConfig.FinalityLag = true, 0
	chain, err := devchain.New(chainConfig)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, chain.Close()) })
	cfg := testnet.DefaultConfig()
	// Nothing is sent twice while a block is not late.
	cfg.BlockTime, cfg.Aggregators, cfg.Dir = time.Minute, 0, t.TempDir()
	cfg.Clients = testnet.SceneAccounts(payers - 1)
	c := &countedNet{t: t, ctx: ctx, chain: chain}
	for range cfg.Validators + len(cfg.Clients) {
		node := newCountedNode(t, chain.Handler())
		c.nodes, cfg.ChainURLs = append(c.nodes, node), append(cfg.ChainURLs, node.server.URL)
	}
	for _, a := range cfg.Clients {
		c.names = append(c.names, a.Name)
	}
	funded := make(chan struct{})
	go func() {
		defer close(funded)
		c.Network, err = testnet.Start(ctx, cfg)
	}()
	c.mineWhen(c.nodes[0], 1) // the transaction that funds the accounts
	<-funded
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.WaitReady(ctx))
	return c
}

// mineWhen makes a block once a node has been handed so many transactions.
func (c *countedNet) mineWhen(node *countedNode, sends int) {
	c.t.Helper()
	c.eventually("transactions at the node", func() bool { return node.sends() >= sends })
	_, err := c.chain.Mine()
	require.NoError(c.t, err)
}

func (c *countedNet) eventually(what string, done func() bool) {
	c.t.Helper()
	require.Eventually(c.t, done, time.Minute, 5*time.Millisecond, what)
}

// hold makes the nodes refuse transactions, or take them again.
func (c *countedNet) hold(yes bool) {
	for _, node := range c.nodes {
		node.hold(yes)
	}
}

// forget starts all counts anew, but for transactions.
func (c *countedNet) forget() {
	for _, node := range c.nodes {
		node.reads()
		node.mu.Lock()
		delete(node.calls, sponsor) // funding asks for it too
		node.mu.Unlock()
	}
}

// mine makes a block and waits until every peer has it and has read what it wants to
// read because of it, and the validators decide by it.
func (c *countedNet) mine() {
	c.t.Helper()
	// What comes to a peer after the block raises its questions with the next one.
	c.eventually("the same payments everywhere", c.same)
	_, err := c.chain.Mine()
	require.NoError(c.t, err)
	height := c.chain.Height()
	for _, p := range c.Peers {
		waitBoard(c.t, c.ctx, p, "a block", func(b *fastpay.Board) bool { return b.Finalized().Number >= height })
		if p.Validator != nil {
			c.eventually("a pinned block", func() bool {
				return metric(c.t, p, "allegro_validator_pinned_height", nil) >= float64(height)
			})
		}
		c.eventually("an answered question", func() bool { return !c.asks(p) })
	}
}

// same reports whether all peers hold as many payments.
func (c *countedNet) same() bool {
	held := make(map[int]bool)
	for _, p := range c.Peers {
		p.Replica.Read(func(b *fastpay.Board) { held[b.Len()] = true })
	}
	return len(held) == 1
}

// asks reports whether a peer's Board still wants a lane to be read.
func (c *countedNet) asks(p *testnet.Peer) (open bool) {
	p.Replica.Read(func(b *fastpay.Board) { open = len(b.Questions(1)) > 0 })
	return open
}

// round lets clients pay their neighbours in the ring one unit each, and waits until
// every payment is certified at its payee. It returns the last one.
func (c *countedNet) round(names ...string) (last fastpay.ID) {
	c.t.Helper()
	clients := c.Clients()
	for i, from := range clients {
		to := clients[(i+1)%len(clients)]
		for _, name := range names {
			if name == from.Name {
				id, err := from.Client.Pay(c.ctx, client.Order{To: to.Client.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(1)})
				require.NoError(c.t, err)
				requireStage(c.t, c.ctx, to, id, fastpay.StageCertified)
				last = id
			}
		}
	}
	return last
}

// sends are all transactions that nodes were handed.
func (c *countedNet) sends() (n int) {
	for _, node := range c.nodes {
		n += node.sends()
	}
	return n
}

// validatorReads compares what each validator's node was asked since the last time, and
// forgets what wallets' nodes were.
func (c *countedNet) validatorReads(what string, want map[string]int) {
	c.t.Helper()
	for i, p := range c.Peers {
		if reads := c.nodes[i].reads(); p.Validator != nil {
			require.Equal(c.t, want, reads, "%s: reads of %s", what, p.Name)
		}
	}
}

// everyPeersReads compares what each peer's node was asked since the last time.
func (c *countedNet) everyPeersReads(what string, want map[string]int) {
	c.t.Helper()
	for i, p := range c.Peers {
		require.Equal(c.t, want, c.nodes[i].reads(), "%s: reads of %s", what, p.Name)
	}
}

// give lets the development account pay a client in the next block.
func (c *countedNet) give(name string, units uint64) {
	c.t.Helper()
	node := newCountedNode(c.t, c.chain.Handler())
	nodes, err := testnet.DialNodes(c.ctx, []string{node.server.URL})
	require.NoError(c.t, err)
	defer nodes.Close()
	given := make(chan error, 1)
	go func() {
		given <- nodes.Fund(c.ctx, c.File(), []testnet.Grant{{Token: testnet.Asset, To: c.Peer(name).Client.Address(), Units: units}})
	}()
	c.eventually("a transaction at the node", func() bool { return node.sends() == 1 })
	c.mine()
	require.NoError(c.t, <-given)
}

// TestReadsPerPayment counts every request that reaches the peers' nodes: none on the
// way of a payment from its submission to its QC once its lane is known at the pinned
// block and the pair of accounts is known to the token, whatever the number of payments;
// and after a block a validator reads the accounts again that it touched, no other.
func TestReadsPerPayment(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	c := startCounted(t, ctx)
	c.mine()
	c.forget()
	none := map[string]int{}
	lanes := func(n int) map[string]int { return map[string]int{"eth_call": 2 * n} } // balance and nonce

	// A lane that is new is read, and for a pair that is new the token is asked.
	c.round(c.names...)
	c.validatorReads("first payments", map[string]int{"eth_call": 2*payers + payers})
	c.round(c.names...) // now the wallets know the lanes that paid them too
	c.validatorReads("second payments", none)

	// One payment more, and 102, between accounts that are known.
	c.round(c.names[0])
	c.everyPeersReads("1 payment", none)
	const rounds = 17
	for range rounds {
		c.round(c.names...)
	}
	c.everyPeersReads("102 payments", none)
	const paid = (2+rounds)*payers + 1
	c.eventually("settlement", func() bool { return c.sends() >= 1+paid })
	require.Equal(t, 1+paid, c.sends(), "each payment, and the funding, is handed to one node once")

	// The block that executes them is read once, with a receipt for each payment. It has
	// touched every account: each is read again when it pays again.
	c.mine()
	c.everyPeersReads("a block of payments", map[string]int{"eth_getLogs": 2, "eth_getTransactionReceipt": paid})
	c.hold(true)
	c.round(c.names...)
	c.validatorReads("payments after a block that touched all accounts", lanes(payers))

	// While payments wait for their block, a block that touches nobody costs nothing but
	// itself, and the nonce of each lane that waits, once in the life of a peer.
	c.mine()
	c.everyPeersReads("a first block under open payments", map[string]int{"eth_getLogs": 2, "eth_call": payers})
	c.mine()
	c.everyPeersReads("a block that touches nobody", map[string]int{"eth_getLogs": 2})
	c.round(c.names...)
	c.validatorReads("payments after a block that touched nobody", none)

	// A block that touches one account of six makes a validator read that one.
	c.give(c.names[0], 1)
	c.everyPeersReads("a block that touches one account", map[string]int{"eth_getLogs": 2, "eth_getTransactionReceipt": 1})
	last := c.round(c.names...)
	c.validatorReads("payments after a block that touched one account", lanes(1))

	c.hold(false)
	c.eventually("settlement of what was held", func() bool {
		_, err := c.chain.Mine()
		return !assert.NoError(t, err) || stage(c.Peers[0], last) == fastpay.StageFinalized
	})
	// Who submits looks at what it has to pay with once per block at most, however many
	// payments there are.
	blocks, looked := int(c.chain.Height()), 0
	for i, p := range c.Peers {
		reads := c.nodes[i].count(sponsor)
		looked += reads
		require.LessOrEqual(t, reads, blocks, "reads of what the sponsor of %s holds", p.Name)
		require.True(t, reads == 0 || p.Validator != nil, "%s sponsors nothing", p.Name)
	}
	require.Positive(t, looked)
}
