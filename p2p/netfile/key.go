package netfile

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Key is a public key of 32 bytes. Its text is 0x and 64 hex digits, or empty
// for no key, which is all zeros.
type Key [32]byte

// String returns the text in lower case.
func (k Key) String() string {
	if k == (Key{}) {
		return ""
	}
	return "0x" + hex.EncodeToString(k[:])
}

// MarshalText returns the text in lower case.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText parses a key.
func (k *Key) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*k = Key{}
		return nil
	}
	digits, ok := strings.CutPrefix(string(text), "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != len(k) {
		return fmt.Errorf("%q is not a key: want 0x and %d hex digits", text, 2*len(k))
	}
	*k = Key(raw)
	return nil
}
