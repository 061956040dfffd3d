package netfile

import (
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// Names stand at the signer index that the committee gives the member's key.
func TestMembers(t *testing.T) {
	f := sample()
	r, err := f.Rules()
	if err != nil {
		t.Fatal(err)
	}
	for epoch, c := range r.Committees() {
		members := f.MembersOf(c.ID())
		if len(members) != c.Len() {
			t.Fatalf("epoch %d: %d members of %d", epoch, len(members), c.Len())
		}
		for i, m := range members {
			key := c.Member(i).Key
			if m.Key != Key(key) || m.Key != keyOfName(m.Name) {
				t.Errorf("epoch %d, signer %d: member %s has key %s", epoch, i, m.Name, m.Key)
			}
			if one, ok := f.Member(c.ID(), i); !ok || one.Name != m.Name || f.MemberName(c.ID(), i) != m.Name {
				t.Errorf("epoch %d, signer %d: looked up as %s", epoch, i, one.Name)
			}
		}
	}
	id := r.Committees()[0].ID()
	for _, c := range []struct {
		committee common.Hash
		index     int
		name      string
	}{{id, -1, "member -1"}, {id, 2, "member 2"}, {common.Hash{1}, 0, "member 0"}} {
		if _, ok := f.Member(c.committee, c.index); ok {
			t.Errorf("member %d of %s was found", c.index, c.committee)
		}
		if name := f.MemberName(c.committee, c.index); name != c.name {
			t.Errorf("member %d of %s is called %q", c.index, c.committee, name)
		}
	}
	if f.MembersOf(common.Hash{}) != nil {
		t.Error("an unknown committee has members")
	}
}

func TestAssets(t *testing.T) {
	f := sample()
	for _, symbol := range []string{"AlphaUSD", "alphausd"} {
		if a, ok := f.AssetBySymbol(symbol); !ok || a != f.Assets[1] {
			t.Errorf("symbol %s: %+v, %v", symbol, a, ok)
		}
	}
	if _, ok := f.AssetBySymbol("AlphaEUR"); ok {
		t.Error("an unknown symbol was found")
	}
	if a, ok := f.AssetByAddress(common.Address(f.Assets[1].Address)); !ok || a != f.Assets[1] {
		t.Errorf("by address: %+v, %v", a, ok)
	}
	if _, ok := f.AssetByAddress(common.Address{}); ok {
		t.Error("an unknown address was found")
	}
}
