package validator

import (
	"errors"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// ask puts a payment to the engine, whose reads are answered, and returns the
// answer, if there is one yet.
func (w *world) ask(e *engine, tx *fastpay.Tx) (p2p.SubmitResult, bool) {
	w.t.Helper()
	reply := make(chan p2p.SubmitResult, 1)
	e.decide([]request{{tx: tx, reply: reply}})
	w.settle(e)
	select {
	case res := <-reply:
		return res, true
	default:
		return p2p.SubmitResult{}, false
	}
}

// opened is an engine that may sign and has seen a block.
func (w *world) opened(v *Validator) *engine {
	w.t.Helper()
	e := v.engine
	h := w.chain.block(1, 0)
	e.pin(tempo.Update{Latest: h, Finalized: h, FinalizedSeen: time.Now()})
	<-e.views
	e.open(gate{committee: w.committee.ID()})
	return e
}

// TestNothingIsSignedBeforeRecoveryAndBlock: each thing that keeps a validator from
// voting is told, the payment waits, and is decided when the last one is gone.
func TestNothingIsSignedBeforeRecoveryAndBlock(t *testing.T) {
	w := newWorld(t)
	v := w.validator(w.store(vfs.NewMem()))
	e := v.engine
	tx := w.tx(0, 0, "")
	refusal := func(text string) {
		t.Helper()
		res, ok := w.ask(e, tx)
		require.True(t, ok)
		require.ErrorIs(t, res.Reject, fastpay.TemporaryUnavailable)
		require.Contains(t, res.Reject.Text, text)
		require.Empty(t, e.outbox)
	}
	refusal("recovering")
	e.open(gate{committee: w.committee.ID()})
	refusal("has not shown a finalized block")
	h := w.chain.block(1, 0)
	e.pin(tempo.Update{Latest: h, Finalized: h, FinalizedSeen: time.Now()})
	w.settle(e)
	require.Len(t, e.outbox, 1)
	require.Equal(t, tx.ID(), e.outbox[0].Tx.ID())
	require.Zero(t, e.pool.len())
}

// TestForgottenVoteClosesTheGateFirst: a vote of ours that recovery brought and the
// store does not know is found before anything that waits is voted for, whichever way
// it came.
func TestForgottenVoteClosesTheGateFirst(t *testing.T) {
	for name, arrive := range map[string]func(w *world, v *Validator, tx *fastpay.Tx){
		"with its payment, by sync": func(w *world, v *Validator, tx *fastpay.Tx) {
			require.NoError(w.t, v.replica.Update(func(b *fastpay.Board) {
				require.NoError(w.t, b.AddTx(tx))
				require.NoError(w.t, b.AddCertificate(w.batch(tx.ID()).Certificate(0)))
			}))
		},
		"without it, by gossip": func(w *world, v *Validator, tx *fastpay.Tx) {
			require.NoError(w.t, v.GossipBatch("peer", w.batch(tx.ID())))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v := w.validator(w.store(vfs.NewMem()))
			e := v.engine
			h := w.chain.block(1, 0)
			e.pin(tempo.Update{Latest: h, Finalized: h, FinalizedSeen: time.Now()})
			waiting, forgotten := w.tx(0, 0, ""), w.tx(0, 0, "forgotten")
			_, ok := w.ask(e, waiting)
			require.True(t, ok)
			arrive(w, v, forgotten)
			e.open(gate{committee: w.committee.ID()})
			w.settle(e)
			require.Empty(t, e.outbox, "it votes on")
			res, ok := w.ask(e, waiting)
			require.True(t, ok)
			require.Contains(t, res.Reject.Text, "rolled back")
			e.open(gate{committee: w.committee.ID()})
			require.ErrorIs(t, e.seats[w.committee.ID()].closed, errAbstain, "an abstention stays")
		})
	}
}

// TestOwnVoteComesBackUnchanged: gossip that brings a vote which the store knows
// closes nothing.
func TestOwnVoteComesBackUnchanged(t *testing.T) {
	w := newWorld(t)
	v := w.validator(w.store(vfs.NewMem()))
	e := w.opened(v)
	tx := w.tx(0, 0, "")
	_, answered := w.ask(e, tx)
	require.False(t, answered, "nothing is said before the vote is durable")
	require.NoError(t, v.journal.append(e.outbox))
	require.NoError(t, v.GossipBatch("peer", w.batch(tx.ID())))
	e.followBoard()
	require.NoError(t, e.seats[w.committee.ID()].closed)
	require.Empty(t, e.abstain)
}

// TestStopAnswersWhoWaits: when the signer stops, everybody who waits for a
// signature is told, and so is everybody who asks later; a vote that was signed is
// still repeated.
func TestStopAnswersWhoWaits(t *testing.T) {
	w := newWorld(t)
	v := w.validator(w.store(vfs.NewMem()))
	e := w.opened(v)
	signed, waiting := w.tx(0, 0, ""), w.tx(1, 0, "")
	require.NoError(t, v.replica.Update(func(b *fastpay.Board) {
		require.NoError(t, b.AddTx(signed))
		require.NoError(t, b.AddCertificate(w.batch(signed.ID()).Certificate(0)))
	}))
	reply := make(chan p2p.SubmitResult, 1)
	e.decide([]request{{tx: waiting, reply: reply}})
	w.settle(e)
	require.Empty(t, reply)
	v.halt.set(errors.New("the disk is gone"))
	v.halt.set(errors.New("something else"))
	<-e.stopped
	e.dismiss()
	res := <-reply
	require.Equal(t, waiting.ID(), res.ID)
	require.ErrorIs(t, res.Reject, fastpay.TemporaryUnavailable)
	require.Contains(t, res.Reject.Text, "the disk is gone", "the first reason stays")

	res, ok := w.ask(e, waiting)
	require.True(t, ok)
	require.Contains(t, res.Reject.Text, "the disk is gone")
	res, ok = w.ask(e, signed)
	require.True(t, ok)
	require.NotNil(t, res.Certificate)
	require.EqualError(t, v.Halted(), "the disk is gone")
}

// TestFailingReadsAreRetried: a node that does not answer makes a payment wait, and
// the next question asks again.
func TestFailingReadsAreRetried(t *testing.T) {
	w := newWorld(t)
	v := w.validator(w.store(vfs.NewMem()))
	e := w.opened(v)
	tx := w.tx(0, 0, "")
	w.chain.err = tempo.ErrUnreachable
	res, ok := w.ask(e, tx)
	require.True(t, ok)
	require.ErrorIs(t, res.Reject, fastpay.TemporaryUnavailable)
	require.True(t, res.Reject.Retryable)
	require.Equal(t, 1, e.pool.len())
	w.chain.err = nil
	_, ok = w.ask(e, tx)
	require.False(t, ok)
	require.Len(t, e.outbox, 1)
}

// TestWaitingRequestsAreBounded lets the same payment be submitted again and again
// while the node answers nothing, and then while its vote is not signed. Beyond the
// bound a request is answered at once; the others get their certificate in the end.
func TestWaitingRequestsAreBounded(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	cfg := w.config(w.store(vfs.NewMem()))
	cfg.Limits.Waiting, cfg.Registerer = 4, registry
	v, err := New(cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, v.node.Close()) }()
	e, tx := w.opened(v), w.tx(0, 0, "")
	replies := make(chan p2p.SubmitResult, 100)
	submit := func(n int) {
		for range n {
			e.decide([]request{{tx: tx, reply: replies}})
		}
	}
	busy := func(n int) {
		t.Helper()
		for range n {
			select {
			case res := <-replies:
				require.ErrorIs(t, res.Reject, fastpay.TemporaryUnavailable)
				require.Contains(t, res.Reject.Text, "send again later")
			default:
				t.Fatal("nothing was answered")
			}
		}
		require.Empty(t, replies)
	}
	submit(7) // the node hangs
	busy(3)
	other := w.tx(1, 0, "")
	e.decide([]request{{tx: other}})
	require.NotContains(t, e.parked, readKey{block: e.header, lane: other.Lane()}, "what nobody waits for gathers too")
	require.Contains(t, e.pool.items, other.ID())

	w.settle(e)
	require.Empty(t, e.parked)
	require.Len(t, e.outbox, 1)
	submit(2) // the disk hangs
	busy(2)
	require.NoError(t, v.replica.Update(func(b *fastpay.Board) { require.NoError(t, b.AddBatch(w.batch(tx.ID()))) }))
	e.answerSigned([]fastpay.ID{tx.ID()})
	require.Len(t, replies, 4)
	for range 4 {
		require.NotNil(t, (<-replies).Certificate)
	}
	require.Zero(t, e.waiting)
	require.Empty(t, e.signing)
	require.Equal(t, 6.0, counter(t, registry, "allegro_validator_dropped_total"))
}

// TestRefusalsForGoodAreToldBySync: what this validator will never vote for is on
// record with its payment, once; what may become valid is not.
func TestRefusalsForGoodAreToldBySync(t *testing.T) {
	w := newWorld(t)
	v := w.validator(w.store(vfs.NewMem()))
	e := w.opened(v)
	first, second, early := w.tx(0, 0, ""), w.tx(0, 0, "again"), w.tx(1, 3, "")
	require.NoError(t, v.replica.Update(func(b *fastpay.Board) {
		for _, tx := range []*fastpay.Tx{first, second, early} {
			require.NoError(t, b.AddTx(tx))
		}
	}))
	for _, tx := range []*fastpay.Tx{first, second, early} {
		w.ask(e, tx)
	}
	told := func(tx *fastpay.Tx) []fastpay.Reject {
		resp, err := v.Sync(t.Context(), "peer", p2p.SyncRequest{Kind: p2p.SyncIDs, IDs: []fastpay.ID{tx.ID()}})
		require.NoError(t, err)
		return resp.Items[0].Rejects
	}
	require.Empty(t, told(first))
	require.Empty(t, told(early), "it may become valid")
	require.Len(t, told(second), 1)
	require.Equal(t, fastpay.Equivocation, told(second)[0].Code)
	require.False(t, told(second)[0].Retryable)

	var before, after uint64
	v.replica.Read(func(b *fastpay.Board) { before = b.Version() })
	res, answered := w.ask(e, second)
	require.True(t, answered)
	require.Equal(t, fastpay.Equivocation, res.Reject.Code)
	v.replica.Read(func(b *fastpay.Board) { after = b.Version() })
	require.Equal(t, before, after, "the same refusal is no news")
}

// TestSearchesForWhatIsStillMissing: a payment that has its vote or QC meanwhile is
// not searched for; of the others the lowest slot and the parents without a QC are.
func TestSearchesForWhatIsStillMissing(t *testing.T) {
	w := newWorld(t)
	v := w.validator(w.store(vfs.NewMem()))
	parent := w.tx(9, 0, "")
	a, b, done := w.tx(0, 5, ""), w.tx(0, 6, "", parent.ID()), w.tx(0, 4, "")
	require.NoError(t, v.replica.Update(func(board *fastpay.Board) {
		for _, tx := range []*fastpay.Tx{a, b, done} {
			require.NoError(t, board.AddTx(tx))
		}
		require.NoError(t, board.AddCertificate(w.batch(done.ID()).Certificate(0)))
	}))
	from, parents := v.stillMissing([]missing{{done, 0}, {b, 3}, {a, 2}})
	require.Equal(t, uint64(2), *from)
	require.Equal(t, []fastpay.ID{parent.ID()}, parents)
	from, _ = v.stillMissing([]missing{{done, 0}})
	require.Nil(t, from)
}
