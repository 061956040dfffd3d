package tx76

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
)

// Decode parses the signed wire form. It is strict: exactly one byte string
// decodes to a given transaction, and Encode returns it again. Refused are
// integers or lengths that are not minimal, missing or further items, values
// of the wrong size, anything after the list, a signature of no known form, and
// what the type itself rules out: no calls at all, contract creation anywhere
// but first or together with authorizations, and an empty time window.
//
// A half-signed sponsored transaction is accepted (see Encode). Signatures are
// not verified: ask Sender and Sponsor. Every error wraps ErrMalformed and says
// which field is wrong at which byte of wire.
//
// The result does not alias wire. A transaction takes at most about twenty
// times the memory of its wire form; callers limit the length of wire.
func Decode(wire []byte) (*Transaction, error) {
	if len(wire) == 0 {
		return nil, fmt.Errorf("%w: no bytes", ErrMalformed)
	}
	if wire[0] != Type {
		return nil, fmt.Errorf("%w: type byte 0x%02x, want 0x%02x", ErrMalformed, wire[0], Type)
	}
	var err error
	outer := &reader{rest: wire[1:], offset: 1, err: &err}
	t := new(Transaction)
	t.read(outer.list("transaction"))
	outer.end("after the transaction")
	if err != nil {
		return nil, err
	}
	if err := t.checkShape(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return t, nil
}

// read fills t from the fields of the signed list.
func (t *Transaction) read(r *reader) {
	const price = 16 // bytes of a gas price
	t.ChainID = r.uint64("chain_id")
	t.MaxPriorityFeePerGas = r.uint256("max_priority_fee_per_gas", price)
	t.MaxFeePerGas = r.uint256("max_fee_per_gas", price)
	t.Gas = r.uint64("gas_limit")
	t.Calls = readCalls(r)
	t.AccessList = readAccessList(r)
	t.NonceKey = r.uint256("nonce_key", 32)
	t.Nonce = r.uint64("nonce")
	t.ValidBefore = r.uint64("valid_before")
	t.ValidAfter = r.uint64("valid_after")
	t.FeeToken = r.optionalAddress("fee_token")
	t.readFeePayer(r)
	t.Authorizations = readAuthorizations(r)
	t.KeyAuthorization = readKeyAuthorization(r)
	at := r.offset
	t.Signature = bytes.Clone(r.bytes("signature"))
	if !r.failed() {
		if _, err := kindOf(t.Signature); err != nil {
			r.fault(at, "signature", "%v", err)
		}
	}
	r.end("after the signature")
}

func readCalls(r *reader) []Call {
	list := r.list("calls")
	var calls []Call
	for i := 0; list.more(); i++ {
		field := fmt.Sprintf("calls[%d]", i)
		item := list.list(field)
		calls = append(calls, Call{
			To:    item.optionalAddress(field + ".to"),
			Value: item.uint256(field+".value", 32),
			Input: bytes.Clone(item.bytes(field + ".input")),
		})
		item.end(field)
	}
	return calls
}

func readAccessList(r *reader) []AccessTuple {
	list := r.list("access_list")
	var tuples []AccessTuple
	for i := 0; list.more(); i++ {
		field := fmt.Sprintf("access_list[%d]", i)
		item := list.list(field)
		var tuple AccessTuple
		item.fixed(field+".address", tuple.Address[:])
		keys := item.list(field + ".storage_keys")
		for keys.more() {
			var key common.Hash
			keys.fixed(field+".storage_keys", key[:])
			tuple.StorageKeys = append(tuple.StorageKeys, key)
		}
		item.end(field)
		tuples = append(tuples, tuple)
	}
	return tuples
}

// readFeePayer reads field 12: empty, the placeholder, or [y_parity, r, s].
func (t *Transaction) readFeePayer(r *reader) {
	const field = "fee_payer"
	if r.failed() {
		return
	}
	at := r.offset
	if r.atList() {
		item := r.list(field)
		parity := item.uint64(field + ".y_parity")
		if parity > 1 {
			item.fault(at, field+".y_parity", "%d, want 0 or 1", parity)
		}
		var sig [secp256k1Length]byte
		rr := item.uint256(field+".r", 32)
		ss := item.uint256(field+".s", 32)
		rr.WriteToSlice(sig[:32])
		ss.WriteToSlice(sig[32:64])
		sig[64] = byte(27 + parity)
		item.end(field)
		t.Sponsored, t.SponsorSignature = true, sig[:]
		return
	}
	switch b := r.bytes(field); {
	case len(b) == 0:
	case bytes.Equal(b, sponsorPlaceholder):
		t.Sponsored = true
		if t.FeeToken != nil {
			r.fault(at, field, "the half-signed form leaves fee_token empty")
		}
	default:
		r.fault(at, field, "want empty, the placeholder 0x00 or [y_parity, r, s]")
	}
}

func readAuthorizations(r *reader) []Authorization {
	list := r.list("authorizations")
	var auths []Authorization
	for i := 0; list.more(); i++ {
		field := fmt.Sprintf("authorizations[%d]", i)
		item := list.list(field)
		a := Authorization{ChainID: item.uint256(field+".chain_id", 32)}
		item.fixed(field+".address", a.Address[:])
		a.Nonce = item.uint64(field + ".nonce")
		a.Signature = bytes.Clone(item.bytes(field + ".signature"))
		item.end(field)
		auths = append(auths, a)
	}
	return auths
}

// readKeyAuthorization reads field 14, which is there only if the next item is
// a list: [authorization, signature]. The whole item is kept raw.
func readKeyAuthorization(r *reader) []byte {
	const field = "key_authorization"
	if r.failed() || !r.atList() {
		return nil
	}
	before := r.rest
	pair := r.list(field)
	pair.item(field+".authorization", rlp.List)
	pair.item(field+".signature", rlp.String)
	pair.end(field)
	return bytes.Clone(before[:len(before)-len(r.rest)])
}

// checkShape refuses what the transaction type rules out whatever the chain's
// state is.
func (t *Transaction) checkShape() error {
	if len(t.Calls) == 0 {
		return errors.New("calls: empty, want at least one")
	}
	for i := range t.Calls {
		if t.Calls[i].To != nil {
			continue
		}
		if i > 0 {
			return fmt.Errorf("calls[%d].to: contract creation must be the first call", i)
		}
		if len(t.Authorizations) > 0 {
			return fmt.Errorf("calls[%d].to: contract creation together with authorizations", i)
		}
	}
	if t.ValidBefore != 0 && t.ValidBefore <= t.ValidAfter {
		return fmt.Errorf("valid_before: %d is not after valid_after %d", t.ValidBefore, t.ValidAfter)
	}
	return nil
}
