package archive_test

import (
	"testing"
	"testing/synctest"

	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

// TestListIsStable: the newest payment comes first, pages neither miss nor repeat one
// while payments come and change, and filters see payer, payee and stage.
func TestListIsStable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.start()
		defer r.stop()
		var txs []*fastpay.Tx
		for i := range 5 {
			txs = append(txs, w.tx(i))
			r.pay(txs[i])
		}
		page, err := r.Records(archive.Filter{Limit: 2})
		require.NoError(t, err)
		require.Len(t, page.Records, 2)
		late := w.tx(9)
		r.pay(late)
		r.certify(txs[0])
		require.Equal(t, ids(txs[2], txs[1], txs[0]), r.list(archive.Filter{Limit: 2, Before: page.Next}))
		require.Equal(t, ids(late, txs[4], txs[3], txs[2], txs[1], txs[0]), r.list(archive.Filter{Limit: 4}))

		payer, payee := txs[3].Sender(), txs[3].Envelope().Recipient
		require.Equal(t, ids(txs[3]), r.list(archive.Filter{Address: &payer}))
		require.Len(t, r.list(archive.Filter{Address: &payee, Limit: 1}), 6)
		require.Equal(t, ids(txs[0]), r.list(archive.Filter{Stage: fastpay.StageCertified, Limit: 1}))
		require.Empty(t, r.list(archive.Filter{Address: &common.Address{1}}))
	})
}

// TestChangesComeOnceAndInOrder: who follows the archive sees every payment that
// changed, with what it has become, and is woken for it.
func TestChangesComeOnceAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.start()
		defer r.stop()
		one, two := w.tx(0), w.tx(1)
		changed := r.Changed()
		r.pay(one, two)
		<-changed
		records, upTo, err := r.Since(0, 1)
		require.NoError(t, err)
		require.Len(t, records, 1)
		require.Equal(t, one.ID(), records[0].Tx.ID())
		records, upTo, err = r.Since(upTo, 5)
		require.NoError(t, err)
		require.Len(t, records, 1)
		require.Equal(t, two.ID(), records[0].Tx.ID())
		require.Equal(t, r.Version(), upTo)
		r.certify(one)
		records, upTo, err = r.Since(upTo, 5)
		require.NoError(t, err)
		require.Len(t, records, 1, "two votes are one payment that changed")
		require.Equal(t, fastpay.StageCertified, records[0].Stage)
		records, upTo, err = r.Since(upTo, 5)
		require.NoError(t, err)
		require.Empty(t, records)
		require.Equal(t, r.Version(), upTo)
	})
}

// TestReorganisationIsShown: a payment that was thrown out of its block is not in it any
// more.
func TestReorganisationIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.start()
		defer r.stop()
		tx := w.tx(0)
		r.pay(tx)
		r.certify(tx)
		require.NoError(t, r.board.Update(func(b *fastpay.Board) { b.NoteNonce(tx.Lane(), 0, fastpay.Block{Number: 3, Time: 3}) }))
		r.block(5, 3, tx)
		hash := r.record(tx).Outcome.TxHash
		r.board.Advance(fastpay.ChainView{Latest: fastpay.Block{Number: 5}, Finalized: fastpay.Block{Number: 3}, Reverted: 5}, r.now())
		synctest.Wait()
		rec := r.record(tx)
		require.Equal(t, fastpay.StageCertified, rec.Stage)
		require.Zero(t, rec.Timeline.Included)
		_, ok, err := r.Resolve(hash)
		require.NoError(t, err)
		require.False(t, ok)
	})
}
