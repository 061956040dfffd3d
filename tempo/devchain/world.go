package devchain

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"

	"github.com/allegro-p2p/allegro/tempo"
)

// world is the state of the chain with Tempo's storage layout, so that slots
// read or written from outside mean the same as on a node. It is not safe for
// concurrent use: every block and every call opens its own.
type world struct {
	db *state.StateDB
}

// Storage slots of the precompiles.
const (
	slotNonces      = 0 // nonce precompile: account → key → uint64
	slotUserTokens  = 1 // fee manager: account → preferred fee token
	slotTotalSupply = 8 // token: uint256
	slotBalances    = 9 // token: account → uint256
)

// stateRules are the rules that states are finalised by: accounts without
// nonce, balance and code vanish.
var stateRules = params.Rules{IsEIP158: true, IsCancun: true}

// wordOf returns x as a storage slot or value.
func wordOf(x uint64) (h common.Hash) {
	binary.BigEndian.PutUint64(h[24:], x)
	return h
}

// entryOf returns the slot of a mapping's entry.
func entryOf(mapping, key common.Hash) common.Hash {
	return crypto.Keccak256Hash(key[:], mapping[:])
}

// accountEntry returns the slot of an account in a mapping.
func accountEntry(mapping uint64, account common.Address) common.Hash {
	return entryOf(wordOf(mapping), common.BytesToHash(account[:]))
}

// nonceSlot returns the slot of one 2D nonce.
func nonceSlot(account common.Address, key *uint256.Int) common.Hash {
	return entryOf(accountEntry(slotNonces, account), key.Bytes32())
}

func (w world) balance(token, account common.Address) *uint256.Int {
	return w.integer(token, accountEntry(slotBalances, account))
}

func (w world) setBalance(token, account common.Address, amount *uint256.Int) {
	w.db.SetState(token, accountEntry(slotBalances, account), amount.Bytes32())
}

func (w world) supply(token common.Address) *uint256.Int {
	return w.integer(token, wordOf(slotTotalSupply))
}

func (w world) setSupply(token common.Address, amount *uint256.Int) {
	w.db.SetState(token, wordOf(slotTotalSupply), amount.Bytes32())
}

// nonce returns the next nonce of a key; key 0 is the protocol nonce.
func (w world) nonce(account common.Address, key *uint256.Int) uint64 {
	if key.IsZero() {
		return w.db.GetNonce(account)
	}
	return w.integer(tempo.NoncePrecompile, nonceSlot(account, key)).Uint64()
}

// useNonce counts one use of a key and logs it, except for the protocol nonce.
func (w world) useNonce(account common.Address, key *uint256.Int) {
	next := w.nonce(account, key) + 1
	if key.IsZero() {
		w.db.SetNonce(account, next, tracing.NonceChangeUnspecified)
		return
	}
	w.db.SetState(tempo.NoncePrecompile, nonceSlot(account, key), wordOf(next))
	w.log(tempo.NonceIncremented{Account: account, NonceKey: *key, NewNonce: next}.Log())
}

// preferredFeeToken returns the token an account chose for its fees.
func (w world) preferredFeeToken(account common.Address) (common.Address, bool) {
	word := w.db.GetState(tempo.FeeManager, accountEntry(slotUserTokens, account))
	return common.BytesToAddress(word[12:]), word != common.Hash{}
}

func (w world) setPreferredFeeToken(account, token common.Address) {
	w.db.SetState(tempo.FeeManager, accountEntry(slotUserTokens, account), common.BytesToHash(token[:]))
}

func (w world) setPrecompile(address common.Address) {
	w.db.SetCode(address, precompileCode, tracing.CodeChangeGenesis)
}

// move takes amount from one balance to another, without a log. It reports
// false, and changes nothing, if the first is too low.
func (w world) move(token, from, to common.Address, amount *uint256.Int) bool {
	have := w.balance(token, from)
	if have.Lt(amount) {
		return false
	}
	w.setBalance(token, from, have.Sub(have, amount))
	// Read only now: the two accounts may be one. The supply bounds the sum.
	have = w.balance(token, to)
	w.setBalance(token, to, have.Add(have, amount))
	return true
}

func (w world) log(l *types.Log) { w.db.AddLog(l) }

func (w world) integer(contract common.Address, slot common.Hash) *uint256.Int {
	word := w.db.GetState(contract, slot)
	return new(uint256.Int).SetBytes32(word[:])
}
