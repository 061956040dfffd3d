package devchain_test

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// account is somebody who signs.
type account struct {
	key     *ecdsa.PrivateKey
	address common.Address
}

func newAccount(t testing.TB, seed byte) account {
	t.Helper()
	var d [32]byte
	d[0], d[31] = 1, seed
	key, err := crypto.ToECDSA(d[:])
	if err != nil {
		t.Fatal(err)
	}
	return account{key, crypto.PubkeyToAddress(key.PublicKey)}
}

// chain is a chain whose blocks the test makes, with its accounts.
type chain struct {
	*devchain.Chain
	t      testing.TB
	rpc    *rpc.Client
	client *ethclient.Client
	clock  time.Time // advances a second with every block
	dir    string    // where it keeps its blocks, or empty

	alice, bob, carol, sponsor account
}

// genesisTime is when the tests' chains begin.
var genesisTime = time.Unix(1_900_000_000, 0)

// start returns a chain where Alice has 100 pathUSD, Bob 5 and Carol nothing,
// and the sponsor 1,000 AlphaUSD for fees.
func start(t testing.TB, change ...func(*devchain.Config)) *chain {
	t.Helper()
	cfg := startConfig(t, change...)
	c := &chain{
		t: t, clock: genesisTime, dir: cfg.Dir,
		alice: newAccount(t, 1), bob: newAccount(t, 2), carol: newAccount(t, 3), sponsor: newAccount(t, 4),
	}
	cfg.Now = func() time.Time { return c.clock }
	var err error
	if c.Chain, err = devchain.New(cfg); err != nil {
		t.Fatal(err)
	}
	c.rpc = c.Client()
	c.client = ethclient.NewClient(c.rpc)
	t.Cleanup(func() {
		c.client.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// startConfig is what start starts, with a clock that stands still.
func startConfig(t testing.TB, change ...func(*devchain.Config)) devchain.Config {
	t.Helper()
	cfg := devchain.DefaultConfig()
	cfg.Manual = true
	cfg.Now = func() time.Time { return genesisTime }
	cfg.Alloc = map[common.Address]map[common.Address]*uint256.Int{
		tempo.PathUSD:  {newAccount(t, 1).address: usd(100), newAccount(t, 2).address: usd(5)},
		tempo.AlphaUSD: {newAccount(t, 4).address: usd(1000)},
	}
	for _, f := range change {
		f(&cfg)
	}
	return cfg
}

func withBaseFee(fee uint64) func(*devchain.Config) {
	return func(cfg *devchain.Config) { cfg.BaseFee = fee }
}

func usd(n uint64) *uint256.Int { return uint256.NewInt(n * 1_000_000) }

// laneKey is the nonce key the tests pay on.
var laneKey = *uint256.NewInt(7)

// pay returns a call that transfers pathUSD.
func pay(to account, amount *uint256.Int) tx76.Call {
	return tx76.Call{To: &tempo.PathUSD, Input: tempo.EncodeTransfer(to.address, amount)}
}

// draft returns an unsigned transaction on laneKey.
func draft(nonce uint64, calls ...tx76.Call) *tx76.Transaction {
	return &tx76.Transaction{ChainID: 31337, Gas: 1_000_000, Calls: calls, NonceKey: laneKey, Nonce: nonce}
}

// sign signs as the sender.
func (c *chain) sign(tx *tx76.Transaction, from account) *tx76.Transaction {
	c.t.Helper()
	var err error
	if tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), from.key); err != nil {
		c.t.Fatal(err)
	}
	return tx
}

// sponsored signs as the sender and has the sponsor pay in AlphaUSD.
func (c *chain) sponsored(tx *tx76.Transaction, from account) *tx76.Transaction {
	c.t.Helper()
	tx.Sponsored, tx.FeeToken = true, &tempo.AlphaUSD
	c.sign(tx, from)
	if err := tx.SignSponsor(from.address, c.sponsor.key); err != nil {
		c.t.Fatal(err)
	}
	return tx
}

// submit sends a transaction and returns what the node says.
func (c *chain) submit(tx *tx76.Transaction) (common.Hash, error) { return submitTo(c.rpc, tx) }

// submitTo sends a transaction to an endpoint and returns what that says.
func submitTo(node *rpc.Client, tx *tx76.Transaction) (common.Hash, error) {
	var hash common.Hash
	err := node.CallContext(context.Background(), &hash, "eth_sendRawTransaction", hexutil.Bytes(tx.Encode()))
	return hash, err
}

// send submits a transaction that must be taken.
func (c *chain) send(tx *tx76.Transaction) common.Hash {
	c.t.Helper()
	hash, err := c.submit(tx)
	if err != nil {
		c.t.Fatal(err)
	}
	if hash != tx.Hash() {
		c.t.Fatalf("hash %s, want %s", hash, tx.Hash())
	}
	return hash
}

// mine makes the next block, a second later.
func (c *chain) mine() common.Hash {
	c.t.Helper()
	c.clock = c.clock.Add(time.Second)
	hash, err := c.Mine()
	if err != nil {
		c.t.Fatal(err)
	}
	return hash
}

// receipt returns the receipt of an included transaction.
func (c *chain) receipt(hash common.Hash) *types.Receipt {
	c.t.Helper()
	r, err := c.client.TransactionReceipt(context.Background(), hash)
	if err != nil {
		c.t.Fatalf("receipt of %s: %v", hash, err)
	}
	return r
}

// missing tells that no block includes a transaction.
func (c *chain) missing(hash common.Hash) {
	c.t.Helper()
	if _, err := c.client.TransactionReceipt(context.Background(), hash); !errors.Is(err, ethereum.NotFound) {
		c.t.Fatalf("receipt of %s: %v, want not found", hash, err)
	}
}

// status checks the status of an included transaction.
func (c *chain) status(hash common.Hash, want uint64) {
	c.t.Helper()
	if got := c.receipt(hash).Status; got != want {
		c.t.Fatalf("status of %s is %d, want %d", hash, got, want)
	}
}

// call runs a call on the latest block.
func (c *chain) call(to common.Address, input []byte) []byte {
	c.t.Helper()
	out, err := c.client.CallContract(context.Background(), ethereum.CallMsg{To: &to, Data: input}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// balance returns what an account holds at the latest block.
func (c *chain) balance(token common.Address, of common.Address) *uint256.Int {
	c.t.Helper()
	x, err := tempo.DecodeUint256(c.call(token, tempo.EncodeBalanceOf(of)))
	if err != nil {
		c.t.Fatal(err)
	}
	return &x
}

// holds checks balances of pathUSD, in units.
func (c *chain) holds(who account, want *uint256.Int) {
	c.t.Helper()
	if got := c.balance(tempo.PathUSD, who.address); !got.Eq(want) {
		c.t.Fatalf("%s holds %s, want %s", who.address, got, want)
	}
}

// nonce returns the 2D nonce of laneKey.
func (c *chain) nonce(who account) uint64 {
	c.t.Helper()
	n, err := tempo.DecodeUint64(c.call(tempo.NoncePrecompile, tempo.EncodeGetNonce(who.address, &laneKey)))
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// devAccount is the first account of the public development mnemonic.
func devAccount(t testing.TB) account {
	t.Helper()
	key, err := crypto.HexToECDSA("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	if err != nil {
		t.Fatal(err)
	}
	return account{key, crypto.PubkeyToAddress(key.PublicKey)}
}

func withPoolLimit(n int) func(*devchain.Config) {
	return func(cfg *devchain.Config) { cfg.PoolLimit = n }
}

// vector returns the wire form of a golden transaction.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("../tx76/testdata/tempo-0x76.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			Name   string        `json:"name"`
			Signed hexutil.Bytes `json:"signed"`
		} `json:"vectors"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range file.Vectors {
		if v.Name == name {
			return v.Signed
		}
	}
	t.Fatalf("no vector %q", name)
	return nil
}

// crypto256 is keccak256 of a concatenation.
func crypto256(parts ...[]byte) common.Hash { return crypto.Keccak256Hash(parts...) }

// waitFor waits for something that happens in another goroutine.
func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
