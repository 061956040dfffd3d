package replica_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// key is a member's vote key.
func (w *world) key(signer int) ed25519.PublicKey { return w.committee.Key(signer) }

// holds reports whether a Replica holds a payment, and its QC.
func holds(r *replica.Replica, tx *fastpay.Tx) (held, certified bool) {
	r.Read(func(b *fastpay.Board) {
		_, held = b.Tx(tx.ID())
		_, certified = b.QC(tx.ID())
	})
	return held, certified
}

// equal waits until two Replicas hold the same payments and QCs.
func equal(t *testing.T, r, like *replica.Replica) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	want := syncOf(t, like, p2p.SyncRequest{Kind: p2p.SyncDigests}).Digests
	err := r.Wait(ctx, func(b *fastpay.Board) bool {
		got := b.Digests()
		return slices.Equal(got[:], want)
	})
	require.NoError(t, err, "the Replicas do not agree")
}

// TestCatchUpTakesEverything follows a peer's pages to the end, with votes and QCs.
func TestCatchUpTakesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source, r := w.replica(nil), w.replica(nil)
		txs := w.txs(600)
		add(t, source, txs...)
		require.NoError(t, source.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(w.qc(txs[599]))) }))
		n := newFakeNet()
		peer := n.join("source", w.key(0), serve(source))
		require.NoError(t, r.CatchUp(t.Context(), n, peer))
		equal(t, r, source)
		require.Len(t, n.requests("source"), 3)
	})
}

// TestEndlessPeerStopsNobody lets a member, which joins again and again, and many
// strangers answer syncs without end, and others not at all. An honest member that
// joins last is caught up with at once, each endless one is asked one thing at a
// time, and stopping waits for none.
func TestEndlessPeerStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source, r := w.replica(nil), w.replica(nil)
		add(t, source, w.txs(3)...)
		n := newFakeNet()
		decoy := w.tx(50, 0, "")
		endless := func(_ context.Context, req p2p.SyncRequest) (p2p.SyncResponse, error) {
			page := uint64(1)
			if len(req.Cursor) == 8 {
				page += binary.BigEndian.Uint64(req.Cursor)
			}
			return p2p.SyncResponse{Items: []p2p.SyncItem{{Tx: decoy}}, Next: binary.BigEndian.AppendUint64(nil, page), More: true}, nil
		}
		stop := running(t, r, n)
		member := n.join("endless", w.key(0), endless)
		for range 30 {
			r.PeerEvent(p2p.PeerEvent{Joined: true, Peer: member})
		}
		r.PeerEvent(p2p.PeerEvent{Joined: true, Peer: n.join("silent", w.key(1), silent)})
		for i := range 20 {
			r.PeerEvent(p2p.PeerEvent{Joined: true, Peer: n.join(p2p.PeerID(fmt.Sprint("stranger", i)), nil, endless)})
		}
		began := time.Now()
		r.PeerEvent(p2p.PeerEvent{Joined: true, Peer: n.join("honest", w.key(2), serve(source))})
		require.NoError(t, r.Wait(t.Context(), func(b *fastpay.Board) bool { return b.Len() == 4 }))
		require.Less(t, time.Since(began), time.Second)
		before := len(n.requests("endless"))
		time.Sleep(time.Second)
		require.LessOrEqual(t, len(n.requests("endless"))-before, 51, "a request takes 20 ms")
		stop()
	})
}

// TestRepeatedCursorEndsASync: a peer that says there is more and stays where it is
// has no more.
func TestRepeatedCursorEndsASync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := newFakeNet()
		peer := n.join("stuck", nil, func(context.Context, p2p.SyncRequest) (p2p.SyncResponse, error) {
			return p2p.SyncResponse{Next: []byte{1}, More: true}, nil
		})
		require.NoError(t, w.replica(nil).CatchUp(t.Context(), n, peer))
		require.Len(t, n.requests(""), 2)
	})
}

// TestVotedPaymentsAreFetched: a batch that names unknown payments makes the Replica
// ask for them, members first and past one that does not answer, after giving
// gossip a moment. What it gets is decided on; what it has is not asked for.
func TestVotedPaymentsAreFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source := w.replica(nil)
		brought := make(chan fastpay.ID, 10)
		r := w.replica(func(cfg *replica.Config) {
			cfg.OnPayment = func(_ context.Context, tx *fastpay.Tx) { brought <- tx.ID() }
		})
		txs := w.txs(3)
		add(t, source, txs...)
		require.NoError(t, source.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(w.qc(txs[2]))) }))
		add(t, r, txs[0])
		n := newFakeNet()
		n.join("mirror", nil, silent)
		n.join("silent", w.key(1), silent)
		n.join("source", w.key(2), serve(source))
		stop := running(t, r, n)
		require.NoError(t, r.GossipBatch("peer", w.batch(0, txs[0].ID(), txs[1].ID(), txs[2].ID())))
		require.NoError(t, r.Wait(t.Context(), func(b *fastpay.Board) bool { return b.Len() == 3 }))
		require.Equal(t, txs[1].ID(), <-brought, "a payment without a QC is to be decided on")
		require.Empty(t, brought)
		for _, req := range n.requests("") {
			require.Equal(t, p2p.SyncIDs, req.Kind)
			require.NotContains(t, req.IDs, txs[0].ID())
		}
		require.Empty(t, n.requests("mirror"), "members are asked first")
		r.Read(func(b *fastpay.Board) {
			for _, tx := range txs {
				_, voted := b.Certificate(tx.ID(), 0)
				require.True(t, voted, "the vote that came first counts")
			}
		})
		stop()
	})
}

// TestGossipInTimeIsNotFetched: a payment that arrives just after its vote is not
// asked for.
func TestGossipInTimeIsNotFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.replica(nil)
		n := newFakeNet()
		n.join("member", w.key(0), silent)
		stop := running(t, r, n)
		tx := w.tx(0, 0, "")
		require.NoError(t, r.GossipBatch("peer", w.batch(0, tx.ID())))
		time.Sleep(20 * time.Millisecond)
		require.NoError(t, r.GossipPayment("peer", fastpay.Payment{Tx: tx}))
		time.Sleep(time.Second)
		require.Empty(t, n.requests(""))
		stop()
	})
}

// TestVotersAreAskedFirst: who has voted for a payment holds it. Without a neighbour that
// forwards payments, they are asked at once, but not more often than others.
func TestVotersAreAskedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source := w.replica(nil)
		txs := w.txs(3)
		add(t, source, txs...)
		r, n := w.replica(nil), newFakeNet()
		n.join("other", w.key(0), silent)
		n.join("voter", w.key(1), serve(source))
		defer running(t, r, n)()

		held := func(tx *fastpay.Tx) time.Duration {
			begin := time.Now()
			require.NoError(t, r.GossipBatch("peer", w.batch(1, tx.ID())))
			require.NoError(t, r.Wait(t.Context(), func(b *fastpay.Board) bool { _, ok := b.Tx(tx.ID()); return ok }))
			return time.Since(begin)
		}
		const trip, delay = 20 * time.Millisecond, 50 * time.Millisecond
		require.Equal(t, delay+trip, held(txs[0]), "gossip has its moment")
		n.unmeshed = true
		time.Sleep(delay)
		require.Equal(t, trip, held(txs[1]))
		require.Equal(t, delay, held(txs[2]), "the request before was a round trip ago")
		require.Empty(t, n.requests("other"))
	})
}

// TestASilentVoterHoldsUpNobody lets a member vote for what nobody has, and not answer
// when it is asked. What others vote for comes at once all the same, and what it was the
// first to vote for a moment later.
func TestASilentVoterHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source := w.replica(nil)
		txs := w.txs(3)
		add(t, source, txs...)
		r, n := w.replica(nil), newFakeNet()
		n.unmeshed = true
		n.join("silent", w.key(0), silent)
		n.join("honest", w.key(1), serve(source))
		defer running(t, r, n)()
		vote := func(signer int, id fastpay.ID) {
			require.NoError(t, r.GossipBatch("peer", w.batch(signer, id)))
		}
		held := func(tx *fastpay.Tx, within time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			require.NoError(t, r.Wait(ctx, func(b *fastpay.Board) bool { _, ok := b.Tx(tx.ID()); return ok }))
		}
		for i := range 3 {
			vote(0, fastpay.ID{byte(i)})
			time.Sleep(time.Second)
			vote(1, txs[i].ID())
			held(txs[i], 71*time.Millisecond) // 50 ms after the look before, and a round trip
		}
		time.Sleep(20 * time.Second) // nobody waits for the silent one any more
		late := w.tx(3, 0, "")
		add(t, source, late)
		vote(0, late.ID())
		vote(1, late.ID())
		held(late, 321*time.Millisecond)
	})
}

// TestInventedVotesCostLittle lets a dishonest member vote for payments that nobody
// has, as fast as it can. Peers are asked for them within its share, the rest is
// counted, and what an honest member names is fetched at once all the same.
func TestInventedVotesCostLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source, registry := w.replica(nil), prometheus.NewRegistry()
		r := w.replica(func(cfg *replica.Config) { cfg.Registerer = registry })
		n := newFakeNet()
		n.join("source", w.key(1), serve(source))
		n.join("mirror", nil, serve(w.replica(nil)))
		defer running(t, r, n)()

		const rounds, seconds = 60, 6
		invented := 0
		for round := range rounds {
			ids := make([]fastpay.ID, fastpay.MaxBatch)
			for i := range ids {
				invented++
				binary.BigEndian.PutUint64(ids[i][:], uint64(invented))
			}
			require.NoError(t, r.GossipBatch("peer", w.batch(0, ids...)))
			if round == rounds/2 {
				lost := w.tx(0, 0, "")
				add(t, source, lost)
				require.NoError(t, r.GossipBatch("peer", w.batch(2, lost.ID())))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				require.NoError(t, r.Wait(ctx, func(b *fastpay.Board) bool { _, ok := b.Tx(lost.ID()); return ok }))
				cancel()
			}
			time.Sleep(seconds * time.Second / rounds)
		}
		for _, peer := range []p2p.PeerID{"source", "mirror"} {
			asked := 0
			for _, req := range n.requests(peer) {
				asked += len(req.IDs)
			}
			// A quarter of all is its share.
			require.LessOrEqual(t, asked, 1024+(seconds+1)*640+1, peer)
			require.Greater(t, asked, 1024, "vacuous: %s was not asked", peer)
		}
		require.Greater(t, counter(t, registry, "allegro_sync_turned_away_total"), float64(invented)/2)
	})
}

// TestManyInventorsCostNoMore lets most members vote for what nobody has, one payment after
// another, so that their shares last. Every peer is asked no more often than one member
// alone could have it asked.
func TestManyInventorsCostNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, n := w.replica(nil), newFakeNet()
		n.unmeshed = true
		n.join("honest", w.key(3), serve(w.replica(nil)))
		n.join("stranger", nil, silent)
		defer running(t, r, n)()

		const seconds = 10
		invented := 0
		for range seconds * 100 {
			for signer := range 3 {
				invented++
				var id fastpay.ID
				binary.BigEndian.PutUint64(id[:], uint64(invented))
				require.NoError(t, r.GossipBatch("peer", w.batch(signer, id)))
			}
			time.Sleep(10 * time.Millisecond)
		}
		wanted := 0
		for _, req := range n.requests("honest") {
			if req.Kind == p2p.SyncIDs {
				wanted++
			}
		}
		require.LessOrEqual(t, wanted, 20*seconds)
		require.NotZero(t, wanted, "vacuous: it was not asked")
	})
}

// TestSharesAreOfPayments: what one member has no share left for and another has is asked
// for, and what nobody has one for is turned away once.
func TestSharesAreOfPayments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		registry := prometheus.NewRegistry()
		r := w.replica(func(cfg *replica.Config) { cfg.Registerer = registry })
		n := newFakeNet()
		n.join("honest", w.key(3), serve(w.replica(nil)))
		defer running(t, r, n)()
		turnedAway := func() float64 { return counter(t, registry, "allegro_sync_turned_away_total") }
		spend := func(signer int, salt byte) {
			ids := make([]fastpay.ID, fastpay.MaxBatch)
			for i := range ids {
				binary.BigEndian.PutUint64(ids[i][:], uint64(i))
				ids[i][31] = salt
			}
			require.NoError(t, r.GossipBatch("peer", w.batch(signer, ids...)))
		}
		// both lets the first two members name a payment that nobody has.
		both := func(salt byte) {
			for signer := range 2 {
				require.NoError(t, r.GossipBatch("peer", w.batch(signer, fastpay.ID{31: salt})))
			}
			time.Sleep(100 * time.Millisecond)
		}
		spend(0, 1) // its whole share
		time.Sleep(100 * time.Millisecond)
		both(2)
		require.Zero(t, turnedAway(), "the other member has a share")
		spend(1, 3)
		time.Sleep(100 * time.Millisecond)
		before := turnedAway()
		both(4)
		require.Equal(t, before+1, turnedAway())
	})
}

// TestRefreshAsksMembersAtOnce: every connected validator is asked, nobody else, and
// one that does not answer delays the others by nothing.
func TestRefreshAsksMembersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tx := w.tx(0, 0, "")
		r := w.replica(nil)
		add(t, r, tx)
		n := newFakeNet()
		n.join("mirror", nil, silent)
		n.join("silent", w.key(0), silent)
		for i := range 3 {
			source := w.replica(nil)
			add(t, source, tx)
			require.NoError(t, source.GossipBatch("peer", w.batch(i, tx.ID())))
			n.join(p2p.PeerID(fmt.Sprint("member", i)), w.key(i), serve(source))
		}
		began := time.Now()
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_ = r.Wait(ctx, func(b *fastpay.Board) bool { _, ok := b.QC(tx.ID()); return ok })
			if time.Since(began) > time.Second {
				t.Errorf("the QC took %s", time.Since(began))
			}
		}()
		require.ErrorIs(t, r.Refresh(t.Context(), n, []fastpay.ID{tx.ID()}), errSilent)
		require.LessOrEqual(t, time.Since(began), 5*time.Second)
		require.Empty(t, n.requests("mirror"))
		_, certified := holds(r, tx)
		require.True(t, certified)
		synctest.Wait()
	})
}

// TestLaneIsFetchedToItsEnd: a lane that does not fit into one answer is asked for
// until it is complete.
func TestLaneIsFetchedToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source, r := w.replica(nil), w.replica(nil)
		for seq := range uint64(300) {
			add(t, source, w.tx(0, seq, ""))
		}
		add(t, source, w.tx(0, 255, "again"), w.tx(0, 255, "and again"))
		n := newFakeNet()
		n.join("source", w.key(0), serve(source))
		require.NoError(t, r.FetchLane(t.Context(), n, w.tx(0, 0, "").LaneID(), 10))
		r.Read(func(b *fastpay.Board) { require.Equal(t, 292, b.Len()) })
	})
}

// TestAccountIsFetchedWithItsQCs: a wallet that gossip has told nothing finds the
// payments to its account, certified as the members hold them.
func TestAccountIsFetchedWithItsQCs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source, r := w.replica(nil), w.replica(nil)
		paid, other := w.tx(0, 0, ""), w.tx(1, 0, "")
		add(t, source, paid, other)
		require.NoError(t, source.Update(func(b *fastpay.Board) { _ = b.AddQC(w.qc(paid)) }))
		n := newFakeNet()
		n.join("source", w.key(0), serve(source))
		require.NoError(t, r.FetchAccount(t.Context(), n, paid.Sender()))
		r.Read(func(b *fastpay.Board) {
			_, certified := b.QC(paid.ID())
			require.True(t, certified)
			_, known := b.Tx(other.ID())
			require.Equal(t, other.Recipient() == paid.Sender(), known)
		})
	})
}

// TestRefusalsCountFromMembersOnly: what a member says about a payment is noted as
// its refusal; what anybody else says is not.
func TestRefusalsCountFromMembersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tx := w.tx(0, 0, "")
		reject := fastpay.Reject{Code: fastpay.Equivocation, Text: "no"}
		answer := func(context.Context, p2p.SyncRequest) (p2p.SyncResponse, error) {
			return p2p.SyncResponse{Items: []p2p.SyncItem{{Tx: tx, Rejects: []fastpay.Reject{reject}, Stage: fastpay.StageFinalized}}}, nil
		}
		r := w.replica(nil)
		n := newFakeNet()
		for i := range 5 {
			peer := n.join(p2p.PeerID(fmt.Sprint("stranger", i)), nil, answer)
			require.NoError(t, r.CatchUp(t.Context(), n, peer))
		}
		r.Read(func(b *fastpay.Board) {
			require.Empty(t, b.Rejects(tx.ID()))
			require.Equal(t, fastpay.StageUnknown, b.Stage(tx.ID()), "a stage is never taken from others")
		})
		for i := range 2 {
			peer := n.join(p2p.PeerID(fmt.Sprint("member", i)), w.key(i), answer)
			require.NoError(t, r.CatchUp(t.Context(), n, peer))
		}
		r.Read(func(b *fastpay.Board) {
			require.Equal(t, map[int]fastpay.Reject{0: reject, 1: reject}, b.Rejects(tx.ID()))
			require.Equal(t, fastpay.StageRejected, b.Stage(tx.ID()))
		})
	})
}

// TestRepairFindsWhatDiffers: peers compare digests now and then, and fetch the
// buckets in which they differ, whatever was lost: payments or the votes of a QC.
func TestRepairFindsWhatDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source, r := w.replica(nil), w.replica(nil)
		txs := w.txs(40)
		add(t, source, txs...)
		add(t, r, txs[:39]...)
		require.NoError(t, source.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(w.qc(txs[0]))) }))
		n := newFakeNet()
		n.join("source", nil, serve(source))
		stop := running(t, r, n)
		equal(t, r, source)
		stop()
		buckets := 0
		for _, req := range n.requests("source") {
			if req.Kind == p2p.SyncBucket {
				buckets++
			}
		}
		require.LessOrEqual(t, buckets, 2, "buckets that agree were fetched")
	})
}

// TestRepairReachesEveryBucket: a peer whose digests differ for ever in many buckets
// does not keep the others from being repaired.
func TestRepairReachesEveryBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		source := w.replica(nil)
		var turn atomic.Uint64
		r := w.replica(func(cfg *replica.Config) {
			cfg.Jitter = func() float64 { return float64(turn.Add(37)%256) / 256 }
		})
		add(t, source, w.txs(60)...)
		n := newFakeNet()
		n.join("source", nil, func(ctx context.Context, req p2p.SyncRequest) (p2p.SyncResponse, error) {
			resp, err := source.Sync(ctx, "", req)
			for i := range resp.Digests[:len(resp.Digests)/2] {
				resp.Digests[i][0] ^= 1 // these never agree
			}
			return resp, err
		})
		stop := running(t, r, n)
		equal(t, r, source)
		stop()
	})
}
