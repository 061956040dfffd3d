package p2p

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
)

// MemberInfo is a committee member as this node sees it.
type MemberInfo struct {
	Index  int // signer index
	Key    ed25519.PublicKey
	Name   string // from the network file
	Weight uint64
	Self   bool // this node
	// Peer is the connected peer that proved the key; empty if there is none.
	Peer PeerID
	// Subscribed says that Peer has announced the tx and cert topics of the
	// committee: gossip reaches it.
	Subscribed bool
	// Problem is why the member is not reached; empty while it is, or while the
	// first attempt goes on.
	Problem string
	// Since is since when Peer is connected or, without one, since when nobody has
	// spoken for the member here; zero if nobody has since this node was made.
	Since   time.Time
	pending bool // an attempt to reach it goes on
}

// Reached reports whether gossip and requests get to the member.
func (m *MemberInfo) Reached() bool { return m.Self || m.Subscribed }

// Members describes the members of a committee in order of their index; nil if the
// network file does not have it.
func (n *Node) Members(committeeID common.Hash) []MemberInfo {
	c, ok := n.cfg.Rules.Committee(committeeID)
	if !ok {
		return nil
	}
	names := make(map[voteKey]string, len(n.cfg.Members))
	for _, m := range n.cfg.Members {
		names[voteKey(m.Key)] = m.Name
	}
	targets := make(map[voteKey][]*target)
	for _, t := range n.dialer.list() {
		for _, key := range t.keys {
			targets[voteKey(key)] = append(targets[voteKey(key)], t)
		}
	}
	room, _ := n.gossip.room(committeeID)
	members := make([]MemberInfo, c.Len())
	for i := range members {
		key := c.Key(i)
		m := &members[i]
		*m = MemberInfo{Index: i, Key: key, Name: names[voteKey(key)], Weight: c.Weight(i), Self: key.Equal(n.cfg.ValidatorKey), Since: n.roster.since(key)}
		if m.Self {
			m.Peer = n.host.ID()
			continue
		}
		n.look(m, room, targets[voteKey(key)])
	}
	return members
}

// look finds out how far the connection to a member has come.
func (n *Node) look(m *MemberInfo, room *room, targets []*target) {
	if peer, ok := n.roster.speaker(m.Key); ok {
		m.Peer = peer
		m.Subscribed = room != nil && room.subscribed(peer)
		m.pending = !m.Subscribed
		return
	}
	if len(targets) == 0 {
		m.Problem = "the network file has no address of it, and it has not connected"
		return
	}
	var problems []string
	for _, t := range targets {
		if n.roster.isGreeted(t.id) {
			problems = append(problems, fmt.Sprintf("peer %s at its address did not prove the member's key", t.id))
			continue
		}
		problem := t.problem()
		if reason, _, refused := n.roster.refusal(t.id); refused {
			problem = reason
		}
		if problem == "" {
			m.pending = true
			return
		}
		problems = append(problems, problem)
	}
	m.Problem = strings.Join(problems, "; ")
}

// Readiness says whether a node can take part in a committee's work, and what is
// missing.
type Readiness struct {
	// Ready: the node listens, every member that can be reached is connected and
	// subscribed, and the meshes have formed. A member that cannot be dialed does
	// not keep a node from being ready.
	Ready bool
	// Weight is that of the reached members, this node included; Quorum is what a
	// QC needs.
	Weight, Quorum uint64
	// Waiting is what is still going on; empty if Ready.
	Waiting []string
	// Missing is who cannot be reached, and why.
	Missing []string
}

// QuorumReachable reports whether the reached members can certify a payment.
func (r Readiness) QuorumReachable() bool { return r.Weight >= r.Quorum }

// Readiness looks at a joined committee.
func (n *Node) Readiness(committeeID common.Hash) Readiness {
	room, ok := n.gossip.room(committeeID)
	if !ok {
		return Readiness{Waiting: []string{fmt.Sprintf("committee %x… is not joined", committeeID[:4])}}
	}
	r := Readiness{Quorum: room.committee.Quorum()}
	select {
	case <-n.listening:
	default:
		r.Waiting = append(r.Waiting, "the node does not listen yet")
	}
	for _, m := range n.Members(committeeID) {
		switch {
		case m.Reached():
			r.Weight += m.Weight
		case m.pending:
			r.Waiting = append(r.Waiting, "connecting to "+m.label())
		default:
			r.Missing = append(r.Missing, m.label()+": "+m.Problem)
		}
	}
	for _, kind := range []topicKind{topicTx, topicCert} {
		name := topicName(committeeID, kind)
		if len(room.subscribersOf(kind)) > 0 && !n.gossip.tracer.meshed(name) {
			r.Waiting = append(r.Waiting, "no peer in the mesh of topic "+kind.String())
		}
	}
	r.Ready = len(r.Waiting) == 0
	return r
}

// label names a member for people.
func (m *MemberInfo) label() string {
	if m.Name != "" {
		return fmt.Sprintf("validator %d (%s)", m.Index, m.Name)
	}
	return fmt.Sprintf("validator %d", m.Index)
}

// Changed returns a channel that is closed at the next change of the connected peers or of
// what readiness depends on. Take it before looking, so that no change is missed.
func (n *Node) Changed() <-chan struct{} { return n.changes.wait() }

// WaitReady returns when the node is ready for a committee's work, or with an error
// that says what it waits for when ctx ends. Missing members do not keep it: see
// [Node.Await] for a quorum.
func (n *Node) WaitReady(ctx context.Context, committeeID common.Hash) (Readiness, error) {
	return n.Await(ctx, committeeID, func(r Readiness) bool { return r.Ready })
}

// Await returns when enough holds, which it asks whenever the readiness may have
// changed, or with an error that says what is missing when ctx ends.
func (n *Node) Await(ctx context.Context, committeeID common.Hash, enough func(Readiness) bool) (Readiness, error) {
	for {
		changed := n.changes.wait()
		r := n.Readiness(committeeID)
		if enough(r) {
			return r, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return r, fmt.Errorf("p2p: not ready, %s: %w", strings.Join(slices.Concat(r.Waiting, r.Missing), ", "), ctx.Err())
		case <-n.active.Done():
			return r, fmt.Errorf("p2p: not ready: %w", ErrRunning)
		}
	}
}

// Twin looks for another peer that votes with this validator's key: it tries the
// addresses that the network file gives for the key under other peer ids, each once,
// and returns the peer that proved the key. It returns false if there is none that
// can be reached, and ctx's error if that ends first.
func (n *Node) Twin(ctx context.Context) (PeerID, bool, error) {
	select {
	case <-n.listening:
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
	n.redial() // Run may not have come to it yet
	for {
		changed := n.changes.wait()
		pending := false
		for _, t := range n.dialer.list() {
			if !t.speaksFor(n.cfg.ValidatorKey) {
				continue
			}
			_, _, refused := n.roster.refusal(t.id)
			pending = pending || !n.roster.isGreeted(t.id) && t.problem() == "" && !refused
		}
		if id, found := n.roster.speaker(n.cfg.ValidatorKey); found {
			return id, true, nil
		}
		if !pending {
			return "", false, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", false, ctx.Err()
		case <-n.active.Done():
			return "", false, ErrRunning
		}
	}
}

// report keeps the committee metrics up to date until ctx ends.
func (n *Node) report(ctx context.Context) {
	var reported []*room
	for {
		changed := n.changes.wait()
		joined := n.gossip.joined()
		for _, room := range reported {
			if !slices.Contains(joined, room) {
				n.metrics.dropCommittee(room.committee)
			}
		}
		for _, room := range joined {
			n.metrics.setCommittee(room.committee, n.reachedWeight(room.committee))
		}
		reported = joined
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// reachedWeight is the weight of a committee's reached members.
func (n *Node) reachedWeight(c *fastpay.Committee) uint64 {
	var weight uint64
	for _, m := range n.Members(c.ID()) {
		if m.Reached() {
			weight += m.Weight
		}
	}
	return weight
}
