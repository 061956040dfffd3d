package p2p

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
)

func free(int) error { return nil }

func frame(n uint32, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, n), payload...)
}

func TestFrames(t *testing.T) {
	for _, size := range []int{1, 4095, 4096, 4097, 70_000} {
		payload := bytes.Repeat([]byte{7}, size)
		var wire bytes.Buffer
		if err := writeFrame(&wire, payload, 70_000); err != nil {
			t.Fatal(err)
		}
		if wire.Len() != 4+size {
			t.Errorf("%d bytes make a frame of %d", size, wire.Len())
		}
		wire.WriteString("trailing")
		for _, r := range []io.Reader{bytes.NewReader(wire.Bytes()), iotest.OneByteReader(bytes.NewReader(wire.Bytes()))} {
			if got, err := readFrame(r, 70_000, free); err != nil || !bytes.Equal(got, payload) {
				t.Errorf("reading a frame of %d bytes: %d bytes, %v", size, len(got), err)
			}
		}
	}
	if err := writeFrame(io.Discard, nil, 10); err == nil {
		t.Error("an empty frame is written")
	}
	if err := writeFrame(io.Discard, make([]byte, 11), 10); err == nil {
		t.Error("a frame above the limit is written")
	}
}

func TestReadFrameRefuses(t *testing.T) {
	full := errors.New("no memory")
	for _, c := range []struct {
		name    string
		wire    []byte
		reserve func(int) error
		want    error
	}{
		{"length 0", frame(0, nil), free, errFrame},
		{"length above the limit", frame(101, make([]byte, 101)), free, errFrame},
		{"length of 4 GiB", frame(1<<32-1, nil), free, errFrame},
		{"no memory", frame(100, make([]byte, 100)), func(int) error { return full }, full},
		{"nothing", nil, free, io.EOF},
		{"half a length", []byte{0, 0}, free, io.ErrUnexpectedEOF},
		{"half a payload", frame(100, make([]byte, 50)), free, io.ErrUnexpectedEOF},
		{"no payload", frame(100, nil), free, io.ErrUnexpectedEOF},
	} {
		if _, err := readFrame(bytes.NewReader(c.wire), 100, c.reserve); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestReadFrameMemory: announcing a large frame costs this peer nothing.
func TestReadFrameMemory(t *testing.T) {
	const rounds = 100
	wire := frame(1<<20, []byte{1})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		_, _ = readFrame(bytes.NewReader(wire), 1<<20, free)
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / rounds; n > 16<<10 {
		t.Errorf("a frame of one byte that announces 1 MiB takes %d bytes", n)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(frame(3, []byte("abc")))
	f.Add(frame(0, nil))
	f.Add(frame(5000, make([]byte, 5000)))
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, wire []byte) {
		payload, err := readFrame(bytes.NewReader(wire), 8<<10, free)
		if err != nil {
			return
		}
		var back bytes.Buffer
		if err := writeFrame(&back, payload, 8<<10); err != nil || !bytes.HasPrefix(wire, back.Bytes()) {
			t.Errorf("a frame of %d bytes does not come back: %v", len(payload), err)
		}
	})
}

func TestSplitList(t *testing.T) {
	list := encodeMessage([]uint64{1, 2, 300})
	values, err := splitList("list", list, 3)
	if err != nil || len(values) != 3 || !bytes.Equal(values[2], []byte{0x82, 1, 44}) {
		t.Errorf("values %x, %v", values, err)
	}
	for name, c := range map[string]struct {
		data  []byte
		limit int
	}{
		"too many":    {list, 2},
		"a string":    {encodeMessage("text"), 3},
		"trailing":    {append(bytes.Clone(list), 0x80), 3},
		"truncated":   {list[:len(list)-1], 3},
		"nothing":     {nil, 3},
		"bad element": {[]byte{0xc2, 0x81, 0x01}, 3}, // 1 as a string of one byte
	} {
		if _, err := splitList("list", c.data, c.limit); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v, want errFrame", name, err)
		}
	}
}
