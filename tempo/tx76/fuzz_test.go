package tx76_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// FuzzDecode: whatever decodes is the one encoding of what it decodes to, and
// nothing done with it panics.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.Signed))
	}
	f.Add(append(sound()[:signature], []any{[]any{}, []byte{}}, make([]byte, 65)).wire(f))
	f.Fuzz(func(t *testing.T, wire []byte) {
		tx, err := tx76.Decode(wire)
		if err != nil {
			if !errors.Is(err, tx76.ErrMalformed) || tx != nil {
				t.Fatalf("transaction %v with error %v", tx, err)
			}
			return
		}
		if !bytes.Equal(tx.Encode(), wire) {
			t.Fatalf("encodes to %x", tx.Encode())
		}
		sender, _, err := tx.Sender()
		if err != nil && !errors.Is(err, tx76.ErrSignature) {
			t.Fatal(err)
		}
		if _, err := tx.Sponsor(); err != nil && !errors.Is(err, tx76.ErrSignature) && !errors.Is(err, tx76.ErrNotSponsored) {
			t.Fatal(err)
		}
		tx.SponsorHash(sender)
		tx.Hash()
	})
}

// FuzzRecover: no bytes make the verifier panic, and what it accepts has s in
// the lower half, so that no second signature can be made from it.
func FuzzRecover(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.SignHash[:], []byte(v.Signature))
	}
	f.Fuzz(func(t *testing.T, hash, sig []byte) {
		if len(hash) != 32 {
			return
		}
		if _, _, err := tx76.Recover([32]byte(hash), sig); err != nil && !errors.Is(err, tx76.ErrSignature) {
			t.Fatal(err)
		}
	})
}
