package netfile

import (
	"fmt"
	"strings"

	"github.com/allegro-p2p/allegro/fastpay"
)

// checkCommittees checks the committees and their order.
func checkCommittees(committees []Committee, lane Lane) error {
	if len(committees) == 0 {
		return fmt.Errorf("no committee: list the validators under [[committee]]")
	}
	for i, c := range committees {
		if err := c.check(lane); err != nil {
			return fmt.Errorf("committee of epoch %d: %w", c.Epoch, err)
		}
		if i == 0 {
			continue
		}
		last := committees[i-1]
		if c.Epoch <= last.Epoch {
			return fmt.Errorf("committee of epoch %d stands behind that of epoch %d: epochs must ascend", c.Epoch, last.Epoch)
		}
		if c.Start < last.End {
			return fmt.Errorf("committee of epoch %d starts at %d, before epoch %d ends at %d: let it start at %d or later", c.Epoch, c.Start, last.Epoch, last.End, last.End)
		}
	}
	return nil
}

func (c Committee) check(lane Lane) error {
	if c.Start >= c.End {
		return fmt.Errorf("start %d is not before end %d", c.Start, c.End)
	}
	if len(c.Members) == 0 || len(c.Members) > fastpay.MaxMembers {
		return fmt.Errorf("%d members: between 1 and %d are possible under [[committee.member]]", len(c.Members), fastpay.MaxMembers)
	}
	names, keys, peers := make(map[string]bool), make(map[Key]string), make(map[string]string)
	for _, m := range c.Members {
		if err := checkName("member: name", m.Name); err != nil {
			return err
		}
		name := strings.ToLower(m.Name)
		if names[name] {
			return fmt.Errorf("member %s: the name stands for two members: rename one", m.Name)
		}
		names[name] = true
		peer, err := m.check(lane)
		if err != nil {
			return fmt.Errorf("member %s: %w", m.Name, err)
		}
		if other, taken := keys[m.Key]; taken {
			return fmt.Errorf("member %s: key is that of member %s: every member has its own", m.Name, other)
		}
		keys[m.Key] = m.Name
		if other, taken := peers[peer]; taken && peer != "" {
			return fmt.Errorf("member %s: peer id %s is that of member %s: every member has its own", m.Name, peer, other)
		}
		peers[peer] = m.Name
	}
	return nil
}

// check checks one member and returns the peer id that its addresses name, "" if
// it has none.
func (m Member) check(lane Lane) (peer string, err error) {
	none := Key{}
	switch {
	case m.Key == none:
		return "", fmt.Errorf("key is missing: want its Ed25519 vote key, 0x and 64 hex digits")
	case m.Weight == 0 || m.Weight > fastpay.MaxWeight:
		return "", fmt.Errorf("weight is %d: want between 1 and 2^32", m.Weight)
	case lane == PaymentLane && m.NodeKey != none:
		return "", fmt.Errorf("node_key belongs to lane %q: leave it empty with lane %q", SubBlockLane, PaymentLane)
	case lane == SubBlockLane && m.NodeKey == none:
		return "", fmt.Errorf("node_key is missing: lane %q needs its Tempo consensus key", SubBlockLane)
	case m.Sponsor == Address{}:
		return "", fmt.Errorf("sponsor is missing: name the account that pays the fees of what it submits")
	}
	seen := make(map[string]bool)
	for _, addr := range m.Addresses {
		id, err := peerOf(addr)
		if err != nil {
			return "", err
		}
		if seen[addr] {
			return "", fmt.Errorf("address %q is listed twice: remove one", addr)
		}
		seen[addr] = true
		if peer != "" && id != peer {
			return "", fmt.Errorf("address %q names another peer than the member's first address: a member is one peer", addr)
		}
		peer = id
	}
	return peer, nil
}
