package conformance_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// A block says which transactions it has, and so do its receipts.
func TestReceiptsOfABlock(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		empty := c.head()
		hashes := []common.Hash{
			c.send(c.sponsored(draft(0, payment(c.bob, dollars(10), 1)), c.alice)),
			c.send(c.sponsored(draft(0, payment(c.carol, dollars(1000), 2)), c.bob)), // fails
			c.send(c.sponsored(draft(1, payment(c.carol, dollars(10), 3)), c.bob)),
		}
		block := c.mine()
		receipts, err := c.eth.BlockReceipts(t.Context(), rpc.BlockNumberOrHashWithNumber(rpc.BlockNumber(block.Number)))
		require.NoError(t, err)
		require.Len(t, receipts, len(hashes))
		gas, logs := uint64(0), uint(0)
		for i, r := range receipts {
			one := c.result(hashes[i])
			require.Equal(t, one.Receipt, r)
			require.EqualValues(t, i, r.TransactionIndex)
			gas += r.GasUsed
			require.Equal(t, gas, r.CumulativeGasUsed)
			require.Equal(t, logs, r.Logs[0].Index, "logs are numbered through the block")
			logs += uint(len(r.Logs))
		}
		require.Equal(t, []uint64{1, 0, 1}, []uint64{receipts[0].Status, receipts[1].Status, receipts[2].Status})
		byHash, err := c.eth.BlockReceipts(t.Context(), rpc.BlockNumberOrHashWithHash(block.Hash, true))
		require.NoError(t, err)
		require.Equal(t, receipts, byHash)

		var shown struct{ Transactions []common.Hash }
		c.do(&shown, "eth_getBlockByHash", block.Hash, false)
		require.Equal(t, hashes, shown.Transactions)
		var full struct {
			Transactions []struct {
				Hash, BlockHash               common.Hash
				BlockNumber, TransactionIndex hexutil.Uint64
				From                          common.Address
			}
		}
		c.do(&full, "eth_getBlockByNumber", hexutil.Uint64(block.Number), true)
		for i, who := range []person{c.alice, c.bob, c.bob} {
			tx := full.Transactions[i]
			require.Equal(t, []any{hashes[i], block.Hash, block.Number, uint64(i), who.address},
				[]any{tx.Hash, tx.BlockHash, uint64(tx.BlockNumber), uint64(tx.TransactionIndex), tx.From})
		}
		c.do(&shown, "eth_getBlockByHash", empty.Hash, false)
		require.Empty(t, shown.Transactions)

		_, err = c.eth.TransactionReceipt(t.Context(), common.Hash{1})
		require.ErrorIs(t, err, ethereum.NotFound)
		var none any
		for _, method := range []string{"eth_getTransactionByHash", "eth_getTransactionReceipt"} {
			c.do(&none, method, common.Hash{1})
			require.Nil(t, none, method)
		}
	})
}

// A transaction is shown with all its fields, before it is in a block and after.
func TestTransactionInJSON(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		tx := tipped(0, payment(c.bob, dollars(1), 1), transfer(c.carol, dollars(2)))
		tx.ValidBefore, tx.ValidAfter = c.head().Time+1000, c.head().Time
		tx.AccessList = []tx76.AccessTuple{{Address: tempo.PathUSD, StorageKeys: []common.Hash{{9}}}}
		hash := c.send(c.sponsored(tx, c.alice))
		want := map[string]any{
			"hash": hash.Hex(), "type": "0x76", "chainId": "0x7a69", "from": hexutil.Encode(c.alice.address[:]),
			"nonce": "0x0", "nonceKey": lane.Hex(), "gas": hexutil.EncodeUint64(tx.Gas),
			"maxFeePerGas": maxFee.Hex(), "maxPriorityFeePerGas": tip.Hex(),
			"validBefore": hexutil.EncodeUint64(tx.ValidBefore), "validAfter": hexutil.EncodeUint64(tx.ValidAfter),
			"feeToken": hexutil.Encode(tempo.AlphaUSD[:]), "keyAuthorization": nil, "aaAuthorizationList": []any{},
			"accessList": []any{map[string]any{"address": hexutil.Encode(tempo.PathUSD[:]), "storageKeys": []any{common.Hash{9}.Hex()}}},
			"blockHash":  nil, "blockNumber": nil, "transactionIndex": nil,
		}
		check := func() {
			t.Helper()
			var got map[string]any
			c.do(&got, "eth_getTransactionByHash", hash)
			for field, value := range want {
				require.Contains(t, got, field)
				require.Equal(t, value, got[field], field)
			}
			for i, call := range tx.Calls {
				shown := got["calls"].([]any)[i].(map[string]any)
				require.Equal(t, []any{hexutil.Encode(call.To[:]), "0x0", hexutil.Encode(call.Input)}, []any{shown["to"], shown["value"], shown["input"]})
			}
			for field, signature := range map[string][]byte{"signature": tx.Signature, "feePayerSignature": tx.SponsorSignature} {
				shown := got[field].(map[string]any)
				require.Equal(t, []any{
					new(uint256.Int).SetBytes(signature[:32]).Hex(), new(uint256.Int).SetBytes(signature[32:64]).Hex(),
					hexutil.EncodeUint64(uint64(signature[64] - 27)),
				}, []any{shown["r"], shown["s"], shown["yParity"]}, field)
			}
		}
		check()
		block := c.mine()
		c.ends(hash, types.ReceiptStatusSuccessful)
		want["blockHash"], want["blockNumber"], want["transactionIndex"] = block.Hash.Hex(), hexutil.EncodeUint64(block.Number), "0x0"
		check()
	})
}

// Logs are found by block, emitter and topics, in their order.
func TestLogs(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		start := c.head()
		c.send(c.sponsored(draft(0, payment(c.bob, dollars(1), 1)), c.alice))
		first := c.mine()
		c.mine()
		c.send(c.sponsored(draft(1, payment(c.bob, dollars(2), 2)), c.alice))
		c.send(c.sponsored(draft(0, payment(c.carol, dollars(3), 3)), c.bob))
		last := c.mine()
		word := func(a person) common.Hash { return common.BytesToHash(a.address[:]) }
		number := func(n uint64) *big.Int { return new(big.Int).SetUint64(n) }
		memoOf := func(n byte) string { return "memo " + string('0'+n) }
		for _, tt := range []struct {
			name  string
			query ethereum.FilterQuery
			want  []string
		}{
			{"memos", ethereum.FilterQuery{Topics: [][]common.Hash{{tempo.TopicTransferWithMemo}}}, []string{memoOf(1), memoOf(2), memoOf(3)}},
			{"one memo", ethereum.FilterQuery{Topics: [][]common.Hash{nil, nil, nil, {{2}}}}, []string{memoOf(2)}},
			{"two memos", ethereum.FilterQuery{Topics: [][]common.Hash{nil, nil, nil, {{1}, {3}}}}, []string{memoOf(1), memoOf(3)}},
			{"of Bob", ethereum.FilterQuery{Topics: [][]common.Hash{{tempo.TopicTransfer}, {word(c.bob)}}}, []string{"transfer"}},
			{"of Alice or Bob to Bob", ethereum.FilterQuery{Topics: [][]common.Hash{{tempo.TopicTransfer}, {word(c.alice), word(c.bob)}, {word(c.bob)}}}, []string{"transfer", "transfer"}},
			{"nonces", ethereum.FilterQuery{Addresses: []common.Address{tempo.NoncePrecompile}}, []string{"nonce", "nonce", "nonce"}},
			{"two emitters", ethereum.FilterQuery{Addresses: []common.Address{tempo.NoncePrecompile, tempo.PathUSD}, ToBlock: number(first.Number)}, []string{"nonce", "transfer", memoOf(1)}},
			{"another emitter", ethereum.FilterQuery{Addresses: []common.Address{tempo.BetaUSD}}, nil},
			{"two topics at a place", ethereum.FilterQuery{
				Addresses: []common.Address{tempo.NoncePrecompile, tempo.PathUSD}, FromBlock: number(last.Number),
				Topics: [][]common.Hash{{tempo.TopicNonceIncremented, tempo.TopicTransfer}, {word(c.bob)}},
			}, []string{"nonce", "transfer"}},
			{"empty block", ethereum.FilterQuery{FromBlock: number(first.Number + 1), ToBlock: number(first.Number + 1)}, nil},
			{"beyond the latest", ethereum.FilterQuery{FromBlock: number(last.Number), ToBlock: number(last.Number + 100), Topics: [][]common.Hash{{tempo.TopicTransferWithMemo}}}, []string{memoOf(2), memoOf(3)}},
			{"by hash", ethereum.FilterQuery{BlockHash: &first.Hash, Topics: [][]common.Hash{{tempo.TopicTransferWithMemo}}}, []string{memoOf(1)}},
		} {
			query := tt.query
			if query.FromBlock == nil && query.BlockHash == nil {
				query.FromBlock = number(start.Number)
			}
			logs, err := c.eth.FilterLogs(t.Context(), query)
			require.NoError(t, err, tt.name)
			var got []string
			for i := range logs {
				if m, ok := tempo.ParseTransferWithMemo(&logs[i]); ok {
					got = append(got, memoOf(m.Memo[0]))
				} else if _, ok := tempo.ParseTransfer(&logs[i]); ok {
					got = append(got, "transfer")
				} else if _, ok := tempo.ParseNonceIncremented(&logs[i]); ok {
					got = append(got, "nonce")
				}
			}
			require.Equal(t, tt.want, got, tt.name)
		}
		for name, query := range map[string]ethereum.FilterQuery{
			"from beyond the latest": {FromBlock: number(last.Number + 1), ToBlock: number(last.Number + 2)},
			"unknown block":          {BlockHash: &common.Hash{1}},
			"five places":            {FromBlock: number(0), Topics: make([][]common.Hash, 5)},
		} {
			_, err := c.eth.FilterLogs(t.Context(), query)
			require.Error(t, err, name)
		}
	})
}

// A header is what its hash says, and links to the one before.
func TestHeaders(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		c.send(c.sponsored(draft(0, payment(c.bob, dollars(1), 1)), c.alice))
		head := c.mine()
		c.mine()
		latest := c.mine()
		var parent common.Hash
		for number := range latest.Number + 1 {
			h, err := c.node.HeaderByNumber(t.Context(), number)
			require.NoError(t, err)
			require.Equal(t, parent, h.Parent)
			header, err := c.eth.HeaderByNumber(t.Context(), new(big.Int).SetUint64(number))
			require.NoError(t, err)
			require.Equal(t, h.Hash, header.Hash(), "block %d", number)
			require.Equal(t, []any{h.Number, h.Parent, h.Time}, []any{header.Number.Uint64(), header.ParentHash, header.Time})
			byHash, err := c.eth.HeaderByHash(t.Context(), h.Hash)
			require.NoError(t, err)
			require.Equal(t, header, byHash)
			if number == head.Number {
				require.True(t, types.BloomLookup(header.Bloom, tempo.PathUSD))
			}
			parent = h.Hash
		}
		genesis, err := c.node.HeaderByNumber(t.Context(), 0)
		require.NoError(t, err)
		require.EqualValues(t, genesisTime.Unix(), genesis.Time)

		final, err := c.node.Header(t.Context(), tempo.Finalized)
		require.NoError(t, err)
		require.Equal(t, latest.Number-finalityLag, final.Number)
		_, err = c.node.HeaderByNumber(t.Context(), latest.Number+1)
		require.ErrorIs(t, err, tempo.ErrUnavailable)
		_, err = c.eth.HeaderByHash(t.Context(), common.Hash{1})
		require.ErrorIs(t, err, ethereum.NotFound)
		height, err := c.eth.BlockNumber(t.Context())
		require.NoError(t, err)
		require.Equal(t, latest.Number, height)
	})
}

// What is read at a block is how things were then, by number and by hash, whatever
// came later.
func TestPinnedReads(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		blocks := []tempo.Header{c.head()}
		for nonce := range uint64(3) {
			c.send(c.sponsored(draft(nonce, payment(c.bob, dollars(1), byte(nonce))), c.alice))
			blocks = append(blocks, c.mine())
		}
		input := tempo.EncodeBalanceOf(c.alice.address)
		for i, block := range blocks {
			account, err := c.node.Account(t.Context(), block, tempo.PathUSD, c.alice.address, lane)
			require.NoError(t, err)
			require.Equal(t, *dollars(uint64(15 - i)), account.Balance)
			require.EqualValues(t, i, account.Nonce)
			if i == 0 {
				require.Nil(t, account.Last)
			} else {
				require.Equal(t, block.Hash, account.Last.BlockHash)
			}
			msg := ethereum.CallMsg{To: &tempo.PathUSD, Data: input}
			byNumber, err := c.eth.CallContract(t.Context(), msg, new(big.Int).SetUint64(block.Number))
			require.NoError(t, err)
			byHash, err := c.eth.CallContractAtHash(t.Context(), msg, block.Hash)
			require.NoError(t, err)
			require.Equal(t, [][]byte{dollars(uint64(15 - i)).PaddedBytes(32), dollars(uint64(15 - i)).PaddedBytes(32)}, [][]byte{byNumber, byHash})
			value, err := c.eth.StorageAt(t.Context(), tempo.PathUSD, balanceSlot(c.alice.address), new(big.Int).SetUint64(block.Number))
			require.NoError(t, err)
			require.Equal(t, byHash, value)
		}
		unknown := tempo.Header{Number: blocks[0].Number, Hash: common.Hash{1}}
		_, err := c.node.Account(t.Context(), unknown, tempo.PathUSD, c.alice.address, lane)
		require.ErrorIs(t, err, tempo.ErrUnavailable)
		require.ErrorIs(t, c.node.CanTransfer(t.Context(), unknown, tempo.PathUSD, c.alice.address, c.bob.address, common.Hash{}), tempo.ErrUnavailable)
	})
}

// What Allegro derives from receipts and logs.
func TestOutcomes(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		start := c.head()
		t2 := c.send(c.sponsored(draft(0, payment(c.carol, dollars(10), 2)), c.bob))
		t1 := c.send(c.sponsored(draft(0, payment(c.bob, dollars(10), 1)), c.alice))
		first := c.mine()
		t3 := c.send(c.sponsored(draft(1, payment(c.carol, dollars(10), 3)), c.bob))
		second := c.mine()
		outcome := func(who person, nonce uint64, hash common.Hash, block tempo.Header) tx76.Outcome {
			return tx76.Outcome{
				Sender: who.address, NonceKey: lane, Nonce: nonce, TxHash: hash,
				BlockHash: block.Hash, BlockNumber: block.Number, BlockTime: block.Time,
			}
		}
		failed := outcome(c.bob, 0, t2, first)
		failed.Attempted = common.Hash{2}
		paid := outcome(c.alice, 0, t1, first)
		paid.TxIndex = 1
		paid.Success, paid.Plain, paid.Transfers = true, 1, []tx76.MemoTransfer{noted(c.alice, c.bob, dollars(10), 1)}
		next := outcome(c.bob, 1, t3, second)
		next.Success, next.Plain, next.Transfers = true, 1, []tx76.MemoTransfer{noted(c.bob, c.carol, dollars(10), 3)}

		outcomes, err := c.node.Outcomes(t.Context(), start.Number, second.Number)
		require.NoError(t, err)
		require.Equal(t, []tx76.Outcome{failed, paid, next}, outcomes)
		for _, want := range outcomes {
			got, err := c.node.OutcomeAt(t.Context(), second.Number, second.Hash, want.Sender, lane, want.Nonce)
			require.NoError(t, err)
			require.Equal(t, want, *got)
		}
		_, err = c.node.Outcomes(t.Context(), second.Number+1, second.Number+2)
		require.ErrorIs(t, err, tempo.ErrUnavailable)
	})
}

// A chain says who it is: its id, and, where it can, its hardforks.
func TestChainFacts(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		id, err := c.node.ChainID(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 31337, id)
		schedule, known, err := c.node.ForkSchedule(t.Context())
		require.NoError(t, err)
		require.Equal(t, known, schedule.Reached(c.fork), "anvil cannot tell")
		progress, err := c.eth.SyncProgress(t.Context())
		require.NoError(t, err)
		require.Nil(t, progress)
		network, err := c.eth.NetworkID(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 31337, network.Uint64())
	})
}
