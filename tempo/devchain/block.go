package devchain

import (
	"bytes"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/trie"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// blockGasLimit is Tempo's, and with it the most payments of one block.
const blockGasLimit = 500_000_000

// block is one block with what came of its transactions. Blocks never change
// once they are sealed; they are read without locks.
type block struct {
	header *types.Header
	hash   common.Hash
	txs    []*included
	shared uint64 // gas of sub-blocks
}

// included is one transaction of a block.
type included struct {
	*signed
	receipt  *types.Receipt
	feeToken common.Address
}

func (b *block) number() uint64 { return b.header.Number.Uint64() }

// newHeader returns the header of block 0 without time and roots.
func newHeader(cfg Config) *types.Header {
	// Two chains that differ in nothing but id or lanes differ in their hashes.
	extra := fmt.Appendf(nil, "allegro devchain %d", cfg.ChainID)
	if cfg.Fork != T4 {
		extra = fmt.Appendf(extra, " %s", cfg.Fork)
	}
	return &types.Header{
		UncleHash:  types.EmptyUncleHash,
		Difficulty: new(big.Int),
		Number:     new(big.Int),
		GasLimit:   blockGasLimit,
		BaseFee:    new(big.Int).SetUint64(cfg.BaseFee),
		Extra:      extra,
	}
}

// seal commits the state, completes the header with roots, bloom and gas, and
// tells receipts and logs which block they are in.
func seal(cfg Config, header *types.Header, w world, txs []*included) (*block, error) {
	root, err := w.db.Commit(stateRules, header.Number.Uint64())
	if err != nil {
		return nil, fmt.Errorf("devchain: committing the state of block %s: %w", header.Number, err)
	}
	// Held until the block is forgotten.
	if err := w.db.Database().TrieDB().Reference(root, common.Hash{}); err != nil {
		return nil, fmt.Errorf("devchain: retaining the state of block %s: %w", header.Number, err)
	}
	header.Root = root
	header.TxHash = types.DeriveSha(transactionList(txs), trie.NewStackTrie(nil))
	header.ReceiptHash = types.DeriveSha(receiptList(txs), trie.NewStackTrie(nil))
	for _, tx := range txs {
		header.GasUsed += tx.receipt.GasUsed
		for i, bits := range tx.receipt.Bloom {
			header.Bloom[i] |= bits
		}
	}
	b := &block{header: header, hash: header.Hash(), txs: txs, shared: cfg.Fork.sharedGasLimit()}
	for _, tx := range txs {
		tx.receipt.BlockHash = b.hash
		for _, l := range tx.receipt.Logs {
			l.BlockHash = b.hash
		}
	}
	return b, nil
}

// transactionList and receiptList give the tries of a block the encodings of
// type 0x76, which go-ethereum's own lists do not know.
type (
	transactionList []*included
	receiptList     []*included
)

// Len implements [types.DerivableList].
func (l transactionList) Len() int { return len(l) }

// EncodeIndex implements [types.DerivableList]: it writes the wire form of transaction i.
func (l transactionList) EncodeIndex(i int, w *bytes.Buffer) { w.Write(l[i].raw) }

// Len implements [types.DerivableList].
func (l receiptList) Len() int { return len(l) }

// EncodeIndex implements [types.DerivableList]: it writes the consensus form of
// receipt i, its type before the list of status, cumulative gas, bloom and logs.
func (l receiptList) EncodeIndex(i int, w *bytes.Buffer) {
	r := l[i].receipt
	w.WriteByte(tx76.Type)
	// A bytes.Buffer takes everything, and these fields all have encodings.
	_ = rlp.Encode(w, []any{r.Status, r.CumulativeGasUsed, r.Bloom, r.Logs})
}
