package request

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// Parse reads a URI. It takes nothing that [Request.String] would not print, so that two
// requests are the same if their URIs are, and a key that it does not know is refused:
// paying without what the payee asks for there could be a loss. The error says what is
// wrong.
func Parse(uri string) (Request, error) {
	r, err := parse(uri)
	if err != nil {
		return Request{}, fmt.Errorf("payment request: %w", err)
	}
	return r, nil
}

func parse(uri string) (r Request, err error) {
	if len(uri) > MaxLength {
		return r, fmt.Errorf("it has %d bytes: at most %d are possible", len(uri), MaxLength)
	}
	rest, ok := strings.CutPrefix(uri, scheme)
	if !ok {
		return r, errors.New("it does not start with " + scheme + " and a payee")
	}
	payee, query, ok := strings.Cut(rest, "?")
	if r.Payee, err = parseAddress("payee", payee); err != nil {
		return r, err
	}
	if !ok {
		return r, errors.New("it has nothing behind the payee: want ?network=…")
	}
	last := -1 // place in keys of the key before
	for pair := range strings.SplitSeq(query, "&") {
		key, text, found := strings.Cut(pair, "=")
		at := slices.Index(keys, key)
		switch {
		case at < 0:
			return r, fmt.Errorf("this request asks for %q, which this version does not know", key)
		case !found:
			return r, fmt.Errorf("%s has no value", key)
		case at == last && key != keyPeer:
			return r, fmt.Errorf("%s stands in it twice", key)
		case at < last:
			return r, fmt.Errorf("%s stands behind %s: the order is %s, and only %s is repeated", key, keys[last], strings.Join(keys, ", "), keyPeer)
		}
		if missing := missingBefore(last, at); missing != "" {
			return r, errors.New("it has no " + missing)
		}
		last = at
		value, err := unescape(text)
		if err == nil {
			err = r.set(key, value)
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", key, err)
		}
	}
	if missing := missingBefore(last, len(keys)); missing != "" {
		return r, errors.New("it has no " + missing)
	}
	return r, r.check()
}

// missingBefore is the first key between two places that every request has; empty if none
// is.
func missingBefore(last, at int) string {
	for _, key := range keys[last+1 : max(last+1, at)] {
		if key == keyNetwork || key == keyAsset || key == keyAmount {
			return key
		}
	}
	return ""
}

// set stores the value of a key.
func (r *Request) set(key, value string) (err error) {
	switch key {
	case keyNetwork:
		raw, err := hex.DecodeString(value)
		if err != nil || len(raw) != common.HashLength || strings.ToLower(value) != value {
			return fmt.Errorf("%q is not a digest: want %d lower-case hex digits", value, 2*common.HashLength)
		}
		r.Network = common.Hash(raw)
	case keyAsset:
		r.Asset, err = parseAddress("token", value)
	case keyAmount:
		if !canonicalDigits(value) || r.Amount.SetFromDecimal(value) != nil {
			return fmt.Errorf("%q is not a number of token units: want decimal digits without zeros in front, below 2^%d", value, maxAmountBits)
		}
	case keyNote:
		if value == "" {
			return errors.New("is empty: leave it out")
		}
		r.Note = value
	case keyExpires:
		if r.Expires, err = strconv.ParseUint(value, 10, 64); err != nil || !canonicalDigits(value) || r.Expires == 0 {
			return fmt.Errorf("%q is not a time: want Unix seconds without zeros in front, or leave it out", value)
		}
	case keyPeer:
		r.Peers = append(r.Peers, value)
	}
	return err
}

// canonicalDigits reports whether s is a whole number as it is printed.
func canonicalDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == "" && (s[0] != '0' || s == "0")
}

// parseAddress reads an address with its checksum: money that goes to a mistyped one is
// gone.
func parseAddress(what, text string) (common.Address, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	raw, err := hex.DecodeString(digits)
	switch {
	case !ok || err != nil || len(raw) != common.AddressLength:
		return common.Address{}, fmt.Errorf("%s %q is not an address: want 0x and %d hex digits", what, text, 2*common.AddressLength)
	case common.Address(raw).Hex() == text:
		return common.Address(raw), nil
	case strings.ToLower(digits) == digits:
		return common.Address{}, fmt.Errorf("%s %s has no checksum, so that a typing error would not show: want its upper and lower case", what, text)
	}
	return common.Address{}, fmt.Errorf("%s %s has a wrong checksum: a digit was mistyped", what, text)
}
