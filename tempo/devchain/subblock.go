package devchain

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/rpc"
)

// Sub-block lanes, as Tempo had them before T4. A nonce key with the prefix 0x5b
// names a validator by the first bytes of its Ed25519 key. Such a transaction goes
// to that validator's own node, which puts it into its sub-block of the next block.
// This chain plays the nodes of all its validators.
const (
	// subBlockPrefix is the first byte of a sub-block lane's nonce key, and
	// validatorBytes the number of the validator key's bytes that follow.
	subBlockPrefix = 0x5b
	validatorBytes = 15

	// maxSubBlock is how many transactions may wait at one validator's node, and
	// maxSubBlocks how many at all of them. They are Tempo's.
	maxSubBlock  = 10_000
	maxSubBlocks = 100_000

	// maxValidators bounds the endpoints. It leaves each sub-block a million gas,
	// which is what payments have as their limit.
	maxValidators = 50
)

// errTargetMismatch is Tempo's answer where a transaction names another validator
// than the node's, or the node is no validator's.
var errTargetMismatch = errors.New("subblock transaction rejected: target validator mismatch")

// errNoSubBlocks says what a current node does not: why it refuses.
var errNoSubBlocks = errors.New("subblock transaction rejected: sub-block lanes ended with T4, a nonce key may not begin with 0x5b: use another one")

// subBlock is the lane of one validator.
type subBlock struct {
	validator [32]byte
	server    *server // the JSON-RPC of the validator's node
	pool      pool    // guarded by the chain's lock
}

// newSubBlocks returns the lanes of a chain's validators in the order of their keys,
// in which a block has their sub-blocks.
func newSubBlocks(c *Chain) ([]*subBlock, error) {
	keys := slices.Clone(c.cfg.Validators)
	slices.SortFunc(keys, compareKeys)
	lanes := make([]*subBlock, len(keys))
	for i, key := range keys {
		lanes[i] = &subBlock{validator: key}
		var err error
		if lanes[i].server, err = newServer(c, lanes[i]); err != nil {
			return nil, err
		}
	}
	return lanes, nil
}

func compareKeys(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) }

// checkValidators refuses validators that nonce keys cannot tell apart.
func checkValidators(fork Fork, keys [][32]byte) error {
	if fork != T3 && len(keys) > 0 {
		return fmt.Errorf("devchain: %d validators are given, but sub-block lanes ended with T4: leave them out, or set Fork to T3", len(keys))
	}
	if len(keys) > maxValidators {
		return fmt.Errorf("devchain: %d validators are given: at most %d have a sub-block that holds a payment", len(keys), maxValidators)
	}
	seen := make(map[[validatorBytes]byte]bool)
	for _, key := range keys {
		short := [validatorBytes]byte(key[:])
		if seen[short] {
			return fmt.Errorf("devchain: two validators have keys that begin with 0x%x: nonce keys cannot tell them apart", short)
		}
		seen[short] = true
	}
	return nil
}

// isSubBlock reports whether a transaction is one of a sub-block lane.
func (s *signed) isSubBlock() bool { return s.tx.NonceKey.Bytes32()[0] == subBlockPrefix }

// names reports whether a transaction of a sub-block lane names this validator.
func (l *subBlock) names(s *signed) bool {
	key := s.tx.NonceKey.Bytes32()
	return bytes.Equal(key[1:1+validatorBytes], l.validator[:validatorBytes])
}

// validatorLane returns the lane of a validator, nil if the chain has no such one.
func (c *Chain) validatorLane(key [32]byte) *subBlock {
	i, ok := slices.BinarySearchFunc(c.subBlocks, key, func(l *subBlock, key [32]byte) int { return compareKeys(l.validator, key) })
	if !ok {
		return nil
	}
	return c.subBlocks[i]
}

// ValidatorClient returns a client like that of Client, connected to the node of a
// validator: only there its sub-block lane takes transactions. The error tells that
// Config.Validators does not have it. The caller closes the client.
func (c *Chain) ValidatorClient(key [32]byte) (*rpc.Client, error) {
	lane := c.validatorLane(key)
	if lane == nil {
		return nil, fmt.Errorf("devchain: 0x%x is no validator of this chain: put it into Validators", key)
	}
	return rpc.DialInProc(lane.server.rpc), nil
}

// ValidatorPath is the path under which Handler serves the node of a validator.
func ValidatorPath(key [32]byte) string { return validatorPath + hex.EncodeToString(key[:]) }

const validatorPath = "/validator/"

// laneOf returns the lane of the validator whose key is given in hex, or nil.
func (c *Chain) laneOf(digits string) *subBlock {
	key, err := hex.DecodeString(digits)
	if err != nil || len(key) != 32 {
		return nil
	}
	return c.validatorLane([32]byte(key))
}

// roomFor says why a transaction of a sub-block lane cannot wait at the node that it
// was handed to, nil if it can. The caller holds the chain's lock.
func (c *Chain) roomFor(s *signed, at *subBlock) error {
	if at == nil || !at.names(s) {
		return errTargetMismatch
	}
	stored := 0
	for _, lane := range c.subBlocks {
		stored += len(lane.pool.queue)
	}
	if len(at.pool.queue) >= maxSubBlock || stored >= maxSubBlocks {
		return fmt.Errorf("sub-block is full: %d transactions wait at this validator and %d at all of them, try again after the next block", len(at.pool.queue), stored)
	}
	return nil
}

// batch is what waits for one block.
type batch struct {
	ordinary  []*signed
	subBlocks [][]*signed // by validator, in the order of Chain.subBlocks
}

// waiting returns what waits now. The caller holds the chain's lock.
func (c *Chain) waiting() batch {
	b := batch{ordinary: slices.Clone(c.pool.queue)}
	for _, lane := range c.subBlocks {
		b.subBlocks = append(b.subBlocks, slices.Clone(lane.pool.queue))
	}
	return b
}

// split returns the batch that a block's transactions were.
func (c *Chain) split(txs []*signed) (batch, error) {
	b := batch{subBlocks: make([][]*signed, len(c.subBlocks))}
	for _, s := range txs {
		if !s.isSubBlock() {
			b.ordinary = append(b.ordinary, s)
			continue
		}
		i := slices.IndexFunc(c.subBlocks, func(l *subBlock) bool { return l.names(s) })
		if i < 0 {
			return batch{}, errTargetMismatch
		}
		b.subBlocks[i] = append(b.subBlocks[i], s)
	}
	return b, nil
}
