package tx76

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"
)

// reader takes RLP items off the front of a byte string and knows where in the
// whole transaction it stands. The first fault sticks: later reads return zero
// values, so that a decoder can be written without a check after each field.
type reader struct {
	rest   []byte
	offset int // of rest[0] in the wire form
	err    *error
}

// fault records the first error with the place it was found at.
func (r *reader) fault(at int, field, format string, args ...any) {
	if *r.err == nil {
		*r.err = fmt.Errorf("%w: %s at byte %d: %s", ErrMalformed, field, at, fmt.Sprintf(format, args...))
	}
}

// failed tells whether a fault was recorded.
func (r *reader) failed() bool { return *r.err != nil }

// more tells whether items are left to read.
func (r *reader) more() bool { return !r.failed() && len(r.rest) > 0 }

// atList tells whether the next item is a list. False at the end.
func (r *reader) atList() bool { return len(r.rest) > 0 && r.rest[0] >= 0xc0 }

// item takes the next item and returns its content and the content's offset.
// Length headers that are not minimal are faults, as is a single byte below
// 0x80 that was given a header.
func (r *reader) item(field string, want rlp.Kind) (content []byte, start int) {
	if r.failed() {
		return nil, 0
	}
	at := r.offset
	if len(r.rest) == 0 {
		r.fault(at, field, "missing")
		return nil, 0
	}
	kind, content, rest, err := rlp.Split(r.rest)
	switch {
	case err != nil:
		r.fault(at, field, "%v", err)
		return nil, 0
	case want == rlp.List && kind != rlp.List:
		r.fault(at, field, "want a list, have a byte string")
		return nil, 0
	case want == rlp.String && kind == rlp.List:
		r.fault(at, field, "want a byte string, have a list")
		return nil, 0
	}
	r.offset += len(r.rest) - len(rest)
	r.rest = rest
	return content, r.offset - len(content)
}

// bytes takes a byte string of any length. The result aliases the input.
func (r *reader) bytes(field string) []byte {
	b, _ := r.item(field, rlp.String)
	return b
}

// integer takes a big-endian integer of at most size bytes, without leading
// zeros: 0 is the empty string.
func (r *reader) integer(field string, size int) []byte {
	b, at := r.item(field, rlp.String)
	switch {
	case len(b) > size:
		r.fault(at, field, "integer of %d bytes, at most %d fit", len(b), size)
		return nil
	case len(b) > 0 && b[0] == 0:
		r.fault(at, field, "integer with a leading zero byte")
		return nil
	}
	return b
}

// uint64 takes an integer of at most 64 bits.
func (r *reader) uint64(field string) uint64 {
	var x uint64
	for _, b := range r.integer(field, 8) {
		x = x<<8 | uint64(b)
	}
	return x
}

// uint256 takes an integer of at most size bytes.
func (r *reader) uint256(field string, size int) (x uint256.Int) {
	x.SetBytes(r.integer(field, size))
	return x
}

// fixed takes a byte string of exactly len(dst) bytes into dst.
func (r *reader) fixed(field string, dst []byte) {
	b, at := r.item(field, rlp.String)
	if r.failed() {
		return
	}
	if len(b) != len(dst) {
		r.fault(at, field, "%d bytes, want %d", len(b), len(dst))
		return
	}
	copy(dst, b)
}

// optionalAddress takes 20 bytes, or nil from the empty string.
func (r *reader) optionalAddress(field string) *common.Address {
	b, at := r.item(field, rlp.String)
	switch {
	case r.failed() || len(b) == 0:
		return nil
	case len(b) != common.AddressLength:
		r.fault(at, field, "%d bytes, want %d or none", len(b), common.AddressLength)
		return nil
	}
	a := common.BytesToAddress(b)
	return &a
}

// list takes a list and returns a reader over its items. It shares the fault
// of r. The caller ends it with end.
func (r *reader) list(field string) *reader {
	content, at := r.item(field, rlp.List)
	return &reader{rest: content, offset: at, err: r.err}
}

// end makes items that nobody asked for a fault.
func (r *reader) end(field string) {
	if r.more() {
		r.fault(r.offset, field, "%d bytes too many", len(r.rest))
	}
}
