package netfile

import (
	"strings"
	"testing"
)

func TestAddressText(t *testing.T) {
	const sum = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
	for _, text := range []string{sum, strings.ToLower(sum), "0x" + strings.ToUpper(sum[2:])} {
		var a Address
		if err := a.UnmarshalText([]byte(text)); err != nil || a.String() != sum {
			t.Errorf("%s: %s, %v", text, a, err)
		}
	}
	for _, text := range []string{
		"", "0x", sum[2:], sum + "00", sum[:41], "0X" + sum[2:], " " + sum, "0x" + strings.Repeat("g", 40),
		strings.Replace(sum, "dA", "da", 1), strings.Replace(sum, "6045", "6046", 1),
	} {
		a := Address{1}
		if err := a.UnmarshalText([]byte(text)); err == nil || a != (Address{1}) {
			t.Errorf("%q was read as %s: %v", text, a, err)
		}
	}
}

func TestKeyText(t *testing.T) {
	text := "0x" + strings.Repeat("ab", 32)
	var k Key
	if err := k.UnmarshalText([]byte(strings.ToUpper(text[2:]))); err == nil {
		t.Error("a key without 0x was read")
	}
	if err := k.UnmarshalText([]byte(text)); err != nil || k.String() != text {
		t.Errorf("%s, %v", k, err)
	}
	if err := k.UnmarshalText([]byte(text[:64])); err == nil || k.String() != text {
		t.Errorf("a short key was read as %s", k)
	}
	if err := k.UnmarshalText(nil); err != nil || k != (Key{}) || k.String() != "" {
		t.Errorf("no key was read as %q: %v", k, err)
	}
}
