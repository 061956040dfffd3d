package fastpay

import (
	"crypto/ed25519"
	"fmt"
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
			if !slices.Equal(path, slowPath(leaves, i)) {
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

func TestCertificateOfEveryPlaceVerifies(t *testing.T) {
	n := newNetwork4(t)
	for _, size := range batchSizes() {
		ids := ids(size)
		batch := n.batch(t, n.c, 1, ids...)
		for i := range ids {
			if size > 40 && i%97 != 0 && i != size-1 {
				continue // every place of these is in the tree's own test
			}
			cert := batch.Certificate(i)
			again, err := n.ParseCertificate(n.c.ID(), ids[i], cert.Encode())
			noError(t, err)
			equal(t, "payment", again.ID(), ids[i])
			equal(t, "signer", again.Signer(), 1)
			equal(t, "committee", again.CommitteeID(), n.c.ID())
			equal(t, "re-encoded", string(again.Encode()), string(cert.Encode()))
		}
	}
}

func TestCertificateRefusals(t *testing.T) {
	n := newNetwork4(t)
	ids := ids(5)
	cert := n.batch(t, n.c, 1, ids...).Certificate(2)
	body := func(f func(*certificateBody)) []byte {
		b := cert.body
		b.Path = slices.Clone(b.Path)
		f(&b)
		return encode(&b)
	}
	last := n.batch(t, n.c, 1, ids...).Certificate(4)
	for _, c := range []struct {
		name string
		id   ID
		raw  []byte
		text string
	}{
		{"another payment", ids[3], cert.Encode(), "does not verify"},
		{"another signer", ids[2], body(func(b *certificateBody) { b.Signer = 2 }), "does not verify"},
		{"no such signer", ids[2], body(func(b *certificateBody) { b.Signer = 4 }), "signer 4 is not in committee"},
		{"signer beyond int", ids[2], body(func(b *certificateBody) { b.Signer = 1 << 63 }), "is not in committee"},
		{"another place", ids[2], body(func(b *certificateBody) { b.Index = 3 }), "does not verify"},
		{"place beyond the batch", ids[2], body(func(b *certificateBody) { b.Index = 5 }), "place 5 of 5"},
		{"empty batch", ids[2], body(func(b *certificateBody) { b.Count = 0 }), "place 2 of 0"},
		{"batch too large", ids[2], body(func(b *certificateBody) { b.Count = MaxBatch + 1 }), "place 2 of 1025"},
		{"another size, same path length", ids[2], body(func(b *certificateBody) { b.Count = 6 }), "does not verify"},
		{"path too short", ids[2], body(func(b *certificateBody) { b.Path = b.Path[:2] }), "a path of 2 elements"},
		{"path too long", ids[2], body(func(b *certificateBody) { b.Path = append(b.Path, common.Hash{}) }), "a path of 4 elements"},
		{"promoted leaf with a sibling", ids[4], func() []byte {
			b := last.body
			b.Path = append([]common.Hash{{}}, b.Path...)
			return encode(&b)
		}(), "a path of 2 elements"},
		{"path changed", ids[2], body(func(b *certificateBody) { b.Path[1][0] ^= 1 }), "does not verify"},
		{"signature changed", ids[2], body(func(b *certificateBody) { b.Signature[63] ^= 1 }), "does not verify"},
		{"trailing byte", ids[2], append(slices.Clone(cert.Encode()), 0), "canonical rlp"},
		{"short signature", ids[2], reencode(t, cert.Encode(), func(l []any) []any { l[4] = make([]byte, 63); return l }), "canonical rlp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.ParseCertificate(n.c.ID(), c.id, c.raw)
			refused(t, err, InvalidFormat, c.text)
		})
	}
	t.Run("unknown committee", func(t *testing.T) {
		_, err := n.ParseCertificate(common.Hash{1}, ids[2], cert.Encode())
		refused(t, err, WrongCommittee, "not in this network file")
	})
	t.Run("other committee", func(t *testing.T) {
		_, err := n.ParseCertificate(n.next.ID(), ids[2], cert.Encode())
		refused(t, err, InvalidFormat, "does not verify")
	})
}

func TestBatchRoundTrip(t *testing.T) {
	n := newNetwork4(t)
	for _, size := range []int{1, 2, 64, MaxBatch} {
		t.Run(fmt.Sprintf("%d votes", size), func(t *testing.T) {
			b := n.batch(t, n.c, 3, ids(size)...)
			again, err := n.ParseBatch(b.Encode())
			noError(t, err)
			equal(t, "signer", again.Signer(), 3)
			equal(t, "committee", again.CommitteeID(), n.c.ID())
			equal(t, "re-encoded", string(again.Encode()), string(b.Encode()))
			if !slices.Equal(again.IDs(), ids(size)) {
				t.Error("the ids are others")
			}
			for i, id := range ids(size) {
				if at, ok := again.indexOf(id); !ok || at != i {
					t.Fatalf("id %d is found at %d, %v", i, at, ok)
				}
			}
			if _, ok := again.indexOf(id(-1)); ok {
				t.Error("a foreign id is found")
			}
		})
	}
}

func TestBatchRefusals(t *testing.T) {
	n := newNetwork4(t)
	good := n.batch(t, n.c, 1, ids(3)...)
	// signed is a batch over any ids, however they are ordered, signed over the
	// root that a careless receiver would rebuild from them.
	signed := func(ids ...ID) []byte {
		body := batchBody{CommitteeID: n.c.ID(), Signer: 1, IDs: ids}
		if len(ids) > 0 {
			digest := BatchDigest(n.c.ID(), n.c.Key(1), len(ids), newTree(ids).root())
			body.Signature = [64]byte(ed25519.Sign(n.keys[n.c.ID()][1], digest[:]))
		}
		return encode(&body)
	}
	body := func(f func(*batchBody)) []byte {
		b := batchBody{n.c.ID(), 1, slices.Clone(good.ids), good.signature}
		f(&b)
		return encode(&b)
	}
	sorted := ids(3)
	for _, c := range []struct {
		name string
		raw  []byte
		code Code
		text string
	}{
		{"no votes", signed(), InvalidFormat, "batch of 0 votes"},
		{"too many votes", signed(ids(MaxBatch + 1)...), InvalidFormat, "batch of 1025 votes"},
		{"unsorted", signed(sorted[1], sorted[0], sorted[2]), InvalidFormat, "do not ascend strictly at 1"},
		{"one id twice", signed(sorted[0], sorted[1], sorted[1]), InvalidFormat, "do not ascend strictly at 2"},
		{"an id added", body(func(b *batchBody) { b.IDs = ids(4) }), InvalidFormat, "does not verify"},
		{"an id left out", body(func(b *batchBody) { b.IDs = b.IDs[:2] }), InvalidFormat, "does not verify"},
		{"an id changed", body(func(b *batchBody) { b.IDs[2][31] ^= 1 }), InvalidFormat, "does not verify"},
		{"another signer", body(func(b *batchBody) { b.Signer = 0 }), InvalidFormat, "does not verify"},
		{"no such signer", body(func(b *batchBody) { b.Signer = 4 }), InvalidFormat, "signer 4 is not in committee"},
		{"signature changed", body(func(b *batchBody) { b.Signature[0] ^= 1 }), InvalidFormat, "does not verify"},
		{"other committee", body(func(b *batchBody) { b.CommitteeID = n.next.ID() }), InvalidFormat, "does not verify"},
		{"unknown committee", body(func(b *batchBody) { b.CommitteeID = common.Hash{} }), WrongCommittee, "not in this network file"},
		{"trailing byte", append(slices.Clone(good.Encode()), 0), InvalidFormat, "canonical rlp"},
		{"too many bytes", make([]byte, MaxMessageSize+1), InvalidFormat, "262145 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.ParseBatch(c.raw)
			refused(t, err, c.code, c.text)
		})
	}
	t.Run("own batch with a short signature", func(t *testing.T) {
		_, err := NewBatch(n.c, 1, ids(1), make([]byte, 63))
		refused(t, err, InvalidFormat, "63 bytes")
	})
	t.Run("own batch without signature", func(t *testing.T) {
		_, err := NewBatch(n.c, 1, ids(1), make([]byte, 64))
		refused(t, err, InvalidFormat, "does not verify")
	})
}

func TestBatchRootSortsAndRefusesDoubles(t *testing.T) {
	mixed := ids(7)
	slices.Reverse(mixed)
	root, err := BatchRoot(mixed)
	noError(t, err)
	equal(t, "root", root, newTree(ids(7)).root())
	if !slices.Equal(mixed, ids(7)) {
		t.Error("ids are not sorted")
	}
	_, err = BatchRoot([]ID{id(1), id(2), id(1)})
	refused(t, err, InvalidFormat, "do not ascend")
	_, err = BatchRoot(nil)
	refused(t, err, InvalidFormat, "0 votes")
}
