package tx76

import (
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Outcome is what the chain made of one transaction that used a 2D nonce: it
// is read from the receipt that holds NonceIncremented(Sender, NonceKey,
// Nonce+1) of the nonce precompile. A reverted transaction has an Outcome too:
// it consumed its nonce and left no Transfers.
type Outcome struct {
	Sender   common.Address
	NonceKey uint256.Int
	Nonce    uint64 // the position used; the chain's nonce is now Nonce+1

	TxHash      common.Hash
	BlockHash   common.Hash
	BlockNumber uint64
	BlockTime   uint64 // seconds
	TxIndex     uint64 // place of the transaction in its block
	Success     bool   // receipt status 1

	// Attempted is the memo of the transferWithMemo call that a reverted
	// transaction consisted of; zero for any other transaction.
	Attempted common.Hash
	// Outflow is set beside Attempted: the last transaction before this one, not
	// long ago, that moved the attempted token out of the sender's account without
	// using this nonce key; zero if there is none.
	Outflow common.Hash

	// Transfers are the TransferWithMemo logs of the receipt, in log order.
	Transfers []MemoTransfer
	// Plain counts the Transfer logs that match a TransferWithMemo log by
	// (token, from, to, amount), one for one. A payment is settled only if
	// each of its Transfers has its plain log beside it.
	Plain int
}

// MemoTransfer is one TransferWithMemo log of a TIP-20 token together with the
// token that emitted it.
type MemoTransfer struct {
	Token  common.Address
	From   common.Address
	To     common.Address
	Amount uint256.Int
	Memo   common.Hash
}

// Before reports whether the outcome came before another one on the chain.
func (o *Outcome) Before(other *Outcome) bool {
	if o.BlockNumber != other.BlockNumber {
		return o.BlockNumber < other.BlockNumber
	}
	return o.TxIndex < other.TxIndex
}
