package fastpay

import (
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// slowRoot is the Merkle root by the words of section 1: hash pairs, promote an
// odd last node.
func slowRoot(level []common.Hash) common.Hash {
	if len(level) == 1 {
		return level[0]
	}
	var next []common.Hash
	for ; len(level) >= 2; level = level[2:] {
		next = append(next, H("allegro/v1/node", level[0][:], level[1][:]))
	}
	return slowRoot(append(next, level...))
}

// slowPath is the path of place i by the words of section 1.
func slowPath(level []common.Hash, i int) []common.Hash {
	path := []common.Hash{}
	for w := len(level); w > 1; w = len(level) {
		if w%2 != 1 || i != w-1 {
			path = append(path, level[i^1])
		}
		var next []common.Hash
		for j := 0; j < w; j += 2 {
			next = append(next, slowRoot(level[j:min(j+2, w)]))
		}
		level, i = next, i/2
	}
	return path
}

// batchSizes are all small batches, and the largest two.
func batchSizes() []int {
	sizes := []int{MaxBatch - 1, MaxBatch}
	for n := 1; n <= 40; n++ {
		sizes = append(sizes, n)
	}
	return sizes
}

func TestMerkleTreeIsTheOneOfSection1(t *testing.T) {
	for _, n := range batchSizes() {
		ids := ids(n)
		leaves := make([]common.Hash, n)
		for i, id := range ids {
			leaves[i] = H("allegro/v1/leaf", id[:])
		}
		tree := newTree(ids)
		root := slowRoot(leaves)
		equal(t, "root", tree.root(), root)
		for i, id := range ids {
			path := tree.path(i)
			if often := n <= 40 || i%31 == 0 || i == n-1; often && !slices.Equal(path, slowPath(leaves, i)) {
				t.Errorf("%d leaves: path of leaf %d is not that of section 1", n, i)
			}
			got, ok := fold(id, uint64(i), uint64(n), path)
			if !ok || got != root {
				t.Errorf("%d leaves: path of leaf %d leads to %s, %v", n, i, got, ok)
			}
		}
	}
}

// A path proves one payment at one place of a batch of one size.
func TestMerklePathProvesNothingElse(t *testing.T) {
	for _, n := range batchSizes() {
		ids := ids(n)
		tree := newTree(ids)
		root := tree.root()
		proves := func(id ID, i, count int, path []common.Hash) bool {
			got, ok := fold(id, uint64(i), uint64(count), path)
			return ok && got == root
		}
		for i, id := range ids {
			path := tree.path(i)
			if proves(ids[(i+1)%n], i, n, path) && n > 1 {
				t.Errorf("%d leaves: path of %d proves another payment", n, i)
			}
			if len(path) > 0 && proves(id, i, n, path[:len(path)-1]) {
				t.Errorf("%d leaves: path of %d proves without its last element", n, i)
			}
			if proves(id, i, n, append(slices.Clone(path), common.Hash{})) {
				t.Errorf("%d leaves: path of %d proves with a further element", n, i)
			}
			for k := range path {
				bent := slices.Clone(path)
				bent[k][31] ^= 1
				if proves(id, i, n, bent) {
					t.Errorf("%d leaves: path of %d proves with element %d changed", n, i, k)
				}
			}
			if n > 40 {
				continue
			}
			for j := range n {
				if j != i && proves(id, j, n, path) {
					t.Errorf("%d leaves: path of %d proves place %d too", n, i, j)
				}
			}
		}
	}
}
