package tempo

import (
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// Update is one step of the chain as a [Follower] saw it. The updates of one
// run leave no gap: the outcomes of each block are reported once for each time
// that the block becomes part of the canonical chain.
type Update struct {
	// Latest is the newest block followed, Finalized the newest one of those
	// that the node calls final. Finalized.Number never goes down, and is
	// never above Latest.Number.
	Latest, Finalized Header

	// LatestSeen and FinalizedSeen say when this process first saw these
	// blocks, final or not, on the Follower's clock.
	LatestSeen, FinalizedSeen time.Time

	// Behind is how many blocks the node has above Latest. It is above 0 while
	// the Follower catches up after a start or an outage; Latest and Finalized
	// are then blocks of the past.
	Behind uint64

	// Reverted is the number of the first block that is no longer canonical
	// since the update before, 0 if there is none. It is above the number of
	// the block that was final then.
	Reverted uint64
	// Replaced are the outcomes, by block, that were reported before in the
	// blocks from Reverted on and no longer hold. The transactions may be
	// among Outcomes again, or may come back in a later block, or never.
	Replaced []tx76.Outcome

	// Outcomes are those of the blocks that became canonical with this update,
	// by block and by place in it.
	Outcomes []tx76.Outcome

	// Touched are the accounts whose balance of a followed token or whose 2D
	// nonce changed in the blocks that became final with this update, each
	// once. Only these need be read again at Finalized.
	Touched []common.Address

	// PoliciesChanged tells whether one of these blocks may have changed which
	// transfers of the followed tokens are forbidden: a token got another policy, was
	// stopped or goes on, or the policy registry logged anything. Only then need
	// [Chain.CanTransfer] be asked again at Finalized.
	PoliciesChanged bool
}

// Status is what a [Follower] knows about its node now.
type Status struct {
	// Connected tells whether the last look at the chain was answered.
	Connected bool
	// DownSince is when looks began to fail; the zero time while Connected.
	DownSince time.Time
	// LastError is why the last look failed that did, nil if none has. It stays
	// set after the node is back.
	LastError error

	// Subscribed tells whether the node announces heads. If not, it is polled.
	Subscribed bool

	// Head is the newest block that the node reported, HeadSeen when this
	// process first saw it; the zero values before the first answer.
	Head     Header
	HeadSeen time.Time
}
