package tx76_test

import (
	"testing"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// BenchmarkSignHash is the hash that every peer computes for every payment.
func BenchmarkSignHash(b *testing.B) {
	tx, _ := named(b, "fee-payer-signed-with-token")
	b.ReportAllocs()
	for b.Loop() {
		tx.SignHash()
	}
}

// BenchmarkSender adds the recovery of the signer.
func BenchmarkSender(b *testing.B) {
	tx, _ := named(b, "fee-payer-signed-with-token")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := tx.Sender(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecode is what a submitted transaction costs before its signature.
func BenchmarkDecode(b *testing.B) {
	tx, v := named(b, "fee-payer-signed-with-token")
	b.SetBytes(int64(len(tx.Encode())))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tx76.Decode(v.Signed); err != nil {
			b.Fatal(err)
		}
	}
}
