package daemon

import (
	"encoding/json"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/stretchr/testify/require"
)

// errEnough ends a stream.
var errEnough = errors.New("enough")

// A running peer tells what it is at one moment, who its peers are with round trips that
// are measured if that is asked for, and its gossip as it comes in.
func TestLookingIntoAPeer(t *testing.T) {
	t.Parallel() // it waits more than it computes
	w := newWorld(t)
	dave := w.run(w.home(p2p.RoleValidator, "dave"), time.Now)
	self := w.wait(dave, "quorum")
	w.file.Committees[0].Members[0].Addresses = self.Addresses
	alice := w.run(w.home(p2p.RoleClient, "alice"), time.Now)
	w.wait(alice, "mesh")
	w.wait(alice, "block")

	var s api.Snapshot
	require.NoError(t, alice.Get(t.Context(), api.RouteSnapshot, "", nil, &s))
	require.Equal(t, api.SnapshotSchema, s.Schema)
	require.Equal(t, "alice", s.Self.Name)
	require.True(t, s.Self.Running.Ready.Quorum)
	require.NotNil(t, s.Self.Running.Chain.Height)
	require.Equal(t, uint64(1), s.BlockTimeSeconds)
	require.Len(t, s.Topics, 4)
	require.Len(t, s.Peers, 1)
	require.Equal(t, "dave", *s.Peers[0].Name)
	require.Empty(t, s.Payments)

	// dave has not dialed alice, and so has never measured how far that is.
	var peers document.Peers
	require.NoError(t, dave.Get(t.Context(), api.RoutePeers, "", nil, &peers))
	require.Len(t, peers.Peers, 1)
	require.Nil(t, peers.Peers[0].LatencyMicros)
	require.NoError(t, dave.Get(t.Context(), api.RoutePeers, "", url.Values{"measure": {"true"}}, &peers))
	require.NotNil(t, peers.Peers[0].LatencyMicros)
	require.NoError(t, dave.Get(t.Context(), api.RouteSnapshot, "", url.Values{"measure": {"true"}}, &s))
	require.NotNil(t, s.Peers[0].LatencyMicros)

	tail := func(c *api.Client, topic, decode string) (m document.Message) {
		t.Helper()
		query := url.Values{"topic": {topic}, "decode": {decode}}
		require.ErrorIs(t, c.Lines(t.Context(), api.RouteTail, query, func(line []byte) error {
			require.NoError(t, json.Unmarshal(line, &m))
			return errEnough
		}), errEnough)
		return m
	}
	m := tail(alice, "", "true")
	require.Equal(t, document.MessageSchema, m.Schema)
	require.Equal(t, []any{"head", "dave", false, "accept", "dave"}, []any{m.Kind, *m.From.Name, m.Own, m.Verdict, m.Content.Head.Validator})
	m = tail(dave, "head", "")
	require.Equal(t, []any{"head", true, (*document.Content)(nil)}, []any{m.Kind, m.Own, m.Content})
	m = tail(dave, m.Topic, "")
	require.Equal(t, "head", m.Kind)
	var told *api.Error
	err := dave.Lines(t.Context(), api.RouteTail, url.Values{"topic": {"blocks"}}, nil)
	require.ErrorAs(t, err, &told)
	require.Equal(t, api.CodeUsage, told.Code)
	require.ErrorContains(t, err, "this peer has tx, cert, head, evidence")
}

// A peer that is disconnected loses its connection, and a client dials its validators again.
func TestDisconnecting(t *testing.T) {
	w := newWorld(t)
	dave := w.run(w.home(p2p.RoleValidator, "dave"), time.Now)
	self := w.wait(dave, "quorum")
	w.file.Committees[0].Members[0].Addresses = self.Addresses
	alice := w.run(w.home(p2p.RoleClient, "alice"), time.Now)
	w.wait(alice, "mesh")
	since := func() (moment string) {
		var peers document.Peers
		require.NoError(t, alice.Get(t.Context(), api.RoutePeers, "", nil, &peers))
		for _, p := range peers.Peers {
			if p.PeerID == self.PeerID && p.State == string(p2p.PeerReady) {
				moment = *p.SinceMicros
			}
		}
		return moment
	}
	before := since()
	require.NotEmpty(t, before)
	require.NoError(t, alice.Delete(t.Context(), api.RoutePeer, self.PeerID, new(document.Peers)))
	require.Eventually(t, func() bool { now := since(); return now != "" && now != before }, 30*time.Second, 10*time.Millisecond)
}

// More readers than a peer allows are told so.
func TestTooManyReadersOfGossip(t *testing.T) {
	t.Parallel() // it waits more than it computes
	w := newWorld(t)
	dave := w.run(w.home(p2p.RoleValidator, "dave"), time.Now)
	w.wait(dave, "quorum")
	var read func(n int) error
	read = func(n int) error { // each reader opens the next one
		return dave.Lines(t.Context(), api.RouteTail, nil, func([]byte) error { return read(n + 1) })
	}
	err := read(0)
	var told *api.Error
	require.ErrorAs(t, err, &told)
	require.Equal(t, api.CodeBusy, told.Code)
	require.ErrorContains(t, err, "too many readers of gossip: 8 are possible, end one of them")
}

// Counts of a label are summed up over the others, and what counts nothing is left out.
func TestCountsByLabel(t *testing.T) {
	c := counts{"a": {
		{map[string]string{"code": "X", "topic": "tx"}, 2}, {map[string]string{"code": "X", "topic": "cert"}, 3},
		{map[string]string{"code": "Y", "topic": "tx"}, 0},
	}}
	require.Equal(t, map[string]uint64{"X": 5}, c.by("a", "code"))
	require.Empty(t, c.by("b", "code"))
	require.Equal(t, map[string]uint64{"X": 6, "Z": 1}, merged(c.by("a", "code"), map[string]uint64{"X": 1, "Z": 1}))
}
