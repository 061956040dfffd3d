package httpapi

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
)

// parseAddress reads an address; mixed case must be its EIP-55 checksum.
func parseAddress(what, text string) (common.Address, error) {
	var a netfile.Address
	if err := a.UnmarshalText([]byte(text)); err != nil {
		return common.Address{}, badRequest("%s: %v", what, err)
	}
	return common.Address(a), nil
}

// parseHash reads a tx id or the hash of a chain transaction.
func parseHash(what, text string) (common.Hash, error) {
	raw, err := parseHex(what, text)
	if err != nil || len(raw) != common.HashLength {
		return common.Hash{}, badRequest("%s %q is no hash: want 0x and 64 hex digits", what, text)
	}
	return common.BytesToHash(raw), nil
}

// parseHex reads 0x-hex of one byte or more.
func parseHex(what, text string) ([]byte, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) == 0 {
		return nil, &Error{
			Status: http.StatusBadRequest, Code: string(fastpay.InvalidFormat), Message: what + " is no hex: want 0x and an even number of hex digits",
		}
	}
	return raw, nil
}

// parseNumber reads a number of a query within bounds; fallback if it is not given.
func parseNumber(r *http.Request, name string, fallback, low, high int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, badRequest("%s %q: want a number from %d to %d", name, text, low, high)
	}
	return n, nil
}

// asset finds an asset by symbol or address.
func (s *Server) asset(text string) (netfile.Asset, error) {
	if a, ok := s.cfg.File.AssetBySymbol(text); ok {
		return a, nil
	}
	var address netfile.Address
	if address.UnmarshalText([]byte(text)) == nil {
		if a, ok := s.cfg.File.AssetByAddress(common.Address(address)); ok {
			return a, nil
		}
	}
	var symbols []string
	for _, a := range s.cfg.File.Assets {
		symbols = append(symbols, a.Symbol)
	}
	return netfile.Asset{}, badRequest("asset %q is not in the network file: it has %s", text, strings.Join(symbols, ", "))
}

// cursorOf writes a place in the list of payments. Clients do not look into it.
func cursorOf(place uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, place))
}

// parseCursor reads what [cursorOf] wrote, 0 for none.
func parseCursor(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != 8 || binary.BigEndian.Uint64(raw) == 0 {
		return 0, badRequest("cursor %q is none of this API: take next_cursor of the page before", text)
	}
	return binary.BigEndian.Uint64(raw), nil
}

// hashOf reads a hash that a document of this server has.
func hashOf(text string) common.Hash { return common.HexToHash(text) }

// hexOf writes bytes as lower-case 0x-hex.
func hexOf(b []byte) string { return "0x" + hex.EncodeToString(b) }
