package client

import (
	"fmt"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client/request"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// ask is a request with a note and an expiry, 0 for never.
func ask(note string, expires uint64) request.Request {
	return request.Request{Payee: common.Address{1}, Asset: asset, Amount: *uint256.NewInt(10), Note: note, Expires: expires}
}

// notesOf are the notes of a list, in its order.
func notesOf(l *Requests) (notes []string) {
	for _, kept := range l.List() {
		notes = append(notes, kept.Note)
	}
	return notes
}

// TestARequestIsKeptBeforeItIsShown: after a power cut, all that Add returned for is there.
func TestARequestIsKeptBeforeItIsShown(t *testing.T) {
	w := newWorld(t, 1)
	disk := vfs.NewCrashableMem()
	store := w.store(disk)
	c := w.client(store)
	first, second := time.Unix(1000, 1000), time.Unix(1001, 0)
	require.NoError(t, c.Requests().Add(ask("INV-1", 2000), first))
	require.NoError(t, c.Requests().Add(ask("INV-2", 0), second))
	left := disk.CrashClone(vfs.CrashCloneCfg{})
	require.NoError(t, store.Close())

	store = w.store(left)
	defer func() { require.NoError(t, store.Close()) }()
	l := w.client(store).Requests()
	require.Equal(t, []string{"INV-2", "INV-1"}, notesOf(l), "the newest first")
	kept, ok := l.ByNote(fastpay.NoteHash("INV-1"))
	require.True(t, ok)
	require.Equal(t, ask("INV-1", 2000), kept.Request)
	require.True(t, first.Equal(kept.Made))
	_, ok = l.ByNote(fastpay.NoteHash("INV-3"))
	require.False(t, ok)

	removed, known, err := l.Remove(fastpay.NoteHash("INV-1"))
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, kept, removed)
	_, known, err = l.Remove(fastpay.NoteHash("INV-1"))
	require.NoError(t, err)
	require.False(t, known)
	require.NoError(t, l.Add(ask("INV-1", 0), first), "its note is free again")
}

// TestANoteIsOfOneOpenRequest: a payment could otherwise be of either.
func TestANoteIsOfOneOpenRequest(t *testing.T) {
	w := newWorld(t, 1)
	store := w.store(vfs.NewMem())
	defer func() { require.NoError(t, store.Close()) }()
	l := w.client(store).Requests()
	require.NoError(t, l.Add(ask("INV-1", 2000), time.Unix(1000, 0)))
	require.ErrorIs(t, l.Add(ask("INV-1", 3000), time.Unix(1999, 0)), ErrNoteTaken)
	require.NoError(t, l.Add(ask("INV-1", 3000), time.Unix(2000, 0)), "it has expired")
	kept, ok := l.ByNote(fastpay.NoteHash("INV-1"))
	require.True(t, ok)
	require.EqualValues(t, 3000, kept.Expires)
	require.ErrorIs(t, l.Add(ask("", 0), time.Unix(1000, 0)), ErrNoNote)
	require.ErrorContains(t, l.Add(ask("a\nb", 0), time.Unix(1000, 0)), "not printable")
	require.Len(t, l.List(), 1)
}

// TestExpiredRequestsMakeRoom: the one that expired first, and no open one.
func TestExpiredRequestsMakeRoom(t *testing.T) {
	w := newWorld(t, 1)
	store := w.store(vfs.NewMem())
	defer func() { require.NoError(t, store.Close()) }()
	c := w.client(store)
	l := c.Requests()
	for i := range MaxRequests - 2 {
		r := ask(fmt.Sprint("open ", i), 0)
		l.byNote[fastpay.NoteHash(r.Note)] = KeptRequest{r, time.Unix(900, 0)} // 10,000 syncs take a while
	}
	require.NoError(t, l.Add(ask("later", 1200), time.Unix(1000, 0)))
	require.NoError(t, l.Add(ask("sooner", 1100), time.Unix(1000, 0)))
	require.ErrorIs(t, l.Add(ask("new", 0), time.Unix(1000, 0)), ErrTooManyRequests)
	require.ErrorIs(t, l.Add(ask("new", 0), time.Unix(1099, 0)), ErrTooManyRequests)
	require.NoError(t, l.Add(ask("new", 0), time.Unix(1300, 0)))
	_, ok := l.ByNote(fastpay.NoteHash("sooner"))
	require.False(t, ok)
	require.NoError(t, l.Add(ask("later", 0), time.Unix(1300, 0)), "an expired one is replaced in its own place")
	require.Len(t, l.List(), MaxRequests)
	require.ErrorIs(t, l.Add(ask("newer", 0), time.Unix(1300, 0)), ErrTooManyRequests)
	require.EqualValues(t, 1, testutil.ToFloat64(c.metrics.requestsDropped))

	again, err := loadRequests(store, c.metrics.requestsDropped)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"later", "new"}, notesOf(again), "the dropped one is gone from disk too")
}

// TestARequestThatIsNotDurableIsNotMade: nobody may see what a crash would forget.
func TestARequestThatIsNotDurableIsNotMade(t *testing.T) {
	w := newWorld(t, 1)
	disk := &unsyncable{}
	store := w.store(errorfs.Wrap(vfs.NewMem(), disk))
	l := w.client(store).Requests()
	disk.broken.Store(true)
	require.ErrorContains(t, l.Add(ask("INV-1", 0), time.Unix(1000, 0)), "could not be made durable")
	require.Empty(t, l.List())
	require.Error(t, store.Close())
}

// TestOrderOf: a payer checks a request with what its own peer knows.
func TestOrderOf(t *testing.T) {
	w := newWorld(t, 1)
	store := w.store(vfs.NewMem())
	defer func() { require.NoError(t, store.Close()) }()
	c := w.client(store)
	r := c.NewRequest(asset, *uint256.NewInt(10), "INV-1", 0)
	_, err := c.OrderOf(&r)
	require.ErrorIs(t, err, request.ErrOwnAccount)
	r.Payee = common.Address{7}
	order, err := c.OrderOf(&r)
	require.NoError(t, err)
	require.Equal(t, Order{To: r.Payee, Asset: asset, Amount: r.Amount, Note: "INV-1", Parents: Parents{Auto: true}}, order)
	r.Expires = uint64(c.cfg.Now().Unix())
	_, err = c.OrderOf(&r)
	require.ErrorIs(t, err, request.ErrExpired)
	require.ErrorContains(t, err, "this machine's clock")
	c.replica.Advance(fastpay.ChainView{
		Latest: fastpay.Block{Number: 1, Hash: common.Hash{1}, Time: r.Expires}, Finalized: fastpay.Block{Number: 1, Hash: common.Hash{1}, Time: r.Expires},
	}, c.cfg.Now())
	_, err = c.OrderOf(&r)
	require.ErrorContains(t, err, "chain time")
}
