// Package tx76 encodes, decodes, hashes and verifies Tempo transactions of
// type 0x76.
//
// A 0x76 transaction differs from an Ethereum one in what decides its design
// here: it carries a batch of calls, a two-dimensional nonce (a 256-bit key and
// a counter), a time window, an optional sponsor who pays the fee, and sender
// signatures of four kinds. Its wire form is
//
//	0x76 ‖ rlp([chain_id, tip, max_fee, gas, calls, access_list, nonce_key,
//	            nonce, valid_before, valid_after, fee_token, fee payer slot,
//	            authorizations, (key_authorization), signature])
//
// and the transaction hash is keccak256 of those bytes. The sender signs the
// list without the signature; a sponsor signs a list of its own that names the
// sender (see [Transaction.SignHash] and [Transaction.SponsorHash]).
//
// The package is pure: values in, values out, no I/O, no clock and no state.
// Everything in it may be called from several goroutines as long as nobody
// changes the Transaction meanwhile.
package tx76
