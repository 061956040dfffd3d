package replica_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// TestGossipIsNewOnce: the first time a payment, vote, head or proof comes it is
// new and forwarded, then it is known. A payment that came by a stream is still
// forwarded when gossip brings it.
func TestGossipIsNewOnce(t *testing.T) {
	w := newWorld(t)
	r := w.replica(nil)
	tx, parent := w.tx(0, 0, ""), w.tx(1, 0, "")
	payment := fastpay.Payment{Tx: tx}
	add(t, r, tx)
	require.NoError(t, r.GossipPayment("peer", payment))
	require.ErrorIs(t, r.GossipPayment("peer", payment), fastpay.ErrKnown)
	payment.Parents = []*fastpay.QC{w.qc(parent)}
	require.NoError(t, r.GossipPayment("peer", payment), "its parent's QC is new")
	require.ErrorIs(t, r.GossipPayment("peer", payment), fastpay.ErrKnown)

	batch := w.batch(0, tx.ID())
	require.NoError(t, r.GossipBatch("peer", batch))
	require.ErrorIs(t, r.GossipBatch("peer", batch), fastpay.ErrKnown)
	stray := w.batch(0, fastpay.ID{7})
	require.NoError(t, r.GossipBatch("peer", stray), "votes for unknown payments are forwarded")
	require.ErrorIs(t, r.GossipBatch("peer", stray), fastpay.ErrKnown)

	require.NoError(t, r.GossipEvidence("peer", w.evidence(5)))
	require.ErrorIs(t, r.GossipEvidence("peer", w.evidence(5)), fastpay.ErrKnown)

	head := func(height uint64) *fastpay.Head {
		return w.head(0, fastpay.HeadView{Height: height, FinalizedHeight: height, Time: height})
	}
	require.NoError(t, r.GossipHead("peer", head(5)))
	require.ErrorIs(t, r.GossipHead("peer", head(5)), fastpay.ErrKnown)
	require.ErrorIs(t, r.GossipHead("peer", head(4)), fastpay.ErrKnown, "heights never go back")
}

// TestStaleGossipIsNotForwarded: a payment whose time is over at the finalized block
// is neither taken nor forwarded, whatever comes with it and also if a stream brought
// it before. By sync it is still to be had.
func TestStaleGossipIsNotForwarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.replica(nil)
		tx, other := w.tx(0, 0, ""), w.tx(1, 0, "") // valid_before is 5000
		final := func(number, seconds uint64) {
			r.Advance(fastpay.ChainView{Latest: fastpay.Block{Number: number}, Finalized: fastpay.Block{Number: number, Time: seconds}}, time.Now())
		}
		final(1, 4_999)
		require.NoError(t, r.GossipPayment("peer", fastpay.Payment{Tx: other}), "the last second")
		final(2, 5_000)
		stale := fastpay.Payment{Tx: tx, Parents: []*fastpay.QC{w.qc(w.tx(2, 0, ""))}}
		err := r.GossipPayment("peer", stale)
		require.ErrorIs(t, err, fastpay.Expired)
		require.Equal(t, fastpay.VerdictIgnore, fastpay.Classify(err).Verdict)
		r.Read(func(b *fastpay.Board) { require.Equal(t, 1, b.Len()) })

		source, n := w.replica(nil), newFakeNet()
		add(t, source, tx)
		require.NoError(t, r.CatchUp(t.Context(), n, n.join("source", w.key(0), serve(source))))
		held, _ := holds(r, tx)
		require.True(t, held, "sync brings it")
		require.ErrorIs(t, r.GossipPayment("peer", stale), fastpay.Expired)
	})
}

// TestHeadsOfAForkRaiseAnAlarm: a member whose node has another block where this
// peer's has a final one is counted once per height, whichever node was faster. The
// Head is news like any other.
func TestHeadsOfAForkRaiseAnAlarm(t *testing.T) {
	w, registry := newWorld(t), prometheus.NewRegistry()
	r := w.replica(func(cfg *replica.Config) { cfg.Registerer = registry })
	says := func(signer int, height uint64, fork byte, now uint64) {
		t.Helper()
		view := fastpay.HeadView{Height: height, FinalizedHeight: height, FinalizedHash: common.Hash{byte(height), fork}, Time: now}
		require.NoError(t, r.GossipHead("peer", w.head(signer, view)))
	}
	final := func(height uint64) {
		block := fastpay.Block{Number: height, Hash: common.Hash{byte(height)}}
		r.Advance(fastpay.ChainView{Latest: block, Finalized: block}, time.Now())
	}
	alarms := func(want float64) {
		t.Helper()
		require.Equal(t, want, counter(t, registry, "allegro_head_conflicts_total"))
	}
	says(0, 4, 1, 1)
	final(5)
	says(1, 5, 0, 1)
	alarms(0) // nothing is known of block 4
	says(2, 5, 1, 1)
	alarms(1)
	says(2, 5, 1, 2)
	says(2, 5, 2, 3)
	alarms(1) // the same member, the same height
	says(3, 5, 1, 1)
	alarms(2)

	says(0, 6, 0, 1)
	says(1, 6, 1, 1)
	says(2, 7, 1, 1)
	alarms(2) // they are ahead
	final(6)
	alarms(3)
	final(6)
	final(7)
	alarms(4)
	says(3, 6, 1, 1) // it is behind
	alarms(5)
	fork := func(signer int, height uint64) replica.Fork {
		return replica.Fork{Signer: signer, Height: height, Own: common.Hash{byte(height)}, Theirs: common.Hash{byte(height), 1}}
	}
	require.Equal(t, []replica.Fork{fork(1, 6), fork(2, 7), fork(3, 6)}, r.Forks(w.committee.ID()))
	says(1, 7, 0, 2)
	require.Equal(t, []replica.Fork{fork(2, 7), fork(3, 6)}, r.Forks(w.committee.ID()), "its node came back")
}

// TestEveryChangeWakesWaiters: whoever waits for the Board hears of payments, votes,
// heads, heights and proofs.
func TestEveryChangeWakesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.replica(nil)
		tx := w.tx(0, 0, "")
		for _, change := range []struct {
			name string
			do   func()
			done func(*fastpay.Board) bool
		}{
			{"payment", func() { add(t, r, tx) }, func(b *fastpay.Board) bool { return b.Len() == 1 }},
			{"vote", func() { require.NoError(t, r.GossipBatch("peer", w.batch(0, tx.ID()))) }, func(b *fastpay.Board) bool { return b.Stage(tx.ID()) == fastpay.StageAccepted }},
			{"proof", func() { require.NoError(t, r.GossipEvidence("peer", w.evidence(3))) }, func(b *fastpay.Board) bool { return len(b.Evidence()) == 1 }},
			{"height", func() {
				r.Advance(fastpay.ChainView{Latest: fastpay.Block{Number: 9}}, time.Now())
			}, func(b *fastpay.Board) bool { return b.Latest().Number == 9 }},
		} {
			woken := make(chan error, 1)
			go func() { woken <- r.Wait(t.Context(), change.done) }()
			synctest.Wait()
			change.do()
			synctest.Wait()
			select {
			case err := <-woken:
				require.NoError(t, err, change.name)
			default:
				require.Fail(t, "nobody was woken", change.name)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, r.Wait(ctx, func(*fastpay.Board) bool { return false }), context.Canceled)
	})
}

// TestOwnProofsAreTold: evidence that the Replica puts together itself goes to who
// publishes it, once; evidence that it was given does not.
func TestOwnProofsAreTold(t *testing.T) {
	w := newWorld(t)
	var told []*fastpay.Evidence
	r := w.replica(func(cfg *replica.Config) { cfg.OnEvidence = func(e *fastpay.Evidence) { told = append(told, e) } })
	add(t, r, w.tx(0, 0, ""), w.tx(0, 0, "again"), w.tx(0, 0, "and again"))
	require.Len(t, told, 1)
	require.Equal(t, fastpay.PayerEvidence, told[0].Kind())
	require.NoError(t, r.GossipEvidence("peer", w.evidence(1)))
	require.Len(t, told, 1)
}

// TestGreetedPeersComeMembersFirst: peers without a hello are not asked.
func TestGreetedPeersComeMembersFirst(t *testing.T) {
	w := newWorld(t)
	n := newFakeNet()
	n.join("mirror", nil, silent)
	n.join("member", w.key(0), silent)
	n.peers = append(n.peers, p2p.PeerInfo{ID: "new", State: p2p.PeerConnected}, p2p.PeerInfo{ID: "gone", State: p2p.PeerAbsent, Member: w.key(1)})
	var ids []p2p.PeerID
	for _, p := range replica.Greeted(n) {
		ids = append(ids, p.ID)
	}
	require.Equal(t, []p2p.PeerID{"member", "mirror"}, ids)
}

// TestTimelineIsOfThisPeer: when each thing was first seen here, and how long before
// the next height the QC was there. Seeing it again changes nothing.
func TestTimelineIsOfThisPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.replica(nil)
		tx := w.tx(0, 0, "")
		began := time.Now()
		at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
		height := func(n uint64, seen time.Time) {
			r.Advance(fastpay.ChainView{Latest: fastpay.Block{Number: n}}, seen)
		}
		height(1, at(0))
		time.Sleep(time.Second)
		add(t, r, tx)
		time.Sleep(time.Second)
		require.NoError(t, r.GossipBatch("peer", w.batch(0, tx.ID())))
		time.Sleep(time.Second)
		require.NoError(t, r.GossipBatch("peer", w.batch(1, tx.ID())))
		require.NoError(t, r.GossipBatch("peer", w.batch(2, tx.ID())))
		line, ok := r.Timeline(tx.ID())
		require.True(t, ok)
		_, known := line.Lead()
		require.False(t, known, "the next height was not seen yet")
		time.Sleep(2 * time.Second)
		require.NoError(t, r.GossipBatch("peer", w.batch(3, tx.ID())))
		height(2, at(5))
		height(3, at(6))

		line, _ = r.Timeline(tx.ID())
		require.Equal(t, at(1), line.FirstSeen)
		require.Equal(t, map[int]time.Time{0: at(2), 1: at(3), 2: at(3), 3: at(5)}, line.Votes)
		require.Equal(t, at(3), line.QC)
		require.Equal(t, uint64(1), line.HeightAtQC)
		require.Equal(t, at(5), line.NextBlock)
		lead, known := line.Lead()
		require.True(t, known)
		require.Equal(t, 2*time.Second, lead)
		var heights []uint64
		for _, b := range r.BlocksSeen() {
			heights = append(heights, b.Block.Number)
		}
		require.Equal(t, []uint64{1, 2, 3}, heights)
		require.Equal(t, r.BlocksSeen()[1:], r.BlocksAfter(1))
		require.Equal(t, r.BlocksSeen(), r.BlocksAfter(0))
		require.Empty(t, r.BlocksAfter(3))
		_, ok = r.Timeline(fastpay.ID{1})
		require.False(t, ok)
		require.Equal(t, []replica.Event{
			{Kind: replica.EventFirstSeen, At: at(1), Height: 1},
			{Kind: replica.EventVote, At: at(2), Height: 1, Signer: 0},
			{Kind: replica.EventVote, At: at(3), Height: 1, Signer: 1},
			{Kind: replica.EventVote, At: at(3), Height: 1, Signer: 2},
			{Kind: replica.EventCertified, At: at(3), Height: 1},
			{Kind: replica.EventVote, At: at(5), Height: 1, Signer: 3},
		}, line.Events)
	})
}

// TestTimelineTakesBackWhatABlockTookBack: a payment that a reorganisation threw out
// of its block was not included, until it is again; what is final stays.
func TestTimelineTakesBackWhatABlockTookBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.replica(nil)
		tx := w.tx(0, 0, "")
		add(t, r, tx)
		require.NoError(t, r.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(w.qc(tx))) }))
		block := func(n uint64) fastpay.Block { return fastpay.Block{Number: n, Hash: common.Hash{byte(n)}} }
		kinds := func() (kinds []replica.EventKind) {
			line, _ := r.Timeline(tx.ID())
			for _, e := range line.Events {
				if e.Kind != replica.EventVote {
					kinds = append(kinds, e.Kind)
				}
			}
			return kinds
		}
		began := time.Now()
		r.Advance(fastpay.ChainView{Latest: block(5), Outcomes: []tx76.Outcome{w.settles(tx, 5)}}, began)
		require.Equal(t, []replica.EventKind{"first_seen", "certified", "included"}, kinds())
		r.Advance(fastpay.ChainView{Latest: block(5), Reverted: 5}, began)
		require.Equal(t, []replica.EventKind{"first_seen", "certified"}, kinds())
		line, _ := r.Timeline(tx.ID())
		require.Zero(t, line.Included)
		time.Sleep(time.Second)
		r.Advance(fastpay.ChainView{Latest: block(6), Finalized: block(6), Outcomes: []tx76.Outcome{w.settles(tx, 6)}}, time.Now())
		require.Equal(t, []replica.EventKind{"first_seen", "certified", "included", "finalized"}, kinds())
		line, _ = r.Timeline(tx.ID())
		require.Equal(t, began.Add(time.Second), line.Included)
		require.Equal(t, uint64(6), line.Events[len(line.Events)-1].Height)
	})
}

// TestNoLeadOverABlockThatWasThere: a QC that comes after the payment's own block was
// not before any block, however long the next one takes.
func TestNoLeadOverABlockThatWasThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.replica(nil)
		tx := w.tx(0, 0, "")
		block := func(n uint64) fastpay.Block { return fastpay.Block{Number: n, Hash: common.Hash{byte(n)}} }
		r.Advance(fastpay.ChainView{Latest: block(5)}, time.Now())
		require.NoError(t, r.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(w.qc(tx))) }))
		time.Sleep(time.Second)
		r.Advance(fastpay.ChainView{Latest: block(6)}, time.Now())
		line, _ := r.Timeline(tx.ID())
		_, known := line.Lead()
		require.True(t, known)
		require.NoError(t, r.Update(func(b *fastpay.Board) { b.NoteOutcome(w.settles(tx, 4)) }))
		line, _ = r.Timeline(tx.ID())
		_, known = line.Lead()
		require.False(t, known)
	})
}

// TestRecordIsOneMoment: a record has what the Board and the timeline have, and its
// changes come by version.
func TestRecordIsOneMoment(t *testing.T) {
	w := newWorld(t)
	r := w.replica(nil)
	one, two := w.tx(0, 0, ""), w.tx(1, 0, "")
	add(t, r, one, two)
	_, known := r.Record(fastpay.ID{1})
	require.False(t, known)
	rec, known := r.Record(one.ID())
	require.True(t, known)
	require.Equal(t, fastpay.StageUnknown, rec.Stage)
	require.Len(t, rec.Timeline.Events, 1)
	require.True(t, rec.Unread)

	first := r.Since(0, 1)
	require.True(t, first.More)
	require.Equal(t, one.ID(), first.Records[0].Tx.ID())
	second := r.Since(first.UpTo, 2)
	require.False(t, second.More)
	require.Equal(t, two.ID(), second.Records[0].Tx.ID())

	require.NoError(t, r.Update(func(b *fastpay.Board) {
		require.NoError(t, b.AddQC(w.qc(one)))
		b.NoteReject(one.ID(), 3, fastpay.Reject{Code: fastpay.Expired})
		b.NoteOutcome(w.settles(one, 4))
	}))
	change := r.Since(second.UpTo, 2)
	require.Len(t, change.Records, 1)
	rec = change.Records[0]
	require.Equal(t, fastpay.StageIncluded, rec.Stage)
	require.False(t, rec.Unread)
	require.False(t, rec.Final)
	require.Len(t, rec.Certificates, 3)
	require.Equal(t, one.ID(), rec.QC.Tx().ID())
	require.Equal(t, uint64(4), rec.Outcome.BlockNumber)
	require.Equal(t, fastpay.Expired, rec.Rejects[3].Code)

	r.Advance(fastpay.ChainView{Latest: fastpay.Block{Number: 4}, Finalized: fastpay.Block{Number: 4}}, time.Now())
	change = r.Since(change.UpTo, 2)
	require.True(t, change.Records[0].Final)
	require.Equal(t, uint64(4), change.Finalized.Number)
}

// lane is what a node says of a lane.
type lane struct {
	nonce    uint64
	outcomes map[uint64]*tx76.Outcome
}

// fakeChain is a node that knows lanes by their account.
type fakeChain struct {
	mu    sync.Mutex
	lanes map[common.Address]lane
	err   error         // of every answer
	takes time.Duration // each answer
	asked []question
}

// question is a nonce that was asked for.
type question struct {
	block uint64
	owner common.Address
}

// change lets a test alter the node while it is asked.
func (c *fakeChain) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// questions are the ones asked so far.
func (c *fakeChain) questions() []question {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

func (c *fakeChain) NonceAt(ctx context.Context, number uint64, _ common.Hash, owner common.Address, _ uint256.Int) (uint64, error) {
	c.mu.Lock()
	c.asked = append(c.asked, question{number, owner})
	nonce, takes, err := c.lanes[owner].nonce, c.takes, c.err
	c.mu.Unlock()
	select {
	case <-time.After(takes):
		return nonce, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (c *fakeChain) OutcomeAt(_ context.Context, _ uint64, _ common.Hash, owner common.Address, _ uint256.Int, nonce uint64) (*tx76.Outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.lanes[owner].outcomes[nonce]; o != nil {
		return o, c.err
	}
	return nil, errors.New("no such outcome")
}

// view is a chain that has come to a block, long after all payments expired.
func view(number uint64) fastpay.ChainView {
	block := fastpay.Block{Number: number, Hash: common.Hash{byte(number)}, Time: 6_000 + number}
	return fastpay.ChainView{Latest: block, Finalized: block}
}

// TestDecidedBeforeThisPeerWatched: a payment that the chain executed, or let
// expire, before this peer came is read at the node, and tried again with the next
// block if the node fails.
func TestDecidedBeforeThisPeerWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		done, lost := w.tx(0, 0, ""), w.tx(1, 0, "")
		outcome := w.settles(done, 3)
		chain := &fakeChain{
			lanes: map[common.Address]lane{done.Sender(): {nonce: 1, outcomes: map[uint64]*tx76.Outcome{0: &outcome}}},
			err:   errors.New("down"),
		}
		r := w.replica(func(cfg *replica.Config) { cfg.Chain = chain })
		add(t, r, done, lost)
		defer running(t, r, newFakeNet())()
		stages := func() (a, b fastpay.Stage) {
			synctest.Wait()
			r.Read(func(board *fastpay.Board) { a, b = board.Stage(done.ID()), board.Stage(lost.ID()) })
			return a, b
		}
		r.Advance(view(5), time.Now())
		a, b := stages()
		require.Equal(t, fastpay.StageUnknown, a)
		require.Equal(t, fastpay.StageUnknown, b)

		chain.change(func() { chain.err = nil })
		r.Advance(view(6), time.Now())
		a, b = stages()
		require.Equal(t, fastpay.StageFinalized, a)
		require.Equal(t, fastpay.StageExpired, b, "its slot is unused and its time is over")
	})
}

// TestSlowLanesHoldUpNoBlock lets the node take a second for each of many lanes that
// cost nobody anything. Every block is on the Board at once all the same; what is
// still to be asked is asked at the newest one, the certified payment's lane first.
func TestSlowLanesHoldUpNoBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		chain := &fakeChain{takes: time.Second}
		r := w.replica(func(cfg *replica.Config) { cfg.Chain = chain })
		add(t, r, w.txs(40)...)
		stop := running(t, r, newFakeNet())
		certified := w.tx(50, 0, "")
		for number := range uint64(4) {
			began := time.Now()
			r.Advance(view(number), began)
			require.Zero(t, time.Since(began), "the block waits for the lanes")
			r.Read(func(b *fastpay.Board) { require.Equal(t, number, b.Finalized().Number) })
			if number == 2 {
				require.NoError(t, r.Update(func(b *fastpay.Board) { require.NoError(t, b.AddQC(w.qc(certified))) }))
			}
			time.Sleep(4300 * time.Millisecond) // while a lane is asked about
		}
		var blocks []uint64
		owners := make(map[common.Address]bool)
		asked := chain.questions()
		for _, q := range asked {
			blocks = append(blocks, q.block)
			owners[q.owner] = true
		}
		require.IsNonDecreasing(t, blocks)
		require.Equal(t, uint64(3), blocks[len(blocks)-1])
		require.Len(t, owners, len(asked), "a lane was asked about twice")
		first := slices.Index(blocks, 2)
		require.Equal(t, certified.Sender(), asked[first].owner)

		time.Sleep(time.Minute)
		require.Len(t, chain.questions(), 41, "the rest follows without a further block")
		r.Advance(view(4), time.Now())
		stop() // also while the node is asked
	})
}
