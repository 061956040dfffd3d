package orders_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

// moment is what there was as the shop's peer was killed.
type moment struct {
	disk *vfs.MemFS
	told []string
}

// isLogSync reports whether an operation makes a commit durable.
func isLogSync(op errorfs.Op) bool {
	sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
	return sync && strings.HasSuffix(op.Path, ".log")
}

// killer remembers the disk at every sync, and whenever a message is taken.
type killer struct {
	mem      *vfs.MemFS
	receiver *receiver

	mu      sync.Mutex
	moments []moment
}

func (k *killer) strike(told []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, unsynced := range []int{0, 100} { // a power cut, and a process that was killed
		k.moments = append(k.moments, moment{k.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rand.New(rand.NewPCG(1, 1))}), told})
	}
}

// MaybeError implements [errorfs.Injector].
func (k *killer) MaybeError(op errorfs.Op) error {
	if isLogSync(op) {
		k.strike(k.receiver.list())
	}
	return nil
}

func (k *killer) String() string { return "killer" }

// Deliver implements [orders.Deliverer].
func (k *killer) Deliver(ctx context.Context, id fastpay.ID, m orders.Message) error {
	if err := k.receiver.Deliver(ctx, id, m); err != nil {
		return err
	}
	k.strike(k.receiver.list())
	return nil
}

// TestNothingIsLostOrNewOverAnyCrash: killed at every sync and at every message, a shop
// tells the rest, in order, and nothing that it had not made durable.
func TestNothingIsLostOrNewOverAnyCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		good, bad := w.tx(1, 5, "INV-1"), w.tx(2, 5, "INV-1")
		more := w.next(1, good, 5)
		w.request("INV-1", 5, 0)
		k := &killer{mem: vfs.NewCrashableMem(), receiver: r}
		w.disk = errorfs.Wrap(k.mem, k)
		s := w.start(k)
		s.block(0)
		s.certify(good)
		s.certify(bad, more)
		s.block(1, w.settles(good, w.height+1), w.fails(bad, w.height+1))
		s.block(0, w.settles(more, w.height+1))
		s.block(0)
		s.close()
		require.Len(t, r.list(), 6)
		require.Greater(t, len(k.moments), 20)
		bodies, height := r.bodies, w.height

		for i, m := range k.moments {
			again := newReceiver()
			again.told = slices.Clone(m.told)
			for _, name := range m.told {
				again.bodies[name] = bodies[name]
			}
			w.disk, w.height = m.disk, 0
			s := w.start(again)
			for _, tx := range []*fastpay.Tx{good, bad, more} { // sync brings what was lost
				require.NoError(t, s.replica.Update(func(b *fastpay.Board) { _ = b.AddQC(w.qc(tx)) }))
			}
			w.height = height
			s.block(0, w.settles(good, 2), w.fails(bad, 2), w.settles(more, 3))
			time.Sleep(time.Minute)
			synctest.Wait()
			once := again.once()
			place := func(tx *fastpay.Tx, kind orders.Kind) int { return slices.Index(once, message(tx, kind)) }
			for _, tx := range []*fastpay.Tx{good, more} {
				require.Less(t, -1, place(tx, orders.KindAccepted), "moment %d", i)
				require.Less(t, place(tx, orders.KindAccepted), place(tx, orders.KindFinal), "moment %d", i)
			}
			if slices.Contains(once, message(bad, orders.KindAccepted)) {
				require.Less(t, place(bad, orders.KindAccepted), place(bad, orders.KindReversed), "moment %d", i)
				require.Len(t, once, 6, "moment %d", i)
			} else {
				require.Len(t, once, 4, "moment %d: what comes to nothing before it is accepted is no order", i)
			}
			require.Zero(t, s.gauge("allegro_orders_untold"))
			s.close()
		}
	})
}

// TestNothingIsToldThatIsNotDurable: a disk that refuses the sync ends the book first.
func TestNothingIsToldThatIsNotDurable(t *testing.T) {
	w := newWorld(t) // Pebble leaves goroutines behind when its disk fails: no bubble
	w.now = func() time.Time { return time.Unix(genesis, 0) }
	broken := false
	w.disk = errorfs.Wrap(vfs.NewCrashableMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken && isLogSync(op) {
			return errorfs.ErrInjected
		}
		return nil
	}))
	s := w.open()
	require.NoError(t, s.replica.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(w.qc(w.tx(1, 5, "")))) }))
	s.replica.Advance(fastpay.ChainView{Latest: s.at(0), Finalized: s.at(0)}, time.Now())
	require.NoError(t, s.replica.Update(s.replica.answer))
	broken = true
	require.ErrorIs(t, s.book.Run(t.Context()), replica.ErrStoreFailed)
	require.Zero(t, s.gauge("allegro_orders_untold"))
	require.ErrorIs(t, s.store.Close(), replica.ErrStoreFailed)
}

// TestOnePayersMessagesKeepTheirOrder: the next waits until the one before was taken.
// Other payers do not wait.
func TestOnePayersMessagesKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		first := w.tx(1, 5, "")
		second, other := w.next(1, first, 5), w.tx(2, 5, "")
		r.setRefuse(func(id fastpay.ID, _ orders.Message) error {
			if id == first.ID() {
				return errAway
			}
			return nil
		})
		s := w.start(r)
		s.block(0)
		s.certify(first)
		s.certify(second)
		s.certify(other)
		s.block(0, w.settles(first, w.height+1), w.settles(second, w.height+1))
		require.Equal(t, []string{message(other, orders.KindAccepted)}, r.list())
		m := s.show(first).Messages[0]
		require.Equal(t, 1, m.Attempts)
		require.Equal(t, errAway.Error(), m.Problem)
		require.True(t, m.Delivered.IsZero())
		require.EqualValues(t, 4, s.gauge("allegro_orders_untold"))

		// Each attempt after twice the time: at 0, 1, 3 and 7 seconds.
		time.Sleep(6 * time.Second)
		synctest.Wait()
		require.Equal(t, 3, s.show(first).Messages[0].Attempts)
		r.setRefuse(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{
			message(other, orders.KindAccepted), message(first, orders.KindAccepted), message(second, orders.KindAccepted),
			message(first, orders.KindFinal), message(second, orders.KindFinal),
		}, r.list())
		m = s.show(first).Messages[0]
		require.Zero(t, m.Attempts)
		require.False(t, m.Delivered.IsZero())
		s.close()
	})
}

// TestAReceiverThatIsAwayIsNotFlooded: each payer's first message is tried once, then one at a
// time finds out whether it is back, and all others follow at once.
func TestAReceiverThatIsAwayIsNotFlooded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		var attempts atomic.Int64
		r.setRefuse(func(fastpay.ID, orders.Message) error { attempts.Add(1); return errAway })
		s := w.start(r)
		s.block(0)
		var txs []*fastpay.Tx
		for payer := range 40 {
			txs = append(txs, w.tx(payer, 5, ""))
		}
		s.certify(txs...)
		before := attempts.Load()
		require.EqualValues(t, 40, before)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Less(t, attempts.Load()-before, int64(30), "an hour has twelve times five minutes")
		require.Greater(t, attempts.Load()-before, int64(11))
		r.setRefuse(nil)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		require.Len(t, r.list(), 40)
		s.close()
	})
}

// TestOneMessageThatIsNeverTakenHoldsUpNobodyElse: what its payer does to the receiver is
// no sign that it is away.
func TestOneMessageThatIsNeverTakenHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		poison := w.tx(0, 5, "")
		r.setRefuse(func(id fastpay.ID, _ orders.Message) error {
			if id == poison.ID() {
				return errAway
			}
			return nil
		})
		s := w.start(r)
		s.block(0)
		s.certify(poison)
		time.Sleep(time.Hour)
		for payer := range 3 {
			s.certify(w.tx(1+payer, 5, ""))
			require.Len(t, r.list(), payer+1, "at once")
		}
		s.close()
	})
}

// TestMessagesThatAreNeverTakenHoldUpNobody: as many as look like a receiver that is away.
// What others are told does not make them be tried more often.
func TestMessagesThatAreNeverTakenHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		poison := make(map[fastpay.ID]bool)
		var attempts atomic.Int64
		r.setRefuse(func(id fastpay.ID, _ orders.Message) error {
			if poison[id] {
				attempts.Add(1)
				return errAway
			}
			return nil
		})
		var txs []*fastpay.Tx
		for payer := range 20 {
			txs = append(txs, w.tx(payer, 5, ""))
			poison[txs[payer].ID()] = true
		}
		s := w.start(r)
		s.block(0)
		s.certify(txs...)
		time.Sleep(time.Hour)
		before := attempts.Load()
		for payer := range 30 {
			s.certify(w.tx(100+payer, 5, ""))
			require.Len(t, r.list(), payer+1, "at once")
		}
		require.LessOrEqual(t, attempts.Load()-before, int64(2*len(poison)), "it may have been away once")
		s.close()
	})
}

// TestRedeliver: the same bytes again, behind what the payer's messages are.
func TestRedeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		s := w.start(r)
		s.block(0)
		tx := w.tx(1, 5, "")
		s.certify(tx)
		s.block(0, w.settles(tx, w.height+1))
		both := []string{message(tx, orders.KindAccepted), message(tx, orders.KindFinal)}
		require.Equal(t, both, r.list())
		require.ErrorIs(t, s.book.Redeliver(fastpay.ID{1}), orders.ErrUnknown)
		require.NoError(t, s.book.Redeliver(tx.ID()))
		synctest.Wait()
		require.Equal(t, append(both, both...), r.list(), "their bytes are the same, or the receiver had refused them")

		// What is on its way is not doubled, also not by a crash.
		r.setRefuse(func(fastpay.ID, orders.Message) error { return errAway })
		require.NoError(t, s.book.Redeliver(tx.ID()))
		synctest.Wait()
		require.NoError(t, s.book.Redeliver(tx.ID()))
		synctest.Wait()
		require.Len(t, r.list(), 4)
		s.crash()
		r.setRefuse(nil)
		s = w.start(r)
		require.Len(t, r.list(), 6)
		require.Zero(t, s.gauge("allegro_orders_untold"))
		s.close()

		// Whoever has mended the receiver waits no longer.
		r.setRefuse(func(fastpay.ID, orders.Message) error { return errAway })
		s = w.start(r)
		require.NoError(t, s.book.Redeliver(tx.ID()))
		time.Sleep(20 * time.Minute)
		r.setRefuse(nil)
		before := time.Now()
		require.NoError(t, s.book.Redeliver(tx.ID()))
		synctest.Wait()
		require.Len(t, r.list(), 8)
		require.Equal(t, before, time.Now())
		s.close()

		w.cfg.Told = false
		s = w.start(nil)
		require.ErrorIs(t, s.book.Redeliver(tx.ID()), orders.ErrNobody)
		s.close()
	})
}

// TestWhoIsNotToldYetCanBeLater: a book without a receiver keeps no messages for one, but
// the orders, which Redeliver tells.
func TestWhoIsNotToldYetCanBeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		w.cfg.Told = false
		s := w.start(nil)
		s.block(0)
		tx := w.tx(1, 5, "")
		s.certify(tx)
		require.Equal(t, orders.Accepted, s.show(tx).State)
		require.Zero(t, s.gauge("allegro_orders_untold"))
		s.crash()
		w.cfg.Told = true
		s = w.start(r)
		require.Empty(t, r.list())
		require.NoError(t, s.book.Redeliver(tx.ID()))
		synctest.Wait()
		require.Equal(t, []string{message(tx, orders.KindAccepted)}, r.list())
		s.close()
	})
}

// TestWhatWasTakenAsTheBookEndsIsNotToldAgain.
func TestWhatWasTakenAsTheBookEndsIsNotToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tx := w.tx(1, 5, "")
		s := w.start(orders.DelivererFunc(func(ctx context.Context, _ fastpay.ID, _ orders.Message) error {
			<-ctx.Done()
			return nil // the answer comes just then
		}))
		s.block(0)
		s.certify(tx)
		s.close()
		r := newReceiver()
		s = w.start(r)
		require.Empty(t, r.list())
		require.False(t, s.show(tx).Messages[0].Delivered.IsZero())
		s.close()
	})
}

// TestAtMostSixteenAtOnce: a receiver has that many open requests.
func TestAtMostSixteenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		now, most := 0, 0
		s := w.start(orders.DelivererFunc(func(_ context.Context, id fastpay.ID, _ orders.Message) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		}))
		s.block(0)
		var txs []*fastpay.Tx
		for payer := range 40 {
			txs = append(txs, w.tx(payer, 5, ""))
		}
		s.certify(txs...)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 16, most)
		require.Zero(t, s.gauge("allegro_orders_untold"))
		s.close()
	})
}
