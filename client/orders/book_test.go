package orders_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// TestAnOrderIsAcceptedThenFinal: two messages, each with the QC, which verifies.
func TestAnOrderIsAcceptedThenFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		s := w.start(r)
		s.block(0)
		tx := w.tx(1, 5, "coffee")
		other := w.envelope(2, 5, "")
		other.Recipient = seller
		other.Recipient[0]++
		s.certify(w.sign(2, other), tx)
		require.Equal(t, []string{message(tx, orders.KindAccepted)}, r.list(), "before any block")
		s.block(1, w.settles(tx, w.height+1))
		require.Len(t, r.list(), 1, "a block that is not final is no news")
		require.Equal(t, fastpay.StageIncluded, s.show(tx).Stage)
		s.block(0)
		require.Equal(t, []string{message(tx, orders.KindAccepted), message(tx, orders.KindFinal)}, r.list())

		var doc orders.Document
		require.NoError(t, json.Unmarshal(r.bodies[message(tx, orders.KindAccepted)], &doc))
		require.Equal(t, orders.Document{
			Schema: orders.Schema, MessageID: message(tx, orders.KindAccepted), Kind: orders.KindAccepted, TxID: tx.ID().Hex(),
			Payer: tx.Envelope().Sender.Hex(), Payee: seller.Hex(), Asset: asset.Hex(), Amount: "5", Note: tx.Envelope().Note.Hex(),
			Stage: fastpay.StageCertified, Rule: 1, Reason: "rule 1", Height: "1", UnixMicros: doc.UnixMicros, QC: doc.QC,
		}, doc)
		file, err := json.Marshal(doc.QC)
		require.NoError(t, err)
		qc, err := w.rules.ParseQCFile(file)
		require.NoError(t, err)
		require.Equal(t, tx.ID(), qc.Tx().ID())

		all, err := s.book.List("", 10)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, orders.Final, all[0].State)
		require.Zero(t, s.gauge("allegro_orders_untold"))
		s.close()
	})
}

// TestWhatWaitsSaysWhy: and is nobody's news.
func TestWhatWaitsSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		w.cfg.Policy = acceptance.Policy{{UpTo: uint256.NewInt(10), At: fastpay.StageCertified}, {At: fastpay.StageFinalized}}
		s := w.start(r)
		s.block(0)
		small, large, lone := w.tx(1, 10, ""), w.tx(2, 11, ""), w.tx(3, 1, "")
		s.certify(small, large)
		require.NoError(t, s.replica.AddPayment(fastpay.Payment{Tx: lone}))
		synctest.Wait()
		require.Equal(t, []orders.State{orders.Accepted, orders.Waiting, orders.Waiting}, s.states(small, large, lone))
		require.Equal(t, acceptance.Decision{At: fastpay.StageFinalized, Rule: 2, Reason: "rule 2"}, s.show(large).Decision)
		for state, want := range map[orders.State]int{"": 3, orders.Waiting: 2, orders.Accepted: 1, orders.Final: 0} {
			list, err := s.book.List(state, 10)
			require.NoError(t, err)
			require.Len(t, list, want, state)
		}
		list, err := s.book.List("", 1)
		require.NoError(t, err)
		require.Len(t, list, 1)
		s.block(0, w.settles(large, w.height+1))
		require.Equal(t, orders.Final, s.show(large).State)
		require.Equal(t, []string{message(small, orders.KindAccepted), message(large, orders.KindAccepted), message(large, orders.KindFinal)}, r.list())
		s.close()
	})
}

// TestAPaymentThatFailedLongAgoIsNotAccepted: the shop was away as the chain failed it, and
// somebody gossips it once more.
func TestAPaymentThatFailedLongAgoIsNotAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		failed, settled := w.tx(1, 5, ""), w.tx(2, 5, "")
		w.use(w.fails(failed, 0), w.settles(settled, 0))
		s := w.start(r)
		s.replica.silent.Store(true)
		s.replica.asked.Store(0)
		s.certify(failed)
		s.certify(settled)
		o, _, err := s.book.Show(failed.ID())
		require.NoError(t, err)
		require.Equal(t, orders.Waiting, o.State)
		require.Equal(t, "rule 1, but the chain node has yet to say that it was not executed long ago", o.Decision.Reason)
		require.EqualValues(t, 2, s.replica.asked.Load(), "the node is asked once for each")
		s.certify(w.tx(3, 5, "")) // wakes the book
		time.Sleep(time.Second)
		require.EqualValues(t, 3, s.replica.asked.Load())

		s.replica.silent.Store(false)
		s.replica.AskNode()
		time.Sleep(time.Second) // past the pause between two looks
		require.Equal(t, []orders.State{"", orders.Final, orders.Accepted}, s.states(failed, settled, w.tx(3, 5, "")))
		require.NotContains(t, r.list(), message(failed, orders.KindAccepted))
		s.close()
	})
}

// TestWhatStandsOnNothingIsNotAccepted: its parent failed on the chain, so that it stands on
// nothing that a block has to execute first, and on no money.
func TestWhatStandsOnNothingIsNotAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		depth := 0
		w.cfg.Policy[0].MaxDepth = &depth
		funding := w.envelope(1, 5, "")
		funding.Recipient = crypto.PubkeyToAddress(w.payer(2).PublicKey)
		parent := w.sign(1, funding)
		child := w.envelope(2, 5, "")
		child.Parents = []fastpay.ID{parent.ID()}
		tx := w.sign(2, child)
		s := w.start(r)
		s.block(0)
		s.certify(parent, tx)
		require.Contains(t, s.show(tx).Decision.Reason, "above max_depth 0")
		s.block(0, w.fails(parent, w.height+1))
		time.Sleep(time.Second)
		require.Equal(t, "rule 1, but a payment that it stands on has come to nothing", s.show(tx).Decision.Reason)
		require.Empty(t, r.list())
		s.close()
	})
}

// TestWhatABlockHasWithoutAQC waits for its votes, and without them for finality: whoever is
// told can verify the one, and has to believe the other.
func TestWhatABlockHasWithoutAQC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		s := w.start(r)
		s.block(0)
		late, never := w.tx(1, 5, ""), w.tx(2, 5, "")
		for _, tx := range []*fastpay.Tx{late, never} {
			require.NoError(t, s.replica.AddPayment(fastpay.Payment{Tx: tx}))
		}
		synctest.Wait()
		s.block(1, w.settles(late, w.height+1), w.settles(never, w.height+1))
		require.Equal(t, "rule 1, but no QC of it is held", s.show(late).Decision.Reason)
		require.Empty(t, r.list())
		s.certify(late)
		require.Equal(t, []string{message(late, orders.KindAccepted)}, r.list())
		require.Contains(t, string(s.show(late).Messages[0].Body), `"qc":{"schema"`)
		s.block(0)
		require.Len(t, r.list(), 2)
		time.Sleep(30 * time.Second)
		s.block(0)
		time.Sleep(time.Second)
		require.ElementsMatch(t, []string{
			message(late, orders.KindAccepted), message(late, orders.KindFinal), message(never, orders.KindAccepted), message(never, orders.KindFinal),
		}, r.list())
		require.Contains(t, string(s.show(never).Messages[0].Body), `"qc":null`)
		s.close()
	})
}

// TestTimeGoesOnWithoutBlocks: a payment expires also while the node shows no block, or an
// old one to a peer that has just begun.
func TestTimeGoesOnWithoutBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		s := w.start(r)
		s.block(0)
		time.Sleep(3_990 * time.Second) // of the 4,000 that the payments have
		s.certify(w.tx(1, 5, ""))
		require.Len(t, r.list(), 1)
		time.Sleep(time.Second)
		s.close()
		s = w.start(r)
		late := w.tx(2, 5, "")
		s.certify(late)
		require.Equal(t, "rule 1, but it may expire in 9s, below min_margin 10s", s.show(late).Decision.Reason)
		require.Len(t, r.list(), 1)
		s.close()
	})
}

// TestALimitHasRoomAgain: once a block has what was outstanding.
func TestALimitHasRoomAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		w.cfg.Policy = acceptance.Policy{{At: fastpay.StageCertified, PerPayer: uint256.NewInt(10), Total: uint256.NewInt(15)}}
		s := w.start(r)
		s.block(0)
		first := w.tx(1, 10, "")
		second := w.next(1, first, 1)
		third, fourth := w.tx(2, 5, ""), w.tx(3, 1, "")
		s.certify(first, second, third, fourth)
		require.Equal(t, []orders.State{orders.Accepted, orders.Waiting, orders.Accepted, orders.Waiting}, s.states(first, second, third, fourth))
		require.Equal(t, "rule 1, but 11 units would be outstanding with it, above per_payer 10", s.show(second).Decision.Reason)
		require.Equal(t, "rule 1, but 16 units would be outstanding with it, above total 15", s.show(fourth).Decision.Reason)

		// A crash does not make room.
		s.crash()
		s = w.start(r)
		s.certify(second, fourth)
		s.block(0)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []orders.State{orders.Accepted, orders.Waiting, orders.Accepted, orders.Waiting}, s.states(first, second, third, fourth))

		time.Sleep(time.Second)
		s.block(1, w.settles(first, w.height+1))
		require.Equal(t, []orders.State{orders.Accepted, orders.Accepted, orders.Accepted, orders.Accepted}, s.states(first, second, third, fourth))
		s.close()
	})
}

// TestWhatComesToNothingIsReversed: with one message, and by each way.
func TestWhatComesToNothingIsReversed(t *testing.T) {
	for stage, end := range map[fastpay.Stage]func(w *world, s *shop, tx *fastpay.Tx){
		fastpay.StageFailed:     func(w *world, s *shop, tx *fastpay.Tx) { s.block(1, w.fails(tx, w.height+1)) },
		fastpay.StageConflicted: func(w *world, s *shop, tx *fastpay.Tx) { s.block(1, w.foreign(tx, w.height+1)) },
		fastpay.StageExpired: func(w *world, s *shop, tx *fastpay.Tx) {
			w.height += 4_000
			s.block(0)
			require.NoError(w.t, s.replica.Update(func(b *fastpay.Board) { b.NoteNonce(tx.Lane(), 0, b.Finalized()) }))
			synctest.Wait()
		},
	} {
		t.Run(string(stage), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, r := newWorld(t), newReceiver()
				s := w.start(r)
				s.block(0)
				tx := w.tx(1, 5, "")
				s.certify(tx)
				end(w, s, tx)
				want := []string{message(tx, orders.KindAccepted), message(tx, orders.KindReversed)}
				require.Equal(t, want, r.list())
				o := s.show(tx)
				require.Equal(t, orders.Reversed, o.State)
				require.Equal(t, stage, o.Stage)
				s.block(0)
				s.crash()
				s = w.start(r)
				s.block(0)
				require.Equal(t, want, r.list())
				s.close()
			})
		})
	}
}

// TestAReversedOrderCanBeFinal: a reorganisation takes back the failure, not the message.
func TestAReversedOrderCanBeFinal(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w, r := newWorld(t), newReceiver()
			w.request("INV-1", 5, 0)
			s := w.start(r)
			s.block(0)
			tx := w.tx(1, 5, "INV-1")
			s.certify(tx)
			s.block(1, w.fails(tx, w.height+1))
			again := w.tx(2, 5, "INV-1")
			s.certify(again)
			require.Equal(t, orders.Exact, s.show(again).Match.Verdict, "what was reversed is not paid")
			if restart {
				s.crash()
				s = w.start(r)
			}
			reverted := w.height
			other := fastpay.Block{Number: reverted, Hash: [32]byte{9}, Time: genesis + reverted}
			s.advance(fastpay.ChainView{Latest: other, Finalized: s.at(reverted - 1), Reverted: reverted, Outcomes: []tx76.Outcome{w.settles(tx, reverted)}})
			require.Equal(t, orders.Reversed, s.show(tx).State, "that block is not final either")
			s.block(0)
			require.Equal(t, orders.Final, s.show(tx).State)
			require.Equal(t, []string{
				message(tx, orders.KindAccepted), message(tx, orders.KindReversed),
				message(again, orders.KindAccepted), message(tx, orders.KindFinal),
			}, r.list())
			late := w.tx(3, 5, "INV-1")
			s.certify(late)
			require.Equal(t, "10", s.show(late).Match.PaidBefore.Dec(), "both count")
			s.close()
		})
	}
}

// TestThePaymentOfAnOpenOrderIsBroughtBack: the Board may let go of what is settled.
func TestThePaymentOfAnOpenOrderIsBroughtBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		s := w.start(r)
		s.block(0)
		tx := w.tx(1, 5, "")
		s.certify(tx)
		s.crash()

		// Its evidence is gone: as if the disk had been restored from before it was written.
		s = w.open()
		key := tx.ID()
		write := s.store.NewWrite()
		require.NoError(t, write.Delete(append([]byte{'p'}, key[:]...)))
		require.NoError(t, s.store.Commit(write, true))
		require.NoError(t, s.store.Close())
		s = w.open()
		s.replica.Read(func(b *fastpay.Board) { require.Zero(t, b.Len()) })
		require.NoError(t, s.store.Close())

		s = w.start(r)
		s.block(0)
		s.replica.Read(func(b *fastpay.Board) { require.Equal(t, fastpay.StageCertified, b.Stage(tx.ID())) })
		s.block(0, w.settles(tx, w.height+1))
		require.Equal(t, []string{message(tx, orders.KindAccepted), message(tx, orders.KindFinal)}, r.list())
		s.close()
	})
}

// TestWhatTheBoardLetsGoWaitsNoMore: payments that nobody votes for would fill the book.
func TestWhatTheBoardLetsGoWaitsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.limits.Open = 2
		s := w.start(nil)
		s.block(0)
		for payer := range 5 {
			require.NoError(t, s.replica.AddPayment(fastpay.Payment{Tx: w.tx(payer, 5, "")}))
			synctest.Wait()
		}
		s.block(0)
		require.Equal(t, 2, s.book.WaitingCount())
		s.close()
	})
}

// TestOldOrdersAreForgotten: their details, not that they were.
func TestOldOrdersAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := newWorld(t), newReceiver()
		w.cfg.Keep = 2
		s := w.start(r)
		s.block(0)
		open := w.tx(9, 5, "")
		s.certify(open)
		var txs []*fastpay.Tx
		for payer := range 4 {
			tx := w.tx(payer, 5, "")
			txs = append(txs, tx)
			s.certify(tx)
			s.block(0, w.settles(tx, w.height+1))
			s.block(0)
			list, err := s.book.List("", 10)
			require.NoError(t, err)
			require.LessOrEqual(t, len(list), 2)
			require.Equal(t, open.ID(), list[len(list)-1].ID, "what is open is kept")
		}
		require.Len(t, r.list(), 9)
		_, known, err := s.book.Show(txs[0].ID())
		require.NoError(t, err)
		require.False(t, known)
		require.ErrorIs(t, s.book.Redeliver(txs[0].ID()), orders.ErrUnknown)

		// What nobody has taken is kept, and what was forgotten is not told again.
		r.setRefuse(func(fastpay.ID, orders.Message) error { return errAway })
		s.crash()
		s = w.start(r)
		s.block(0)
		for payer := range 4 {
			tx := w.tx(20+payer, 5, "")
			txs = append(txs, tx)
			s.certify(tx)
			s.block(0, w.settles(tx, w.height+1))
		}
		s.block(0)
		list, err := s.book.List("", 10)
		require.NoError(t, err)
		require.Len(t, list, 5)
		r.setRefuse(nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Len(t, r.list(), 17)
		require.Len(t, r.once(), 17)
		s.block(0)
		list, err = s.book.List("", 10)
		require.NoError(t, err)
		require.Len(t, list, 2)
		s.close()
	})
}

// TestVerdicts: what was paid is compared with what was asked.
func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		before  []uint64
		amount  uint64
		other   bool // another token
		expires uint64
		want    orders.Verdict
		late    bool
	}{
		"exact":              {amount: 10, want: orders.Exact},
		"the rest":           {before: []uint64{4, 1}, amount: 5, want: orders.Exact},
		"under":              {amount: 9, want: orders.Under},
		"under again":        {before: []uint64{4}, amount: 5, want: orders.Under},
		"over":               {amount: 11, want: orders.Over},
		"over with the rest": {before: []uint64{9}, amount: 2, want: orders.Over},
		"double":             {before: []uint64{10}, amount: 10, want: orders.Double},
		"double of several":  {before: []uint64{6, 4}, amount: 1, want: orders.Double},
		"another token":      {amount: 10, other: true, want: orders.WrongAsset},
		"the last second":    {amount: 10, expires: genesis + 2, want: orders.Exact},
		"late":               {amount: 10, expires: genesis + 1, want: orders.Exact, late: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.request("INV-1", 10, c.expires)
				s := w.start(nil)
				s.block(0) // at 1,001
				for i, amount := range c.before {
					s.certify(w.tx(10+i, amount, "INV-1"))
				}
				env := w.envelope(1, c.amount, "INV-1")
				if c.other {
					env.Asset = euro
					env.Prev = env.Lane().Genesis()
				}
				tx := w.sign(1, env)
				s.certify(tx)
				m := s.show(tx).Match
				require.NotNil(t, m)
				require.Equal(t, c.want, m.Verdict)
				require.Equal(t, c.late, m.Late)
				require.Equal(t, "INV-1", m.Note)
				free := w.tx(2, 10, "INV-2")
				s.certify(free)
				require.Nil(t, s.show(free).Match, "nobody asked for it")
				s.close()
			})
		})
	}
}

// TestPaymentsOfOneTurnKnowEachOther: what is not on disk yet counts too.
func TestPaymentsOfOneTurnKnowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.request("INV-1", 10, 0)
		s := w.start(nil)
		first, second := w.tx(1, 10, "INV-1"), w.tx(2, 10, "INV-1")
		require.NoError(t, s.replica.Update(func(b *fastpay.Board) {
			require.NoError(t, b.AddQC(w.qc(first)))
			require.NoError(t, b.AddQC(w.qc(second)))
		}))
		synctest.Wait()
		verdicts := []orders.Verdict{s.show(first).Match.Verdict, s.show(second).Match.Verdict}
		require.ElementsMatch(t, []orders.Verdict{orders.Exact, orders.Double}, verdicts)
		s.close()
	})
}

func TestOpenRefuses(t *testing.T) {
	_, err := orders.Open(orders.Config{Policy: acceptance.Policy{{}}})
	require.ErrorContains(t, err, "accept rule 1")
	_, err = orders.Open(orders.Config{})
	require.ErrorContains(t, err, "orders: config has no")
}
