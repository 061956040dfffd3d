package devchain_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
)

func keptIn(dir string) func(*devchain.Config) {
	return func(cfg *devchain.Config) { cfg.Dir = dir }
}

// close ends a chain before its test does.
func (c *chain) close() {
	c.t.Helper()
	c.client.Close()
	if err := c.Close(); err != nil {
		c.t.Fatal(err)
	}
}

// restart ends a chain and starts it again in its folder, a minute later.
func (c *chain) restart(change ...func(*devchain.Config)) *chain {
	c.t.Helper()
	c.close()
	next := start(c.t, append([]func(*devchain.Config){keptIn(c.dir)}, change...)...)
	next.clock = c.clock.Add(time.Minute)
	return next
}

// opening returns the error of starting the tests' chain with changes.
func opening(t testing.TB, change ...func(*devchain.Config)) error {
	t.Helper()
	cfg := startConfig(t, change...)
	c, err := devchain.New(cfg)
	if err != nil {
		return err
	}
	return c.Close()
}

// header returns a block's header.
func (c *chain) header(number int64) *types.Header {
	c.t.Helper()
	h, err := c.client.HeaderByNumber(context.Background(), big.NewInt(number))
	if err != nil {
		c.t.Fatal(err)
	}
	return h
}

// spoken returns all that the chain says about its blocks, their transactions,
// receipts and logs, and about balances and nonces at each.
func (c *chain) spoken() string {
	c.t.Helper()
	ask := func(method string, args ...any) json.RawMessage {
		var answer json.RawMessage
		if err := c.rpc.Call(&answer, method, args...); err != nil {
			c.t.Fatal(err)
		}
		return append(answer, '\n')
	}
	var all []byte
	for n := range c.Height() + 1 {
		number := hexutil.Uint64(n)
		all = append(all, ask("eth_getBlockByNumber", number, true)...)
		all = append(all, ask("eth_getBlockReceipts", number)...)
		for _, who := range []account{c.alice, c.bob, c.carol, c.sponsor} {
			for _, token := range devchain.Tokens() {
				all = append(all, ask("eth_call", map[string]any{"to": token, "input": hexutil.Bytes(tempo.EncodeBalanceOf(who.address))}, number)...)
			}
			nonce := hexutil.Bytes(tempo.EncodeGetNonce(who.address, &laneKey))
			all = append(all, ask("eth_call", map[string]any{"to": tempo.NoncePrecompile, "input": nonce}, number)...)
			all = append(all, ask("eth_getTransactionCount", who.address, number)...)
		}
	}
	return string(append(all, ask("eth_getLogs", map[string]any{"fromBlock": "0x0"})...))
}

// A chain that is started again says the same about everything, and goes on.
func TestChainGoesOn(t *testing.T) {
	live := []func(*devchain.Config){withBaseFee(20_000_000_000), func(cfg *devchain.Config) { cfg.DevRPC = true }}
	dir := t.TempDir()
	c := start(t, append(live, keptIn(dir))...)
	if c.GenesisHash() != c.header(0).Hash() {
		t.Errorf("genesis hash %s", c.GenesisHash())
	}
	priced := func(nonce uint64, amount *uint256.Int) common.Hash {
		tx := draft(nonce, pay(c.bob, amount))
		tx.MaxFeePerGas = *uint256.NewInt(30_000_000_000)
		return c.send(c.sponsored(tx, c.alice))
	}
	c.mine() // an empty one
	priced(0, usd(10))
	priced(1, usd(1000)) // reverts: she has less
	priced(5, usd(1))    // is dropped: not her next nonce
	c.mine()
	var done bool
	slot := crypto256(common.LeftPadBytes(c.carol.address[:], 32), common.LeftPadBytes([]byte{9}, 32))
	if err := c.rpc.Call(&done, "anvil_setStorageAt", tempo.PathUSD, slot, common.BigToHash(big.NewInt(77))); err != nil {
		t.Fatal(err)
	}
	late := draft(2, pay(c.bob, usd(2))) // waits for a block that is not built
	late.MaxFeePerGas = *uint256.NewInt(30_000_000_000)
	late.ValidAfter = uint64(c.clock.Unix()) + 60
	waiting := c.send(c.sponsored(late, c.alice))
	c.mine()
	said := c.spoken()
	c.holds(c.carol, uint256.NewInt(77))

	for range 3 {
		height := c.Height()
		c = c.restart(live...)
		if again := c.spoken(); again != said {
			t.Fatalf("after a restart the chain says\n%s\nbefore\n%s", again, said)
		}
		if _, _, err := c.client.TransactionByHash(t.Context(), waiting); err == nil {
			t.Error("a transaction that waited was kept")
		}
		head := c.header(int64(height))
		hash := priced(2+height-4, usd(1))
		c.mine()
		c.status(hash, 1)
		if next := c.header(int64(height) + 1); next.ParentHash != head.Hash() || next.Time <= head.Time {
			t.Errorf("block %d does not follow block %d", next.Number, head.Number)
		}
		said = c.spoken()
	}
	c.holds(c.bob, usd(18))
}

// What a chain has said is on disk: a copy of its files in the middle of its
// life, as after a power cut, has every block.
func TestBlocksAreKeptBeforeTheyAreSpokenOf(t *testing.T) {
	dir := t.TempDir()
	c := start(t, keptIn(dir))
	heads := make(chan *types.Header, 1)
	if _, err := c.client.SubscribeNewHead(t.Context(), heads); err != nil {
		t.Fatal(err)
	}
	for nonce := range uint64(3) {
		c.send(c.sign(draft(nonce, pay(c.bob, usd(1))), c.alice))
		c.mine()
		heard := <-heads
		copied := start(t, keptIn(folderWith(t, readLog(t, dir))))
		if head := copied.header(int64(copied.Height())); head.Hash() != heard.Hash() {
			t.Errorf("the copy ends with block %d, %s was heard of", head.Number, heard.Number)
		}
		copied.holds(c.bob, usd(6+nonce))
	}
}

// The blocks of a chain that was configured otherwise are not taken, and the
// error says in what.
func TestOtherChainIsRefused(t *testing.T) {
	dir := t.TempDir()
	c := start(t, keptIn(dir))
	c.mine()
	c.close()
	for want, change := range map[devchain.MismatchError]func(*devchain.Config){
		{Field: "ChainID", Kept: "31337", Given: "7"}: func(cfg *devchain.Config) { cfg.ChainID = 7 },
		{Field: "BaseFee", Kept: "0", Given: "9"}:     withBaseFee(9),
		{Field: "GenesisTime", Kept: "2030-03-17T17:46:40Z", Given: "2030-03-17T17:46:41.5Z"}: func(cfg *devchain.Config) {
			cfg.GenesisTime = genesisTime.Add(1500 * time.Millisecond)
		},
		{Field: "Alloc"}: func(cfg *devchain.Config) { cfg.Alloc[tempo.BetaUSD] = cfg.Alloc[tempo.AlphaUSD] },
	} {
		want.Path = logFile(dir)
		err := opening(t, keptIn(dir), change)
		var got *devchain.MismatchError
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%v, want %v", err, &want)
		}
	}
	var none *devchain.MismatchError
	if err := opening(t, keptIn(dir), func(cfg *devchain.Config) { clear(cfg.Alloc) }); !errors.As(err, &none) || none.Field != "Alloc" {
		t.Errorf("no balances at all: %v", err)
	}
	if err := opening(t, keptIn(dir), withBaseFee(9)); err == nil || err.Error() != "devchain: BaseFee of the chain in "+logFile(dir)+" is 0, not 9: set it to 0 or name another folder" {
		t.Error(err)
	}
}

// What changes no block may change, and what is left open is what it was.
func TestWhatMayChange(t *testing.T) {
	dir := t.TempDir()
	c := start(t, keptIn(dir), func(cfg *devchain.Config) { cfg.GenesisTime = genesisTime.Add(time.Nanosecond) })
	for range 5 {
		c.mine()
	}
	said := c.spoken()
	c = c.restart(func(cfg *devchain.Config) {
		cfg.Alloc = nil
		cfg.Manual = false
		cfg.BlockTime = 700 * time.Millisecond
		cfg.FinalityLag = 3
		cfg.PoolLimit = 1
	})
	if c.spoken() != said {
		t.Error("the blocks changed")
	}
	if n := c.finalized(); n != 2 {
		t.Errorf("finalized block %d", n)
	}
	c.clock = genesisTime.Add(700 * time.Millisecond)
	if next, want := c.NextBlock(), genesisTime.Add(700*time.Millisecond+1); !next.Equal(want) {
		t.Errorf("next block at %s, want %s: nanoseconds of the genesis time count", next, want)
	}
	c = c.restart(func(cfg *devchain.Config) { cfg.GenesisTime = genesisTime.Add(time.Nanosecond) })
	if c.spoken() != said {
		t.Error("the blocks changed with the genesis time given")
	}
}

// Memory is bounded while blocks are read again, too.
func TestRetentionAfterRestart(t *testing.T) {
	c := start(t, keptIn(t.TempDir()))
	genesis := c.GenesisHash()
	for nonce := range uint64(8) {
		c.send(c.sign(draft(nonce, pay(c.bob, usd(1))), c.alice))
		c.mine()
	}
	retained := func(want int64) {
		t.Helper()
		if _, err := c.client.HeaderByNumber(t.Context(), big.NewInt(want-1)); err == nil {
			t.Errorf("block %d is retained", want-1)
		}
		c.header(want)
		if logs := c.spokenLogs(want); logs != 2*(8-int(want)+1) {
			t.Errorf("%d logs from block %d on", logs, want)
		}
		c.holds(c.bob, usd(13))
		if c.GenesisHash() != genesis || c.Height() != 8 {
			t.Errorf("genesis %s, height %d", c.GenesisHash(), c.Height())
		}
	}
	c = c.restart(func(cfg *devchain.Config) { cfg.RetainBlocks = 3 })
	retained(6)
	c = c.restart(func(cfg *devchain.Config) { cfg.RetainTransactions = 5 })
	retained(4)
	c = c.restart()
	if h := c.header(0); h.Hash() != genesis {
		t.Errorf("genesis %s", h.Hash())
	}
}

// spokenLogs counts the logs from a block on.
func (c *chain) spokenLogs(from int64) int {
	c.t.Helper()
	var logs []types.Log
	if err := c.rpc.Call(&logs, "eth_getLogs", map[string]any{"fromBlock": hexutil.Uint64(from)}); err != nil {
		c.t.Fatal(err)
	}
	return len(logs)
}

// The time that passes while nobody runs the chain has no blocks; the next one
// comes at the next edge that its genesis gives.
func TestNoBlocksWhileStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := devchain.DefaultConfig()
		cfg.Dir = t.TempDir()
		time.Sleep(300 * time.Millisecond) // genesis is not at a whole second
		began := time.Now()
		run := func(d time.Duration, check func(*devchain.Chain, *ethclient.Client)) {
			c, err := devchain.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			client := ethclient.NewClient(c.Client())
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			var running sync.WaitGroup
			running.Go(func() {
				if err := c.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			if check != nil {
				check(c, client)
			}
			running.Wait()
			client.Close()
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
		run(12*time.Second, nil)
		time.Sleep(time.Hour + 11*time.Second) // 23 s past an edge
		run(9*time.Second, func(c *devchain.Chain, client *ethclient.Client) {
			if c.Height() != 2 {
				t.Errorf("height %d", c.Height())
			}
			if next := c.NextBlock(); !next.Equal(began.Add(time.Hour + 25*time.Second)) {
				t.Errorf("next block %s after genesis", next.Sub(began))
			}
			heads := make(chan *types.Header, 10)
			if _, err := client.SubscribeNewHead(t.Context(), heads); err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				h := <-heads
				want := began.Add(time.Hour + 25*time.Second + time.Duration(i)*5*time.Second).Unix()
				if h.Number.Int64() != int64(3+i) || h.Time != uint64(want) {
					t.Errorf("block %d at %d, want %d at %d", h.Number, h.Time, 3+i, want)
				}
			}
		})
	})
}
