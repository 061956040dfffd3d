package fastpay

import (
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// Block names a block of the chain. Time is in seconds.
type Block struct {
	Number uint64
	Hash   common.Hash
	Parent common.Hash
	Time   uint64
}

// MaxSnapshot bounds the lanes that a Snapshot holds, and its policies, at about
// 300 bytes each: what they are read for may be a payment that nobody votes for. A
// decision needs a few.
const MaxSnapshot = 65_536

// Snapshot is what a decision reads of the chain: lanes as they stand at one
// block, by its hash. Its owner fills in the lanes that a [NeedError] names. One
// that is full forgets what it holds, and is asked for it again. A Snapshot is not
// safe for concurrent use.
type Snapshot struct {
	block    Block
	accounts map[common.Hash]laneAccount // by lane id
	policies map[Transfer]error
}

// laneAccount is the state of a lane, and whose it is.
type laneAccount struct {
	owner common.Address
	Account
}

// Transfer is a pair of accounts whose token may forbid that one pays the other
// (TIP-403).
type Transfer struct {
	Asset, Sender, Recipient common.Address
}

// NewSnapshot returns an empty snapshot of a block.
func NewSnapshot(block Block) *Snapshot {
	return &Snapshot{block, make(map[common.Hash]laneAccount), make(map[Transfer]error)}
}

// Block is the pinned block.
func (s *Snapshot) Block() Block { return s.block }

// Account returns the state of a lane if it has been filled in.
func (s *Snapshot) Account(laneID common.Hash) (Account, bool) {
	a, ok := s.accounts[laneID]
	return a.Account, ok
}

// SetAccount fills in a lane.
func (s *Snapshot) SetAccount(l Lane, a Account) {
	if len(s.accounts) >= MaxSnapshot {
		clear(s.accounts)
	}
	s.accounts[l.ID()] = laneAccount{l.Sender, a}
}

// SetPolicy fills in whether the token lets the sender pay the recipient: nil,
// or the reason why not.
func (s *Snapshot) SetPolicy(t Transfer, refusal error) {
	if len(s.policies) >= MaxSnapshot {
		clear(s.policies)
	}
	s.policies[t] = refusal
}

// Advance returns the snapshot of a later block that keeps the lanes of accounts
// no log of the blocks between has touched and, unless a log has changed policies,
// the transfers that no token forbids. A refusal is asked for again at each block.
func (s *Snapshot) Advance(block Block, touched []common.Address, policiesChanged bool) *Snapshot {
	changed := make(map[common.Address]bool, len(touched))
	for _, a := range touched {
		changed[a] = true
	}
	next := NewSnapshot(block)
	for id, a := range s.accounts {
		if !changed[a.owner] {
			next.accounts[id] = a
		}
	}
	if policiesChanged {
		return next
	}
	for t, refusal := range s.policies {
		if refusal == nil {
			next.policies[t] = nil
		}
	}
	return next
}

// Len is the number of accounts held.
func (s *Snapshot) Len() int { return len(s.accounts) }

// NeedError says what a decision must know of the pinned block before it can be
// made: fill it in and decide again.
type NeedError struct {
	Lanes     []Lane
	Transfers []Transfer
}

// Error lists what is missing.
func (e *NeedError) Error() string {
	var parts []string
	for _, l := range e.Lanes {
		parts = append(parts, fmt.Sprintf("lane of %s in %s", l.Sender, l.Asset))
	}
	for _, t := range e.Transfers {
		parts = append(parts, fmt.Sprintf("policy of %s for %s to %s", t.Asset, t.Sender, t.Recipient))
	}
	return "chain state not read yet: " + strings.Join(parts, ", ")
}
