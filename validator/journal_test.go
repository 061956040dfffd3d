package validator

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// TestJournalKeepsVotesOverACrash: votes that were appended are there with all they
// stood on after a power cut, and no others.
func TestJournalKeepsVotesOverACrash(t *testing.T) {
	w := newWorld(t)
	fs := vfs.NewCrashableMem()
	j := &journal{w.store(fs)}
	parent := w.tx(8, 0, "")
	qc := fastpay.NewQC(w.committee, parent, []*fastpay.Certificate{w.batch(parent.ID()).Certificate(0)})
	votes := []*fastpay.Promise{
		{Tx: w.tx(0, 0, ""), Height: 7, QCs: []*fastpay.QC{qc}}, {Tx: w.tx(1, 3, ""), Height: 9},
	}
	require.NoError(t, j.append(votes))
	j = &journal{w.store(fs.CrashClone(vfs.CrashCloneCfg{}))}
	got, err := j.load(w.rules)
	require.NoError(t, err)
	encoded := make(map[string]bool)
	for _, p := range got {
		encoded[string(p.Encode())] = true
	}
	for _, p := range votes {
		require.True(t, encoded[string(p.Encode())])
		known, err := j.has(p.Tx.ID())
		require.NoError(t, err)
		require.True(t, known)
	}
	require.Len(t, got, len(votes))
	known, err := j.has(parent.ID())
	require.NoError(t, err)
	require.False(t, known)
}

// TestUnsignedVotesAreSignedOnceOpen: a vote on record without a signature is given
// when the validator may sign again; one whose payment is long over is not.
func TestUnsignedVotesAreSignedOnceOpen(t *testing.T) {
	w := newWorld(t)
	store := w.store(vfs.NewMem())
	j := &journal{store}
	live, signed := w.tx(0, 0, ""), w.tx(1, 0, "")
	require.NoError(t, j.append([]*fastpay.Promise{{Tx: live, Height: 1}, {Tx: signed, Height: 1}}))
	before := w.validator(store)
	require.NoError(t, before.replica.Update(func(b *fastpay.Board) { require.NoError(t, b.AddBatch(w.batch(signed.ID()))) }))

	e := w.opened(w.validator(store))
	w.settle(e)
	require.Len(t, e.outbox, 1)
	require.Equal(t, live.ID(), e.outbox[0].Tx.ID())

	require.NoError(t, j.setGuard(guardRecord{Number: 1, Time: live.Envelope().ValidBefore}))
	e = w.opened(w.validator(store))
	require.Empty(t, e.outbox)
}

// TestVoteOnRecordDecidesTheSlot: after a restart the other payment for a slot is
// refused, and the one on record gets the same vote.
func TestVoteOnRecordDecidesTheSlot(t *testing.T) {
	w := newWorld(t)
	store := w.store(vfs.NewMem())
	voted, other := w.tx(0, 0, ""), w.tx(0, 0, "other")
	require.NoError(t, (&journal{store}).append([]*fastpay.Promise{{Tx: voted, Height: 1}}))
	e := w.opened(w.validator(store))
	e.outbox = nil
	res, ok := w.ask(e, other)
	require.True(t, ok)
	require.ErrorIs(t, res.Reject, fastpay.Equivocation)
	require.Empty(t, e.outbox)
}

// TestStoreIsTiedToItsChain: a node with another genesis, or another block where the
// store pinned one, is refused; one that does not answer or is behind is waited for.
func TestStoreIsTiedToItsChain(t *testing.T) {
	w := newWorld(t)
	v := w.validator(w.store(vfs.NewMem()))
	genesis := w.chain.block(0, 0)
	pinned := w.chain.block(5, 0)
	guard := &guardRecord{Genesis: genesis.Hash, Number: 5, Hash: pinned.Hash}
	require.NoError(t, v.checkChain(t.Context(), nil), "a new store takes any chain")
	require.NoError(t, v.checkChain(t.Context(), guard))
	w.chain.block(5, 1)
	require.ErrorIs(t, v.checkChain(t.Context(), guard), ErrOtherChain)
	delete(w.chain.headers, 5)
	require.NoError(t, v.checkChain(t.Context(), guard), "the node is behind")
	w.chain.block(0, 1)
	require.ErrorIs(t, v.checkChain(t.Context(), guard), ErrOtherChain)
	w.chain.err = tempo.ErrUnreachable
	err := v.checkChain(t.Context(), guard)
	require.ErrorIs(t, err, tempo.ErrUnreachable)
	require.NotErrorIs(t, err, ErrOtherChain)
}

// TestHeightsNeverGoBack: after a restart nothing is pinned until the node has
// finalized the last pinned block again, and it must be the same block.
func TestHeightsNeverGoBack(t *testing.T) {
	w := newWorld(t)
	v := w.validator(w.store(vfs.NewMem()))
	pinned := w.chain.block(5, 0)
	floor := func() { v.floor = &guardRecord{Number: 5, Hash: pinned.Hash} }
	floor()
	for _, tc := range []struct {
		final tempo.Header
		want  bool
	}{{w.chain.block(4, 0), false}, {pinned, true}, {w.chain.block(4, 0), true}} {
		ok, err := v.reached(t.Context(), tc.final)
		require.NoError(t, err)
		require.Equal(t, tc.want, ok, "block %d", tc.final.Number)
	}
	floor()
	w.chain.err = tempo.ErrUnreachable
	ok, err := v.reached(t.Context(), w.chain.block(6, 0))
	require.NoError(t, err)
	require.False(t, ok, "it cannot be checked now")
	w.chain.err = nil
	w.chain.block(5, 1)
	_, err = v.reached(t.Context(), w.chain.block(6, 0))
	require.ErrorIs(t, err, ErrOtherChain)
}

// TestGuardRecordSurvives: what is stored is what is read; a new store has none.
func TestGuardRecordSurvives(t *testing.T) {
	w := newWorld(t)
	j := &journal{w.store(vfs.NewMem())}
	got, err := j.guard()
	require.NoError(t, err)
	require.Nil(t, got)
	want := guardRecord{Genesis: fastpay.ID{1}, Number: 7, Hash: fastpay.ID{2}, Parent: fastpay.ID{3}, Time: 9}
	require.NoError(t, j.setGuard(want))
	got, err = j.guard()
	require.NoError(t, err)
	require.Equal(t, want, *got)
}

// TestPoolIsBounded: the oldest payment goes first, no lane gets more than its
// share, and what waits is found by its lane and by its parents.
func TestPoolIsBounded(t *testing.T) {
	w := newWorld(t)
	p := newPool(10)
	var txs []*fastpay.Tx
	for i := range 12 {
		txs = append(txs, w.tx(i, 0, ""))
		require.Equal(t, i >= 10, p.add(txs[i]))
		require.False(t, p.add(txs[i]), "it is there already")
	}
	require.Equal(t, txs[2:], p.all())
	p.remove(txs[5])
	p.remove(txs[5])
	require.Equal(t, 9, p.len())
	require.Empty(t, p.waitingFor(fastpay.ID{}, txs[5].LaneID()))
	require.Equal(t, []*fastpay.Tx{txs[6]}, p.waitingFor(fastpay.ID{}, txs[6].LaneID()))
	child := w.tx(20, 0, "", txs[6].ID(), txs[7].ID())
	p.add(child)
	require.Equal(t, []*fastpay.Tx{child}, p.waitingFor(txs[7].ID(), fastpay.ID{}))

	p = newPool(1000)
	for i := range maxPoolLane + 5 {
		require.Equal(t, i >= maxPoolLane, p.add(w.tx(0, uint64(i), fmt.Sprint(i))))
	}
	require.Equal(t, maxPoolLane, p.len())
	require.False(t, p.add(w.tx(1, 0, "")), "another lane has room")
}

// TestConfigNamesWhatIsMissing: a validator is not made with a part missing, and the
// error says which.
func TestConfigNamesWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	good := w.config(w.store(vfs.NewMem()))
	require.NoError(t, good.Validate())
	for _, tc := range []struct {
		want string
		edit func(*Config)
	}{
		{"no rules", func(c *Config) { c.Rules = nil }},
		{"no signer", func(c *Config) { c.Signer = nil }},
		{"no store", func(c *Config) { c.Store = nil }},
		{"no chain", func(c *Config) { c.Chain = nil }},
		{"no chain", func(c *Config) { c.Follower = nil }},
		{"no clock", func(c *Config) { c.Now = nil }},
		{"no jitter", func(c *Config) { c.Jitter = nil }},
		{"no sponsor key", func(c *Config) { c.Settlement.Sponsor = nil }},
		{"block time", func(c *Config) { c.Settlement.BlockTime = 0 }},
		{"sponsored payments", func(c *Config) { c.Settlement.PerPayer = 0 }},
		{"limits", func(c *Config) { c.Limits.Intake = 0 }},
		{"limits", func(c *Config) { c.Limits.Pool = -1 }},
		{"limits", func(c *Config) { c.Limits.Readers = 0 }},
		{"in no committee", func(c *Config) { c.Signer = NewKeySigner(make([]byte, 64)) }},
	} {
		cfg := good
		tc.edit(&cfg)
		require.ErrorContains(t, cfg.Validate(), tc.want)
		_, err := New(cfg)
		require.Error(t, err)
	}
}

// TestSignerHashesItself: a signer is told what it signs, so that one in another
// process can refuse what is no hello.
func TestSignerHashesItself(t *testing.T) {
	w := newWorld(t)
	requester, responder, nonce := []byte("requester"), []byte("responder"), [32]byte{7}
	signature, err := w.signer.SignHello(t.Context(), w.committee.ID(), requester, responder, nonce)
	require.NoError(t, err)
	key, digest := w.signer.Key(), fastpay.HelloDigest(w.committee.ID(), requester, responder, nonce)
	require.True(t, ed25519.Verify(key[:], digest[:], signature))
}
