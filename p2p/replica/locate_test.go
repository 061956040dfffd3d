package replica_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/stretchr/testify/require"
)

// TestLocateTellsWhoWasAsked: all connected peers are asked for a payment, those that do
// not answer hold up nobody, and it is known who had it.
func TestLocateTellsWhoWasAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tx := w.tx(0, 0, "")
		has, lacks, r := w.replica(nil), w.replica(nil), w.replica(nil)
		add(t, has, tx)
		n := newFakeNet()
		n.join("stranger", nil, serve(has))
		n.join("silent", w.key(0), silent)
		n.join("member", w.key(1), serve(lacks))
		began := time.Now()
		asked := r.Locate(t.Context(), n, tx.ID())
		require.Equal(t, 3*time.Second, time.Since(began))
		require.Len(t, asked, 3)
		for i, want := range []struct {
			peer   p2p.PeerID
			held   bool
			answer bool
		}{{"silent", false, false}, {"member", false, true}, {"stranger", true, true}} {
			require.Equal(t, want.peer, asked[i].Peer.ID)
			require.Equal(t, want.held, asked[i].Held, want.peer)
			require.Equal(t, want.answer, asked[i].Err == nil, want.peer)
		}
		held, _ := holds(r, tx)
		require.True(t, held)

		for i := range 100 {
			n.join(p2p.PeerID(fmt.Sprint("crowd ", i)), nil, serve(lacks))
		}
		require.Len(t, r.Locate(t.Context(), n, tx.ID()), 64)
	})
}

// TestRefusalsHaveTheirTime: it is known since when a member has given its last refusal.
func TestRefusalsHaveTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.replica(nil)
		tx := w.tx(0, 0, "")
		add(t, r, tx)
		began := time.Now()
		say := func(signer int, text string) {
			time.Sleep(time.Second)
			require.NoError(t, r.Update(func(b *fastpay.Board) {
				b.NoteReject(tx.ID(), signer, fastpay.Reject{Code: fastpay.InsufficientFunds, Text: text, Retryable: true})
			}))
		}
		say(2, "at block 1")
		say(1, "at block 1")
		say(1, "at block 1")
		say(2, "at block 2")
		line, ok := r.Timeline(tx.ID())
		require.True(t, ok)
		require.Equal(t, map[int]time.Time{1: began.Add(2 * time.Second), 2: began.Add(4 * time.Second)}, line.Refused)
	})
}
