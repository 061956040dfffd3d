package devchain_test

import (
	"context"
	"crypto/sha256"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// The validators of the tests' chains before T4, in the order of their sub-blocks.
var (
	first  = [32]byte{0x11, 31: 1}
	second = [32]byte{0x22, 31: 2}
)

// beforeT4 is a chain of two validators, named in another order than they run in.
func beforeT4(cfg *devchain.Config) {
	cfg.Fork, cfg.Validators = devchain.T3, [][32]byte{second, first}
}

// laneOf is a nonce key of a validator's sub-block lane.
func laneOf(validator [32]byte) uint256.Int {
	key := [32]byte{0: 0x5b, 31: 7}
	copy(key[1:16], validator[:15])
	return *new(uint256.Int).SetBytes32(key[:])
}

// draftFor returns an unsigned transaction of a validator's lane.
func draftFor(validator [32]byte, nonce uint64, calls ...tx76.Call) *tx76.Transaction {
	tx := draft(nonce, calls...)
	tx.NonceKey = laneOf(validator)
	return tx
}

// node returns a client of a validator's node.
func (c *chain) node(validator [32]byte) *rpc.Client {
	c.t.Helper()
	client, err := c.ValidatorClient(validator)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	return client
}

// sendTo submits a transaction that a validator's node must take.
func (c *chain) sendTo(validator [32]byte, tx *tx76.Transaction) common.Hash {
	c.t.Helper()
	hash, err := submitTo(c.node(validator), tx)
	if err != nil {
		c.t.Fatal(err)
	}
	return hash
}

// transactions returns the hashes of a block's transactions.
func (c *chain) transactions(block common.Hash) []common.Hash {
	c.t.Helper()
	var b struct{ Transactions []common.Hash }
	if err := c.rpc.Call(&b, "eth_getBlockByHash", block, false); err != nil {
		c.t.Fatal(err)
	}
	return b.Transactions
}

// sharedGas returns the gas that the latest block has for sub-blocks.
func (c *chain) sharedGas() string {
	c.t.Helper()
	var b struct{ SharedGasLimit string }
	if err := c.rpc.Call(&b, "eth_getBlockByNumber", "latest", false); err != nil {
		c.t.Fatal(err)
	}
	return b.SharedGasLimit
}

// A chain says what it is, and what it has for sub-blocks.
func TestForkSchedule(t *testing.T) {
	for _, tc := range []struct {
		fork   devchain.Fork
		active string
		ended  bool // the sub-block lanes
		shared string
	}{
		{devchain.T3, "T3", false, "0x2faf080"}, // a tenth of 500 million
		{devchain.T4, "T4", true, "0x0"},
	} {
		c := start(t, func(cfg *devchain.Config) { cfg.Fork = tc.fork })
		schedule, known, err := tempo.New(c.Client(), tempo.Options{}).ForkSchedule(t.Context())
		if err != nil || !known {
			t.Fatalf("%s: known %t, %v", tc.fork, known, err)
		}
		if schedule.Active != tc.active || schedule.Reached("T4") != tc.ended || !schedule.Reached("T3") {
			t.Errorf("%s: %+v", tc.fork, schedule)
		}
		if got := c.sharedGas(); got != tc.shared {
			t.Errorf("%s: shared gas limit %s, want %s", tc.fork, got, tc.shared)
		}
	}
}

func TestForksHaveGenesesOfTheirOwn(t *testing.T) {
	old := start(t, func(cfg *devchain.Config) { cfg.Fork = devchain.T3 })
	if old.GenesisHash() == start(t).GenesisHash() {
		t.Error("chains at T3 and T4 have one genesis")
	}
}

// A transaction of a sub-block lane is taken by the node of the validator that it
// names, and by nobody else.
func TestSubBlockRouting(t *testing.T) {
	c := start(t, beforeT4)
	tx := c.sign(draftFor(first, 0, pay(c.bob, usd(1))), c.alice)
	const mismatch = "subblock transaction rejected: target validator mismatch"
	_, err := c.submit(tx)
	refusedWith(t, err, mismatch)
	_, err = submitTo(c.node(second), tx)
	refusedWith(t, err, mismatch)
	if _, err := c.ValidatorClient([32]byte{1}); err == nil || !strings.Contains(err.Error(), "no validator of this chain") {
		t.Errorf("error is %v", err)
	}
	unknown := c.sign(draftFor([32]byte{0x33}, 0, pay(c.bob, usd(1))), c.alice)
	_, err = submitTo(c.node(first), unknown)
	refusedWith(t, err, mismatch)

	if hash := c.sendTo(first, tx); hash != tx.Hash() {
		t.Fatalf("hash %s, want %s", hash, tx.Hash())
	}
	_, err = submitTo(c.node(first), tx)
	refusedWith(t, err, "transaction already imported")
	if _, waits, err := c.pendingAt(tx.Hash()); err != nil || !waits {
		t.Errorf("pending: %t, %v", waits, err)
	}
	// A validator's node takes ordinary transactions as every node does.
	ordinary := c.sendTo(second, c.sign(draft(0, pay(c.bob, usd(1))), c.alice))
	c.mine()
	c.status(tx.Hash(), 1)
	c.status(ordinary, 1)
	if hash := c.sendTo(first, tx); hash != tx.Hash() {
		t.Fatalf("hash %s once it is included, want %s", hash, tx.Hash())
	}
	c.mine()
	c.holds(c.bob, usd(7))
}

// pendingAt tells whether a node knows a transaction and no block has it.
func (c *chain) pendingAt(hash common.Hash) (known, pending bool, err error) {
	var tx *struct{ BlockHash *common.Hash }
	err = c.rpc.Call(&tx, "eth_getTransactionByHash", hash)
	return tx != nil, tx != nil && tx.BlockHash == nil, err
}

// Over HTTP the path says whose node it is.
func TestValidatorsHavePaths(t *testing.T) {
	c := start(t, beforeT4)
	server := httptest.NewServer(c.Handler())
	defer server.Close()
	tx := c.sign(draftFor(first, 0, pay(c.bob, usd(1))), c.alice)
	at := func(url string) *rpc.Client {
		client := must[*rpc.Client](t)(rpc.DialContext(t.Context(), url))
		t.Cleanup(client.Close)
		return client
	}
	for _, path := range []string{"", "/", devchain.ValidatorPath(second)} {
		_, err := submitTo(at(server.URL+path), tx)
		refusedWith(t, err, "target validator mismatch")
	}
	_, err := submitTo(at(server.URL+devchain.ValidatorPath([32]byte{1})), tx)
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error of an unknown validator is %v", err)
	}
	overWS := "ws" + strings.TrimPrefix(server.URL, "http") + devchain.ValidatorPath(first)
	if _, err := submitTo(at(overWS), tx); err != nil {
		t.Fatal(err)
	}
	second := c.sign(draftFor(first, 1, pay(c.bob, usd(1))), c.alice)
	if _, err := submitTo(at(server.URL+devchain.ValidatorPath(first)), second); err != nil {
		t.Fatal(err)
	}
	c.mine()
	c.holds(c.bob, usd(7))
	head := must[uint64](t)(ethclient.NewClient(at(overWS)).BlockNumber(context.Background()))
	if head != 1 {
		t.Errorf("height %d", head)
	}
}

// A block has the ordinary transactions first, then one sub-block after the other,
// each in order of arrival.
func TestOrderInABlock(t *testing.T) {
	c := start(t, beforeT4)
	late := c.sendTo(second, c.sign(draftFor(second, 0, pay(c.carol, usd(1))), c.bob))
	one := c.sendTo(first, c.sign(draftFor(first, 0, pay(c.bob, usd(1))), c.alice))
	other := c.sendTo(first, c.sign(draftFor(first, 0, pay(c.carol, usd(1))), c.bob))
	two := c.sendTo(first, c.sign(draftFor(first, 1, pay(c.bob, usd(1))), c.alice))
	ordinary := c.send(c.sign(draft(0, pay(c.carol, usd(1))), c.alice))
	got := c.transactions(c.mine())
	if want := []common.Hash{ordinary, one, other, two, late}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

// Money that arrives in a sub-block is spent further down in the same one, whatever
// the payer had.
func TestChildInTheSubBlockOfItsParent(t *testing.T) {
	c := start(t, beforeT4)
	parent := c.sendTo(first, c.sign(draftFor(first, 0, pay(c.carol, usd(10))), c.alice))
	child := c.sendTo(first, c.sign(draftFor(first, 0, pay(c.bob, usd(10))), c.carol))
	c.mine()
	c.status(parent, 1)
	c.status(child, 1)
	c.holds(c.bob, usd(15))
}

// The child of a parent in a later sub-block executes before it: it fails, and its
// nonce is used.
func TestChildInAnEarlierSubBlockThanItsParent(t *testing.T) {
	c := start(t, beforeT4)
	parent := c.sendTo(second, c.sign(draftFor(second, 0, pay(c.carol, usd(10))), c.alice))
	child := c.sendTo(first, c.sign(draftFor(first, 0, pay(c.bob, usd(10))), c.carol))
	c.mine()
	c.status(parent, 1)
	c.status(child, 0)
	if n := c.nonceOf(first, c.carol); n != 1 {
		t.Errorf("nonce %d, want 1", n)
	}
	c.holds(c.carol, usd(10))
}

// nonceOf returns the nonce of an account in a validator's lane.
func (c *chain) nonceOf(validator [32]byte, who account) uint64 {
	c.t.Helper()
	key := laneOf(validator)
	n, err := tempo.DecodeUint64(c.call(tempo.NoncePrecompile, tempo.EncodeGetNonce(who.address, &key)))
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// A sub-block has half of a tenth of the block's gas if there are two validators,
// counted by gas limits. What does not fit is thrown away, what is smaller and
// comes later still fits, and nothing waits for the next block.
func TestSubBlockBudget(t *testing.T) {
	c := start(t, beforeT4)
	limited := func(nonce, gas uint64, from account) *tx76.Transaction {
		tx := draftFor(first, nonce, pay(c.carol, usd(1)))
		tx.Gas = gas
		return c.sign(tx, from)
	}
	fits := c.sendTo(first, limited(0, 24_000_000, c.alice))
	over := c.sendTo(first, limited(0, 1_000_001, c.bob))
	alsoOver := c.sendTo(first, limited(1, 1_000_001, c.alice))
	smaller := c.sendTo(first, c.sign(draftFor(first, 0, pay(c.bob, uint256.NewInt(1))), c.sponsor))
	neighbour := c.sendTo(second, c.sign(draftFor(second, 0, pay(c.carol, usd(1))), c.bob))
	c.mine()
	c.status(fits, 1)
	c.missing(over)
	c.missing(alsoOver)
	c.status(smaller, 0) // the sponsor has no pathUSD
	c.status(neighbour, 1)
	c.mine()
	c.missing(over)
	c.missing(alsoOver)
	if known, _, err := c.pendingAt(over); err != nil || known {
		t.Errorf("known: %t, %v", known, err)
	}
	// It is taken again, and comes into the next block.
	again := c.sendTo(first, limited(0, 1_000_001, c.bob))
	if again != over {
		t.Errorf("hash %s, want %s", again, over)
	}
	c.mine()
	c.status(over, 1)
}

// Ordinary transactions cannot take the gas of the sub-blocks.
func TestOrdinaryTransactionsLeaveTheSharedGas(t *testing.T) {
	c := start(t, beforeT4)
	const gas = 8_500_000
	for i := range uint64(60) {
		tx := draft(i) // runs out of gas on 32 new balances, and uses all it has
		tx.Gas = gas
		for j := range byte(32) {
			tx.Calls = append(tx.Calls, pay(newAccount(t, 100+j), uint256.NewInt(1)))
		}
		c.send(c.sign(tx, c.alice))
	}
	hash := c.sendTo(first, c.sign(draftFor(first, 0, pay(c.bob, usd(1))), c.alice))
	block := c.transactions(c.mine())
	if want := 450_000_000/gas + 1; len(block) != want || block[want-1] != hash {
		t.Errorf("%d transactions, want %d and the sub-block's last", len(block), want)
	}
	if n := len(c.transactions(c.mine())); n != 60-450_000_000/gas {
		t.Errorf("%d transactions in the next block", n)
	}
}

// What cannot pay its fee is in the block: it has failed, its nonce is used and all
// its gas, and nobody pays.
func TestPoorInASubBlock(t *testing.T) {
	c := start(t, beforeT4, withBaseFee(gwei20))
	poor := priced(draftFor(first, 0, pay(c.bob, usd(1))))
	poor.FeeToken = &tempo.BetaUSD
	hash := c.sendTo(first, c.sign(poor, c.alice))
	reverting := priced(draftFor(first, 1, pay(c.bob, usd(1000))))
	failed := c.sendTo(first, c.sign(reverting, c.alice))
	c.mine()
	r := c.receipt(hash)
	if r.Status != 0 || r.GasUsed != poor.Gas {
		t.Errorf("status %d, %d gas", r.Status, r.GasUsed)
	}
	if len(r.Logs) != 1 || r.Logs[0].Address != tempo.NoncePrecompile {
		t.Errorf("logs %v, want that of the nonce alone", r.Logs)
	}
	if r := c.receipt(failed); r.Status != 0 || r.GasUsed == reverting.Gas || len(r.Logs) != 2 {
		t.Errorf("status %d, %d gas, %d logs", r.Status, r.GasUsed, len(r.Logs))
	}
	if n := c.nonceOf(first, c.alice); n != 2 {
		t.Errorf("nonce %d, want 2", n)
	}
	c.holds(c.bob, usd(5))
}

// A validator leaves out what is not valid when the block is built, and forgets it.
func TestInvalidInASubBlock(t *testing.T) {
	c := start(t, beforeT4)
	expires := draftFor(first, 0, pay(c.bob, usd(1)))
	expires.ValidBefore = uint64(genesisTime.Unix()) + 5
	early := draftFor(first, 0, pay(c.bob, usd(1)))
	early.ValidAfter = uint64(genesisTime.Unix()) + 60
	gone := []common.Hash{
		c.sendTo(first, c.sign(expires, c.alice)),
		c.sendTo(first, c.sign(early, c.bob)),
		c.sendTo(first, c.sign(draftFor(first, 1, pay(c.bob, usd(1))), c.sponsor)), // a gap
	}
	c.clock = genesisTime.Add(4e9) // the block comes 5 s after genesis
	valid := c.sendTo(first, c.sign(draftFor(first, 0, pay(c.bob, usd(1))), devAccount(t)))
	replay := draftFor(first, 0, pay(c.bob, usd(2)))
	gone = append(gone, c.sendTo(first, c.sign(replay, devAccount(t))))
	if got := c.transactions(c.mine()); !slices.Equal(got, []common.Hash{valid}) {
		t.Errorf("block has %v, want %s", got, valid)
	}
	for _, hash := range gone {
		if known, _, err := c.pendingAt(hash); err != nil || known {
			t.Errorf("%s is still known, %v", hash, err)
		}
	}
}

// Access keys are no part of the lane.
func TestSubBlockForms(t *testing.T) {
	c := start(t, beforeT4)
	authorized := draftFor(first, 0, pay(c.bob, usd(1)))
	authorized.KeyAuthorization = []byte{0xc2, 0xc0, 0x80}
	_, err := submitTo(c.node(first), c.sign(authorized, c.alice))
	refusedWith(t, err, "does not support key authorizations")
}

func TestSubBlockIsBounded(t *testing.T) {
	var keys [][32]byte
	for i := range byte(11) {
		keys = append(keys, sha256.Sum256([]byte{i}))
	}
	c := start(t, func(cfg *devchain.Config) { cfg.Fork, cfg.Validators = devchain.T3, keys })
	c.StuffSubBlock(keys[0], 9_999)
	c.sendTo(keys[0], c.sign(draftFor(keys[0], 0, pay(c.bob, usd(1))), c.alice))
	_, err := submitTo(c.node(keys[0]), c.sign(draftFor(keys[0], 1, pay(c.bob, usd(1))), c.alice))
	refusedWith(t, err, "sub-block is full: 10000 transactions wait at this validator and 10000 at all")
	c.sendTo(keys[1], c.sign(draftFor(keys[1], 0, pay(c.bob, usd(1))), c.alice))
	for _, key := range keys[2:] {
		c.StuffSubBlock(key, 10_000)
	}
	_, err = submitTo(c.node(keys[1]), c.sign(draftFor(keys[1], 1, pay(c.bob, usd(1))), c.alice))
	refusedWith(t, err, "sub-block is full: 1 transactions wait at this validator and 100001 at all")
}

// A chain that goes on has its sub-blocks as they were, and stays at its hardfork.
func TestSubBlocksGoOn(t *testing.T) {
	c := start(t, beforeT4, keptIn(t.TempDir()), withBaseFee(gwei20))
	c.sendTo(second, c.sign(priced(draftFor(second, 0, pay(c.carol, usd(1)))), devAccount(t)))
	c.sendTo(first, c.sign(priced(draftFor(first, 0, pay(c.bob, usd(1)))), devAccount(t)))
	poor := priced(draftFor(first, 0, pay(c.bob, usd(1))))
	poor.FeeToken = &tempo.BetaUSD
	c.sendTo(first, c.sign(poor, c.alice))
	c.send(c.sign(priced(draft(0, pay(c.carol, usd(1)))), devAccount(t)))
	if n := len(c.transactions(c.mine())); n != 4 {
		t.Fatalf("%d transactions in the block", n)
	}
	c.mine()
	said := c.spoken()
	next := c.restart(beforeT4, withBaseFee(gwei20))
	if next.spoken() != said {
		t.Error("the chain came out otherwise")
	}
	next.sendTo(first, next.sign(priced(draftFor(first, 1, pay(c.bob, usd(1)))), devAccount(t)))
	next.mine()
	next.holds(c.bob, usd(7))
	next.close()

	for want, change := range map[string]func(*devchain.Config){
		"Fork of the chain in":       func(cfg *devchain.Config) {},
		"Validators of the chain in": func(cfg *devchain.Config) { cfg.Fork, cfg.Validators = devchain.T3, [][32]byte{first} },
	} {
		if err := opening(t, keptIn(c.dir), withBaseFee(gwei20), change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}
