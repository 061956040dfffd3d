package fastpay

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

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
