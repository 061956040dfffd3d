package archive

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
)

// Key spaces of the archive in the peer's store.
const (
	prefixEntry   = 'a' // tx id → storedEntry
	prefixPlace   = 'i' // place → tx id
	prefixAccount = 'x' // account ‖ place → tx id
	prefixChain   = 'h' // hash of the chain transaction → tx id
	prefixOpen    = 'o' // tx id of one that is not final → 1 if it is certified
	prefixFinal   = 'f' // when it became final ‖ tx id → nothing
	prefixDropped = 'd' // tx id of one that the Board has and retention dropped → nothing
	prefixState   = 'm' // state, one key
)

// state is what the archive knows of itself. It is written with every commit.
type state struct {
	Places    uint64 // given so far; the first one is 1
	Payments  uint64 // held
	Bytes     uint64 // that they take, see entryBytes
	Clock     uint64 // Unix microseconds of the commit
	Finalized fastpay.Block
}

// loadState reads the state; a new store has the zero state.
func loadState(store *replica.Store) (state, error) {
	var s state
	value, err := store.Get([]byte{prefixState})
	if value == nil || err != nil {
		return s, err
	}
	if err := rlp.DecodeBytes(value, &s); err != nil {
		return s, fmt.Errorf("store is damaged: archive state: %w", err)
	}
	return s, nil
}

func (s *state) encode() ([]byte, error) {
	value, err := rlp.EncodeToBytes(s)
	if err != nil {
		return nil, fmt.Errorf("encoding archive state: %w", err)
	}
	return value, nil
}

func keyOf(prefix byte, hash common.Hash) []byte { return append([]byte{prefix}, hash[:]...) }

func keyPlace(place uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixPlace}, place)
}

func keyAccount(account common.Address, place uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte{prefixAccount}, account[:]...), place)
}

func keyFinal(at time.Time, id fastpay.ID) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{prefixFinal}, uint64(at.UnixMicro())), id[:]...)
}
