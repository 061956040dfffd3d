package replica_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

// sync asks a Replica and expects an answer.
func syncOf(t *testing.T, r *replica.Replica, req p2p.SyncRequest) p2p.SyncResponse {
	t.Helper()
	resp, err := r.Sync(t.Context(), "peer", req)
	require.NoError(t, err)
	return resp
}

// TestSincePagesThroughAllChanges follows a cursor: every payment comes once, in
// the order of its last change, and a later change comes again.
func TestSincePagesThroughAllChanges(t *testing.T) {
	w := newWorld(t)
	r := w.replica(nil)
	txs := w.txs(7)
	add(t, r, txs...)

	var got []fastpay.ID
	req := p2p.SyncRequest{Kind: p2p.SyncSince, Limit: 3}
	for _, want := range []struct {
		items int
		more  bool
	}{{3, true}, {3, true}, {1, false}, {0, false}} {
		resp := syncOf(t, r, req)
		require.Len(t, resp.Items, want.items)
		require.Equal(t, want.more, resp.More)
		got = append(got, idsOf(resp.Items)...)
		req.Cursor = resp.Next
	}
	var ids []fastpay.ID
	for _, tx := range txs {
		ids = append(ids, tx.ID())
	}
	require.Equal(t, ids, got)

	require.NoError(t, r.GossipBatch("peer", w.batch(0, txs[2].ID())))
	resp := syncOf(t, r, req)
	require.Equal(t, []fastpay.ID{txs[2].ID()}, idsOf(resp.Items))
	require.Len(t, resp.Items[0].Certificates, 1)
	require.Equal(t, fastpay.StageAccepted, resp.Items[0].Stage)
}

// TestCursorOfAnotherRunStartsOver: versions mean nothing after a restart.
func TestCursorOfAnotherRunStartsOver(t *testing.T) {
	w := newWorld(t)
	txs := w.txs(3)
	before := w.replica(nil)
	add(t, before, txs...)
	cursor := syncOf(t, before, p2p.SyncRequest{Kind: p2p.SyncSince, Limit: 10}).Next

	after := w.replica(func(cfg *replica.Config) { cfg.Boot = [8]byte{2} })
	add(t, after, txs...)
	for name, c := range map[string][]byte{"another run": cursor, "nonsense": {1, 2, 3}, "none": nil} {
		resp := syncOf(t, after, p2p.SyncRequest{Kind: p2p.SyncSince, Limit: 10, Cursor: c})
		require.Len(t, resp.Items, 3, name)
	}
	ahead := slices.Clone(cursor)
	ahead[8] = 0xff
	require.Empty(t, syncOf(t, before, p2p.SyncRequest{Kind: p2p.SyncSince, Limit: 10, Cursor: ahead}).Items)
}

// TestWaitingSyncWakesUp: a request that may wait is answered by the first change,
// by the end of its time, or by the end of its context.
func TestWaitingSyncWakesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.replica(nil)
		tx := w.tx(0, 0, "")
		req := p2p.SyncRequest{Kind: p2p.SyncSince, Limit: 10, Wait: 30 * time.Second}

		began := time.Now()
		time.AfterFunc(7*time.Second, func() { add(t, r, tx) })
		resp := syncOf(t, r, req)
		require.Equal(t, []fastpay.ID{tx.ID()}, idsOf(resp.Items))
		require.Equal(t, 7*time.Second, time.Since(began))

		began = time.Now()
		req.Cursor = resp.Next
		resp = syncOf(t, r, req)
		require.Empty(t, resp.Items)
		require.Equal(t, req.Cursor, resp.Next)
		require.Equal(t, 30*time.Second, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := r.Sync(ctx, "peer", req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// TestLaneIsServedBySlot: from a slot on, in order, at most the limit, and it says
// whether there is more.
func TestLaneIsServedBySlot(t *testing.T) {
	w := newWorld(t)
	r := w.replica(nil)
	var ids []fastpay.ID
	for seq := range uint64(6) {
		tx := w.tx(0, seq, "")
		add(t, r, tx)
		ids = append(ids, tx.ID())
	}
	add(t, r, w.tx(1, 0, ""))
	lane := w.tx(0, 0, "").LaneID()

	resp := syncOf(t, r, p2p.SyncRequest{Kind: p2p.SyncLane, Lane: lane, FromSeq: 2, Limit: 3})
	require.Equal(t, ids[2:5], idsOf(resp.Items))
	require.True(t, resp.More)
	resp = syncOf(t, r, p2p.SyncRequest{Kind: p2p.SyncLane, Lane: lane, FromSeq: 3, Limit: 3})
	require.Equal(t, ids[3:], idsOf(resp.Items))
	require.False(t, resp.More)
	require.Empty(t, syncOf(t, r, p2p.SyncRequest{Kind: p2p.SyncLane, Lane: common.Hash{1}, Limit: 3}).Items)
}

// TestUnknownIDsAreLeftOut: an answer by ids holds what is known of them.
func TestUnknownIDsAreLeftOut(t *testing.T) {
	w := newWorld(t)
	r := w.replica(nil)
	txs := w.txs(2)
	add(t, r, txs...)
	resp := syncOf(t, r, p2p.SyncRequest{Kind: p2p.SyncIDs, IDs: []fastpay.ID{{1}, txs[1].ID(), {2}, txs[0].ID()}})
	require.Equal(t, []fastpay.ID{txs[1].ID(), txs[0].ID()}, idsOf(resp.Items))
	require.False(t, resp.More)
}

// TestAccountAndBucketArePaged: each payment comes once over the pages.
func TestAccountAndBucketArePaged(t *testing.T) {
	w := newWorld(t)
	r := w.replica(nil)
	txs := w.txs(10)
	add(t, r, txs...)
	buckets := make(map[byte]int)
	for _, tx := range txs {
		buckets[tx.LaneID()[0]]++
	}
	count := func(req p2p.SyncRequest) int {
		seen := make(map[fastpay.ID]bool)
		for range 20 {
			resp := syncOf(t, r, req)
			require.LessOrEqual(t, len(resp.Items), req.Limit)
			for _, id := range idsOf(resp.Items) {
				require.False(t, seen[id], "a payment came twice")
				seen[id] = true
			}
			if !resp.More {
				break
			}
			req.Cursor = resp.Next
		}
		return len(seen)
	}
	payee := common.HexToAddress("0xb0b")
	require.Equal(t, 10, count(p2p.SyncRequest{Kind: p2p.SyncAccount, Account: payee, Limit: 3}))
	require.Equal(t, 1, count(p2p.SyncRequest{Kind: p2p.SyncAccount, Account: txs[4].Sender(), Limit: 3}))
	for b := range 256 {
		require.Equal(t, buckets[byte(b)], count(p2p.SyncRequest{Kind: p2p.SyncBucket, Bucket: byte(b), Limit: 1}), "bucket %d", b)
	}
	beyond := syncOf(t, r, p2p.SyncRequest{Kind: p2p.SyncAccount, Account: payee, Limit: 3, Cursor: []byte{0xff, 0, 0, 0, 0, 0, 0, 0}})
	require.Empty(t, beyond.Items)
	require.False(t, beyond.More)
}

// TestAnswersFitIntoAMessage: items that do not fit are left for the next page, and
// nothing is lost on the way.
func TestAnswersFitIntoAMessage(t *testing.T) {
	// A vote in a large batch has a long path: payments with twelve of them fill a
	// message before they reach the number of items.
	const n, members = 400, 12
	w := newWorldOf(t, members)
	r := w.replica(nil)
	txs := w.txs(n)
	add(t, r, txs...)
	ids := make([]fastpay.ID, 0, fastpay.MaxBatch)
	for _, tx := range txs {
		ids = append(ids, tx.ID())
	}
	for i := len(ids); i < fastpay.MaxBatch; i++ {
		ids = append(ids, fastpay.ID{0xff, byte(i >> 8), byte(i)})
	}
	for signer := range members {
		require.NoError(t, r.GossipBatch("peer", w.batch(signer, ids...)))
	}
	for name, req := range map[string]p2p.SyncRequest{
		"since":   {Kind: p2p.SyncSince, Limit: p2p.MaxSyncItems},
		"account": {Kind: p2p.SyncAccount, Account: common.HexToAddress("0xb0b"), Limit: p2p.MaxSyncItems},
	} {
		seen := make(map[fastpay.ID]bool)
		for pages := 0; ; pages++ {
			require.Less(t, pages, 10, name)
			resp := syncOf(t, r, req)
			require.Equal(t, len(resp.Items), p2p.FitSync(resp.Items), name)
			for _, item := range resp.Items {
				require.Len(t, item.Certificates, members, name)
				seen[item.Tx.ID()] = true
			}
			if !resp.More {
				break
			}
			require.Less(t, len(resp.Items), p2p.MaxSyncItems, "%s: the number of items was the limit", name)
			req.Cursor = resp.Next
		}
		require.Len(t, seen, n, name)
	}
}

// TestDigestsTellDifferences: equal boards have equal digests; a payment or a QC
// more changes exactly its bucket.
func TestDigestsTellDifferences(t *testing.T) {
	w := newWorld(t)
	a, b := w.replica(nil), w.replica(nil)
	txs := w.txs(5)
	add(t, a, txs...)
	slices.Reverse(txs)
	add(t, b, txs...)
	digests := func(r *replica.Replica) []common.Hash {
		resp := syncOf(t, r, p2p.SyncRequest{Kind: p2p.SyncDigests})
		require.Len(t, resp.Digests, p2p.SyncBuckets)
		return resp.Digests
	}
	require.Equal(t, digests(a), digests(b))
	require.NoError(t, a.Update(func(b *fastpay.Board) { _ = b.AddQC(w.qc(txs[3])) }))
	da, db := digests(a), digests(b)
	for i := range da {
		require.Equal(t, i == int(txs[3].LaneID()[0]), da[i] != db[i], "bucket %d", i)
	}
}

// TestOwnRefusalsAreServed: a validator tells what it refused itself, and only until
// it votes. What other members told it is not its to tell, and a peer without a vote
// key tells nothing.
func TestOwnRefusalsAreServed(t *testing.T) {
	w := newWorld(t)
	tx := w.tx(0, 0, "")
	own := fastpay.Reject{Code: fastpay.Equivocation, Text: "the slot is taken"}
	served := func(r *replica.Replica) []fastpay.Reject {
		return syncOf(t, r, p2p.SyncRequest{Kind: p2p.SyncIDs, IDs: []fastpay.ID{tx.ID()}}).Items[0].Rejects
	}
	member := w.replica(func(cfg *replica.Config) { cfg.VoteKey = w.key(1) })
	for _, r := range []*replica.Replica{member, w.replica(nil)} {
		add(t, r, tx)
		require.NoError(t, r.Update(func(b *fastpay.Board) { b.NoteReject(tx.ID(), 2, fastpay.Reject{Code: fastpay.Expired}) }))
		require.Empty(t, served(r), "another member's refusal")
		require.NoError(t, r.Update(func(b *fastpay.Board) {
			b.NoteReject(tx.ID(), 1, fastpay.Reject{Code: fastpay.InsufficientFunds, Retryable: true})
		}))
		require.Empty(t, served(r), "a refusal for now")
		require.NoError(t, r.Update(func(b *fastpay.Board) { b.NoteReject(tx.ID(), 1, own) }))
	}
	require.Equal(t, []fastpay.Reject{own}, served(member))
	require.NoError(t, member.GossipBatch("peer", w.batch(1, tx.ID())))
	require.Empty(t, served(member), "it votes all the same")

	mirror := w.replica(nil)
	add(t, mirror, tx)
	require.NoError(t, mirror.Update(func(b *fastpay.Board) { b.NoteReject(tx.ID(), 1, own) }))
	require.Empty(t, served(mirror), "it is no member")
}

// TestSubmitsToAMirrorAreRefused: only validators decide.
func TestSubmitsToAMirrorAreRefused(t *testing.T) {
	w := newWorld(t)
	r := w.replica(nil)
	txs := w.txs(2)
	results := r.Submit(t.Context(), "peer", []fastpay.Payment{{Tx: txs[0]}, {Tx: txs[1]}})
	require.Len(t, results, 2)
	for i, res := range results {
		require.Equal(t, txs[i].ID(), res.ID)
		require.Equal(t, fastpay.TemporaryUnavailable, res.Reject.Code)
		require.True(t, res.Reject.Retryable)
	}
}
