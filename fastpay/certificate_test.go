package fastpay

import (
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

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
