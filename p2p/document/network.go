package document

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
)

// Peers describes the peers that the node knows.
func (d *Describer) Peers() Peers {
	doc := Peers{Schema: PeersSchema, Peers: []Peer{}}
	for _, p := range d.node.Peers() {
		doc.Peers = append(doc.Peers, PeerOf(p))
	}
	return doc
}

// PeerOf describes a peer.
func PeerOf(p p2p.PeerInfo) Peer {
	doc := Peer{
		PeerID: p.ID.String(), Name: OrNull(p.Name), State: string(p.State), Role: OrNull(string(p.Role)), Version: OrNull(p.Version),
		Transport: OrNull(p.Transport), Address: OrNull(p.Addr), Addresses: List(p.Addrs), Score: p.Score, Problem: OrNull(p.Problem),
	}
	if p.Addr != "" {
		direction := "inbound"
		if p.Outbound {
			direction = "outbound"
		}
		doc.Direction, doc.SinceMicros = &direction, new(Micros(p.Since))
	}
	if p.Latency > 0 {
		doc.LatencyMicros = Decimal(uint64(p.Latency.Microseconds()))
	}
	return doc
}

// Topics describes the joined gossip topics.
func (d *Describer) Topics() Topics {
	names := make(map[p2p.PeerID]string)
	for _, p := range d.node.Peers() {
		names[p.ID] = p.Name
	}
	named := func(ids []p2p.PeerID) []PeerName {
		out := []PeerName{}
		for _, id := range ids {
			out = append(out, PeerName{PeerID: id.String(), Name: OrNull(names[id])})
		}
		return out
	}
	doc := Topics{Schema: TopicsSchema, Topics: []Topic{}}
	for _, t := range d.node.Topics() {
		doc.Topics = append(doc.Topics, Topic{
			Name: t.Name, Kind: t.Kind, Committee: t.Committee.Hex(), Peers: named(t.Peers), Mesh: named(t.Mesh),
		})
	}
	return doc
}

// Scores describes the scores of the neighbours.
func (d *Describer) Scores() Scores {
	names := make(map[p2p.PeerID]string)
	for _, p := range d.node.Peers() {
		names[p.ID] = p.Name
	}
	doc := Scores{Schema: ScoresSchema, Scores: []Score{}}
	for _, s := range d.node.Scores() {
		doc.Scores = append(doc.Scores, Score{
			PeerName: PeerName{PeerID: s.ID.String(), Name: OrNull(names[s.ID])},
			Score:    s.Score, Standing: s.Standing, Colocation: s.Colocation, Behaviour: s.Behaviour, Invalid: s.Invalid,
		})
	}
	return doc
}

// Heads are the members' newest views of the chain.
func (d *Describer) Heads(c *fastpay.Committee) []Head {
	out := []Head{}
	d.replica.Read(func(b *fastpay.Board) {
		for _, h := range b.Heads(c.ID()) {
			v := h.View()
			out = append(out, Head{
				Validator: d.name(c, h.Signer()), Height: strconv.FormatUint(v.Height, 10),
				FinalizedHeight: strconv.FormatUint(v.FinalizedHeight, 10), Time: strconv.FormatUint(v.Time, 10),
			})
		}
	})
	return out
}

// Committee describes a committee with what this peer knows of its members.
func (d *Describer) Committee(c *fastpay.Committee) Committee {
	doc := CommitteeOf(d.file, c)
	heads := d.Heads(c)
	for i, m := range d.node.Members(c.ID()) {
		member := &doc.Members[i]
		reached := m.Reached()
		member.Reached, member.Problem = &reached, OrNull(notReached(&m))
		if m.Peer != "" {
			member.PeerID = new(m.Peer.String())
		}
		if at := slices.IndexFunc(heads, func(h Head) bool { return h.Validator == member.Name }); at >= 0 {
			member.Head = &heads[at]
		}
	}
	return doc
}

// CommitteeOf describes a committee of a network file, as somebody sees it who is
// connected to nobody.
func CommitteeOf(f *netfile.File, c *fastpay.Committee) Committee {
	doc := Committee{
		Schema: CommitteeSchema, ID: c.ID().Hex(), Epoch: strconv.FormatUint(c.Epoch(), 10),
		Start: strconv.FormatUint(c.Start(), 10), End: strconv.FormatUint(c.End(), 10),
		Members: []Member{}, Threshold: c.Quorum(), Total: c.Total(),
	}
	for i, m := range f.MembersOf(c.ID()) {
		doc.Members = append(doc.Members, Member{
			Index: i, Name: m.Name, Key: fmt.Sprintf("0x%x", m.Key[:]), Weight: m.Weight, Sponsor: m.Sponsor.String(),
			Addresses: List(m.Addresses),
		})
	}
	return doc
}

// Readiness says whether the peer can take part in a committee's work.
func (d *Describer) Readiness(c *fastpay.Committee) Readiness {
	r := d.node.Readiness(c.ID())
	return Readiness{
		Mesh: r.Ready, Quorum: r.QuorumReachable(), Weight: r.Weight, Threshold: c.Quorum(), Total: c.Total(),
		Waiting: List(r.Waiting), Missing: List(r.Missing),
	}
}

// Chain describes what the peer's own node has shown.
func (d *Describer) Chain() Chain {
	doc := Chain{ID: strconv.FormatUint(d.rules.ChainID(), 10)}
	d.replica.Read(func(b *fastpay.Board) {
		if b.Latest().Hash == (common.Hash{}) {
			return
		}
		doc.Height, doc.FinalizedHeight = Decimal(b.Latest().Number), Decimal(b.Finalized().Number)
		doc.FinalizedTime = Decimal(b.Finalized().Time)
	})
	if seen := d.replica.BlocksSeen(); len(seen) > 0 {
		doc.HeadSeen = new(Micros(seen[len(seen)-1].Seen))
	}
	return doc
}

// notReached says why a member is not reached; empty if it is.
func notReached(m *p2p.MemberInfo) string {
	if m.Problem == "" && !m.Reached() {
		return "it is being dialed"
	}
	return m.Problem
}
