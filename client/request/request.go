package request

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

const (
	// MaxLength bounds a URI, in bytes: a QR code has room for 2,953. A valid request is
	// never longer.
	MaxLength = 2048
	// MaxNote bounds a note, in bytes of UTF-8.
	MaxNote = 140
	// MaxPeers bounds the peers of a request: each makes the QR code larger.
	MaxPeers = 4

	// maxAmountBits bounds an amount, as the protocol bounds every amount.
	maxAmountBits = 128
	// maxExpires is the end of the year 9999, the last that RFC 3339 can write.
	maxExpires = 253_402_300_799
)

// Request is what a payee asks for. One that comes from [Parse] is valid; one that was
// put together in the program is checked by [Request.Validate].
type Request struct {
	Network common.Hash    // digest of the network file
	Payee   common.Address // account to be paid
	Asset   common.Address // token to be paid in
	Amount  uint256.Int    // token units, at least 1 and below 2^128
	Note    string         // at most MaxNote bytes of printable text; empty for none
	Expires uint64         // chain seconds from which it is void; 0 for never
	Peers   []string       // multiaddrs with /p2p/ at which the network is reached
}

// Keys of the query, in their order.
const (
	keyNetwork = "network"
	keyAsset   = "asset"
	keyAmount  = "amount"
	keyNote    = "note"
	keyExpires = "expires"
	keyPeer    = "peer"
)

var keys = []string{keyNetwork, keyAsset, keyAmount, keyNote, keyExpires, keyPeer}

// scheme starts every URI.
const scheme = "allegro:"

// String returns the URI, which has one spelling: [Parse] of it returns r if r is valid,
// and an error if it is not.
func (r *Request) String() string {
	var b strings.Builder
	b.WriteString(scheme + r.Payee.Hex())
	separator := byte('?')
	add := func(key, value string) {
		b.WriteByte(separator)
		b.WriteString(key + "=")
		escape(&b, value)
		separator = '&'
	}
	add(keyNetwork, hex.EncodeToString(r.Network[:]))
	add(keyAsset, r.Asset.Hex())
	add(keyAmount, r.Amount.Dec())
	if r.Note != "" {
		add(keyNote, r.Note)
	}
	if r.Expires != 0 {
		add(keyExpires, strconv.FormatUint(r.Expires, 10))
	}
	for _, peer := range r.Peers {
		add(keyPeer, peer)
	}
	return b.String()
}

// Validate returns the first thing that r cannot ask for.
func (r *Request) Validate() error {
	if err := r.check(); err != nil {
		return fmt.Errorf("payment request: %w", err)
	}
	return nil
}

// check is Validate without its subject.
func (r *Request) check() error {
	switch {
	case r.Amount.IsZero():
		return errors.New("amount is 0: ask for at least 1 token unit")
	case r.Amount.BitLen() > maxAmountBits:
		return fmt.Errorf("amount is too large: amounts are below 2^%d units", maxAmountBits)
	case r.Expires > maxExpires:
		return fmt.Errorf("expires is %d: times after the year 9999, %d, are not possible", r.Expires, uint64(maxExpires))
	case len(r.Peers) > MaxPeers:
		return fmt.Errorf("it has %d peers: at most %d are possible", len(r.Peers), MaxPeers)
	}
	if err := checkNote(r.Note); err != nil {
		return err
	}
	for i, peer := range r.Peers {
		if _, err := parsePeer(peer); err != nil {
			return err
		}
		for _, before := range r.Peers[:i] {
			if before == peer {
				return fmt.Errorf("peer %s stands in it twice", peer)
			}
		}
	}
	return nil
}

// checkNote refuses what could hide or pose as something else where it is shown.
func checkNote(note string) error {
	if len(note) > MaxNote {
		return fmt.Errorf("note has %d bytes: at most %d are possible", len(note), MaxNote)
	}
	if !utf8.ValidString(note) {
		return errors.New("note is not UTF-8")
	}
	for _, c := range note {
		if !unicode.IsPrint(c) {
			return fmt.Errorf("note has the character %U, which is not printable: leave it out", c)
		}
	}
	return nil
}
