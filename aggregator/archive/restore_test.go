package archive_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

// TestTimelineSurvivesPowerLoss: each step of a payment's way is kept with its time and
// height, on one clock, and a crash in between loses none and adds none.
func TestTimelineSurvivesPowerLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tx := w.tx(0)
		began := time.Now()
		at := func(s int) time.Time { return time.UnixMicro(began.Add(time.Duration(s) * time.Second).UnixMicro()) }
		r := w.start()
		r.block(7, 6)
		time.Sleep(time.Second)
		r.pay(tx)
		time.Sleep(time.Second)
		r.vote(0, tx)
		before := show(r.record(tx))
		r.crash()

		r = w.start()
		require.Equal(t, before, show(r.record(tx)))
		time.Sleep(time.Second)
		r.block(7, 6)
		r.vote(1, tx)
		_, known := r.record(tx).Timeline.Lead()
		require.False(t, known, "the next height was not seen yet")
		time.Sleep(4 * time.Second)
		r.block(8, 7)
		lead, known := r.record(tx).Timeline.Lead()
		require.True(t, known)
		require.Equal(t, 4*time.Second, lead)
		before = show(r.record(tx))
		r.crash()

		r = w.start()
		require.Equal(t, before, show(r.record(tx)))
		time.Sleep(time.Second)
		r.block(9, 8, tx)
		require.Equal(t, fastpay.StageIncluded, r.record(tx).Stage)
		time.Sleep(time.Second)
		r.block(10, 9)
		rec := r.record(tx)
		before = show(rec)
		require.Equal(t, fastpay.StageFinalized, rec.Stage)
		require.True(t, rec.Final)
		require.Equal(t, []replica.Event{
			{Kind: replica.EventFirstSeen, At: at(1), Height: 7},
			{Kind: replica.EventVote, At: at(2), Height: 7, Signer: 0},
			{Kind: replica.EventVote, At: at(3), Height: 7, Signer: 1},
			{Kind: replica.EventCertified, At: at(3), Height: 7},
			{Kind: replica.EventIncluded, At: at(8), Height: 9},
			{Kind: replica.EventFinalized, At: at(9), Height: 10},
		}, rec.Timeline.Events)
		require.Equal(t, at(3), rec.Timeline.QC)
		require.Equal(t, uint64(7), rec.Timeline.HeightAtQC)
		r.crash()

		r = w.start()
		defer r.stop()
		require.Equal(t, before, show(r.record(tx)))
		live, _ := r.board.Record(tx.ID())
		require.Zero(t, live.Timeline.QC, "this run has not seen it")
		require.Equal(t, ids(tx), r.list(archive.Filter{Stage: fastpay.StageFinalized}))
		r.board.Read(func(b *fastpay.Board) {
			require.Equal(t, fastpay.StageFinalized, b.Stage(tx.ID()), "the Board knows it too, without asking the node")
		})
		id, ok, err := r.Resolve(rec.Outcome.TxHash)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, tx.ID(), id)
	})
}

// TestNothingIsShownThatACrashTakesBack takes the power at every moment of a busy
// minute: whatever was shown by then is shown after the restart, as far as it had come.
func TestNothingIsShownThatACrashTakesBack(t *testing.T) {
	for seed := range 12 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				r := w.start()
				r.block(1, 1)
				// Not waited for: the archive writes while payments come.
				for i := range 40 {
					tx := w.tx(i)
					require.NoError(t, r.board.AddPayment(fastpay.Payment{Tx: tx}))
					for signer := range (i + seed) % 3 {
						require.NoError(t, r.board.GossipBatch("peer", w.vote(signer, tx)))
					}
					if i == 3*(seed+1) {
						break
					}
				}
				page, err := r.Records(archive.Filter{Limit: 100})
				require.NoError(t, err)
				// Half of the disks also have some of what was not synced.
				lost := vfs.CrashCloneCfg{UnsyncedDataPercent: 60 * (seed % 2), RNG: rand.New(rand.NewPCG(uint64(seed), 1))}
				disk := w.disk.(*vfs.MemFS).CrashClone(lost)
				r.stop()
				w.disk = disk

				r = w.start()
				defer r.stop()
				for _, rec := range page.Records {
					again := r.record(rec.Tx)
					require.GreaterOrEqual(t, again.Stage.Rank(), rec.Stage.Rank())
					require.Subset(t, again.Timeline.Events, rec.Timeline.Events)
				}
				held := 0
				r.board.Read(func(b *fastpay.Board) { held = b.Len() })
				require.Len(t, r.list(archive.Filter{}), held, "what only the Board has kept is archived too")
			})
		})
	}
}

// TestClockGoesOnOverRestarts: a machine's clock that was set back moves no time of the
// archive back.
func TestClockGoesOnOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.start()
		first := w.tx(0)
		time.Sleep(time.Minute)
		r.pay(first)
		seen := r.record(first).Timeline.FirstSeen
		r.stop()

		store, err := replica.OpenStore("/aggregator/data", w.disk)
		require.NoError(t, err)
		shift := -time.Hour
		now, err := archive.Clock(store, func() time.Time { return time.Now().Add(shift) })
		require.NoError(t, err)
		require.Equal(t, seen.UnixMicro(), now().UnixMicro())
		time.Sleep(time.Second)
		require.Equal(t, seen.Add(time.Second).UnixMicro(), now().UnixMicro())
		require.NoError(t, store.Close())
	})
}

// TestIncludedStaysUntilTheNodeWasAsked: after a restart a payment that was in a block
// does not look as if it were not, until the node says so.
func TestIncludedStaysUntilTheNodeWasAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.start()
		tx := w.tx(0)
		r.pay(tx)
		r.certify(tx)
		r.block(5, 3, tx)
		r.crash()

		r = w.start()
		defer r.stop()
		r.block(5, 4)
		require.NoError(t, r.board.Update(func(b *fastpay.Board) {
			require.Equal(t, fastpay.StageCertified, b.Stage(tx.ID()))
			b.NoteNonce(tx.Lane(), 1, fastpay.Block{Number: 4, Time: 4}) // used, by what is asked next
		}))
		synctest.Wait()
		require.Equal(t, fastpay.StageIncluded, r.record(tx).Stage)
		r.board.Advance(fastpay.ChainView{Latest: fastpay.Block{Number: 5}, Finalized: fastpay.Block{Number: 5}}, r.now())
		require.NoError(t, r.board.Update(func(b *fastpay.Board) { b.NoteOutcome(settles(w.committee, tx, 5)) }))
		synctest.Wait()
		require.Equal(t, fastpay.StageFinalized, r.record(tx).Stage)
	})
}

// TestRefusalsSurviveARestart: a payment shown as rejected stays so, with the reasons.
func TestRefusalsSurviveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.start()
		tx := w.tx(0)
		r.pay(tx)
		reject := fastpay.Reject{Code: fastpay.InsufficientFunds, Text: "it has nothing"}
		require.NoError(t, r.board.Update(func(b *fastpay.Board) {
			b.NoteReject(tx.ID(), 0, reject)
			b.NoteReject(tx.ID(), 1, reject)
		}))
		synctest.Wait()
		require.Equal(t, fastpay.StageRejected, r.record(tx).Stage)
		r.crash()
		r = w.start()
		defer r.stop()
		r.block(2, 2)
		require.Equal(t, fastpay.StageRejected, r.record(tx).Stage)
		require.Equal(t, map[int]fastpay.Reject{0: reject, 1: reject}, r.record(tx).Rejects)
		r.board.Read(func(b *fastpay.Board) { require.Equal(t, fastpay.StageRejected, b.Stage(tx.ID())) })
	})
}

// TestBrokenDiskShowsNothing: what may not be on disk is not shown, and who asks is told.
func TestBrokenDiskShowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		broken := false
		w.disk = errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if broken && op.Kind == errorfs.OpFileSyncData {
				return errorfs.ErrInjected
			}
			return nil
		}))
		r := w.start()
		tx := w.tx(0)
		r.pay(tx)
		require.NoError(t, r.Failed())
		broken = true
		changed := r.Changed()
		_ = r.board.AddPayment(fastpay.Payment{Tx: w.tx(1)}) // it may be the first to know
		<-changed
		require.ErrorIs(t, r.Failed(), replica.ErrStoreFailed)
		_, _, err := r.Record(tx.ID())
		require.ErrorIs(t, err, replica.ErrStoreFailed)
		_, err = r.Records(archive.Filter{Limit: 1})
		require.ErrorIs(t, err, replica.ErrStoreFailed)
		_, _, err = r.Since(0, 1)
		require.ErrorIs(t, err, replica.ErrStoreFailed)
		_, _, err = r.Resolve(tx.ID())
		require.ErrorIs(t, err, replica.ErrStoreFailed)
		r.ended = true
		r.cancel()
		<-r.done
		require.ErrorIs(t, r.store.Close(), replica.ErrStoreFailed)
	})
}

// TestStricterNetworkFileHidesPayments: what no longer verifies is not shown, and keeps
// nothing else from being.
func TestStricterNetworkFileHidesPayments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.start()
		r.pay(w.tx(0), w.tx(1))
		r.stop()
		w.rules = w.rulesOf(6)
		r = w.start()
		defer r.stop()
		require.Empty(t, r.list(archive.Filter{}))
		r.block(2, 2)
		require.NoError(t, r.Failed())
	})
}
