package request

import (
	"fmt"
	"strings"
)

// literal reports whether a byte stands for itself in a value: what RFC 3986 leaves
// unreserved, and what multiaddrs are made of.
func literal(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~/:", c) >= 0
}

// escape writes a value: every byte that is not literal as % and two upper-case hex
// digits.
func escape(b *strings.Builder, value string) {
	for i := range len(value) {
		if c := value[i]; literal(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(b, "%%%02X", c)
		}
	}
}

// unescape reads a value that [escape] wrote.
func unescape(text string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case literal(c):
		case c == '%' && i+2 < len(text) && upperHex(text[i+1]) >= 0 && upperHex(text[i+2]) >= 0:
			c = byte(upperHex(text[i+1])<<4 | upperHex(text[i+2]))
			if literal(c) {
				return "", fmt.Errorf("%s stands for %c, which must stand for itself", text[i:i+3], c)
			}
			i += 2
		case c == '%':
			return "", fmt.Errorf("%%%s is no byte: want %% and two upper-case hex digits", text[i+1:min(i+3, len(text))])
		default:
			return "", fmt.Errorf("%q must be written as %%%02X", text[i:i+1], c)
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// upperHex is the value of a hex digit, -1 of anything else.
func upperHex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
