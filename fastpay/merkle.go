package fastpay

import (
	"github.com/ethereum/go-ethereum/common"
)

// tree is the Merkle tree over a batch of tx ids (section 1, Votes): levels[0]
// are the leaves, the last level is the root. An odd last node is promoted.
type tree [][]common.Hash

func leafHash(id ID) common.Hash { return H(tagLeaf, id[:]) }

func nodeHash(left, right common.Hash) common.Hash { return H(tagNode, left[:], right[:]) }

// newTree builds the tree over 1 to MaxBatch ids.
func newTree(ids []ID) tree {
	level := make([]common.Hash, len(ids))
	for i, id := range ids {
		level[i] = leafHash(id)
	}
	t := tree{level}
	for len(level) > 1 {
		next := make([]common.Hash, 0, (len(level)+1)/2)
		for i := 0; i+1 < len(level); i += 2 {
			next = append(next, nodeHash(level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			next = append(next, level[len(level)-1])
		}
		t = append(t, next)
		level = next
	}
	return t
}

// root is the tree's root.
func (t tree) root() common.Hash { return t[len(t)-1][0] }

// path returns the siblings from leaf i up to the root.
func (t tree) path(i int) []common.Hash {
	path := []common.Hash{}
	for _, level := range t[:len(t)-1] {
		if sibling := i ^ 1; sibling < len(level) {
			path = append(path, level[sibling])
		}
		i /= 2
	}
	return path
}

// fold computes the root from leaf i of count and its path. It reports false if
// the path has too few or too many elements.
func fold(id ID, i, count uint64, path []common.Hash) (common.Hash, bool) {
	h := leafHash(id)
	for w := count; w > 1; w = (w + 1) / 2 {
		if i%2 == 1 || i != w-1 {
			if len(path) == 0 {
				return common.Hash{}, false
			}
			if i%2 == 1 {
				h = nodeHash(path[0], h)
			} else {
				h = nodeHash(h, path[0])
			}
			path = path[1:]
		}
		i /= 2
	}
	return h, len(path) == 0
}
