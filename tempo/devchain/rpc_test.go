package devchain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
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
)

// overSockets serves the chain and returns a client over HTTP and one over
// WebSocket, on one port.
func overSockets(t *testing.T, c *chain) (overHTTP, overWS *ethclient.Client) {
	t.Helper()
	server := httptest.NewServer(c.Handler())
	t.Cleanup(server.Close)
	clients := make([]*ethclient.Client, 2)
	for i, url := range []string{server.URL, "ws" + strings.TrimPrefix(server.URL, "http")} {
		client, err := ethclient.Dial(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		clients[i] = client
	}
	return clients[0], clients[1]
}

// eachTransport runs a test over HTTP, WebSocket and in process.
func eachTransport(t *testing.T, test func(t *testing.T, c *chain, client *ethclient.Client)) {
	for i, name := range []string{"http", "ws", "inproc"} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			overHTTP, overWS := overSockets(t, c)
			test(t, c, []*ethclient.Client{overHTTP, overWS, c.client}[i])
		})
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestChainFacts(t *testing.T) {
	eachTransport(t, func(t *testing.T, c *chain, client *ethclient.Client) {
		ctx := t.Context()
		c.mine()
		if id := must[*big.Int](t)(client.ChainID(ctx)); id.Uint64() != 31337 {
			t.Errorf("chain id %s", id)
		}
		if id := must[*big.Int](t)(client.NetworkID(ctx)); id.Uint64() != 31337 {
			t.Errorf("network id %s", id)
		}
		if n := must[uint64](t)(client.BlockNumber(ctx)); n != 1 {
			t.Errorf("block number %d", n)
		}
		if price := must[*big.Int](t)(client.SuggestGasPrice(ctx)); price.Sign() != 0 {
			t.Errorf("gas price %s", price)
		}
		if tip := must[*big.Int](t)(client.SuggestGasTipCap(ctx)); tip.Sign() != 0 {
			t.Errorf("tip %s", tip)
		}
		if progress, err := client.SyncProgress(ctx); err != nil || progress != nil {
			t.Errorf("syncing %v, %v", progress, err)
		}
		if have := must[*big.Int](t)(client.BalanceAt(ctx, c.alice.address, nil)); !strings.HasPrefix(have.String(), "424242") {
			t.Errorf("native balance %s, want the placeholder", have)
		}
		var version string
		if err := client.Client().Call(&version, "web3_clientVersion"); err != nil || !strings.Contains(version, "development only") {
			t.Errorf("version %q, %v", version, err)
		}
		schedule, known, err := tempo.New(client.Client(), tempo.Options{}).ForkSchedule(ctx)
		if err != nil || !known || schedule.Active != "T4" || !schedule.Reached("T4") || schedule.Reached("T5") {
			t.Errorf("fork schedule %+v, %v", schedule, err)
		}
	})
}

func TestHeadersAndBlocks(t *testing.T) {
	eachTransport(t, func(t *testing.T, c *chain, client *ethclient.Client) {
		ctx := t.Context()
		var hashes []common.Hash
		for range 3 {
			hashes = append(hashes, c.mine())
		}
		parent := must[*types.Header](t)(client.HeaderByNumber(ctx, new(big.Int)))
		for i, hash := range hashes {
			h := must[*types.Header](t)(client.HeaderByHash(ctx, hash))
			if h.Hash() != hash {
				t.Errorf("header hash %s, block hash %s", h.Hash(), hash)
			}
			if h.ParentHash != parent.Hash() || h.Time != parent.Time+1 || h.Number.Uint64() != uint64(i+1) {
				t.Errorf("header %d does not follow its parent: %+v", i, h)
			}
			parent = h
		}
		for tag, number := range map[rpc.BlockNumber]uint64{
			rpc.LatestBlockNumber:    3,
			rpc.PendingBlockNumber:   3,
			rpc.FinalizedBlockNumber: 2,
			rpc.SafeBlockNumber:      2,
			rpc.EarliestBlockNumber:  0,
		} {
			if h := must[*types.Header](t)(client.HeaderByNumber(ctx, big.NewInt(int64(tag)))); h.Number.Uint64() != number {
				t.Errorf("%s is block %s, want %d", tag, h.Number, number)
			}
		}
		if _, err := client.HeaderByNumber(ctx, big.NewInt(4)); !errors.Is(err, ethereum.NotFound) {
			t.Errorf("a block to come: %v", err)
		}
		if _, err := client.HeaderByHash(ctx, common.Hash{1}); !errors.Is(err, ethereum.NotFound) {
			t.Errorf("an unknown block: %v", err)
		}
		// An empty block has a form that go-ethereum knows.
		if b := must[*types.Block](t)(client.BlockByNumber(ctx, nil)); b.Hash() != hashes[2] {
			t.Errorf("empty block %s", b.Hash())
		}
	})
}

func TestReceiptsAndTransactions(t *testing.T) {
	eachTransport(t, func(t *testing.T, c *chain, client *ethclient.Client) {
		ctx := t.Context()
		tx := c.sponsored(draft(0, pay(c.bob, usd(10))), c.alice)
		hash := c.send(tx)

		var waiting map[string]any
		if err := client.Client().CallContext(ctx, &waiting, "eth_getTransactionByHash", hash); err != nil || waiting["blockHash"] != nil || waiting["hash"] != hash.Hex() {
			t.Errorf("waiting transaction %v, %v", waiting, err)
		}
		block := c.mine()
		r := must[*types.Receipt](t)(client.TransactionReceipt(ctx, hash))
		if r.Type != 0x76 || r.Status != 1 || r.TxHash != hash || r.BlockHash != block || r.BlockNumber.Uint64() != 1 {
			t.Errorf("receipt %+v", r)
		}
		all := must[[]*types.Receipt](t)(client.BlockReceipts(ctx, rpc.BlockNumberOrHashWithHash(block, false)))
		if len(all) != 1 || all[0].TxHash != hash {
			t.Errorf("receipts of the block: %+v", all)
		}
		for _, l := range r.Logs {
			if l.BlockHash != block || l.TxHash != hash || l.BlockNumber != 1 || l.BlockTimestamp == 0 || !r.Bloom.Test(l.Address[:]) {
				t.Errorf("log %+v", l)
			}
		}

		var full struct {
			Hash         common.Hash
			Transactions []map[string]any
		}
		if err := client.Client().CallContext(ctx, &full, "eth_getBlockByHash", block, true); err != nil || len(full.Transactions) != 1 {
			t.Fatalf("full block %+v, %v", full, err)
		}
		var one map[string]any
		if err := client.Client().CallContext(ctx, &one, "eth_getTransactionByHash", hash); err != nil {
			t.Fatal(err)
		}
		for _, shown := range []map[string]any{full.Transactions[0], one} {
			call := shown["calls"].([]any)[0].(map[string]any)
			for field, want := range map[string]any{
				"hash": hash.Hex(), "type": "0x76", "from": strings.ToLower(c.alice.address.Hex()), "chainId": "0x7a69",
				"nonceKey": "0x7", "nonce": "0x0", "blockHash": block.Hex(), "transactionIndex": "0x0",
				"feeToken": strings.ToLower(tempo.AlphaUSD.Hex()), "validBefore": nil,
			} {
				if shown[field] != want {
					t.Errorf("%s is %v, want %v", field, shown[field], want)
				}
			}
			if call["input"] != hexutil.Encode(tx.Calls[0].Input) || call["to"] != strings.ToLower(tempo.PathUSD.Hex()) || call["value"] != "0x0" {
				t.Errorf("call %v", call)
			}
			if sig := shown["signature"].(map[string]any); sig["type"] != "secp256k1" || sig["r"] == nil || shown["feePayerSignature"] == nil {
				t.Errorf("signature %v", sig)
			}
			if shown["to"] != nil || shown["input"] != nil {
				t.Error("a 0x76 transaction has no to and input of its own")
			}
		}
		var receipt map[string]any
		if err := client.Client().CallContext(ctx, &receipt, "eth_getTransactionReceipt", hash); err != nil || receipt["feePayer"] != strings.ToLower(c.sponsor.address.Hex()) {
			t.Errorf("fee payer %v, %v", receipt["feePayer"], err)
		}
	})
}

func TestRevertData(t *testing.T) {
	eachTransport(t, func(t *testing.T, c *chain, client *ethclient.Client) {
		call := func(from, to common.Address, input []byte) error {
			_, err := client.CallContract(t.Context(), ethereum.CallMsg{From: from, To: &to, Data: input}, nil)
			return err
		}
		word := func(x uint64) []byte { return uint256.NewInt(x).PaddedBytes(32) }
		insufficient := bytes.Join([][]byte{
			tempo.SelectorInsufficientBalance[:], word(5_000_000), word(6_000_000), common.LeftPadBytes(tempo.PathUSD[:], 32),
		}, nil)
		errorSelector := func(signature string) []byte { return crypto.Keccak256([]byte(signature))[:4] }
		unknown := func(selector ...byte) []byte {
			return append(errorSelector("UnknownFunctionSelector(bytes4)"), common.RightPadBytes(selector, 32)...)
		}
		for _, tc := range []struct {
			name  string
			to    common.Address
			input []byte
			want  []byte
		}{
			{"insufficient balance", tempo.PathUSD, tempo.EncodeTransfer(c.alice.address, usd(6)), insufficient},
			{"with memo", tempo.PathUSD, tempo.EncodeTransferWithMemo(c.alice.address, usd(6), common.Hash{1}), insufficient},
			{"zero recipient", tempo.PathUSD, tempo.EncodeTransfer(common.Address{}, usd(1)), tempo.SelectorInvalidRecipient[:]},
			{"token as recipient", tempo.PathUSD, tempo.EncodeTransfer(tempo.BetaUSD, usd(1)), tempo.SelectorInvalidRecipient[:]},
			{"protocol nonce", tempo.NoncePrecompile, tempo.EncodeGetNonce(c.bob.address, new(uint256.Int)), tempo.SelectorProtocolNonceNotSupported[:]},
			{"no such function", tempo.PathUSD, []byte{1, 2, 3, 4, 5}, unknown(1, 2, 3, 4)},
			{"half a selector", tempo.PathUSD, []byte{1, 2}, []byte{}},
			{"short calldata", tempo.PathUSD, tempo.SelectorTransfer[:], []byte{}},
			{"no such token", common.HexToAddress("0x20c00000000000000000000000000000000000ff"), tempo.SelectorDecimals[:], errorSelector("Uninitialized()")},
			{"fee manager", tempo.FeeManager, []byte{1, 2, 3, 4}, unknown(1, 2, 3, 4)},
			{"no such function of the nonces", tempo.NoncePrecompile, []byte{1, 2, 3, 4}, []byte{}},
		} {
			err := call(c.bob.address, tc.to, tc.input)
			var revert rpc.DataError
			if !errors.As(err, &revert) {
				t.Fatalf("%s: %v has no revert data", tc.name, err)
			}
			if code := err.(rpc.Error).ErrorCode(); code != 3 || !strings.HasPrefix(err.Error(), "execution reverted") {
				t.Errorf("%s: code %d, %v", tc.name, code, err)
			}
			if got := revert.ErrorData(); got != hexutil.Encode(tc.want) {
				t.Errorf("%s: data %v, want 0x%x", tc.name, got, tc.want)
			}
		}
		if err := call(c.bob.address, tempo.PathUSD, tempo.EncodeTransferWithMemo(c.alice.address, new(uint256.Int), common.Hash{1})); err != nil {
			t.Errorf("a transfer of nothing: %v", err)
		}
		if err := call(c.bob.address, c.alice.address, []byte{1}); err != nil {
			t.Errorf("a call of an account without code: %v", err)
		}
	})
}

// Reads pinned to a block see that block, by number, tag, hash and EIP-1898
// object, whatever came later.
func TestPinnedReads(t *testing.T) {
	eachTransport(t, func(t *testing.T, c *chain, client *ethclient.Client) {
		before := c.mine()
		c.send(c.sign(draft(0, pay(c.bob, usd(10))), c.alice))
		after := c.mine()

		ctx, msg := t.Context(), ethereum.CallMsg{To: &tempo.PathUSD, Data: tempo.EncodeBalanceOf(c.bob.address)}
		check := func(what string, out []byte, err error, want *uint256.Int) {
			t.Helper()
			if got, _ := tempo.DecodeUint256(out); err != nil || !got.Eq(want) {
				t.Errorf("%s: %s, %v, want %s", what, &got, err, want)
			}
		}
		out, err := client.CallContractAtHash(ctx, msg, before)
		check("old hash", out, err, usd(5))
		out, err = client.CallContractAtHash(ctx, msg, after)
		check("new hash", out, err, usd(15))
		out, err = client.CallContract(ctx, msg, big.NewInt(1))
		check("old number", out, err, usd(5))
		out, err = client.CallContract(ctx, msg, big.NewInt(int64(rpc.FinalizedBlockNumber)))
		check("finalized", out, err, usd(5))
		out, err = client.CallContract(ctx, msg, nil)
		check("latest", out, err, usd(15))
		if _, err = client.CallContractAtHash(ctx, msg, common.Hash{1}); err == nil || !strings.Contains(err.Error(), "not found") {
			t.Errorf("unknown hash: %v", err)
		}
		if _, err = client.CallContract(ctx, msg, big.NewInt(3)); err == nil || !strings.Contains(err.Error(), "block 0x3 not found") {
			t.Errorf("block to come: %v", err)
		}

		// The storage slots are Tempo's.
		slot := crypto256(common.LeftPadBytes(c.bob.address[:], 32), uint256.NewInt(9).PaddedBytes(32))
		word := must[[]byte](t)(client.StorageAt(ctx, tempo.PathUSD, slot, nil))
		check("balance slot", word, nil, usd(15))
		inner := crypto256(common.LeftPadBytes(c.alice.address[:], 32), make([]byte, 32))
		slot = crypto256(laneKey.PaddedBytes(32), inner[:])
		word = must[[]byte](t)(client.StorageAt(ctx, tempo.NoncePrecompile, slot, nil))
		check("nonce slot", word, nil, uint256.NewInt(1))
	})
}

func TestLogs(t *testing.T) {
	eachTransport(t, func(t *testing.T, c *chain, client *ethclient.Client) {
		ctx := t.Context()
		c.send(c.sign(draft(0, pay(c.bob, usd(1))), c.alice))
		first := c.mine()
		c.mine()
		c.send(c.sign(draft(1, pay(c.bob, usd(2))), c.alice))
		c.send(c.sign(draft(0, pay(c.carol, usd(3))), c.bob))
		c.mine()

		count := func(q ethereum.FilterQuery) int {
			t.Helper()
			return len(must[[]types.Log](t)(client.FilterLogs(ctx, q)))
		}
		topic := func(a common.Address) common.Hash { return common.BytesToHash(a[:]) }
		all := ethereum.FilterQuery{FromBlock: new(big.Int)}
		for name, tc := range map[string]struct {
			edit func(q *ethereum.FilterQuery)
			want int
		}{
			"everything":    {func(*ethereum.FilterQuery) {}, 6},
			"one token":     {func(q *ethereum.FilterQuery) { q.Addresses = []common.Address{tempo.PathUSD} }, 3},
			"two emitters":  {func(q *ethereum.FilterQuery) { q.Addresses = []common.Address{tempo.PathUSD, tempo.NoncePrecompile} }, 6},
			"another token": {func(q *ethereum.FilterQuery) { q.Addresses = []common.Address{tempo.BetaUSD} }, 0},
			"by topic":      {func(q *ethereum.FilterQuery) { q.Topics = [][]common.Hash{{tempo.TopicNonceIncremented}} }, 3},
			"to Bob": {func(q *ethereum.FilterQuery) {
				q.Topics = [][]common.Hash{{tempo.TopicTransfer}, nil, {topic(c.bob.address)}}
			}, 2},
			"of Alice": {func(q *ethereum.FilterQuery) { q.Topics = [][]common.Hash{nil, {topic(c.alice.address)}} }, 4},
			"either": {func(q *ethereum.FilterQuery) {
				q.Topics = [][]common.Hash{nil, {topic(c.alice.address), topic(c.bob.address)}}
			}, 6},
			"first block only": {func(q *ethereum.FilterQuery) { q.ToBlock = big.NewInt(1) }, 2},
			"latest only":      {func(q *ethereum.FilterQuery) { q.FromBlock = big.NewInt(int64(rpc.LatestBlockNumber)) }, 4},
			"beyond the head":  {func(q *ethereum.FilterQuery) { q.ToBlock = big.NewInt(99) }, 6},
			"one block":        {func(q *ethereum.FilterQuery) { q.FromBlock, q.BlockHash = nil, &first }, 2},
			"four places":      {func(q *ethereum.FilterQuery) { q.Topics = make([][]common.Hash, 4) }, 0},
		} {
			q := all
			tc.edit(&q)
			if got := count(q); got != tc.want {
				t.Errorf("%s: %d logs, want %d", name, got, tc.want)
			}
		}
		for name, q := range map[string]any{
			"hash and range": map[string]any{"blockHash": first, "fromBlock": "0x0"},
			"empty range":    map[string]any{"fromBlock": "0x3", "toBlock": "0x1"},
			"future range":   map[string]any{"fromBlock": "0x4", "toBlock": "0x5"},
			"unknown hash":   map[string]any{"blockHash": common.Hash{1}},
			"five places":    map[string]any{"topics": make([]any, 5)},
			"no address":     map[string]any{"address": "0x12"},
			"many addresses": map[string]any{"address": make([]common.Address, 1001)},
			"many topics":    map[string]any{"topics": []any{make([]common.Hash, 1001)}},
		} {
			var got []types.Log
			if err := client.Client().CallContext(ctx, &got, "eth_getLogs", q); err == nil {
				t.Errorf("%s: %d logs, want an error", name, len(got))
			}
		}
		// An address alone, and null for any topic, are as good as lists.
		var got []types.Log
		filter := map[string]any{"fromBlock": "0x0", "address": tempo.PathUSD, "topics": []any{tempo.TopicTransfer, []any{nil}}}
		if err := client.Client().CallContext(ctx, &got, "eth_getLogs", filter); err != nil || len(got) != 3 {
			t.Errorf("%d logs, %v", len(got), err)
		}
	})
}

func TestSubscriptions(t *testing.T) {
	for i, name := range []string{"ws", "inproc"} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			_, overWS := overSockets(t, c)
			client := []*ethclient.Client{overWS, c.client}[i]
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()

			heads := make(chan *types.Header, 8)
			headSub := must[ethereum.Subscription](t)(client.SubscribeNewHead(ctx, heads))
			logs := make(chan types.Log, 8)
			logSub := must[ethereum.Subscription](t)(client.SubscribeFilterLogs(ctx, ethereum.FilterQuery{Addresses: []common.Address{tempo.PathUSD}}, logs))

			hash := c.send(c.sign(draft(0, pay(c.bob, usd(1))), c.alice))
			block := c.mine()
			select {
			case h := <-heads:
				if h.Hash() != block {
					t.Errorf("head %s, want %s", h.Hash(), block)
				}
			case <-ctx.Done():
				t.Fatal("no head")
			}
			select {
			case l := <-logs:
				if l.TxHash != hash || l.Topics[0] != tempo.TopicTransfer {
					t.Errorf("log %+v", l)
				}
			case <-ctx.Done():
				t.Fatal("no log")
			}
			headSub.Unsubscribe()
			logSub.Unsubscribe()
			c.mine()
			if len(heads)+len(logs) != 0 {
				t.Error("notified after unsubscribing")
			}
		})
	}
	t.Run("http", func(t *testing.T) {
		c := start(t)
		overHTTP, _ := overSockets(t, c)
		if _, err := overHTTP.SubscribeNewHead(t.Context(), make(chan *types.Header)); err == nil {
			t.Error("subscribed over HTTP")
		}
	})
}

// A closed chain refuses, disconnects and leaves nothing running.
func TestClose(t *testing.T) {
	c := start(t)
	_, overWS := overSockets(t, c)
	heads := make(chan *types.Header)
	sub := must[ethereum.Subscription](t)(overWS.SubscribeNewHead(t.Context(), heads))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-sub.Err():
	case <-time.After(10 * time.Second):
		t.Fatal("the subscriber was not told")
	}
	if _, err := c.Mine(); !errors.Is(err, devchain.ErrClosed) {
		t.Errorf("mined on a closed chain: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestRequestLimits(t *testing.T) {
	c := start(t)
	server := httptest.NewServer(c.Handler())
	t.Cleanup(server.Close)
	post := func(body string) string {
		t.Helper()
		resp := must[*http.Response](t)(http.Post(server.URL, "application/json", strings.NewReader(body)))
		defer resp.Body.Close()
		var answer bytes.Buffer
		if _, err := answer.ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		return answer.String()
	}
	if got := post(strings.Repeat(" ", 3<<20)); !strings.Contains(got, "too large") {
		t.Errorf("3 MiB: %q", got)
	}
	batch := strings.Repeat(`{"jsonrpc":"2.0","id":1,"method":"eth_chainId"},`, 1001)
	if got := post("[" + strings.TrimSuffix(batch, ",") + "]"); !strings.Contains(got, "batch too large") {
		t.Errorf("1001 calls: %.100q", got)
	}
	var empty json.RawMessage
	if err := c.rpc.Call(&empty, "evm_mine"); err == nil {
		t.Error("evm_mine is served without DevRPC")
	}
}

func TestDevRPC(t *testing.T) {
	c := start(t, func(cfg *devchain.Config) { cfg.DevRPC = true })
	var zero string
	if err := c.rpc.Call(&zero, "evm_mine"); err != nil || zero != "0x0" {
		t.Errorf("evm_mine: %q, %v", zero, err)
	}
	slot := crypto256(common.LeftPadBytes(c.carol.address[:], 32), uint256.NewInt(9).PaddedBytes(32))
	var done bool
	if err := c.rpc.Call(&done, "anvil_setStorageAt", tempo.PathUSD, slot, common.Hash(usd(77).Bytes32())); err != nil || !done {
		t.Fatalf("anvil_setStorageAt: %t, %v", done, err)
	}
	c.holds(c.carol, usd(77))
	if n := must[uint64](t)(c.client.BlockNumber(t.Context())); n != 2 {
		t.Errorf("block %d, want one for each request", n)
	}
}

// evm_mine takes the time of the block, as anvil's does: as digits of either kind,
// as far ahead as one likes, but not in the past.
func TestMineAtATime(t *testing.T) {
	c := start(t, func(cfg *devchain.Config) { cfg.DevRPC = true })
	at := uint64(genesisTime.Unix()) + 1000
	for _, seconds := range []any{at, hexutil.Uint64(at + 1), at + 1} {
		var zero string
		if err := c.rpc.Call(&zero, "evm_mine", seconds); err != nil || zero != "0x0" {
			t.Fatalf("evm_mine(%v): %q, %v", seconds, zero, err)
		}
	}
	head := must[*types.Header](t)(c.client.HeaderByNumber(t.Context(), nil))
	if head.Number.Uint64() != 3 || head.Time != at+1 {
		t.Errorf("block %d at %d, want 3 at %d", head.Number, head.Time, at+1)
	}
	for seconds, want := range map[any]string{
		at:     "is before that of the latest block",
		"soon": "invalid argument",
	} {
		var out any
		if err := c.rpc.Call(&out, "evm_mine", seconds); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("evm_mine(%v): %v, want %q", seconds, err, want)
		}
	}
}
