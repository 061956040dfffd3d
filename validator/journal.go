package validator

import (
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
)

// Key spaces of the validator in its store.
const (
	prefixVote  = 'v' // tx id → fastpay.Promise
	prefixGuard = 'g' // the guard record, one key
)

// ErrOtherChain means that the node follows another chain than the one this
// store voted on: votes would be checked against the wrong balances.
var ErrOtherChain = errors.New("the node follows another chain than this validator's store: use the right node, or a fresh home with a new committee")

// guardRecord ties a store to its chain (section 4.4, roll-back guard).
type guardRecord struct {
	Genesis common.Hash
	Number  uint64
	Hash    common.Hash
	Parent  common.Hash
	Time    uint64
}

// journal is the durable record of a validator's votes. Votes are never deleted: a
// batch of ours that names a payment without one shows that the disk was rolled
// back. Safe for concurrent use.
type journal struct {
	store *replica.Store
}

func voteKey(id fastpay.ID) []byte { return append([]byte{prefixVote}, id[:]...) }

// append makes votes durable with one sync. An error is final: whether the votes
// are on disk is not known.
func (j *journal) append(promises []*fastpay.Promise) error {
	w := j.store.NewWrite()
	for _, p := range promises {
		if err := w.Set(voteKey(p.Tx.ID()), p.Encode()); err != nil {
			return fmt.Errorf("recording vote for %s: %w", p.Tx.ID(), err)
		}
	}
	return j.store.Commit(w, true)
}

// has reports whether the store holds a vote for a payment.
func (j *journal) has(id fastpay.ID) (bool, error) {
	value, err := j.store.Get(voteKey(id))
	return value != nil, err
}

// load returns all votes. A vote of a committee that the network file no longer
// lists is of no use to any rule and left out.
func (j *journal) load(rules *fastpay.Rules) ([]*fastpay.Promise, error) {
	var out []*fastpay.Promise
	err := j.store.Each([]byte{prefixVote}, func(_, value []byte) error {
		p, err := rules.ParsePromise(value)
		if errors.Is(err, fastpay.WrongCommittee) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("store holds a vote that does not verify: %w", err)
		}
		out = append(out, p)
		return nil
	})
	return out, err
}

// guard returns the guard record, or nil in a new store.
func (j *journal) guard() (*guardRecord, error) {
	value, err := j.store.Get([]byte{prefixGuard})
	if value == nil || err != nil {
		return nil, err
	}
	rec := new(guardRecord)
	if err := rlp.DecodeBytes(value, rec); err != nil {
		return nil, fmt.Errorf("store is damaged: guard record: %w", err)
	}
	return rec, nil
}

// setGuard stores the guard record. The next synced commit makes it durable.
func (j *journal) setGuard(rec guardRecord) error {
	value, err := rlp.EncodeToBytes(&rec)
	if err != nil {
		return fmt.Errorf("encoding guard record: %w", err)
	}
	w := j.store.NewWrite()
	if err := w.Set([]byte{prefixGuard}, value); err != nil {
		return err
	}
	return j.store.Commit(w, false)
}
