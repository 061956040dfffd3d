package archive_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/stretchr/testify/require"
)

// TestRetentionDropsTheOldestFinal: by age and by size what was final first goes first,
// and nothing else however old; what went does not come back as new, not even when the
// Board still has it or after a restart.
func TestRetentionDropsTheOldestFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.retention.Time = time.Hour
		r := w.start()
		open, first, second := w.tx(0), w.tx(1), w.tx(2)
		r.pay(open, first, second)
		r.certify(open, first, second)
		r.block(2, 2, first)
		time.Sleep(40 * time.Minute)
		r.block(3, 3, second)
		require.True(t, r.shows(first))
		time.Sleep(25 * time.Minute)
		synctest.Wait()
		require.False(t, r.shows(first))
		require.True(t, r.shows(second))
		hash := settles(w.committee, first, 2).TxHash
		_, ok, err := r.Resolve(hash)
		require.NoError(t, err)
		require.False(t, ok)
		require.Equal(t, ids(second, open), r.list(archive.Filter{}))
		payer := first.Sender()
		require.Empty(t, r.list(archive.Filter{Address: &payer}))
		require.EqualValues(t, 1, r.metric("allegro_archive_dropped_total"))
		r.crash()

		r = w.start()
		require.Equal(t, ids(second, open), r.list(archive.Filter{}))
		require.NoError(t, r.board.Update(func(b *fastpay.Board) { b.NoteNonce(first.Lane(), 1, fastpay.Block{Number: 4, Time: 4}) }))
		synctest.Wait()
		require.Equal(t, ids(second, open), r.list(archive.Filter{}))
		require.EqualValues(t, 2, r.metric("allegro_archive_payments"))
		r.stop()

		w.retention.Bytes = 1
		r = w.start()
		defer r.stop()
		require.Equal(t, ids(open), r.list(archive.Filter{}), "what is not final stays")
		require.Positive(t, r.metric("allegro_archive_bytes"))
	})
}

// TestWhatTheBoardForgotIsStillShown: the archive is larger than the memory.
func TestWhatTheBoardForgotIsStillShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.limits.Settled = 1
		r := w.start()
		var txs []*fastpay.Tx
		for i := range 4 {
			txs = append(txs, w.tx(i))
		}
		r.pay(txs...)
		r.certify(txs...)
		r.block(2, 1, txs...)
		require.NoError(t, r.board.Update(func(b *fastpay.Board) {
			for _, tx := range txs { // no longer the last of their lanes
				b.NoteNonce(tx.Lane(), 2, fastpay.Block{Number: 2, Time: 2})
			}
		}))
		synctest.Wait()
		r.block(3, 2)
		held := 0
		r.board.Read(func(b *fastpay.Board) { held = b.Len() })
		require.Less(t, held, 4)
		for range 2 {
			require.Len(t, r.list(archive.Filter{}), 4)
			r.crash()
			r = w.start()
		}
		r.stop()
	})
}

// TestUncertifiedPaymentsAreBounded: what anybody can make for free does not fill the
// disk.
func TestUncertifiedPaymentsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.limits.Open = 8
		r := w.start()
		kept := w.tx(1000)
		r.pay(kept)
		r.certify(kept)
		for i := range 50 {
			r.pay(w.tx(i))
			require.LessOrEqual(t, r.metric("allegro_archive_payments"), 8.0+4)
		}
		require.True(t, r.shows(kept))
		require.True(t, r.shows(w.tx(49)))
		require.False(t, r.shows(w.tx(0)))
		r.crash()
		r = w.start()
		defer r.stop()
		for i := range 50 {
			r.pay(w.tx(100 + i))
		}
		require.LessOrEqual(t, r.metric("allegro_archive_payments"), 8.0+4)
		require.True(t, r.shows(kept))
	})
}
