package document

import (
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/ethereum/go-ethereum/common"
)

// Node is a peer in its network. [p2p.Node] is one.
type Node interface {
	Peers() []p2p.PeerInfo
	Topics() []p2p.TopicInfo
	Scores() []p2p.ScoreInfo
	Members(committeeID common.Hash) []p2p.MemberInfo
	Readiness(committeeID common.Hash) p2p.Readiness
}

// Replica is what a peer knows. [replica.Replica] is one.
type Replica interface {
	Read(f func(*fastpay.Board))
	Record(id fastpay.ID) (replica.Record, bool)
	BlocksSeen() []replica.BlockSeen
}

// Describer describes what one peer knows and is connected to. Safe for concurrent
// use.
type Describer struct {
	file    *netfile.File
	rules   *fastpay.Rules
	node    Node
	replica Replica
	names   map[common.Hash][]string // of the members, by committee
}

// NewDescriber returns a Describer of a peer. file is not kept from changing its
// members' addresses, and nothing else of it changes.
func NewDescriber(file *netfile.File, rules *fastpay.Rules, node Node, r Replica) *Describer {
	d := &Describer{file: file, rules: rules, node: node, replica: r, names: make(map[common.Hash][]string)}
	for _, c := range rules.Committees() {
		for _, m := range file.MembersOf(c.ID()) {
			d.names[c.ID()] = append(d.names[c.ID()], m.Name)
		}
	}
	return d
}

// name names a member for people.
func (d *Describer) name(c *fastpay.Committee, index int) string {
	if names := d.names[c.ID()]; index < len(names) {
		return names[index]
	}
	return fmt.Sprintf("member %d", index)
}
