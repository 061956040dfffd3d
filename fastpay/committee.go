package fastpay

import (
	"bytes"
	"crypto/ed25519"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
)

// LaneKind says how a lane's nonce key is made and how it settles (section 1).
type LaneKind uint64

const (
	// PaymentLane is an ordinary user nonce key: Tempo T4 and later.
	PaymentLane LaneKind = 0
	// SubBlockLane is a key with the sub-block prefix: Tempo before T4. It
	// settles only through the node of the lane's home member.
	SubBlockLane LaneKind = 1
)

// Member is one validator of a committee.
type Member struct {
	Key     [ed25519.PublicKeySize]byte // Ed25519 key of its votes
	Weight  uint64                      // 1 to 2^32
	NodeKey [32]byte                    // its Tempo consensus key; zeros in a PaymentLane committee
}

// Committee is the set of validators of one epoch. It votes on chain time from
// Start until End, both in seconds. The quorum is computed from the members and
// read from nowhere else. Immutable; safe for concurrent use.
type Committee struct {
	id     common.Hash
	body   committeeBody
	total  uint64
	quorum uint64
	index  map[[ed25519.PublicKeySize]byte]int
}

// committeeBody is the RLP form of a committee.
type committeeBody struct {
	ChainID  uint64
	Epoch    uint64
	Start    uint64
	End      uint64
	LaneKind LaneKind
	Members  []Member
}

// NewCommittee checks and builds a committee. Members must ascend strictly by
// key.
func NewCommittee(chainID, epoch, start, end uint64, kind LaneKind, members []Member) (*Committee, error) {
	if chainID == 0 {
		return nil, fmt.Errorf("committee: chain id is 0")
	}
	if start >= end {
		return nil, fmt.Errorf("committee: start %d is not before end %d", start, end)
	}
	if kind != PaymentLane && kind != SubBlockLane {
		return nil, fmt.Errorf("committee: lane kind %d is unknown: use 0 (payment lane) or 1 (sub-block lane)", kind)
	}
	if len(members) == 0 || len(members) > MaxMembers {
		return nil, fmt.Errorf("committee: %d members: between 1 and %d are possible", len(members), MaxMembers)
	}
	c := &Committee{
		body:  committeeBody{chainID, epoch, start, end, kind, append([]Member(nil), members...)},
		index: make(map[[ed25519.PublicKeySize]byte]int, len(members)),
	}
	for i, m := range c.body.Members {
		if m.Weight == 0 || m.Weight > MaxWeight {
			return nil, fmt.Errorf("committee: member %d weighs %d: between 1 and 2^32 are possible", i, m.Weight)
		}
		if i > 0 && bytes.Compare(c.body.Members[i-1].Key[:], m.Key[:]) >= 0 {
			return nil, fmt.Errorf("committee: member %d is not above its predecessor by key: sort the keys and remove doubles", i)
		}
		if none := m.NodeKey == [32]byte{}; none != (kind == PaymentLane) {
			return nil, fmt.Errorf("committee: member %d: a node key belongs to a sub-block lane, and only there", i)
		}
		c.total += m.Weight
		c.index[m.Key] = i
	}
	c.quorum = QuorumOf(c.total)
	c.id = H(tagCommittee, encode(&c.body))
	return c, nil
}

// QuorumOf is the weight that more than two thirds of total need:
// floor(2·total/3)+1.
func QuorumOf(total uint64) uint64 { return 2*total/3 + 1 }

// ID is H("allegro/v1/committee", rlp).
func (c *Committee) ID() common.Hash { return c.id }

// ChainID is the id of the chain that payments settle on.
func (c *Committee) ChainID() uint64 { return c.body.ChainID }

// Epoch numbers the committees of a network.
func (c *Committee) Epoch() uint64 { return c.body.Epoch }

// Start is the chain time, in seconds, from which the committee votes.
func (c *Committee) Start() uint64 { return c.body.Start }

// End is the chain time, in seconds, that no payment of the committee outlives.
func (c *Committee) End() uint64 { return c.body.End }

// LaneKind is the kind of the committee's lanes.
func (c *Committee) LaneKind() LaneKind { return c.body.LaneKind }

// Len is the number of members.
func (c *Committee) Len() int { return len(c.body.Members) }

// Member returns the member at a signer index.
func (c *Committee) Member(i int) Member { return c.body.Members[i] }

// Key returns the vote key of the member at a signer index.
func (c *Committee) Key(i int) ed25519.PublicKey { return c.body.Members[i].Key[:] }

// Weight returns the weight of the member at a signer index.
func (c *Committee) Weight(i int) uint64 { return c.body.Members[i].Weight }

// Total is the weight of all members.
func (c *Committee) Total() uint64 { return c.total }

// Quorum is the weight a QC needs.
func (c *Committee) Quorum() uint64 { return c.quorum }

// Index returns the signer index of a vote key.
func (c *Committee) Index(key ed25519.PublicKey) (int, bool) {
	if len(key) != ed25519.PublicKeySize {
		return 0, false
	}
	i, ok := c.index[[ed25519.PublicKeySize]byte(key)]
	return i, ok
}

// verify reports whether sig is member i's signature over digest.
func (c *Committee) verify(i int, digest common.Hash, sig []byte) bool {
	return ed25519.Verify(c.Key(i), digest[:], sig)
}

// signer checks a signer index that came off the wire.
func (c *Committee) signer(i uint64) (int, error) {
	if i >= uint64(c.Len()) {
		return 0, invalid("signer %d is not in committee %s of %d members", i, short(c.id), c.Len())
	}
	return int(i), nil
}

// short is the beginning of a hash, for error texts.
func short(h common.Hash) string { return fmt.Sprintf("0x%x…", h[:4]) }
