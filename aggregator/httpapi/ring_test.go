package httpapi

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheRingIsBounded: in number and in bytes; what has left it is told from what has
// not been yet and from what is there.
func TestTheRingIsBounded(t *testing.T) {
	r := newRing(3, 10)
	seqs := func(after uint64) []uint64 {
		events, _, ok := r.after(after, 10)
		if !ok {
			return nil
		}
		out := []uint64{}
		for _, e := range events {
			out = append(out, e.seq)
		}
		return out
	}
	require.Equal(t, []uint64{}, seqs(0))
	require.Nil(t, seqs(1), "not yet")
	_, more, _ := r.after(0, 10)
	for range 5 {
		r.add(EventHead, []byte("12"), nil)
	}
	<-more // closed
	require.Equal(t, uint64(5), r.newest())
	require.Nil(t, seqs(0))
	require.Nil(t, seqs(1))
	require.Equal(t, []uint64{3, 4, 5}, seqs(2))
	require.Equal(t, []uint64{5}, seqs(4))
	require.Equal(t, []uint64{}, seqs(5))
	require.Nil(t, seqs(6))
	events, _, _ := r.after(2, 1)
	require.Len(t, events, 1)

	r.add(EventHead, []byte("1234567"), nil)
	require.Equal(t, []uint64{5, 6}, seqs(4), "nine bytes")
	require.Nil(t, seqs(3))
	r.add(EventHead, []byte("more than all of it"), nil)
	require.Equal(t, []uint64{7}, seqs(6), "one event is always kept")
	require.Nil(t, seqs(5))
}
