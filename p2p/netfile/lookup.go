package netfile

import (
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// String names the network for a banner or a log line: its name, its chain and
// the beginning of its digest.
func (f *File) String() string {
	digest := f.Digest()
	return fmt.Sprintf("%s (chain %d, digest 0x%x…)", f.Name, f.Chain.ID, digest[:4])
}

// MembersOf returns the members of a committee by signer index, nil if the file
// has no committee of that id. It computes the committees' ids anew: keep its
// result instead of asking [File.Member] in a loop. The caller owns the slice
// but not the address lists in it.
func (f *File) MembersOf(committeeID common.Hash) []Member {
	for _, c := range f.Committees {
		committee, err := f.committee(c)
		if err == nil && committee.ID() == committeeID {
			return bySigner(c.Members)
		}
	}
	return nil
}

// Member returns the member of a committee at a signer index.
func (f *File) Member(committeeID common.Hash, index int) (Member, bool) {
	members := f.MembersOf(committeeID)
	if index < 0 || index >= len(members) {
		return Member{}, false
	}
	return members[index], true
}

// MemberName returns the name of the member at a signer index, "member 3" for
// one that the file does not have.
func (f *File) MemberName(committeeID common.Hash, index int) string {
	if m, ok := f.Member(committeeID, index); ok {
		return m.Name
	}
	return fmt.Sprintf("member %d", index)
}

// AssetNamed returns the asset that people name by its symbol or address, or the first
// one if the text is empty. The error lists what there is.
func (f *File) AssetNamed(text string) (Asset, error) {
	if text == "" {
		return f.Assets[0], nil
	}
	if a, ok := f.AssetBySymbol(text); ok {
		return a, nil
	}
	var address Address
	if address.UnmarshalText([]byte(text)) == nil {
		if a, ok := f.AssetByAddress(common.Address(address)); ok {
			return a, nil
		}
	}
	var symbols []string
	for _, a := range f.Assets {
		symbols = append(symbols, a.Symbol)
	}
	return Asset{}, fmt.Errorf("asset %q is not in the network file: it has %s", text, strings.Join(symbols, ", "))
}

// AssetBySymbol returns the asset of a symbol, whatever its case.
func (f *File) AssetBySymbol(symbol string) (Asset, bool) {
	for _, a := range f.Assets {
		if strings.EqualFold(a.Symbol, symbol) {
			return a, true
		}
	}
	return Asset{}, false
}

// AssetByAddress returns the asset of a token's contract.
func (f *File) AssetByAddress(address common.Address) (Asset, bool) {
	for _, a := range f.Assets {
		if a.Address == Address(address) {
			return a, true
		}
	}
	return Asset{}, false
}
