package fastpay

import (
	"encoding/binary"
	"fmt"

	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Lane is the one sequence of payments that an account has in a token
// (section 1). A second lane per account would let honest validators certify
// more than the balance (section 9a).
type Lane struct {
	ChainID uint64
	Asset   common.Address
	Sender  common.Address
}

// ID is H("allegro/v1/lane", rlp([chain_id, asset, sender])).
func (l Lane) ID() common.Hash { return H(tagLane, encode(&l)) }

// Genesis is the predecessor of a lane's first payment.
func (l Lane) Genesis() common.Hash {
	id := l.ID()
	return H(tagGenesis, id[:])
}

// Foreign is the position of slot k that a transaction outside the protocol
// took.
func (l Lane) Foreign(k uint64, chainTx common.Hash) common.Hash {
	return H(tagForeign, encode([]any{l.ID(), k, chainTx}))
}

// Restart is the predecessor that opens generation r at slot k (section 4.5).
func (l Lane) Restart(k, r uint64) common.Hash {
	return H(tagRestart, encode([]any{l.ID(), k, r}))
}

// NonceKey is the 2D nonce key of the lane's chain transactions under c.
func (l Lane) NonceKey(c *Committee) uint256.Int {
	t := H(tagNonceKey, encode([]any{l.ChainID, l.Asset}))
	var key [32]byte
	if c.LaneKind() == PaymentLane {
		key[0] = 0x41
		copy(key[1:], t[:31])
	} else {
		home := c.Member(l.Home(c, 0))
		key[0] = 0x5b
		copy(key[1:16], home.NodeKey[:15])
		copy(key[16:], t[:16])
	}
	return *new(uint256.Int).SetBytes32(key[:])
}

// Home is the index of the member that submits the lane's payments at the given
// attempt: (lane_id + attempt) mod n (section 4.7).
func (l Lane) Home(c *Committee, attempt uint64) int {
	n := uint64(c.Len())
	var rest uint64
	id := l.ID()
	for i := 0; i < len(id); i += 4 {
		rest = (rest<<32 | uint64(binary.BigEndian.Uint32(id[i:]))) % n
	}
	return int((rest + attempt%n) % n)
}

// PositionOf is what an executed slot of the lane holds (section 4.1): the memo
// if the receipt has exactly one TransferWithMemo of the asset from the sender,
// else the foreign position.
func (l Lane) PositionOf(o *tx76.Outcome) common.Hash {
	if t := l.memoTransfer(o); t != nil {
		return t.Memo
	}
	return l.Foreign(o.Nonce, o.TxHash)
}

// memoTransfer returns the receipt's TransferWithMemo of the asset from the
// sender if there is exactly one.
func (l Lane) memoTransfer(o *tx76.Outcome) *tx76.MemoTransfer {
	var found *tx76.MemoTransfer
	for i := range o.Transfers {
		t := &o.Transfers[i]
		if t.Token != l.Asset || t.From != l.Sender {
			continue
		}
		if found != nil {
			return nil
		}
		found = t
	}
	return found
}

// Account is a lane's state at one block. Tip is position(Nonce-1): the
// predecessor that the next payment names, the lane's genesis at nonce 0.
type Account struct {
	Balance uint256.Int // token units
	Nonce   uint64      // next slot
	Tip     common.Hash
}

// NewAccount builds the state of a lane from what the chain says: the balance,
// the 2D nonce, and the outcome of the transaction that used nonce-1 (nil at
// nonce 0).
func NewAccount(l Lane, balance uint256.Int, nonce uint64, last *tx76.Outcome) (Account, error) {
	a := Account{Balance: balance, Nonce: nonce}
	switch {
	case nonce == 0:
		a.Tip = l.Genesis()
	case last == nil || last.Nonce != nonce-1 || last.Sender != l.Sender:
		return Account{}, fmt.Errorf("lane %s: no outcome of slot %d: the node must keep its receipts", short(l.ID()), nonce-1)
	default:
		a.Tip = l.PositionOf(last)
	}
	return a, nil
}
