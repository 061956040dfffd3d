package netfile

import (
	"fmt"
	"strings"

	"github.com/holiman/uint256"
)

const (
	// maxAmountBits bounds every amount: the protocol's integers have at most 16
	// bytes.
	maxAmountBits = 128
	// maxAmountDigits is the length of 2^128-1.
	maxAmountDigits = 39
)

// Amount is a whole number below 2^128: token units, or attodollars of a fee.
// Its text is decimal digits and nothing else.
type Amount uint256.Int

// String returns the decimal digits.
func (a Amount) String() string {
	n := uint256.Int(a)
	return n.Dec()
}

// MarshalText returns the decimal digits.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText parses decimal digits.
func (a *Amount) UnmarshalText(text []byte) error {
	s := string(text)
	if !isDigits(s) {
		return fmt.Errorf("%q is not an amount: want decimal digits, without sign, point or exponent", s)
	}
	n, err := parseUnits(s)
	if err != nil {
		return fmt.Errorf("amount %s %w", s, err)
	}
	*a = Amount(n)
	return nil
}

// FormatAmount writes token units as people read them: exact, with at least two
// digits behind the point and otherwise no trailing zeros; an asset with fewer
// than two decimals gets all it has. 10500000 units at 6 decimals are "10.50".
func FormatAmount(units uint256.Int, decimals uint8) string {
	digits := units.Dec()
	places := int(decimals)
	if missing := places + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - places
	whole, fraction := digits[:point], digits[point:]
	for len(fraction) > 2 && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// ParseAmount reads an amount as people write it, "10" or "10.50", and returns
// token units. It is exact: digits that the asset cannot express are an error,
// also if they are zeros.
func ParseAmount(text string, decimals uint8) (uint256.Int, error) {
	whole, fraction, point := strings.Cut(text, ".")
	switch {
	case !isDigits(whole) || point && !isDigits(fraction):
		return uint256.Int{}, fmt.Errorf("%q is not an amount: write it like 10 or 10.50, with digits on both sides of the point", text)
	case len(fraction) > int(decimals):
		return uint256.Int{}, fmt.Errorf("amount %s has %d digits behind the point, the asset has %d decimals: round it", text, len(fraction), decimals)
	}
	units, err := parseUnits(strings.TrimLeft(whole+fraction+strings.Repeat("0", int(decimals)-len(fraction)), "0"))
	if err != nil {
		return uint256.Int{}, fmt.Errorf("amount %s %w", text, err)
	}
	return units, nil
}

// isDigits reports whether s is one or more ASCII digits.
func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// parseUnits reads decimal digits, none for zero. Its error continues a sentence
// about the amount.
func parseUnits(digits string) (uint256.Int, error) {
	var n uint256.Int
	if digits == "" {
		return n, nil
	}
	if len(digits) > maxAmountDigits || n.SetFromDecimal(digits) != nil || n.BitLen() > maxAmountBits {
		return uint256.Int{}, fmt.Errorf("is too large: amounts are below 2^%d units", maxAmountBits)
	}
	return n, nil
}
