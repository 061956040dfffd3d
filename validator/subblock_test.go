package validator

import (
	"errors"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

// scheduleOf is a chain at a hardfork, which the node lists last.
func scheduleOf(names ...string) tempo.ForkSchedule {
	s := tempo.ForkSchedule{Active: names[len(names)-1]}
	for _, name := range names {
		s.Forks = append(s.Forks, tempo.Fork{Name: name, Active: true})
	}
	return s
}

// TestLaneMustBeTheChains refuses sub-block lanes on every chain that is not known to
// have them. Of other lanes nothing is asked.
func TestLaneMustBeTheChains(t *testing.T) {
	ahead := scheduleOf("T2", "T3")
	ahead.Forks = append(ahead.Forks, tempo.Fork{Name: "T4", ActivationTime: 1 << 40})
	down := errors.New("no power")
	for _, tc := range []struct {
		name     string
		kind     fastpay.LaneKind
		schedule tempo.ForkSchedule
		err      error
		refused  bool
	}{
		{"before T4", fastpay.SubBlockLane, scheduleOf("T2", "T3"), nil, false},
		{"T4 still ahead", fastpay.SubBlockLane, ahead, nil, false},
		{"at T4", fastpay.SubBlockLane, scheduleOf("T3", "T4"), nil, true},
		{"past T4", fastpay.SubBlockLane, scheduleOf("T4", "T5", "T10"), nil, true},
		{"a node that cannot tell", fastpay.SubBlockLane, tempo.ForkSchedule{}, nil, true},
		{"a node that lists nothing", fastpay.SubBlockLane, tempo.ForkSchedule{Active: "T3"}, nil, true},
		{"payment lane past T4", fastpay.PaymentLane, scheduleOf("T4", "T10"), nil, false},
		{"payment lane on a node that cannot tell", fastpay.PaymentLane, tempo.ForkSchedule{}, nil, false},
		{"payment lane without a node", fastpay.PaymentLane, tempo.ForkSchedule{}, down, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			node := &fakeChain{schedule: tc.schedule, err: tc.err}
			if err := CheckLane(t.Context(), tc.kind, node); tc.refused {
				require.ErrorIs(t, err, ErrNoSubBlocks)
			} else {
				require.NoError(t, err)
			}
		})
	}
	err := CheckLane(t.Context(), fastpay.SubBlockLane, &fakeChain{err: down})
	require.ErrorIs(t, err, down)
	require.NotErrorIs(t, err, ErrNoSubBlocks, "a node that is down is waited for")
}

// TestSubBlockIsNeverOverfilled lets a member learn how much its sub-block takes: one
// more than was taken may wait, nothing does before the first block of this run, and
// what is late makes it start over.
func TestSubBlockIsNeverOverfilled(t *testing.T) {
	w := newWorldOf(t, fastpay.SubBlockLane)
	v := w.validator(w.store(vfs.NewMem()))
	var txs []*fastpay.Tx
	for i := range 6 {
		tx := w.tx(i, 0, "")
		txs = append(txs, tx)
		require.NoError(t, v.replica.Update(func(b *fastpay.Board) { require.NoError(t, b.AddTx(tx)) }))
	}
	q := newSubBlock()
	// advance shows a block that has executed some of the payments.
	advance := func(height uint64, executed ...*fastpay.Tx) {
		view := fastpay.ChainView{Latest: fastpay.Block(w.chain.block(height, 0))}
		for _, tx := range executed {
			view.Outcomes = append(view.Outcomes, outcomeOf(w.committee, tx, height))
		}
		v.replica.Advance(view, v.cfg.Now())
		v.replica.Read(q.follow)
	}
	recent := true // what was handed over was so lately
	lately := func(fastpay.ID) bool { return recent }
	hand := func(order ...*fastpay.Tx) int {
		next := q.next(order, lately)
		for _, tx := range next {
			q.waiting[tx.ID()] = true
		}
		return len(next)
	}
	require.Zero(t, hand(txs[0]), "before any block")
	advance(7)
	require.Zero(t, hand(txs[0]), "before the next block, which empties the lane")
	advance(8)
	require.Equal(t, 1, hand(txs[0]))
	require.Equal(t, 2, hand(txs[0], txs[1], txs[2]), "no more than is known to fit, plus one")
	require.Zero(t, hand(txs[0], txs[1], txs[2]), "nothing is new")
	require.Zero(t, hand(txs[2]))
	advance(9, txs[0], txs[1])
	require.Equal(t, 3, hand(txs[2], txs[3], txs[4], txs[5]))
	advance(10, txs[2])
	require.Equal(t, 3, hand(txs[3], txs[4], txs[5]), "two wait, three may, and all of it goes in order")
	recent = false
	require.Equal(t, 2, hand(txs[3], txs[4]), "they are late")
	require.Equal(t, leastShare, q.share, "less fits than was thought")
	advance(11, txs[3], txs[4], txs[5])
	require.Equal(t, 4, q.share)
	require.Empty(t, q.waiting)
}

// outcomeOf is what a block at a height made of a payment.
func outcomeOf(c *fastpay.Committee, tx *fastpay.Tx, height uint64) tx76.Outcome {
	env, lane := tx.Envelope(), tx.Lane()
	return tx76.Outcome{
		Sender: env.Sender, NonceKey: lane.NonceKey(c), Nonce: env.Seq, TxHash: common.Hash(tx.ID()), BlockNumber: height, Success: true, Plain: 1,
		Transfers: []tx76.MemoTransfer{{Token: env.Asset, From: env.Sender, To: env.Recipient, Amount: env.Amount, Memo: common.Hash(tx.ID())}},
	}
}
