package fastpay

import (
	"fmt"
	"testing"
)

func BenchmarkParseTx(b *testing.B) {
	n := newNetwork4(b)
	raw := n.pay(b, 0, 1, 50).Encode()
	b.ReportAllocs()
	for b.Loop() {
		_, err := n.ParseTx(raw)
		noError(b, err)
	}
}

func BenchmarkParseBatch(b *testing.B) {
	n := newNetwork4(b)
	for _, size := range []int{1, 64, MaxBatch} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			raw := n.batch(b, n.c, 0, ids(size)...).Encode()
			b.ReportAllocs()
			for b.Loop() {
				_, err := n.ParseBatch(raw)
				noError(b, err)
			}
		})
	}
}

// BenchmarkAddBatch is what a board does with a batch of payments it knows: a
// certificate with its path for each.
func BenchmarkAddBatch(b *testing.B) {
	n := newNetwork4(b)
	for _, size := range []int{64, MaxBatch} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			batch := n.batch(b, n.c, 0, ids(size)...)
			b.ReportAllocs()
			for b.Loop() {
				noError(b, n.newBoard(nil).AddBatch(batch))
			}
		})
	}
}

func BenchmarkParseQC(b *testing.B) {
	for _, members := range []int{4, 20, 100} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			n := newNetwork(b, equalWeights(members)...)
			raw := n.qc(b, n.pay(b, 0, 1, 50)).Encode()
			b.ReportAllocs()
			for b.Loop() {
				_, err := n.ParseQC(raw)
				noError(b, err)
			}
		})
	}
}

// BenchmarkDecide is one decision on a filled snapshot: at the chain's nonce,
// on a prefix of pending payments, and on a chain of pending credits.
func BenchmarkDecide(b *testing.B) {
	first := func(s *scene) *Tx { return s.pay(0, 1, 1) }
	prefix := func(s *scene) *Tx {
		tx := s.promise(s.pay(0, 1, 1))
		for range MaxDepth - 2 {
			tx = s.promise(s.pay(0, 1, 1, on(tx)))
		}
		return s.pay(0, 1, 1, on(tx))
	}
	credits := func(s *scene) *Tx {
		tx := s.certified(s.pay(0, 1, 1))
		for i := 1; i < MaxDepth; i++ {
			tx = s.certified(s.pay(i, i+1, 1, citing(tx)))
		}
		return s.pay(MaxDepth, 0, 1, citing(tx))
	}
	for name, build := range map[string]func(*scene) *Tx{"first": first, "prefix of 31": prefix, "32 credits deep": credits} {
		b.Run(name, func(b *testing.B) {
			s := newScene(b, 1_000)
			tx := build(s)
			s.accepts(tx) // fills the snapshot
			b.ReportAllocs()
			for b.Loop() {
				_, err := s.me.ledger.Decide(tx, s.me.snap, s.me.now)
				noError(b, err)
			}
		})
	}
}
