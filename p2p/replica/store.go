package replica

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/rlp"
	log "github.com/ipfs/go-log/v2"
)

var logger = log.Logger("allegro/replica")

// Key spaces of a peer's database. A role adds its own.
const (
	prefixPayment  = 'p' // tx id → paymentRecord
	prefixEvidence = 'e' // offence → evidence
)

// ErrStoreFailed means that the disk refused a write or a sync. The store stays
// failed: what it would say afterwards cannot be relied on.
var ErrStoreFailed = errors.New("store failed: check the disk, then start again")

// closeTimeout bounds how long a failed store is given to close: Pebble may wait
// for a goroutine that the fault has ended.
const closeTimeout = time.Second

// Store is a peer's database: one Pebble with one write-ahead log, so that a
// synced commit makes everything before it durable too. Safe for concurrent use.
type Store struct {
	db     *pebble.DB
	failed atomic.Pointer[error]

	// turn is held while a write enters Pebble, but not while the disk syncs.
	// Pebble may panic with its own lock held if its disk has failed: whoever comes
	// next must find the store failed instead of waiting for that lock.
	turn sync.Mutex
}

// OpenStore opens or creates the database in dir of a file system: vfs.Default,
// or one that a test can crash. Folders on the way are made, and made durable: a
// synced file in a folder that a crash takes away is lost.
func OpenStore(dir string, fs vfs.FS) (*Store, error) {
	if err := makeFolder(fs, dir); err != nil {
		return nil, fmt.Errorf("opening store %s: %w", dir, err)
	}
	s := &Store{}
	db, err := pebble.Open(dir, &pebble.Options{
		FS:     &logFS{FS: fs, fail: s.fail, failed: func() bool { return s.Failed() != nil }},
		Logger: fatalLogger{s},
		// Without it a new store has the oldest format.
		FormatMajorVersion: pebble.FormatColumnarBlocks,
		// A payment is about 1 KB: 16 MiB hold a burst without a stall, and a
		// restart replays them in well under a second.
		MemTableSize: 16 << 20,
	})
	if err == nil {
		err = s.Failed() // of the first log
	}
	if err != nil {
		return nil, fmt.Errorf("opening store %s: %w", dir, err)
	}
	s.db = db
	return s, nil
}

// makeFolder makes a folder and those above it, and syncs each entry.
func makeFolder(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := makeFolder(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncFolder(fs, parent)
}

// syncFolder makes a folder's entries durable.
func syncFolder(fs vfs.FS, dir string) error {
	f, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close flushes and closes the database. It returns why the store failed if it
// has; what can still be closed then is.
func (s *Store) Close() error {
	s.turn.Lock()
	defer s.turn.Unlock()
	failed := s.Failed()
	closed := guarded(s.db.Close)
	if failed == nil {
		return <-closed
	}
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
	return failed
}

// Failed returns why the store failed, or nil.
func (s *Store) Failed() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Write is a set of changes that become visible and durable together.
type Write struct {
	batch *pebble.Batch
}

// NewWrite returns an empty set of changes. End it with [Store.Commit].
func (s *Store) NewWrite() *Write { return &Write{s.db.NewBatch()} }

// Set stores a value.
func (w *Write) Set(key, value []byte) error { return w.batch.Set(key, value, nil) }

// Delete removes a key.
func (w *Write) Delete(key []byte) error { return w.batch.Delete(key, nil) }

// Empty reports whether nothing was changed.
func (w *Write) Empty() bool { return w.batch.Empty() }

// Commit applies the changes. With sync it returns once they, and all earlier
// commits, are on disk. An error is final for the store.
func (s *Store) Commit(w *Write, sync bool) error {
	if err := s.apply(w, sync); err != nil {
		return err
	}
	if sync {
		if err := w.batch.SyncWait(); err != nil {
			s.fail(err)
		}
	}
	if err := s.Failed(); err != nil {
		return err // Pebble was not told: see logFS
	}
	return w.batch.Close()
}

// apply makes the changes visible and queues them for the disk.
func (s *Store) apply(w *Write, sync bool) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.Failed(); err != nil {
		return err
	}
	err := <-guarded(func() error {
		if sync {
			return s.db.ApplyNoSyncWait(w.batch, pebble.Sync)
		}
		return s.db.Apply(w.batch, pebble.NoSync)
	})
	if err != nil {
		s.fail(err)
		return s.Failed()
	}
	return nil
}

// guarded runs f in a goroutine of its own, which Pebble may end, by a panic or
// through its logger, and tells how that went.
func guarded(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() {
		err := ErrStoreFailed
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%w (%v)", ErrStoreFailed, p)
			}
			done <- err
		}()
		err = f()
	}()
	return done
}

func (s *Store) fail(err error) {
	if !errors.Is(err, ErrStoreFailed) {
		err = fmt.Errorf("%w (%w)", ErrStoreFailed, err)
	}
	s.failed.CompareAndSwap(nil, &err)
}

// Get returns the value of a key, or nil if there is none.
func (s *Store) Get(key []byte) ([]byte, error) {
	if err := s.Failed(); err != nil {
		return nil, err
	}
	value, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading store: %w", err)
	}
	defer closer.Close()
	return append([]byte{}, value...), nil
}

// Each calls visit with all keys that start with prefix, in order. The slices
// are valid during the call only.
func (s *Store) Each(prefix []byte, visit func(key, value []byte) error) error {
	upper := append([]byte(nil), prefix...)
	upper[len(upper)-1]++ // prefixes end in a byte below 0xff
	return s.Range(prefix, upper, false, func(key, value []byte) (bool, error) { return true, visit(key, value) })
}

// Range calls visit with the keys from lower on and below upper, the last one first
// if backwards is set, until it wants no more. The slices are valid during the call
// only.
func (s *Store) Range(lower, upper []byte, backwards bool, visit func(key, value []byte) (more bool, err error)) (err error) {
	if err := s.Failed(); err != nil {
		return err
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("reading store: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	first, next := it.First, it.Next
	if backwards {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok; ok = next() {
		if more, err := visit(it.Key(), it.Value()); err != nil || !more {
			return err
		}
	}
	return it.Error()
}

// fatalLogger hears from Pebble when it cannot go on. The process must stay
// answerable, so the store fails and the goroutine that met the fault ends.
type fatalLogger struct{ store *Store }

func (fatalLogger) Infof(string, ...any) {}

func (fatalLogger) Errorf(format string, args ...any) {
	logger.Errorw("store", "error", fmt.Sprintf(format, args...))
}

func (l fatalLogger) Fatalf(format string, args ...any) {
	l.store.fail(fmt.Errorf(format, args...))
	logger.Errorw("store failed", "error", l.store.Failed())
	runtime.Goexit()
}

// paymentRecord is the stored form of a payment and its votes.
type paymentRecord struct {
	Tx           []byte
	Certificates [][]byte
}

func paymentKey(id fastpay.ID) []byte { return append([]byte{prefixPayment}, id[:]...) }

// putPayment stores what the Board holds of a payment.
func putPayment(w *Write, b *fastpay.Board, id fastpay.ID) error {
	tx, ok := b.Tx(id)
	if !ok {
		return w.Delete(paymentKey(id))
	}
	rec := paymentRecord{Tx: tx.Encode()}
	for _, c := range b.Certificates(id) {
		rec.Certificates = append(rec.Certificates, c.Encode())
	}
	value, err := rlp.EncodeToBytes(&rec)
	if err != nil {
		return fmt.Errorf("encoding payment %s: %w", id, err)
	}
	return w.Set(paymentKey(id), value)
}

// load fills a Board from the store. What does not verify any more, because
// the network file changed, is skipped and counted.
func (s *Store) load(b *fastpay.Board) (skipped int, err error) {
	err = s.Each([]byte{prefixPayment}, func(_, value []byte) error {
		var rec paymentRecord
		if err := rlp.DecodeBytes(value, &rec); err != nil {
			return fmt.Errorf("store is damaged: payment record: %w", err)
		}
		tx, err := b.Rules().ParseTx(rec.Tx)
		if err != nil {
			skipped++
			return nil
		}
		var certificates []*fastpay.Certificate
		for _, raw := range rec.Certificates {
			c, err := b.Rules().ParseCertificate(tx.CommitteeID(), tx.ID(), raw)
			if err != nil {
				skipped++
				continue
			}
			certificates = append(certificates, c)
		}
		if committee, ok := b.Rules().Committee(tx.CommitteeID()); ok {
			if qc := fastpay.NewQC(committee, tx, certificates); qc != nil {
				// A fresh Board knows none of it.
				_ = b.AddQC(qc)
			}
		}
		if err := b.AddTx(tx); err != nil && !errors.Is(err, fastpay.ErrKnown) {
			skipped++
			return nil
		}
		for _, c := range certificates {
			_ = b.AddCertificate(c)
		}
		return nil
	})
	if err != nil {
		return skipped, err
	}
	return skipped, s.Each([]byte{prefixEvidence}, func(_, value []byte) error {
		e, err := b.Rules().ParseEvidence(value)
		if err != nil {
			skipped++
			return nil
		}
		_ = b.AddEvidence(e) // known if both payments are held
		return nil
	})
}
