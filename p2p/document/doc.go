// Package document has what peers tell of themselves as JSON documents: a payment, a
// balance, a committee, the peers. The local API of every peer, the commands and the
// aggregator's HTTP API all show these, so that a thing has one form and one name.
//
// In every document amounts, heights, sequence numbers and *_unix_micros are decimal
// strings, hashes and keys 0x-hex, and what is not known is null. Package netfile has
// the text forms of addresses and keys.
package document
