package netfile

import (
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// The digest is part of the protocol: another value means another network.
func TestDigestVector(t *testing.T) {
	want := common.HexToHash("0xb5401bc1cfdfdd88e2d0369af87eef70a1bd46c10abf74f4b7a61fde5f88ef15")
	if got := sample().Digest(); got != want {
		t.Errorf("digest of the sample is %s, want %s", got, want)
	}
}

// What is listed in another order is the same network.
func TestDigestIgnoresOrder(t *testing.T) {
	f := sample()
	slices.Reverse(f.Assets)
	slices.Reverse(f.Fees.MaxFeePerGas)
	slices.Reverse(f.Committees[1].Members)
	if f.Digest() != sample().Digest() {
		t.Error("the order of assets, fees or members changes the digest")
	}
	slices.Reverse(f.Committees)
	if f.Digest() == sample().Digest() {
		t.Error("the order of committees does not change the digest")
	}
}

// What is missing makes another network.
func TestDigestCoversLists(t *testing.T) {
	for name, change := range map[string]func(*File){
		"asset":     func(f *File) { f.Assets = f.Assets[:1] },
		"fee":       func(f *File) { f.Fees.MaxFeePerGas = f.Fees.MaxFeePerGas[:1] },
		"committee": func(f *File) { f.Committees = f.Committees[:1] },
		"member":    func(f *File) { f.Committees[1].Members = f.Committees[1].Members[:3] },
	} {
		f := sample()
		change(f)
		if f.Digest() == sample().Digest() {
			t.Errorf("a file with one %s less has the same digest", name)
		}
	}
}
