package p2p

import (
	"context"
	"crypto/ed25519"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/libp2p/go-libp2p/core/network"
)

// voteKey is a validator's vote key as a map key.
type voteKey = [ed25519.PublicKeySize]byte

// greeting is what a peer said and proved in hello.
type greeting struct {
	role      Role
	version   string
	committee common.Hash
	member    ed25519.PublicKey // proven vote key; nil if none
	addrs     []string
}

// roster knows the connected peers: what their hellos said, who of them is a
// validator, and who was refused. Safe for concurrent use; nothing is called with
// the mutex held.
type roster struct {
	metrics *metrics
	names   map[PeerID]string // of configured peers, for people
	changed func()            // called after a peer came or left; must not block

	mu      sync.Mutex
	peers   map[PeerID]*peerRecord // connected ones, and those whose leaving is not told yet
	members map[voteKey]PeerID     // greeted peers by proven key, the newest one
	lost    map[voteKey]time.Time  // since when nobody speaks for a key that somebody has proved
	refused map[PeerID]refusal     // at most maxRefusals
	news    map[PeerID]struct{}    // peers that the announcer must look at
	wake    chan struct{}          // of size 1: wakes the announcer
}

// peerRecord is a peer with a connection.
type peerRecord struct {
	conns    map[network.Conn]bool // whether a hello succeeded on it
	greeting *greeting             // of the last successful hello; nil before
	problem  error                 // why the last hello failed
	since    time.Time             // of the first connection
	announce bool                  // a hello succeeded that consumers were not told of
	left     bool                  // all greeted connections are gone, and consumers were not told
	known    bool                  // consumers were told that it is here
}

// greeted reports whether a hello succeeded on an open connection.
func (r *peerRecord) greeted() bool {
	for _, ok := range r.conns {
		if ok {
			return true
		}
	}
	return false
}

// refusal is why a peer is not wanted, and until when it is not dialed.
type refusal struct {
	reason string
	until  time.Time
}

const (
	// maxRefusals bounds the memory of refusals: an attacker makes peer ids for
	// nothing.
	maxRefusals = 1024
	// refuseNetwork is how long a peer with another network file is not dialed: its
	// operator mends the file meanwhile. It may dial us before.
	refuseNetwork = 30 * time.Second
	// refuseForged is the same for a false claim of membership.
	refuseForged = 10 * time.Minute
)

func newRoster(m *metrics, names map[PeerID]string, changed func()) *roster {
	return &roster{
		metrics: m,
		names:   names,
		changed: changed,
		peers:   make(map[PeerID]*peerRecord),
		members: make(map[voteKey]PeerID),
		lost:    make(map[voteKey]time.Time),
		refused: make(map[PeerID]refusal),
		news:    make(map[PeerID]struct{}),
		wake:    make(chan struct{}, 1),
	}
}

// connected notes a new connection.
func (r *roster) connected(c network.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.peers[c.RemotePeer()]
	if rec == nil {
		rec = &peerRecord{conns: make(map[network.Conn]bool), since: time.Now()}
		r.peers[c.RemotePeer()] = rec
	}
	rec.conns[c] = false
}

// disconnected notes that a connection is gone.
func (r *roster) disconnected(c network.Conn) {
	r.mu.Lock()
	id := c.RemotePeer()
	rec := r.peers[id]
	if rec == nil {
		r.mu.Unlock()
		return
	}
	wasGreeted := rec.greeted()
	delete(rec.conns, c)
	if wasGreeted && !rec.greeted() {
		rec.left = true
		r.unbindLocked(id, rec)
		r.metrics.peers.WithLabelValues(string(rec.greeting.role)).Dec()
	}
	r.newsLocked(id)
	r.mu.Unlock()
	r.changed()
}

// unbindLocked forgets that id speaks for a validator. Another greeted peer that has
// proved the same key takes its place.
func (r *roster) unbindLocked(id PeerID, rec *peerRecord) {
	if rec.greeting.member == nil {
		return
	}
	key := voteKey(rec.greeting.member)
	if r.members[key] != id {
		return
	}
	delete(r.members, key)
	r.lost[key] = time.Now()
	for other, rec := range r.peers {
		if other != id && rec.greeted() && rec.greeting.member.Equal(ed25519.PublicKey(key[:])) {
			r.members[key] = other
			delete(r.lost, key)
		}
	}
}

// welcome notes that a hello succeeded on c, and returns the peer's older
// connections. It returns false if c is gone already.
func (r *roster) welcome(c network.Conn, g *greeting) (older []network.Conn, ok bool) {
	r.mu.Lock()
	id := c.RemotePeer()
	rec := r.peers[id]
	if rec == nil {
		r.mu.Unlock()
		return nil, false
	}
	if _, ok := rec.conns[c]; !ok {
		r.mu.Unlock()
		return nil, false
	}
	for other := range rec.conns {
		if other != c {
			older = append(older, other)
		}
	}
	if rec.greeted() {
		r.metrics.peers.WithLabelValues(string(rec.greeting.role)).Dec()
		r.unbindLocked(id, rec)
	}
	rec.conns[c] = true
	rec.greeting = g
	rec.problem = nil
	rec.announce = true
	delete(r.refused, id)
	if g.member != nil {
		r.members[voteKey(g.member)] = id
		delete(r.lost, voteKey(g.member))
	}
	r.metrics.peers.WithLabelValues(string(g.role)).Inc()
	r.newsLocked(id)
	r.mu.Unlock()
	r.changed()
	return older, true
}

// fail notes why a hello on c failed.
func (r *roster) fail(c network.Conn, problem error) {
	r.mu.Lock()
	if rec := r.peers[c.RemotePeer()]; rec != nil {
		rec.problem = problem
	}
	r.mu.Unlock()
	r.changed()
}

// refuse remembers that id is not wanted for a while.
func (r *roster) refuse(id PeerID, reason string, d time.Duration) {
	r.mu.Lock()
	if _, in := r.refused[id]; !in && len(r.refused) >= maxRefusals {
		r.evictRefusalLocked()
	}
	r.refused[id] = refusal{reason, time.Now().Add(d)}
	r.mu.Unlock()
	r.changed()
}

// evictRefusalLocked forgets the refusal that ends first.
func (r *roster) evictRefusalLocked() {
	var first PeerID
	for id, ref := range r.refused {
		if first == "" || ref.until.Before(r.refused[first].until) {
			first = id
		}
	}
	delete(r.refused, first)
}

// refusal returns why id is refused and for how much longer.
func (r *roster) refusal(id PeerID) (reason string, left time.Duration, refused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ref, ok := r.refused[id]
	left = time.Until(ref.until)
	if !ok || left <= 0 {
		return "", 0, false
	}
	return ref.reason, left, true
}

// speaker returns the greeted peer that proved a vote key.
func (r *roster) speaker(key ed25519.PublicKey) (PeerID, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id, ok := r.members[voteKey(key)]
	return id, ok
}

// since returns since when a validator is connected or, if it is not, since when not:
// zero if it never was.
func (r *roster) since(key ed25519.PublicKey) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id, ok := r.members[voteKey(key)]; ok {
		return r.peers[id].since
	}
	return r.lost[voteKey(key)]
}

// isGreeted reports whether id is connected and its hello succeeded.
func (r *roster) isGreeted(id PeerID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.peers[id]
	return rec != nil && rec.greeted()
}

// committeeOf returns the committee that a greeted peer named in hello.
func (r *roster) committeeOf(id PeerID) (common.Hash, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.peers[id]
	if rec == nil || !rec.greeted() {
		return common.Hash{}, false
	}
	return rec.greeting.committee, true
}

// isConnected reports whether id has a connection.
func (r *roster) isConnected(id PeerID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.peers[id]
	return rec != nil && len(rec.conns) > 0
}

// standing is a peer's score beside its messages.
func (r *roster) standing(id PeerID) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ref, ok := r.refused[id]; ok && time.Now().Before(ref.until) {
		return refusedScore
	}
	if rec := r.peers[id]; rec != nil && rec.greeting != nil && rec.greeting.member != nil && r.members[voteKey(rec.greeting.member)] == id {
		return committeeScore
	}
	return 0
}

// newsLocked makes the announcer look at id.
func (r *roster) newsLocked(id PeerID) {
	r.news[id] = struct{}{}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// announce tells consumers who came and who left, one at a time and each peer's in
// order, until ctx ends. What is pending is bounded by the connected peers.
func (r *roster) announce(ctx context.Context, tell func(PeerEvent)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for _, e := range r.takeNews() {
			tell(e)
		}
	}
}

// takeNews returns what consumers must be told, and forgets peers that are gone.
func (r *roster) takeNews() []PeerEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	var events []PeerEvent
	for _, id := range slices.Sorted(maps.Keys(r.news)) {
		rec := r.peers[id]
		if rec == nil {
			continue
		}
		if rec.left && rec.known {
			events = append(events, PeerEvent{Peer: r.infoLocked(id, rec)})
			rec.known = false
		}
		rec.left = false
		if rec.announce && rec.greeted() {
			events = append(events, PeerEvent{Joined: true, Peer: r.infoLocked(id, rec)})
			rec.known = true
		}
		rec.announce = false
		if len(rec.conns) == 0 {
			delete(r.peers, id)
		}
	}
	clear(r.news)
	return events
}
