package fastpay

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/rlp"
)

func TestQuorumIsMoreThanTwoThirds(t *testing.T) {
	for _, c := range []struct{ members, want uint64 }{
		{1, 1}, {2, 2}, {3, 3}, {4, 3}, {5, 4}, {6, 5}, {7, 5}, {20, 14}, {100, 67}, {1024, 683},
	} {
		t.Run(fmt.Sprintf("%d members", c.members), func(t *testing.T) {
			m, _ := members(0, equalWeights(int(c.members)))
			committee, err := NewCommittee(testChainID, 1, 1, 2, PaymentLane, m)
			noError(t, err)
			equal(t, "quorum", committee.Quorum(), c.want)
			equal(t, "total", committee.Total(), c.members)
		})
	}
}

// Two quorums share more weight than Byzantine members may have, and a quorum
// exists without them.
func TestQuorumsIntersectInAnHonestMember(t *testing.T) {
	for total := uint64(1); total <= 3000; total++ {
		q, byzantine := QuorumOf(total), (total-1)/3
		if 2*q <= total+byzantine {
			t.Errorf("total %d: two quorums of %d may share only %d, Byzantine members weigh up to %d", total, q, 2*q-total, byzantine)
		}
		if total-byzantine < q {
			t.Errorf("total %d: honest members weigh %d, the quorum is %d", total, total-byzantine, q)
		}
	}
	const heaviest = MaxMembers * MaxWeight
	equal(t, "quorum of the heaviest committee", QuorumOf(heaviest), 2*(heaviest/3)+1)
}

func TestCommitteeCountsWeightsAndNotHeads(t *testing.T) {
	m, _ := members(0, []uint64{1, MaxWeight, 5})
	c, err := NewCommittee(testChainID, 1, 1, 2, PaymentLane, m)
	noError(t, err)
	equal(t, "total", c.Total(), MaxWeight+6)
	equal(t, "quorum", c.Quorum(), 2*(MaxWeight+6)/3+1)
	equal(t, "weight", c.Weight(1), MaxWeight)
}

func TestCommitteeRefusals(t *testing.T) {
	good, _ := members(0, equalWeights(3))
	with := func(f func(m []Member)) []Member {
		m := append([]Member(nil), good...)
		f(m)
		return m
	}
	many, _ := members(0, equalWeights(MaxMembers+1))
	withNodeKeys := with(func(m []Member) {
		for i := range m {
			m[i].NodeKey = [32]byte{1}
		}
	})
	for _, c := range []struct {
		name              string
		chain, start, end uint64
		kind              LaneKind
		members           []Member
		want              string
	}{
		{"chain 0", 0, 1, 2, PaymentLane, good, "chain id is 0"},
		{"ends when it starts", 1, 2, 2, PaymentLane, good, "not before end"},
		{"unknown lane kind", 1, 1, 2, 2, good, "lane kind 2"},
		{"nobody", 1, 1, 2, PaymentLane, nil, "0 members"},
		{"too many", 1, 1, 2, PaymentLane, many, "1025 members"},
		{"weight 0", 1, 1, 2, PaymentLane, with(func(m []Member) { m[1].Weight = 0 }), "member 1 weighs 0"},
		{"weight above 2^32", 1, 1, 2, PaymentLane, with(func(m []Member) { m[1].Weight = MaxWeight + 1 }), "member 1 weighs"},
		{"unsorted", 1, 1, 2, PaymentLane, with(func(m []Member) { m[0], m[1] = m[1], m[0] }), "member 1 is not above"},
		{"one key twice", 1, 1, 2, PaymentLane, with(func(m []Member) { m[2] = m[1] }), "member 2 is not above"},
		{"node key without sub-blocks", 1, 1, 2, PaymentLane, withNodeKeys, "node key"},
		{"sub-blocks without node key", 1, 1, 2, SubBlockLane, good, "node key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewCommittee(c.chain, 1, c.start, c.end, c.kind, c.members)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("have error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func TestCommitteeIDCommitsToEverything(t *testing.T) {
	base, _ := members(0, []uint64{1, 2, 3})
	other, _ := members(7, []uint64{1, 2, 3})
	weighed, _ := members(0, []uint64{1, 2, 4})
	shorter := base[:2]
	noded := append([]Member(nil), base...)
	for i := range noded {
		noded[i].NodeKey = [32]byte{byte(i + 1)}
	}
	build := func(chain, epoch, start, end uint64, kind LaneKind, m []Member) *Committee {
		c, err := NewCommittee(chain, epoch, start, end, kind, m)
		noError(t, err)
		return c
	}
	seen := make(map[string]string)
	for name, c := range map[string]*Committee{
		"base":      build(1, 1, 1, 9, PaymentLane, base),
		"chain":     build(2, 1, 1, 9, PaymentLane, base),
		"epoch":     build(1, 2, 1, 9, PaymentLane, base),
		"start":     build(1, 1, 2, 9, PaymentLane, base),
		"end":       build(1, 1, 1, 8, PaymentLane, base),
		"node keys": build(1, 1, 1, 9, SubBlockLane, noded),
		"keys":      build(1, 1, 1, 9, PaymentLane, other),
		"weights":   build(1, 1, 1, 9, PaymentLane, weighed),
		"size":      build(1, 1, 1, 9, PaymentLane, shorter),
	} {
		if double, ok := seen[c.ID().Hex()]; ok {
			t.Errorf("committees %q and %q have one id", name, double)
		}
		seen[c.ID().Hex()] = name
	}

	list := []any{}
	for _, m := range base {
		list = append(list, []any{m.Key[:], m.Weight, m.NodeKey[:]})
	}
	spelled, err := rlp.EncodeToBytes([]any{uint64(1), uint64(1), uint64(1), uint64(9), uint64(0), list})
	noError(t, err)
	equal(t, "id", build(1, 1, 1, 9, PaymentLane, base).ID(), H("allegro/v1/committee", spelled))
}

func TestCommitteeIndexFindsMembersOnly(t *testing.T) {
	m, keys := members(0, equalWeights(5))
	c, err := NewCommittee(testChainID, 3, 1, 2, PaymentLane, m)
	noError(t, err)
	for i, k := range keys {
		got, ok := c.Index(k.Public().(ed25519.PublicKey))
		if !ok || got != i {
			t.Errorf("member %d: index %d, %v", i, got, ok)
		}
		if !bytes.Equal(c.Key(i), k.Public().(ed25519.PublicKey)) || c.Member(i) != m[i] {
			t.Errorf("member %d is not the one it was made from", i)
		}
	}
	if _, ok := c.Index(voteKey(77).Public().(ed25519.PublicKey)); ok {
		t.Error("a stranger's key has an index")
	}
	if _, ok := c.Index(keys[0].Public().(ed25519.PublicKey)[:31]); ok {
		t.Error("a short key has an index")
	}
	equal(t, "epoch", c.Epoch(), 3)
	equal(t, "len", c.Len(), 5)
	equal(t, "lane kind", c.LaneKind(), PaymentLane)
}

func TestCommitteeDoesNotAliasItsMembers(t *testing.T) {
	m, _ := members(0, equalWeights(3))
	c, err := NewCommittee(testChainID, 1, 1, 2, PaymentLane, m)
	noError(t, err)
	m[0].Weight = 1000
	equal(t, "weight", c.Weight(0), 1)
}
