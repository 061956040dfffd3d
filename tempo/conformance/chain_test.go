package conformance_test

import (
	"crypto/ecdsa"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/anvil"
	"github.com/allegro-p2p/allegro/tempo/anvil/anviltest"
	"github.com/allegro-p2p/allegro/tempo/devchain"
)

// finalityLag is how far the finalized block is behind the latest, as anvil has it
// at least.
const finalityLag = 2

// genesisTime is when every chain begins: within the windows of the vectors, and
// nobody's present, so that only what the chain says is the time.
var genesisTime = time.Unix(1_850_000_000, 0)

// kind is one way to run a chain.
type kind struct {
	name string
	fees bool   // there is a base fee
	fork string // the hardfork it behaves like
	open func(t *testing.T) (url string)
}

// kinds are the chains that every case runs on.
var kinds = []kind{
	{name: "devchain", fork: "T4", open: openDevchain(0)},
	{name: "devchain with fees", fork: "T4", fees: true, open: openDevchain(20_000_000_000)},
	{name: "anvil T0", fork: "T0", open: openAnvil(anvil.Options{})},
	{name: "anvil T4", fork: "T4", open: openAnvil(anvil.Options{Hardfork: "t4"})},
	{name: "anvil with its own fees and order", fork: "T0", fees: true, open: openAnvil(anvil.Options{OwnFees: true})},
}

// openDevchain starts a devchain behind a socket.
func openDevchain(baseFee uint64) func(*testing.T) string {
	return func(t *testing.T) string {
		cfg := devchain.DefaultConfig()
		cfg.Manual, cfg.DevRPC = true, true
		cfg.FinalityLag, cfg.BaseFee, cfg.GenesisTime = finalityLag, baseFee, genesisTime
		cfg.Now = func() time.Time { return genesisTime } // time goes on by evm_mine
		chain, err := devchain.New(cfg)
		require.NoError(t, err)
		server := httptest.NewServer(chain.Handler())
		t.Cleanup(func() {
			require.NoError(t, chain.Close())
			server.Close()
		})
		return server.URL
	}
}

// openAnvil starts an anvil.
func openAnvil(opts anvil.Options) func(*testing.T) string {
	return func(t *testing.T) string {
		opts.GenesisTime = genesisTime
		return anviltest.Start(t, opts).URL()
	}
}

// person is somebody who signs.
type person struct {
	key     *ecdsa.PrivateKey
	address common.Address
}

func newPerson(t *testing.T, name string) person {
	t.Helper()
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("conformance " + name)))
	require.NoError(t, err)
	return person{key: key, address: crypto.PubkeyToAddress(key.PublicKey)}
}

// chain is a chain of its own for one case, whose blocks the case makes.
type chain struct {
	kind
	t    *testing.T
	url  string
	node *tempo.Chain      // what Allegro asks and submits by
	rpc  *rpc.Client       // what package tempo does not offer
	eth  *ethclient.Client // the same connection

	alice, bob, carol, sponsor person
}

// everywhere runs a case on every kind of chain. Alice has 15 dollars in pathUSD,
// Bob has 5, Carol nothing, and the sponsor has 100 in AlphaUSD.
func everywhere(t *testing.T, run func(t *testing.T, c *chain)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { run(t, k.start(t)) })
	}
}

// start starts a chain with its people.
func (k kind) start(t *testing.T) *chain {
	c := &chain{
		kind: k, t: t, url: k.open(t),
		alice: newPerson(t, "Alice"), bob: newPerson(t, "Bob"), carol: newPerson(t, "Carol"), sponsor: newPerson(t, "sponsor"),
	}
	var err error
	c.node, err = tempo.Dial(t.Context(), c.url, tempo.Options{})
	require.NoError(t, err)
	t.Cleanup(c.node.Close)
	c.rpc, err = rpc.DialContext(t.Context(), "ws"+strings.TrimPrefix(c.url, "http"))
	require.NoError(t, err)
	t.Cleanup(c.rpc.Close)
	c.eth = ethclient.NewClient(c.rpc)
	c.give(tempo.PathUSD, c.alice.address, dollars(15))
	c.give(tempo.PathUSD, c.bob.address, dollars(5))
	c.give(tempo.AlphaUSD, c.sponsor.address, dollars(100))
	c.mine()
	return c
}

// dollars returns an amount in token units.
func dollars(n uint64) *uint256.Int { return uint256.NewInt(n * 1_000_000) }

// do makes a request that must succeed.
func (c *chain) do(into any, method string, args ...any) {
	c.t.Helper()
	require.NoError(c.t, c.rpc.CallContext(c.t.Context(), into, method, args...), method)
}

// set sets a storage slot, which takes effect at the latest with the next block.
func (c *chain) set(contract common.Address, slot common.Hash, value *uint256.Int) {
	c.t.Helper()
	var done bool
	c.do(&done, "anvil_setStorageAt", contract, slot, common.Hash(value.Bytes32()))
	require.True(c.t, done)
}

// give sets a balance, which the token's supply does not take part in.
func (c *chain) give(token, who common.Address, amount *uint256.Int) {
	c.t.Helper()
	c.set(token, balanceSlot(who), amount)
}

// balanceSlot returns the slot of an account's balance in every token.
func balanceSlot(who common.Address) common.Hash {
	return entry(common.BytesToHash(who[:]), uint256.NewInt(9).Bytes32())
}

// nonceSlot returns the slot of a 2D nonce in the nonce precompile.
func nonceSlot(who common.Address, key *uint256.Int) common.Hash {
	return entry(key.Bytes32(), entry(common.BytesToHash(who[:]), common.Hash{}))
}

// entry returns the slot of a mapping's entry.
func entry(key, mapping common.Hash) common.Hash { return crypto.Keccak256Hash(key[:], mapping[:]) }

// mine makes a block, a second after the one before.
func (c *chain) mine() tempo.Header {
	c.t.Helper()
	return c.mineAt(c.head().Time + 1)
}

// mineAt makes a block with that timestamp.
func (c *chain) mineAt(seconds uint64) tempo.Header {
	c.t.Helper()
	before := c.head()
	var zero string
	c.do(&zero, "evm_mine", hexutil.Uint64(seconds))
	require.Equal(c.t, "0x0", zero)
	head := c.head()
	require.Equal(c.t, before.Number+1, head.Number)
	require.Equal(c.t, before.Hash, head.Parent)
	require.Equal(c.t, seconds, head.Time)
	return head
}

// head returns the latest block.
func (c *chain) head() tempo.Header {
	c.t.Helper()
	head, err := c.node.Header(c.t.Context(), tempo.Latest)
	require.NoError(c.t, err)
	return head
}

// account reads somebody's lane for a token at the latest block.
func (c *chain) account(token common.Address, who person) tempo.Account {
	c.t.Helper()
	account, err := c.node.Account(c.t.Context(), c.head(), token, who.address, lane)
	require.NoError(c.t, err)
	return account
}

// has checks somebody's pathUSD, in units.
func (c *chain) has(who person, want *uint256.Int) {
	c.t.Helper()
	require.Equal(c.t, want.Dec(), c.balance(tempo.PathUSD, who))
}

// balance returns what somebody has of a token, in decimal.
func (c *chain) balance(token common.Address, who person) string {
	c.t.Helper()
	account := c.account(token, who)
	return account.Balance.Dec()
}

// nonce returns the next position of somebody's lane.
func (c *chain) nonce(who common.Address, key *uint256.Int) uint64 {
	c.t.Helper()
	head := c.head()
	n, err := c.node.NonceAt(c.t.Context(), head.Number, head.Hash, who, *key)
	require.NoError(c.t, err)
	return n
}

// view calls a contract at the latest block.
func (c *chain) view(to common.Address, input []byte) []byte {
	c.t.Helper()
	out, err := c.eth.CallContract(c.t.Context(), ethereum.CallMsg{To: &to, Data: input}, nil)
	require.NoError(c.t, err)
	return out
}
