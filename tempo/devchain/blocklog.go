package devchain

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/gofrs/flock"
)

// ErrInUse is returned by New if another chain, of this process or another,
// keeps its blocks in Config.Dir.
var ErrInUse = errors.New("devchain: folder is in use by another chain")

// Files in Config.Dir.
const (
	logName  = "blocks"
	lockName = "lock"
)

// logMagic is what a log begins with. The number is that of the format.
const logMagic = "allegro devchain blocks 1\n"

// frameBytes is the length of what comes before a record: the record's length
// in 8 bytes, its checksum in 4, and the checksum of those 12 in 4, so that a
// damaged length is not taken for a record that a crash cut short. Integers are
// big-endian.
const frameBytes = 16

// checksums is the table of CRC-32C.
var checksums = crc32.MakeTable(crc32.Castagnoli)

// blockLog is the file in which a chain keeps its blocks: logMagic, the header
// record and one record per block from block 1 on. Records are RLP. It is read
// to its end first and then appended to; it is not safe for concurrent use.
type blockLog struct {
	path   string
	lock   *flock.Flock
	file   *os.File
	reader *bufio.Reader

	end     int64 // of the file when it was opened
	size    int64 // of the records read or written so far, with logMagic
	records int   // their number
	err     error // of a write: what is on disk is unknown then
}

// logHeader is the first record: what the blocks cannot be computed without.
type logHeader struct {
	ChainID uint64
	BaseFee uint64
	// GenesisSeconds and GenesisNanos are the genesis time since 1970: block
	// times are counted from it and it need not be a whole second.
	GenesisSeconds uint64
	GenesisNanos   uint64
	Genesis        common.Hash // of block 0
	Alloc          []logBalance

	// Fork is empty for T4. Both are left out then: chains were kept before there
	// was another one.
	Fork       Fork          `rlp:"optional"`
	Validators []common.Hash `rlp:"optional"`
}

// logBlock is the record of one block: what it is built from, and the hash that
// must come out.
type logBlock struct {
	Hash         common.Hash
	Time         uint64
	Transactions [][]byte
	Writes       []storageWrite
}

// openLog opens the log in a folder, and makes the folder if there is none.
// Nobody else can open it until it is closed: the error is ErrInUse then.
func openLog(dir string) (_ *blockLog, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("devchain: making a folder for the blocks: %w", err)
	}
	l := &blockLog{
		path: filepath.Join(dir, logName),
		// A file of its own: some systems let nobody write a file that is
		// locked, not even the one who locked it.
		lock: flock.New(filepath.Join(dir, lockName)),
	}
	locked, err := l.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("devchain: locking %s: %w", dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("%w: stop the one that runs in %s, or name another folder", ErrInUse, dir)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.file, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("devchain: opening the blocks: %w", err)
	}
	info, err := l.file.Stat()
	if err != nil {
		return nil, fmt.Errorf("devchain: opening the blocks: %w", err)
	}
	l.end = info.Size()
	l.reader = bufio.NewReader(l.file)
	magic, err := io.ReadAll(io.LimitReader(l.reader, int64(len(logMagic))))
	if err != nil {
		return nil, fmt.Errorf("devchain: reading the blocks: %w", err)
	}
	// A crash may have left less than all of it. Nothing comes after it then.
	if !bytes.HasPrefix([]byte(logMagic), magic) {
		return nil, fmt.Errorf("devchain: %s does not begin as a log of blocks that this version keeps: name another folder", l.path)
	}
	l.size = int64(len(magic))
	return l, nil
}

// readHeader returns the first record, or io.EOF if the log is new.
func (l *blockLog) readHeader() (h logHeader, err error) {
	err = l.next(&h)
	return h, err
}

// readBlock returns the next block, or io.EOF after the last.
func (l *blockLog) readBlock() (b logBlock, err error) {
	err = l.next(&b)
	return b, err
}

// next decodes the next record into v. At the end of the log it returns io.EOF.
// A last record that is not all there was being written when the machine or the
// process died: nobody heard of it, and it is cut off.
func (l *blockLog) next(v any) error {
	record, err := l.read()
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return l.cut()
	case err != nil:
		return err
	}
	if err := rlp.DecodeBytes(record, v); err != nil {
		return l.damaged(err)
	}
	l.size += frameBytes + int64(len(record))
	l.records++
	return nil
}

// read returns the bytes of the next record. The error is io.EOF if there is
// none and io.ErrUnexpectedEOF if the file ends inside it.
func (l *blockLog) read() ([]byte, error) {
	var frame [frameBytes]byte
	if _, err := io.ReadFull(l.reader, frame[:]); err != nil {
		return nil, l.readError(err)
	}
	length, sum := binary.BigEndian.Uint64(frame[:8]), binary.BigEndian.Uint32(frame[8:12])
	if crc32.Checksum(frame[:12], checksums) != binary.BigEndian.Uint32(frame[12:]) {
		return nil, l.damaged(errors.New("the checksum of its length is wrong"))
	}
	if length > uint64(l.end-l.size-frameBytes) {
		return nil, io.ErrUnexpectedEOF
	}
	record := make([]byte, length)
	if _, err := io.ReadFull(l.reader, record); err != nil {
		return nil, l.readError(err)
	}
	if crc32.Checksum(record, checksums) != sum {
		return nil, l.damaged(errors.New("its checksum is wrong"))
	}
	return record, nil
}

// readError names the file in an error of reading it. Both ends of file stay
// what they are.
func (l *blockLog) readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("devchain: reading %s at byte %d: %w", l.path, l.size, err)
}

// damaged is the error of a record whose bytes are not those that were written.
func (l *blockLog) damaged(reason error) error {
	if l.records == 0 {
		return fmt.Errorf("devchain: %s is damaged in the record at byte %d, its header: %w; restore it from a copy, or name another folder", l.path, l.size, reason)
	}
	return fmt.Errorf("devchain: %s is damaged in the record at byte %d, block %d: %w; restore it from a copy, or cut it to %[2]d bytes and lose this block and all after it",
		l.path, l.size, l.records, reason)
}

// cut removes what follows the records read so far, and returns io.EOF.
func (l *blockLog) cut() error {
	logger.Warnw("the last record was not written to its end and is cut off", "file", l.path, "offset", l.size, "block", l.records)
	if err := l.file.Truncate(l.size); err != nil {
		return fmt.Errorf("devchain: cutting %s at byte %d: %w", l.path, l.size, err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("devchain: cutting %s at byte %d: %w", l.path, l.size, err)
	}
	return io.EOF
}

// begin writes the first record of a new log. When it returns, the log is on
// disk and so is its name.
func (l *blockLog) begin(h logHeader) error {
	l.size = 0
	if err := l.write([]byte(logMagic), h); err != nil {
		return err
	}
	if err := syncFolder(filepath.Dir(l.path)); err != nil {
		return fmt.Errorf("devchain: writing %s: %w", l.path, err)
	}
	return nil
}

// appendBlock writes the record of a block. When it returns, the block is on
// disk. After an error every further call returns the same one: what is on disk
// is then known only to the next reader.
func (l *blockLog) appendBlock(b *block, writes []storageWrite) error {
	record := logBlock{Hash: b.hash, Time: b.header.Time, Writes: writes}
	for _, tx := range b.txs {
		record.Transactions = append(record.Transactions, tx.raw)
	}
	if l.err == nil {
		l.err = l.write(nil, record)
	}
	return l.err
}

// write appends prefix and a record, and syncs them.
func (l *blockLog) write(prefix []byte, v any) error {
	record, err := rlp.EncodeToBytes(v)
	if err != nil {
		return fmt.Errorf("devchain: encoding record %d of %s: %w", l.records, l.path, err)
	}
	data := binary.BigEndian.AppendUint64(bytes.Clone(prefix), uint64(len(record)))
	data = binary.BigEndian.AppendUint32(data, crc32.Checksum(record, checksums))
	data = binary.BigEndian.AppendUint32(data, crc32.Checksum(data[len(prefix):], checksums))
	data = append(data, record...)
	_, err = l.file.WriteAt(data, l.size)
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("devchain: writing record %d of %s, the chain goes on from the one before once this is mended and it is started again: %w", l.records, l.path, err)
	}
	l.size += int64(len(data))
	l.records++
	return nil
}

// close ends writing and lets others open the log.
func (l *blockLog) close() error {
	var err error
	if l.file != nil {
		err = l.file.Close()
	}
	if err = errors.Join(err, l.lock.Close()); err != nil {
		return fmt.Errorf("devchain: closing %s: %w", l.path, err)
	}
	return nil
}

// syncFolder makes the names of a folder's files safe from a crash.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it syncs names by itself and refuses to be asked
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
