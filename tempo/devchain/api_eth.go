package devchain

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
)

// ethAPI is the eth namespace. Its exported methods are JSON-RPC methods: the
// name with a small first letter after "eth_".
type ethAPI struct {
	chain  *Chain
	server *server
}

// ChainId returns the chain id. The JSON-RPC name fixes the spelling.
func (a *ethAPI) ChainId() hexutil.Uint64 { return hexutil.Uint64(a.chain.cfg.ChainID) }

// BlockNumber returns the number of the latest block.
func (a *ethAPI) BlockNumber() hexutil.Uint64 { return hexutil.Uint64(a.chain.head().number()) }

// Syncing returns false: the chain has nobody to sync from.
func (a *ethAPI) Syncing() bool { return false }

// GasPrice returns the least price that includes a transaction.
func (a *ethAPI) GasPrice() hexutil.Uint64 { return hexutil.Uint64(a.chain.cfg.BaseFee) }

// MaxPriorityFeePerGas returns 0: order is by arrival, tips buy nothing.
func (a *ethAPI) MaxPriorityFeePerGas() hexutil.Uint64 { return 0 }

// GetBlockByNumber returns a block, or null if it does not exist yet.
func (a *ethAPI) GetBlockByNumber(number rpc.BlockNumber, full bool) (*blockJSON, error) {
	b, err := a.chain.byNumber(number)
	if err != nil || b == nil {
		return nil, err
	}
	return newBlockJSON(b, full), nil
}

// GetBlockByHash returns a block, or null if there is none with that hash.
func (a *ethAPI) GetBlockByHash(hash common.Hash, full bool) *blockJSON {
	if b := a.chain.blockByHash(hash); b != nil {
		return newBlockJSON(b, full)
	}
	return nil
}

// GetBlockTransactionCountByNumber returns how many transactions a block has, or
// null.
func (a *ethAPI) GetBlockTransactionCountByNumber(number rpc.BlockNumber) (*hexutil.Uint, error) {
	b, err := a.chain.byNumber(number)
	return transactionCount(b), err
}

// GetBlockTransactionCountByHash returns how many transactions a block has, or
// null.
func (a *ethAPI) GetBlockTransactionCountByHash(hash common.Hash) *hexutil.Uint {
	return transactionCount(a.chain.blockByHash(hash))
}

func transactionCount(b *block) *hexutil.Uint {
	if b == nil {
		return nil
	}
	n := hexutil.Uint(len(b.txs))
	return &n
}

// GetBlockReceipts returns the receipts of a block in order, or null.
func (a *ethAPI) GetBlockReceipts(ref rpc.BlockNumberOrHash) ([]*receiptJSON, error) {
	b, err := a.chain.resolve(&ref)
	if err != nil || b == nil {
		return nil, err
	}
	receipts := make([]*receiptJSON, len(b.txs))
	for i, tx := range b.txs {
		receipts[i] = newReceiptJSON(tx)
	}
	return receipts, nil
}

// GetTransactionReceipt returns the receipt of an included transaction, or
// null.
func (a *ethAPI) GetTransactionReceipt(hash common.Hash) *receiptJSON {
	if _, tx, _ := a.chain.find(hash); tx != nil {
		return newReceiptJSON(tx)
	}
	return nil
}

// GetTransactionByHash returns a transaction that a block includes or that
// waits for one, or null.
func (a *ethAPI) GetTransactionByHash(hash common.Hash) *transactionJSON {
	b, tx, s := a.chain.find(hash)
	if s == nil {
		return nil
	}
	out := newTransactionJSON(s)
	if tx != nil {
		out.include(b, tx)
	}
	return out
}

// SendRawTransaction takes a signed transaction into the pool, or into the sub-block
// lane of this endpoint's validator, and returns its hash. A hash is no promise: a transaction whose nonce does not fit when the
// next block is built is dropped without a word.
func (a *ethAPI) SendRawTransaction(raw hexutil.Bytes) (common.Hash, error) {
	hash, err := a.chain.submit(raw, a.server.lane)
	return hash, coded(codeRejected, err)
}

// placeholderBalance is what Tempo answers for native balances, which do not
// exist: 4242…42 in decimal, so that no wallet thinks it cannot pay for gas.
var placeholderBalance = hexutil.U256(*uint256.MustFromDecimal(strings.Repeat("42", 38)))

// GetBalance returns a placeholder for every account, as Tempo does.
func (a *ethAPI) GetBalance(common.Address, *rpc.BlockNumberOrHash) hexutil.U256 {
	return placeholderBalance
}

// GetTransactionCount returns the protocol nonce of an account.
func (a *ethAPI) GetTransactionCount(account common.Address, ref *rpc.BlockNumberOrHash) (hexutil.Uint64, error) {
	w, err := a.chain.stateAt(ref)
	if err != nil {
		return 0, err
	}
	nonce := w.db.GetNonce(account)
	return hexutil.Uint64(nonce), w.db.Error()
}

// GetCode returns the code of an account: 0xef for what is part of the chain,
// nothing for everything else.
func (a *ethAPI) GetCode(account common.Address, ref *rpc.BlockNumberOrHash) (hexutil.Bytes, error) {
	w, err := a.chain.stateAt(ref)
	if err != nil {
		return nil, err
	}
	code := w.db.GetCode(account)
	return code, w.db.Error()
}

// GetStorageAt returns one storage slot.
func (a *ethAPI) GetStorageAt(account common.Address, slot slotNumber, ref *rpc.BlockNumberOrHash) (common.Hash, error) {
	w, err := a.chain.stateAt(ref)
	if err != nil {
		return common.Hash{}, err
	}
	value := w.db.GetState(account, common.Hash(slot))
	return value, w.db.Error()
}

// slotNumber is a storage slot in JSON: hex digits with or without leading
// zeros, as clients write both.
type slotNumber common.Hash

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *slotNumber) UnmarshalText(text []byte) error {
	digits, ok := strings.CutPrefix(string(text), "0x")
	if !ok || len(digits) == 0 || len(digits) > 64 {
		return fmt.Errorf("storage slot %q is not 0x and 1 to 64 hex digits", text)
	}
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	b, err := hexutil.Decode("0x" + digits)
	if err != nil {
		return fmt.Errorf("storage slot %q: %w", text, err)
	}
	*s = slotNumber(common.BytesToHash(b))
	return nil
}

// callJSON is the call object of eth_call. Fees and limits in it do not
// matter.
type callJSON struct {
	From  *common.Address `json:"from"`
	To    *common.Address `json:"to"`
	Value *hexutil.Big    `json:"value"`
	Data  hexutil.Bytes   `json:"data"`
	Input hexutil.Bytes   `json:"input"`
}

// callGas is the gas of a call that costs nobody anything.
const callGas = 1 << 62

// Call runs a call on the state after a block and returns its result. Nothing
// of it stays. A revert is an error with code 3 and the revert data.
func (a *ethAPI) Call(args callJSON, ref *rpc.BlockNumberOrHash) (hexutil.Bytes, error) {
	input := args.Input
	if input == nil {
		input = args.Data
	}
	switch {
	case args.To == nil:
		return nil, coded(codeInvalidParams, unsupported("contract creation"))
	case args.Value != nil && args.Value.ToInt().Sign() != 0:
		return nil, coded(codeInvalidParams, errors.New("native value transfer not allowed in Tempo mode"))
	}
	w, err := a.chain.stateAt(ref)
	if err != nil {
		return nil, err
	}
	f := frame{world: w, gas: &gasMeter{limit: callGas}}
	if args.From != nil {
		f.caller = *args.From
	}
	result, err := f.call(*args.To, input)
	if dbErr := w.db.Error(); dbErr != nil {
		return nil, coded(codeNotFound, dbErr)
	}
	return result, err
}
