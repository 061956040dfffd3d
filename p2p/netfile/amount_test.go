package netfile

import (
	"math"
	"strings"
	"testing"

	"github.com/holiman/uint256"
)

func TestFormatAmount(t *testing.T) {
	for _, c := range []struct {
		units    string
		decimals uint8
		want     string
	}{
		{"10500000", 6, "10.50"}, {"10000000", 6, "10.00"}, {"1", 6, "0.000001"}, {"0", 6, "0.00"},
		{"123456789", 6, "123.456789"}, {"120", 2, "1.20"}, {"5", 1, "0.5"}, {"50", 1, "5.0"}, {"7", 0, "7"}, {"0", 0, "0"},
		{"340282366920938463463374607431768211455", 38, "3.40282366920938463463374607431768211455"},
		{"340282366920938463463374607431768211455", 0, "340282366920938463463374607431768211455"},
	} {
		units := uint256.MustFromDecimal(c.units)
		got := FormatAmount(*units, c.decimals)
		if got != c.want {
			t.Errorf("%s units at %d decimals: %q, want %q", c.units, c.decimals, got, c.want)
		}
		back, err := ParseAmount(got, c.decimals)
		if err != nil || !back.Eq(units) {
			t.Errorf("%q at %d decimals is read as %s: %v", got, c.decimals, back.Dec(), err)
		}
	}
}

func TestParseAmount(t *testing.T) {
	for _, c := range []struct {
		text     string
		decimals uint8
		want     string // decimal units, or the error after "!"
	}{
		{"10.50", 6, "10500000"}, {"10", 6, "10000000"}, {"0.000001", 6, "1"}, {"0", 6, "0"}, {"007.1", 6, "7100000"}, {"3", 0, "3"},
		{strings.Repeat("0", 50) + "1", 0, "1"},
		{"10.0000001", 6, "!amount 10.0000001 has 7 digits behind the point, the asset has 6 decimals"},
		{"10.5000000", 6, "!the asset has 6 decimals"},
		{"1.5", 0, "!the asset has 0 decimals"},
		{"340282366920938463463374607431768.211455", 6, "340282366920938463463374607431768211455"},
		{"340282366920938463463374607431768.211456", 6, "!is too large: amounts are below 2^128 units"},
		{strings.Repeat("9", 100), 6, "!is too large"},
		{"", 6, "!\"\" is not an amount"}, {".", 6, "!not an amount"}, {".5", 6, "!not an amount"}, {"5.", 6, "!not an amount"},
		{"+1", 6, "!not an amount"}, {"-1", 6, "!not an amount"}, {"1e3", 6, "!not an amount"}, {"1,5", 6, "!not an amount"},
		{"1_000", 6, "!not an amount"}, {"1.2.3", 6, "!not an amount"}, {" 1", 6, "!not an amount"}, {"١", 6, "!not an amount"}, {"0x10", 6, "!not an amount"},
	} {
		got, err := ParseAmount(c.text, c.decimals)
		if wrong, fails := strings.CutPrefix(c.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%q: %v, want error %q", c.text, err, wrong)
			}
		} else if err != nil || got.Dec() != c.want {
			t.Errorf("%q: %s, %v, want %s", c.text, got.Dec(), err, c.want)
		}
	}
}

// What is written is read back as the same units.
func FuzzAmount(f *testing.F) {
	f.Add(uint64(10_500_000), uint64(0), uint8(6))
	f.Add(uint64(math.MaxUint64), uint64(math.MaxUint64), uint8(38))
	f.Add(uint64(0), uint64(1), uint8(255))
	f.Fuzz(func(t *testing.T, low, high uint64, decimals uint8) {
		units := uint256.Int{low, high}
		text := FormatAmount(units, decimals)
		got, err := ParseAmount(text, decimals)
		if err != nil || got != units {
			t.Errorf("%s units at %d decimals are written %q and read as %s: %v", units.Dec(), decimals, text, got.Dec(), err)
		}
	})
}

// Texts that people may type fail or keep their value.
func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"10.50", "0.000001", "1e9", "", "9.9.9"} {
		f.Add(seed, uint8(6))
	}
	f.Fuzz(func(t *testing.T, text string, decimals uint8) {
		units, err := ParseAmount(text, decimals)
		if err != nil {
			return
		}
		trim := func(s string) string {
			if strings.Contains(s, ".") {
				s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
			}
			s = strings.TrimLeft(s, "0")
			if s == "" || s[0] == '.' {
				s = "0" + s
			}
			return s
		}
		if got := FormatAmount(units, decimals); trim(got) != trim(text) {
			t.Errorf("%q at %d decimals is %s units, written %q", text, decimals, units.Dec(), got)
		}
	})
}
