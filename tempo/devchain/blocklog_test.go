package devchain_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"

	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// The form of a log, as blocklog.go describes it.
const (
	logMagic   = "allegro devchain blocks 1\n"
	frameBytes = 16
)

// logFile is where a folder has its log.
func logFile(dir string) string { return filepath.Join(dir, "blocks") }

func readLog(t testing.TB, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(logFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// folderWith returns a new folder with a log.
func folderWith(t testing.TB, log []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(logFile(dir), log, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// records returns where each record of a log begins, and the log's length.
func records(t testing.TB, log []byte) (offsets []int) {
	t.Helper()
	at := len(logMagic)
	for at < len(log) {
		offsets = append(offsets, at)
		at += frameBytes + int(binary.BigEndian.Uint64(log[at:]))
	}
	if at != len(log) || !bytes.HasPrefix(log, []byte(logMagic)) {
		t.Fatalf("the log of %d bytes has records at %v", len(log), offsets)
	}
	return append(offsets, at)
}

// frame returns a record with its length and checksums.
func frame(t testing.TB, record any) []byte {
	t.Helper()
	payload, err := rlp.EncodeToBytes(record)
	if err != nil {
		t.Fatal(err)
	}
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	out := binary.BigEndian.AppendUint64(nil, uint64(len(payload)))
	out = binary.BigEndian.AppendUint32(out, crc32.Checksum(payload, castagnoli))
	out = binary.BigEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
	return append(out, payload...)
}

// threePayments returns the log of a chain with three blocks of one payment
// each.
func threePayments(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	c := start(t, keptIn(dir))
	for nonce := range uint64(3) {
		c.send(c.sign(draft(nonce, pay(c.bob, usd(1))), c.alice))
		c.mine()
	}
	c.close()
	return readLog(t, dir)
}

// refuses checks that a folder's log is refused in words, and left as it is.
func refuses(t testing.TB, log []byte, says ...string) {
	t.Helper()
	dir := folderWith(t, log)
	err := opening(t, keptIn(dir))
	if err == nil {
		t.Fatalf("a log is taken that must be refused for: %s", strings.Join(says, ", "))
	}
	for _, want := range append(says, logFile(dir)) {
		if !strings.Contains(err.Error(), want) {
			t.Fatalf("the error does not say %q: %v", want, err)
		}
	}
	if !bytes.Equal(readLog(t, dir), log) {
		t.Fatal("a log that is refused was changed")
	}
}

// A crash can leave any part of the last record. What is left of it is cut off,
// the chain goes on from the block before, and the next block takes its place.
func TestTornBlockIsCutOff(t *testing.T) {
	log := threePayments(t)
	offsets := records(t, log)
	last := offsets[len(offsets)-2]
	for size := last + 1; size < len(log); size++ {
		dir := folderWith(t, log[:size])
		c := start(t, keptIn(dir))
		if c.Height() != 2 {
			t.Fatalf("height %d with %d of %d bytes of block 3", c.Height(), size-last, len(log)-last)
		}
		if !bytes.Equal(readLog(t, dir), log[:last]) {
			t.Fatalf("%d bytes of block 3 are left in the log", size-last)
		}
		c.holds(c.bob, usd(7))
		hash := c.mine()
		c = c.restart()
		if head := c.header(3); head.Hash() != hash {
			t.Fatalf("block 3 is %s after it was cut off and mined again, want %s", head.Hash(), hash)
		}
		c.close()
	}
}

// A crash before the first record is complete leaves no chain that anybody
// heard of: another one may begin in its place.
func TestTornHeaderBeginsAnew(t *testing.T) {
	log := threePayments(t)
	for size := range records(t, log)[1] {
		c := start(t, keptIn(folderWith(t, log[:size])), withBaseFee(5))
		if c.Height() != 0 {
			t.Fatalf("height %d with %d bytes", c.Height(), size)
		}
		c.mine()
		if c = c.restart(withBaseFee(5)); c.Height() != 1 {
			t.Fatalf("height %d after going on", c.Height())
		}
		c.close()
	}
}

// Whatever byte changes, the chain says where and neither guesses nor cuts.
// Every third byte is tried, so that each field of each record is.
func TestDamageIsNamed(t *testing.T) {
	log := threePayments(t)
	offsets := records(t, log)
	for at := 0; at < len(log); at += 3 {
		broken := bytes.Clone(log)
		broken[at] ^= 0x10
		if at < len(logMagic) {
			refuses(t, broken, "does not begin as a log")
			continue
		}
		record := 0
		for at >= offsets[record+1] {
			record++
		}
		what := fmt.Sprintf("block %d", record)
		if record == 0 {
			what = "its header"
		}
		refuses(t, broken, fmt.Sprintf("damaged in the record at byte %d, %s", offsets[record], what), "restore it from a copy")
	}
}

// A log whose bytes are sound but whose blocks are not is refused as well.
func TestFalseBlocksAreRefused(t *testing.T) {
	log := threePayments(t)
	offsets := records(t, log)
	refuses(t, append(bytes.Clone(log[:offsets[2]]), log[offsets[3]:]...), "block 2", "comes out as", "another version of this program")

	type header struct {
		ChainID, BaseFee, Seconds, Nanos uint64
		Genesis                          common.Hash
		Alloc                            []struct{}
	}
	genesis := frame(t, header{ChainID: 31337, Seconds: uint64(genesisTime.Unix()), Genesis: common.Hash{1}})
	dir := folderWith(t, append([]byte(logMagic), genesis...))
	err := opening(t, keptIn(dir), func(cfg *devchain.Config) { cfg.Alloc = nil })
	if err == nil || !strings.Contains(err.Error(), "block 0 of "+logFile(dir)+" comes out as") {
		t.Errorf("another genesis block: %v", err)
	}

	type write struct {
		Contract    common.Address
		Slot, Value common.Hash
	}
	type record struct {
		Hash         common.Hash
		Time         uint64
		Transactions [][]byte
		Writes       []write
	}
	c := start(t)
	creation := c.sign(&tx76.Transaction{ChainID: 31337, Gas: 1_000_000, Calls: []tx76.Call{{}}, NonceKey: laneKey}, c.carol).Encode()
	for want, bad := range map[string]any{
		"transaction 1 of block 4": record{Transactions: [][]byte{c.sign(draft(0, pay(c.bob, usd(1))), c.bob).Encode(), {0x76}}},
		"contract creation":        record{Transactions: [][]byte{creation}},
		"block 4 of":               record{Time: uint64(genesisTime.Unix()) + 9, Writes: []write{{Contract: common.Address{1}}}},
		"rlp: expected":            "no block",
	} {
		refuses(t, append(bytes.Clone(log), frame(t, bad)...), want)
	}
}

// What is not a log is not overwritten.
func TestForeignFileIsRefused(t *testing.T) {
	refuses(t, []byte("minutes of the meeting"), "name another folder")
	file := logFile(folderWith(t, nil))
	if err := opening(t, keptIn(file)); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file as folder: %v", err)
	}
}

// One folder has one chain, until it is closed or could not begin.
func TestFolderInUse(t *testing.T) {
	dir := t.TempDir()
	c := start(t, keptIn(dir))
	c.mine()
	err := opening(t, keptIn(dir))
	if !errors.Is(err, devchain.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second chain: %v", err)
	}
	c.mine() // the refused one took nothing away
	c.close()
	if err := opening(t, keptIn(dir), withBaseFee(1)); err == nil || errors.Is(err, devchain.ErrInUse) {
		t.Errorf("another base fee: %v", err)
	}
	if c = start(t, keptIn(dir)); c.Height() != 2 {
		t.Errorf("height %d", c.Height())
	}
}

// A block that cannot be written is not spoken of, and none comes after it:
// whoever opens the log next decides what is in it.
func TestUnwritableBlockIsNotSpokenOf(t *testing.T) {
	c := start(t, keptIn(t.TempDir()))
	c.mine()
	if err := c.BreakLog(); err != nil {
		t.Fatal(err)
	}
	hash := c.send(c.sign(draft(0, pay(c.bob, usd(1))), c.alice))
	for range 2 {
		if _, err := c.Mine(); err == nil || !strings.Contains(err.Error(), "writing record 2 of") {
			t.Fatalf("mining without a log: %v", err)
		}
	}
	if c.Height() != 1 {
		t.Errorf("height %d", c.Height())
	}
	c.missing(hash)
	c = c.restart()
	c.missing(hash)
	c.send(c.sign(draft(0, pay(c.bob, usd(1))), c.alice))
	c.mine()
	c.status(hash, 1)
}
