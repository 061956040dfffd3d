package netfile

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// Address is an account or contract. Its text is 0x and 40 hex digits; mixed
// case must be the address's EIP-55 checksum, so that a typing error shows.
type Address common.Address

// String returns the text with the EIP-55 checksum.
func (a Address) String() string { return common.Address(a).Hex() }

// MarshalText returns the text with the EIP-55 checksum.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText parses an address.
func (a *Address) UnmarshalText(text []byte) error {
	s := string(text)
	digits, ok := strings.CutPrefix(s, "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != common.AddressLength {
		return fmt.Errorf("%q is not an address: want 0x and %d hex digits", s, 2*common.AddressLength)
	}
	parsed := Address(raw)
	mixed := strings.ToLower(digits) != digits && strings.ToUpper(digits) != digits
	if mixed && parsed.String() != s {
		return fmt.Errorf("address %s has a wrong checksum: compare it with its source, then write it in lower case", s)
	}
	*a = parsed
	return nil
}
