package replica_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
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
		view := fastpay.HeadView{Height: height, FinalizedHeight: height, Time: height}
		digest := fastpay.HeadDigest(w.committee, 0, view)
		h, err := fastpay.NewHead(w.committee, 0, view, ed25519.Sign(w.keys[0], digest[:]))
		require.NoError(t, err)
		return h
	}
	require.NoError(t, r.GossipHead("peer", head(5)))
	require.ErrorIs(t, r.GossipHead("peer", head(5)), fastpay.ErrKnown)
	require.ErrorIs(t, r.GossipHead("peer", head(4)), fastpay.ErrKnown, "heights never go back")
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
				r.Advance(t.Context(), fastpay.ChainView{Latest: fastpay.Block{Number: 9}}, time.Now(), lanes{})
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
			r.Advance(t.Context(), fastpay.ChainView{Latest: fastpay.Block{Number: n}}, seen, lanes{})
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
		_, ok = r.Timeline(fastpay.ID{1})
		require.False(t, ok)
	})
}

// lanes is a node that knows the nonce and the outcomes of every lane.
type lanes struct {
	nonce    uint64
	outcomes map[uint64]*tx76.Outcome
	err      error
}

func (l lanes) NonceAt(context.Context, uint64, common.Hash, common.Address, uint256.Int) (uint64, error) {
	return l.nonce, l.err
}

func (l lanes) OutcomeAt(_ context.Context, _ uint64, _ common.Hash, _ common.Address, _ uint256.Int, nonce uint64) (*tx76.Outcome, error) {
	if o := l.outcomes[nonce]; o != nil {
		return o, l.err
	}
	return nil, errors.New("no such outcome")
}

// TestDecidedBeforeThisPeerWatched: a payment that the chain executed, or let
// expire, before this peer came is read at the node, and tried again with the next
// block if the node fails.
func TestDecidedBeforeThisPeerWatched(t *testing.T) {
	w := newWorld(t)
	r := w.replica(nil)
	done, lost := w.tx(0, 0, ""), w.tx(1, 0, "")
	add(t, r, done, lost)
	key := done.Lane().NonceKey(w.committee)
	env := done.Envelope()
	outcome := &tx76.Outcome{
		Sender: done.Sender(), NonceKey: key, Nonce: 0, BlockNumber: 3, Success: true, Plain: 1,
		Transfers: []tx76.MemoTransfer{{Token: asset, From: env.Sender, To: env.Recipient, Amount: env.Amount, Memo: done.ID()}},
	}
	stages := func() (a, b fastpay.Stage) {
		r.Read(func(board *fastpay.Board) { a, b = board.Stage(done.ID()), board.Stage(lost.ID()) })
		return a, b
	}
	view := func(number uint64) fastpay.ChainView {
		block := fastpay.Block{Number: number, Hash: common.Hash{byte(number)}, Time: 6_000 + number}
		return fastpay.ChainView{Latest: block, Finalized: block}
	}
	r.Advance(t.Context(), view(5), time.Now(), lanes{err: errors.New("down")})
	a, b := stages()
	require.Equal(t, fastpay.StageUnknown, a)
	require.Equal(t, fastpay.StageUnknown, b)

	r.Advance(t.Context(), view(6), time.Now(), perLane{env.Sender: {nonce: 1, outcomes: map[uint64]*tx76.Outcome{0: outcome}}})
	a, b = stages()
	require.Equal(t, fastpay.StageFinalized, a)
	require.Equal(t, fastpay.StageExpired, b, "its slot is unused and its time is over")
}

// perLane is a node with a different answer per account.
type perLane map[common.Address]lanes

func (p perLane) NonceAt(ctx context.Context, number uint64, hash common.Hash, owner common.Address, key uint256.Int) (uint64, error) {
	return p[owner].NonceAt(ctx, number, hash, owner, key)
}

func (p perLane) OutcomeAt(ctx context.Context, number uint64, hash common.Hash, owner common.Address, key uint256.Int, nonce uint64) (*tx76.Outcome, error) {
	return p[owner].OutcomeAt(ctx, number, hash, owner, key, nonce)
}
