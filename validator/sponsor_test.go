package validator

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// at is the block of a height.
func at(number uint64) fastpay.Block {
	return fastpay.Block{Number: number, Hash: common.Hash{byte(number)}}
}

// transaction is one whose payer must hold 40,000 units.
func (w *world) transaction(sender int) (*tx76.Transaction, common.Address) {
	w.t.Helper()
	tx := w.tx(sender, 0, "").Transaction(w.committee)
	tx.MaxFeePerGas.SetUint64(40_000_000_000)
	require.EqualValues(w.t, 1_000_000, tx.Gas)
	return tx, crypto.PubkeyToAddress(w.key("payer", sender).PublicKey)
}

// TestSponsorSignsWhatItCanPay: the account is read once per block, what was signed
// since is set aside, and only an account that a block shows to hold too little is dry.
func TestSponsorSignsWhatItCanPay(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	cfg := w.config(w.store(vfs.NewMem()))
	cfg.Settlement.FeeToken = common.Address{0xfe}
	s := newSponsor(&cfg, newMetrics(registry))
	sign := func(number uint64) error {
		tx, sender := w.transaction(0)
		err := s.sign(t.Context(), tx, sender, at(number))
		if err == nil {
			payer, rerr := tx.SponsorOf(sender)
			require.NoError(t, rerr)
			require.Equal(t, s.address, payer)
			require.Equal(t, &cfg.Settlement.FeeToken, tx.FeeToken)
		}
		return err
	}
	w.chain.fees = 80_000
	require.NoError(t, sign(1))
	require.NoError(t, sign(1))
	require.ErrorIs(t, sign(1), errNextBlock)
	require.Equal(t, 1, w.chain.balanceReads)
	require.False(t, s.dry())
	require.NoError(t, sign(2))

	w.chain.fees = 39_999
	err := sign(3)
	require.ErrorIs(t, err, errDry)
	for _, part := range []string{
		s.address.Hex(), cfg.Settlement.FeeToken.Hex(), "holds 39999 units", "at block 3", "needs 40000",
	} {
		require.ErrorContains(t, err, part)
	}
	require.ErrorIs(t, sign(3), errDry, "again, without a read")
	require.Equal(t, 3, w.chain.balanceReads)
	require.Equal(t, 1.0, gauge(t, registry, "allegro_settle_sponsor_dry"))
	require.Equal(t, 39_999.0, gauge(t, registry, "allegro_settle_sponsor_balance_units"))

	w.chain.fees = 40_000
	require.NoError(t, s.look(t.Context(), at(4)))
	require.False(t, s.dry())
	require.Zero(t, gauge(t, registry, "allegro_settle_sponsor_dry"))

	w.chain.err = tempo.ErrUnreachable
	require.ErrorIs(t, sign(5), tempo.ErrUnreachable)
	require.False(t, s.dry(), "nothing is known")
	w.chain.err = nil
	require.NoError(t, sign(5))
}

// TestSubmissionsOfWhatCameToNothing: what was done for a payment that expired or was
// conflicted is remembered, of the last of them, and of one that was executed it is not.
func TestSubmissionsOfWhatCameToNothing(t *testing.T) {
	w := newWorld(t)
	v := w.validator(w.store(vfs.NewMem()))
	id := func(i int) fastpay.ID { return fastpay.ID{byte(i >> 8), byte(i), 1} }
	ended := func(i int, stage fastpay.Stage) bool {
		v.submissions.note(id(i), time.Unix(int64(i), 0), "sponsor_dry", errDry)
		v.submissions.end(id(i), stage)
		done, held := v.Submission(id(i))
		if held {
			require.Equal(t, Submission{Attempts: 1, Last: time.Unix(int64(i), 0), Result: "sponsor_dry", Err: errDry}, done)
		}
		return held
	}
	for i, stage := range fastpay.Stages() {
		require.Equal(t, stage == fastpay.StageExpired || stage == fastpay.StageConflicted, ended(-i, stage), stage)
	}
	v.submissions.end(id(0), fastpay.StageExpired)
	_, held := v.Submission(id(0))
	require.False(t, held, "nothing was tried for it since it was forgotten")

	for i := range maxUnsettled + 1 {
		require.True(t, ended(1+i, fastpay.StageExpired))
	}
	_, held = v.Submission(id(1))
	require.False(t, held, "it is one too many")
	_, held = v.Submission(id(2))
	require.True(t, held)
	v.submissions.end(id(2), fastpay.StageExpired)
	_, held = v.Submission(id(2))
	require.True(t, held, "its end is seen twice")
	v.submissions.note(id(2), time.Unix(3, 0), "", nil) // the block that said so was replaced
	done, _ := v.Submission(id(2))
	require.EqualValues(t, 2, done.Attempts)
	v.submissions.end(id(2), fastpay.StageFinalized) // the blocks were replaced
	_, held = v.Submission(id(2))
	require.False(t, held)
	require.Empty(t, v.submissions.of)
}

// TestTroubleIsToldOnce: what keeps payments from the chain is counted each time and
// logged once, until one is handed over.
func TestTroubleIsToldOnce(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	cfg := w.config(w.store(vfs.NewMem()))
	cfg.Registerer = registry
	v, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, v.node.Close()) })
	s, err := newSettler(v)
	require.NoError(t, err)
	v.replica.Advance(fastpay.ChainView{Latest: at(1), Finalized: at(1)}, cfg.Now())
	u := &unsettled{tx: w.tx(0, 0, "")}

	w.chain.fees = 0
	for range 3 {
		require.False(t, s.send(t.Context(), u))
	}
	require.Equal(t, map[string]bool{"sponsor_dry": true}, s.told)
	require.Equal(t, 3.0, counter(t, registry, "allegro_settle_submissions_total"))
	done, tried := v.Submission(u.tx.ID())
	require.True(t, tried)
	require.Equal(t, uint64(3), done.Attempts)
	require.Equal(t, "sponsor_dry", done.Result)
	require.ErrorIs(t, done.Err, errDry)

	w.chain.err = tempo.ErrUnreachable
	s.sponsor.at = at(7) // so that it is read again
	require.False(t, s.send(t.Context(), u))
	require.Equal(t, map[string]bool{"sponsor_dry": true, "error": true}, s.told)

	w.chain.err, w.chain.fees = nil, 1_000_000
	require.True(t, s.send(t.Context(), u))
	require.Empty(t, s.told)
	require.Len(t, w.chain.sent, 1)
	done, _ = v.Submission(u.tx.ID())
	require.Equal(t, uint64(5), done.Attempts)
	require.Equal(t, "ok", done.Result)
	require.NoError(t, done.Err)
	require.False(t, done.Last.IsZero())

	for i := range 3 { // two of a payer are sponsored within an hour
		other := &unsettled{tx: w.tx(0, uint64(i), "more")}
		require.Equal(t, i == 0, s.send(t.Context(), other))
		require.Equal(t, i > 0, other.limited)
	}
	require.Empty(t, s.told, "that is the payer's trouble")
}
