package replica_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// TestStoreGivesBackTheSameBoard: what a Replica verified is there after a restart,
// with votes, QCs, stages and evidence, and what was evicted is not.
func TestStoreGivesBackTheSameBoard(t *testing.T) {
	w := newWorld(t)
	fs := vfs.NewMem()
	limits := fastpay.DefaultBoardLimits()
	limits.Open = 8
	open := func() (*replica.Replica, *replica.Store) {
		store := w.store(fs)
		return w.replica(func(cfg *replica.Config) { cfg.Store, cfg.Limits = store, limits }), store
	}
	r, store := open()
	txs := w.txs(12)
	add(t, r, txs...) // the first four have to go
	require.NoError(t, r.GossipBatch("peer", w.batch(1, txs[5].ID(), txs[6].ID())))
	require.NoError(t, r.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(w.qc(txs[7]))) }))
	add(t, r, w.tx(8, 0, "again"))
	require.NoError(t, r.GossipEvidence("peer", w.evidence(99)))
	require.NoError(t, store.Close())

	again, store := open()
	defer func() { require.NoError(t, store.Close()) }()
	want, got := summarize(r, txs), summarize(again, txs)
	require.Equal(t, want, got)
	require.Len(t, got.evidence, 2)
	require.Equal(t, fastpay.StageCertified, got.stages[7])
	require.Less(t, got.n, 12)
}

// summary is what a Replica knows of some payments.
type summary struct {
	digests  [fastpay.Buckets]fastpay.ID
	stages   []fastpay.Stage
	votes    []int
	evidence []fastpay.ID
	n        int
}

func summarize(r *replica.Replica, txs []*fastpay.Tx) (s summary) {
	r.Read(func(b *fastpay.Board) {
		s.digests, s.n = b.Digests(), b.Len()
		for _, tx := range txs {
			s.stages = append(s.stages, b.Stage(tx.ID()))
			s.votes = append(s.votes, len(b.Certificates(tx.ID())))
		}
		for _, e := range b.Evidence() {
			s.evidence = append(s.evidence, e.Key())
		}
	})
	return s
}

// TestStoreSkipsWhatNoLongerVerifies: a network file that takes fewer payments must
// not keep a peer from starting.
func TestStoreSkipsWhatNoLongerVerifies(t *testing.T) {
	w := newWorld(t)
	fs := vfs.NewMem()
	store := w.store(fs)
	r := w.replica(func(cfg *replica.Config) { cfg.Store = store })
	add(t, r, w.txs(3)...)
	require.NoError(t, store.Close())

	stricter := newWorldOf(t, 4)
	rules, err := fastpay.NewRules(fastpay.Config{
		Committees: []*fastpay.Committee{w.committee},
		Assets:     []fastpay.Asset{{Address: asset, MinAmount: *uint256.NewInt(6)}},
		MaxFees:    []uint256.Int{*uint256.NewInt(1_000)},
		MinSettle:  60, DefaultLife: 600, MaxLife: 86_400,
	})
	require.NoError(t, err)
	stricter.rules = rules
	store = w.store(fs)
	defer func() { require.NoError(t, store.Close()) }()
	r = stricter.replica(func(cfg *replica.Config) { cfg.Store = store })
	r.Read(func(b *fastpay.Board) { require.Zero(t, b.Len()) })
}

// TestSyncedCommitKeepsEverythingBeforeIt takes the power at random moments: a write
// that was committed with a sync is there, and with it every earlier one.
func TestSyncedCommitKeepsEverythingBeforeIt(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		w := newWorld(t)
		fs := vfs.NewCrashableMem()
		store := w.store(fs)
		synced := -1
		n := 1 + random.IntN(20)
		for i := range n {
			write := store.NewWrite()
			require.NoError(t, write.Set(fmt.Appendf(nil, "x%02d", i), []byte{byte(i)}))
			sync := random.IntN(3) == 0
			require.NoError(t, store.Commit(write, sync))
			if sync {
				synced = i
			}
		}
		left := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(100), RNG: random})
		require.NoError(t, store.Close())
		store = w.store(left)
		found := 0
		require.NoError(t, store.Each([]byte("x"), func(key, value []byte) error {
			require.Equal(t, fmt.Sprintf("x%02d", found), string(key), "a write is missing in between")
			found++
			return nil
		}))
		require.Greater(t, found, synced, "a synced write is lost")
		require.NoError(t, store.Close())
	}
}

// brokenDisk fails writes to files of a kind on command.
type brokenDisk struct {
	broken atomic.Bool
	suffix string
	kinds  []errorfs.OpKind
}

func (d *brokenDisk) MaybeError(op errorfs.Op) error {
	if !d.broken.Load() || !strings.HasSuffix(op.Path, d.suffix) {
		return nil
	}
	for _, k := range d.kinds {
		if op.Kind == k {
			return errorfs.ErrInjected
		}
	}
	return nil
}

func (d *brokenDisk) String() string { return "broken" }

// TestBrokenDiskFailsTheStoreForGood: whatever way the disk fails, and whoever
// writes at that moment, every writer gets ErrStoreFailed, none hangs, the process
// lives, and nothing is written or read any more.
func TestBrokenDiskFailsTheStoreForGood(t *testing.T) {
	for _, tc := range []struct {
		name  string
		kinds []errorfs.OpKind
		sync  bool
	}{
		{"a sync fails", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}, true},
		{"a write fails", []errorfs.OpKind{errorfs.OpFileWrite}, true},
		{"a write fails and nobody syncs", []errorfs.OpKind{errorfs.OpFileWrite}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			disk := &brokenDisk{suffix: ".log", kinds: tc.kinds}
			store := newWorld(t).store(errorfs.Wrap(vfs.NewMem(), disk))
			commit := func(key string) error {
				write := store.NewWrite()
				if err := write.Set([]byte(key), make([]byte, 8<<10)); err != nil {
					return err
				}
				return store.Commit(write, tc.sync)
			}
			require.NoError(t, commit("before"))
			disk.broken.Store(true)

			var wg sync.WaitGroup
			errs := make([]error, 8)
			for i := range errs {
				wg.Go(func() {
					for n := 0; errs[i] == nil && n < 1000; n++ {
						errs[i] = commit(fmt.Sprint("after", i, n))
					}
				})
			}
			wg.Wait()
			for _, err := range errs {
				require.ErrorIs(t, err, replica.ErrStoreFailed)
			}
			disk.broken.Store(false)
			require.ErrorIs(t, commit("later"), replica.ErrStoreFailed)
			_, err := store.Get([]byte("before"))
			require.ErrorIs(t, err, replica.ErrStoreFailed)
			require.ErrorIs(t, store.Each([]byte("b"), func(_, _ []byte) error { return nil }), replica.ErrStoreFailed)
			require.ErrorIs(t, store.Failed(), replica.ErrStoreFailed)
			require.ErrorIs(t, store.Close(), replica.ErrStoreFailed)
		})
	}
}

// TestReplicaOutlivesItsStore: with a failed store a Replica goes on in memory,
// says so to who writes, and serves what it knows.
func TestReplicaOutlivesItsStore(t *testing.T) {
	w := newWorld(t)
	disk := &brokenDisk{suffix: ".log", kinds: []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}}
	store := w.store(errorfs.Wrap(vfs.NewMem(), disk))
	r := w.replica(func(cfg *replica.Config) { cfg.Store = store })
	add(t, r, w.tx(0, 0, ""))
	disk.broken.Store(true)
	write := store.NewWrite()
	require.NoError(t, write.Set([]byte("x"), nil))
	require.ErrorIs(t, store.Commit(write, true), replica.ErrStoreFailed)

	require.ErrorIs(t, r.AddPayment(fastpay.Payment{Tx: w.tx(1, 0, "")}), replica.ErrStoreFailed)
	require.ErrorIs(t, r.Failed(), replica.ErrStoreFailed)
	require.Len(t, syncOf(t, r, p2p.SyncRequest{Kind: p2p.SyncSince, Limit: 10}).Items, 2)
	require.ErrorIs(t, store.Close(), replica.ErrStoreFailed)
}

// TestDamagedStoreDoesNotStart: a record that cannot be read is no record of
// nothing.
func TestDamagedStoreDoesNotStart(t *testing.T) {
	w := newWorld(t)
	store := w.store(vfs.NewMem())
	defer func() { require.NoError(t, store.Close()) }()
	write := store.NewWrite()
	require.NoError(t, write.Set([]byte("p-damaged"), []byte{0xff}))
	require.NoError(t, store.Commit(write, false))
	_, err := replica.New(replica.Config{Rules: w.rules, Limits: fastpay.DefaultBoardLimits(), Store: store})
	require.ErrorContains(t, err, "damaged")
	require.False(t, errors.Is(err, replica.ErrStoreFailed))
}
