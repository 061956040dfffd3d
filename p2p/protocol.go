package p2p

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// Stream protocols (section 3). A stream carries one request and then one
// response. Each of the two is one frame:
//
//	uint32 big-endian n ‖ n bytes, the RLP of one list, 1 <= n <= limit
//
// The requester opens the stream, sends its frame and closes its side; the
// responder sends its frame and closes. Instead of an answer the responder may
// reset the stream, with libp2p's error code for "rate limited", "resource limit"
// or "protocol violation".
const (
	helloProtocol  protocol.ID = "/allegro/hello/1"
	submitProtocol protocol.ID = "/allegro/submit/1"
	syncProtocol   protocol.ID = "/allegro/sync/1"
)

// Largest frames, in bytes without the length.
const (
	// maxHello holds 16 addresses of 256 bytes, twice over.
	maxHello = 8 << 10
	// maxSubmitRequest is a tx message, so that whatever can be gossiped can be
	// submitted.
	maxSubmitRequest = fastpay.MaxMessageSize
	// maxSubmitResponse holds 64 certificates with ten path elements (about 450
	// bytes each) or 64 refusals with the longest text.
	maxSubmitResponse = 64 << 10
	// maxSyncRequest holds 256 tx ids of 33 bytes.
	maxSyncRequest = 16 << 10
	// maxSyncResponse is MaxSyncBytes.
	maxSyncResponse = MaxSyncBytes
)

// frameHeader is the length of the length.
const frameHeader = 4

// errFrame marks bytes that are no frame, or no message, of this protocol: the peer's
// fault.
var errFrame = errors.New("malformed")

// writeFrame sends payload as one frame in one write.
func writeFrame(w io.Writer, payload []byte, limit int) error {
	if len(payload) == 0 || len(payload) > limit {
		return fmt.Errorf("frame of %d bytes: between 1 and %d are possible", len(payload), limit)
	}
	frame := make([]byte, frameHeader+len(payload))
	binary.BigEndian.PutUint32(frame, uint32(len(payload)))
	copy(frame[frameHeader:], payload)
	_, err := w.Write(frame)
	return err
}

// readFrame reads one frame of at most limit bytes. reserve is asked for the
// memory before it is used; memory grows with what has arrived, not with what was
// announced.
func readFrame(r io.Reader, limit int, reserve func(size int) error) ([]byte, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(header[:])
	if n == 0 || uint64(n) > uint64(limit) {
		return nil, fmt.Errorf("%w: length %d, between 1 and %d are possible", errFrame, n, limit)
	}
	if err := reserve(int(n)); err != nil {
		return nil, err
	}
	payload := make([]byte, 0, min(int(n), 4<<10))
	for len(payload) < int(n) {
		if len(payload) == cap(payload) {
			grown := make([]byte, len(payload), min(int(n), 4*cap(payload)))
			copy(grown, payload)
			payload = grown
		}
		m, err := r.Read(payload[len(payload):cap(payload)])
		payload = payload[:len(payload)+m]
		if err != nil && len(payload) < int(n) {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return payload, nil
}

// encodeMessage returns the RLP of a message of this package. Such messages
// always encode.
func encodeMessage(v any) []byte {
	b, err := rlp.EncodeToBytes(v)
	if err != nil {
		panic("p2p: message without an RLP form: " + err.Error())
	}
	return b
}

// decodeMessage reads exactly one RLP value: minimal integers, exact lengths, no
// optional field, nothing trailing.
func decodeMessage(what string, data []byte, v any) error {
	if err := rlp.DecodeBytes(data, v); err != nil {
		return fmt.Errorf("%w: %s is not canonical rlp: %w", errFrame, what, err)
	}
	return nil
}

// splitList cuts an RLP list of at most limit values into them, before anything is
// allocated for more.
func splitList(what string, list []byte, limit int) ([]rlp.RawValue, error) {
	content, rest, err := rlp.SplitList(list)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not a list: %w", errFrame, what, err)
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%w: %s has bytes behind its end", errFrame, what)
	}
	var values []rlp.RawValue
	for len(content) > 0 {
		if len(values) == limit {
			return nil, fmt.Errorf("%w: %s has more than %d values", errFrame, what, limit)
		}
		_, _, rest, err := rlp.Split(content)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", errFrame, what, err)
		}
		values = append(values, content[:len(content)-len(rest)])
		content = rest
	}
	return values, nil
}
