package onchain_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/anvil"
	"github.com/allegro-p2p/allegro/tempo/anvil/anviltest"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/validator"
)

const (
	blockTime = time.Second
	// life is what wallets give a payment, in seconds: more than the longest halt of
	// the chain that a payment must outlive, and a slow machine's share.
	life = 60
	// limit ends a test that waits for what never comes.
	limit = 2 * time.Minute
)

// network is a network that settles on an anvil of its own, each validator through a
// node of its own.
type network struct {
	*testnet.Network
	t     *testing.T
	ctx   context.Context
	anvil string
	chain *tempo.Chain
	nodes map[string]*node

	accounts map[string]*ecdsa.PrivateKey
	sponsors map[string]*ecdsa.PrivateKey
}

// start starts a chain and a network on it, and waits until it is ready. Both end with
// the test.
func start(t *testing.T, opts anvil.Options, change func(*testnet.Config)) *network {
	t.Helper()
	opts.BlockTime = blockTime
	n := &network{
		t: t, anvil: anviltest.Start(t, opts).URL(),
		nodes: make(map[string]*node), accounts: make(map[string]*ecdsa.PrivateKey), sponsors: make(map[string]*ecdsa.PrivateKey),
	}
	var cancel context.CancelFunc
	n.ctx, cancel = context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	n.chain = n.dial(n.anvil)

	cfg := testnet.DefaultConfig()
	cfg.ChainURLs, cfg.BlockTime, cfg.Dir = []string{n.anvil}, blockTime, t.TempDir()
	cfg.EditFile = func(f *netfile.File) {
		f.Limits.MinSettleSeconds, f.Limits.DefaultLifeSeconds = f.Chain.LeastSettleSeconds(), life
		f.Chain.FIFO = !opts.OwnFees
	}
	cfg.EditValidator = func(name string, c *validator.Config) {
		n.sponsors[name] = c.Settlement.Sponsor
		n.nodes[name] = newNode(t, n.anvil)
		chain := n.dial(n.nodes[name].url())
		follower, err := tempo.NewFollower(chain, tempo.FollowerConfig{Tokens: []common.Address{testnet.Asset}, MaxBackoff: time.Second})
		require.NoError(t, err)
		c.Chain, c.Follower = chain, follower
	}
	cfg.EditClient = func(name string, c *client.Config) { n.accounts[name] = c.Key }
	if change != nil {
		change(&cfg)
	}
	var err error
	n.Network, err = testnet.Start(n.ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, n.Close()) })
	require.NoError(t, n.WaitReady(n.ctx))
	return n
}

// dial returns a client of a node.
func (n *network) dial(url string) *tempo.Chain {
	n.t.Helper()
	chain, err := tempo.Dial(n.t.Context(), url, tempo.Options{})
	require.NoError(n.t, err)
	n.t.Cleanup(chain.Close)
	return chain
}

// do makes a request of anvil's own.
func (n *network) do(method string, params ...any) {
	n.t.Helper()
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	require.NoError(n.t, err)
	request, err := http.NewRequestWithContext(n.ctx, http.MethodPost, n.anvil, bytes.NewReader(body))
	require.NoError(n.t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(n.t, err)
	defer func() { assert.NoError(n.t, response.Body.Close()) }()
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	require.NoError(n.t, json.NewDecoder(response.Body).Decode(&answer))
	require.Empty(n.t, answer.Error, "%s: %s", method, answer.Error)
}

// halt stops the making of blocks.
func (n *network) halt() { n.t.Helper(); n.do("evm_setIntervalMining", 0) }

// resume lets blocks be made again.
func (n *network) resume() { n.t.Helper(); n.do("evm_setIntervalMining", int(blockTime/time.Second)) }

// hold sets what an account holds of a token, in token units.
func (n *network) hold(token, who common.Address, units uint64) {
	n.t.Helper()
	owner, slot := common.BytesToHash(who[:]), common.Hash(uint256.NewInt(9).Bytes32()) // balances are a mapping in slot 9
	n.do("anvil_setStorageAt", token, crypto.Keccak256Hash(owner[:], slot[:]), common.Hash(uint256.NewInt(units).Bytes32()))
}

// validators are the members.
func (n *network) validators() (out []*testnet.Peer) {
	for _, p := range n.Peers {
		if p.Validator != nil {
			out = append(out, p)
		}
	}
	return out
}

// address is a client's account.
func (n *network) address(name string) common.Address {
	return crypto.PubkeyToAddress(n.accounts[name].PublicKey)
}

// order is a payment of whole dollars, from what is there and what comes in.
func (n *network) order(to string, dollars uint64) client.Order {
	return client.Order{
		To: n.address(to), Asset: testnet.Asset, Amount: *uint256.NewInt(dollars * testnet.Dollar), Parents: client.Parents{Auto: true},
	}
}

// pay makes a payment and waits until the payee holds its QC.
func (n *network) pay(from, to string, dollars uint64) fastpay.ID {
	n.t.Helper()
	id, err := n.Peer(from).Client.Pay(n.ctx, n.order(to, dollars))
	require.NoError(n.t, err)
	n.wait(n.Peer(to), "the QC", func(b *fastpay.Board) bool { _, held := b.QC(id); return held })
	return id
}

// wait waits for a condition on a peer's Board.
func (n *network) wait(p *testnet.Peer, what string, done func(*fastpay.Board) bool) {
	n.t.Helper()
	require.NoError(n.t, p.Replica.Wait(n.ctx, done), "%s waits for %s", p.Name, what)
}

// waitBlocks waits until a client has seen further heights.
func (n *network) waitBlocks(further uint64) {
	n.t.Helper()
	p := n.Clients()[0]
	var from uint64
	p.Replica.Read(func(b *fastpay.Board) { from = b.Latest().Number })
	n.wait(p, "blocks", func(b *fastpay.Board) bool { return b.Latest().Number >= from+further })
}

// ends waits until every peer shows a payment in a stage, and returns the evidence for
// it, which is the same everywhere.
func (n *network) ends(id fastpay.ID, want fastpay.Stage) (evidence fastpay.StageEvidence) {
	n.t.Helper()
	for i, p := range n.Peers {
		var at fastpay.Stage
		err := p.Replica.Wait(n.ctx, func(b *fastpay.Board) bool { at = b.Stage(id); return at == want })
		require.NoError(n.t, err, "%s shows %s as %q, not %s", p.Name, id, at, want)
		var here fastpay.StageEvidence
		p.Replica.Read(func(b *fastpay.Board) { here, _ = b.StageEvidence(id) })
		if here.Cause == fastpay.CauseUnused {
			require.GreaterOrEqual(n.t, here.Block.Time, n.tx(id).Envelope().ValidBefore)
			here.Block = fastpay.Block{} // each peer looked when it came to it
		}
		if i == 0 {
			evidence = here
		}
		require.Equal(n.t, evidence, here, "the evidence of %s", p.Name)
	}
	return evidence
}

// waits requires that every peer shows a payment as certified and nothing more.
func (n *network) waits(id fastpay.ID) {
	n.t.Helper()
	for _, p := range n.Peers {
		p.Replica.Read(func(b *fastpay.Board) {
			require.Contains(n.t, []fastpay.Stage{fastpay.StageCertified, fastpay.StageQueuedOnchain}, b.Stage(id), p.Name)
		})
	}
}

// tx is a payment as its first client holds it.
func (n *network) tx(id fastpay.ID) (tx *fastpay.Tx) {
	n.t.Helper()
	for _, p := range n.Clients() {
		if tx == nil {
			p.Replica.Read(func(b *fastpay.Board) { tx, _ = b.Tx(id) })
		}
	}
	require.NotNil(n.t, tx, "nobody holds %s", id)
	return tx
}

// refused hands a payment to every member and expects a refusal with a code from each.
// It returns what they say.
func (n *network) refused(want fastpay.Code, tx *fastpay.Tx) (texts []string) {
	n.t.Helper()
	for _, p := range n.validators() {
		results, err := n.Clients()[0].Node.Submit(n.ctx, p.Node.ID(), []fastpay.Payment{{Tx: tx}})
		require.NoError(n.t, err)
		require.NotNil(n.t, results[0].Reject, "%s voted", p.Name)
		require.Equal(n.t, want, results[0].Reject.Code, "%s says %q", p.Name, results[0].Reject.Text)
		texts = append(texts, results[0].Reject.Text)
	}
	return texts
}

// sign signs an envelope for one of the clients.
func (n *network) sign(name string, env fastpay.Envelope) *fastpay.Tx {
	n.t.Helper()
	rules, err := n.File().Rules()
	require.NoError(n.t, err)
	tx, err := rules.SignTx(env, n.accounts[name])
	require.NoError(n.t, err)
	return tx
}

// stranger is somebody with fee tokens who is in no network.
func (n *network) stranger() *ecdsa.PrivateKey {
	n.t.Helper()
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("stranger")))
	require.NoError(n.t, err)
	n.hold(testnet.FeeToken, crypto.PubkeyToAddress(key.PublicKey), 1_000*testnet.Dollar)
	return key
}

// sponsor lets a stranger pay for a transaction of somebody's and submit it.
func (n *network) sponsor(by *ecdsa.PrivateKey, sender common.Address, tx *tx76.Transaction) common.Hash {
	n.t.Helper()
	tx.FeeToken = &testnet.FeeToken
	require.NoError(n.t, tx.SignSponsor(sender, by))
	hash, err := n.chain.Send(n.ctx, tx.Encode())
	require.NoError(n.t, err)
	return hash
}

// submit lets a stranger submit a payment.
func (n *network) submit(by *ecdsa.PrivateKey, id fastpay.ID) common.Hash {
	n.t.Helper()
	tx := n.tx(id)
	return n.sponsor(by, tx.Sender(), tx.Transaction(n.Committee()))
}

// foreign submits a transfer of a client's own, past the protocol, that offers more
// than payments do.
func (n *network) foreign(by *ecdsa.PrivateKey, name string, nonceKey uint256.Int, to common.Address, dollars uint64) common.Hash {
	n.t.Helper()
	price := n.File().Fees.MaxFeePerGas[0]
	tx := &tx76.Transaction{
		ChainID: n.Committee().ChainID(), MaxFeePerGas: *new(uint256.Int).Mul((*uint256.Int)(&price), uint256.NewInt(2)), Gas: 1_000_000,
		Calls:    []tx76.Call{{To: &testnet.Asset, Input: tempo.EncodeTransfer(to, uint256.NewInt(dollars*testnet.Dollar))}},
		NonceKey: nonceKey, Sponsored: true,
	}
	var err error
	tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), n.accounts[name])
	require.NoError(n.t, err)
	return n.sponsor(by, n.address(name), tx)
}

// balances requires what clients hold, in dollars.
func (n *network) balances(want map[string]uint64) {
	n.t.Helper()
	for name, dollars := range want {
		held, _, err := n.Peer(name).Balance(n.ctx, n.address(name))
		require.NoError(n.t, err)
		require.Equal(n.t, dollars*testnet.Dollar, held.Uint64(), "balance of %s", name)
	}
}

// metric is the sum of a peer's series of a name with a value of the label "result",
// or of all if that is empty.
func metric(t *testing.T, p *testnet.Peer, name, result string) (sum float64) {
	t.Helper()
	families, err := p.Registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if result == "" || len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == result {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// home is the validator that submits a client's payments at an attempt.
func (n *network) home(name string, attempt uint64) *testnet.Peer {
	n.t.Helper()
	lane := fastpay.Lane{ChainID: n.Committee().ChainID(), Asset: testnet.Asset, Sender: n.address(name)}
	p := n.Peer(n.File().MemberName(n.Committee().ID(), lane.Home(n.Committee(), attempt)))
	require.NotNil(n.t, p)
	return p
}

// waitQueued waits until a validator has handed a payment to its node.
func (n *network) waitQueued(id fastpay.ID) {
	n.t.Helper()
	n.until("the payment is with a node", func() bool {
		for _, p := range n.validators() {
			var at fastpay.Stage
			p.Replica.Read(func(b *fastpay.Board) { at = b.Stage(id) })
			if at == fastpay.StageQueuedOnchain {
				return true
			}
		}
		return false
	})
}

// submissions is how often validators handed payments to their nodes.
func (n *network) submissions() (sum float64) {
	n.t.Helper()
	for _, p := range n.validators() {
		sum += submissions(n.t, p)
	}
	return sum
}

// submissions is how often a validator handed a payment to its node.
func submissions(t *testing.T, p *testnet.Peer) float64 {
	t.Helper()
	const name = "allegro_settle_submissions_total"
	return metric(t, p, name, "ok") + metric(t, p, name, "known")
}

// waitSubmissions waits until there were so many.
func (n *network) waitSubmissions(least float64) {
	n.t.Helper()
	n.until("submissions", func() bool { return n.submissions() >= least })
}

// until waits for a condition that no Board tells.
func (n *network) until(what string, done func() bool) {
	n.t.Helper()
	require.Eventually(n.t, done, limit, 20*time.Millisecond, what)
}
