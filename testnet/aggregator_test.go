package testnet_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/aggregator"
	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/stretchr/testify/require"
)

// TestBulletinShowsThatTheQCsCameFirst: the aggregator, which nobody told anything,
// shows both payments of the scene with the height at which each step happened, and how
// early the QCs were, once the next block was seen.
func TestBulletinShowsThatTheQCsCameFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 1, nil)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		olivia := v.Peer("olivia")
		var early []replica.Record
		res, err := v.Play(ctx, func(e testnet.Event) {
			if e.Kind == testnet.EventVerified {
				time.Sleep(time.Second)
				early = records(t, olivia, archive.Filter{Stage: fastpay.StageCertified})
			}
		})
		require.NoError(t, err)
		require.Equal(t, testnet.Pass, res.Verdict, res.Reason)
		require.Len(t, early, 2)
		for _, rec := range early {
			_, known := rec.Timeline.Lead()
			require.False(t, known, "a lead is no forecast")
		}
		waitArchived(t, ctx, olivia, res.Hops[1].ID, fastpay.StageFinalized)
		for _, hop := range res.Hops {
			rec := waitArchived(t, ctx, olivia, hop.ID, fastpay.StageFinalized)
			var kinds []replica.EventKind
			for _, e := range rec.Timeline.Events {
				kinds = append(kinds, e.Kind)
				if e.Kind.Holds(fastpay.StageCertified) {
					require.Equal(t, res.Edge, e.Height, "%s", e.Kind)
				} else {
					require.Greater(t, e.Height, res.Edge, "%s", e.Kind)
				}
			}
			require.Equal(t, []replica.EventKind{"first_seen", "vote", "vote", "certified", "included", "finalized"}, kinds)
			lead, known := rec.Timeline.Lead()
			require.True(t, known)
			require.Positive(t, lead)
			require.Equal(t, hop.ChainTx, rec.Outcome.TxHash)
		}

		board := bulletin(t, v, olivia)
		doc, known, err := board.Payment(res.Hops[1].ID)
		require.NoError(t, err)
		require.True(t, known)
		require.Equal(t, "FINALIZED", *doc.Stage)
		require.Equal(t, []string{"dave", "edgar"}, doc.Signers)
		require.Len(t, doc.Timeline, 6)
		require.Equal(t, []string{res.Hops[0].ID.Hex()}, doc.Parents)
		page, err := board.Payments(httpapi.Filter{Limit: 1})
		require.NoError(t, err)
		require.Len(t, page.Payments, 1)
		require.Equal(t, res.Hops[1].ID.Hex(), page.Payments[0].TxID)
		require.NotZero(t, page.Next)
		certificates, err := board.Certificates(res.Hops[0].ID)
		require.NoError(t, err)
		require.Len(t, certificates, 2)
		held, err := board.QC(res.Hops[0].ID)
		require.NoError(t, err)
		require.Equal(t, res.Hops[0].ID, held.Tx().ID())
		changed, upTo, err := board.Since(0, 10)
		require.NoError(t, err)
		require.Len(t, changed, 2)
		require.Equal(t, board.Version(), upTo)
		_, known, err = board.Payment(fastpay.ID{1})
		require.NoError(t, err)
		require.False(t, known)
	})
}

// TestAggregatorKeepsWhatItShowed takes the power of the aggregator at some moment of
// the scene and brings it back: whatever it had shown it shows again, with its times,
// and it catches up with what happened meanwhile from whoever it meets.
func TestAggregatorKeepsWhatItShowed(t *testing.T) {
	forSeeds(t, func(t *testing.T, ctx context.Context, seed uint64) {
		v := startVirtual(t, seed, nil)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		random := rand.New(rand.NewPCG(seed, 3))
		alice, bob, carol := v.Peer("alice"), v.Peer("bob"), v.Peer("carol")
		t1 := pay(t, ctx, alice, bob, 10)
		time.Sleep(time.Duration(random.IntN(200_000)) * time.Microsecond)
		shown := records(t, v.Peer("olivia"), archive.Filter{})
		disk := v.crash(t, "olivia")

		requireStage(t, ctx, bob, t1, fastpay.StageCertified)
		t2 := pay(t, ctx, bob, carol, 10)
		if seed%2 == 0 {
			requireStage(t, ctx, carol, t2, fastpay.StageFinalized)
		}
		time.Sleep(time.Second)
		v.restart(t, "olivia", disk)
		olivia := v.Peer("olivia")
		for _, rec := range shown {
			again := waitArchived(t, ctx, olivia, rec.Tx.ID(), rec.Stage)
			require.Subset(t, again.Timeline.Events, rec.Timeline.Events)
		}
		for _, id := range []fastpay.ID{t1, t2} {
			rec := waitArchived(t, ctx, olivia, id, fastpay.StageFinalized)
			require.Len(t, rec.Certificates, 2)
			if lead, known := rec.Timeline.Lead(); known {
				require.Greater(t, rec.Outcome.BlockNumber, rec.Timeline.HeightAtQC, "it says that the QC was %s early", lead)
			}
		}
	})
}

// TestAggregatorCatchesUpFromSeveralValidators: an aggregator that was away gets what it
// missed even if one of the validators that it asks first is silent.
func TestAggregatorCatchesUpFromSeveralValidators(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 1, four)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		disk := v.crash(t, "olivia")
		alice, bob := v.Peer("alice"), v.Peer("bob")
		var missed []fastpay.ID
		for range 5 {
			id := pay(t, ctx, alice, bob, 1)
			requireStage(t, ctx, bob, id, fastpay.StageCertified)
			missed = append(missed, id)
		}
		v.net.Host("dave").Kill() // connected, as far as anybody can see
		require.NoError(t, alice.Stop())
		require.NoError(t, bob.Stop())
		v.restart(t, "olivia", disk)
		for _, id := range missed {
			rec := waitArchived(t, ctx, v.Peer("olivia"), id, fastpay.StageCertified)
			require.NotNil(t, rec.QC)
		}
		require.NoError(t, v.Peer("olivia").Aggregator.Archive().Failed())
		heads := 0
		waitBoard(t, ctx, v.Peer("olivia"), "heads of the validators", func(b *fastpay.Board) bool {
			heads = len(b.Heads(v.Committee().ID()))
			return heads >= 3
		})
	})
}

// records is what an aggregator shows.
func records(t *testing.T, p *testnet.Peer, f archive.Filter) []replica.Record {
	t.Helper()
	f.Limit = 100
	page, err := p.Aggregator.Archive().Records(f)
	require.NoError(t, err)
	require.Zero(t, page.Next)
	return page.Records
}

// waitArchived waits until an aggregator shows a payment in at least a stage.
func waitArchived(t *testing.T, ctx context.Context, p *testnet.Peer, id fastpay.ID, want fastpay.Stage) replica.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		changed := p.Aggregator.Archive().Changed()
		rec, known, err := p.Aggregator.Archive().Record(id)
		require.NoError(t, err)
		if known && rec.Stage.Rank() >= want.Rank() {
			return rec
		}
		select {
		case <-changed:
		case <-ctx.Done():
			require.Fail(t, "not shown", "%s shows %s in stage %q, want %s", p.Name, id, rec.Stage, want)
		}
	}
}

// bulletin is the bulletin of an aggregator.
func bulletin(t *testing.T, v *virtual, p *testnet.Peer) *aggregator.Bulletin {
	t.Helper()
	return aggregator.NewBulletin(p.Aggregator.Archive(), document.NewDescriber(v.File(), v.rules(t), p.Node, p.Replica))
}
