package validator

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a validator needs.
type Config struct {
	Rules  *fastpay.Rules
	Signer Signer
	// Node says how the peer takes part in the network: identity, addresses,
	// members, digest. Role, keys, sink and responder are filled in.
	Node  p2p.Config
	Store *replica.Store

	Chain    Chain
	Follower Follower

	Settlement Settlement
	Limits     Limits
	// Now is the clock. Only differences matter.
	Now        func() time.Time
	Jitter     func() float64
	Boot       [8]byte // tells this run from earlier ones
	Registerer prometheus.Registerer
	Tracer     *tracing.Tracer // nil: nothing is traced
}

// Settlement says how certified payments reach the chain (section 4.7).
type Settlement struct {
	Sponsor  *ecdsa.PrivateKey // pays the fees
	FeeToken common.Address    // in which fees are paid
	// InOrder says that the chain executes in the order of submission, so that a
	// payment and its parents are handed over at once. Otherwise one level is sent
	// per receipt.
	InOrder   bool
	BlockTime time.Duration
	// PerPayer is how many payments of one payer are sponsored within an hour.
	PerPayer int
}

// Limits bound what a validator holds. What does not fit is refused with
// TEMPORARY_UNAVAILABLE and counted.
type Limits struct {
	// Intake is the number of payments waiting for the engine: at 10,000 a second
	// a tenth of a second's worth.
	Intake int
	// Pool is the number of payments kept that may become valid: each is about
	// 1 KB.
	Pool int
	// Readers is the number of concurrent reads of chain state.
	Readers int
	// Waiting is the number of requests that wait for a read or a signature: while
	// the node or the disk hangs, the same payments are submitted again and again.
	// Sixteen full batches are a second's worth or two, of about 300 bytes each.
	Waiting int
}

// DefaultLimits are the limits of a validator on a small machine.
func DefaultLimits() Limits {
	return Limits{Intake: 1024, Pool: 4096, Readers: 4, Waiting: 16 * fastpay.MaxBatch}
}

// Chain is what a validator asks of its own node.
type Chain interface {
	// HeaderByNumber returns the header of a canonical block.
	HeaderByNumber(ctx context.Context, number uint64) (tempo.Header, error)
	// Account reads a lane at a block.
	Account(ctx context.Context, block tempo.Header, token, owner common.Address, nonceKey uint256.Int) (tempo.Account, error)
	// CanTransfer returns tempo.ErrPolicy if the token forbids a transfer.
	CanTransfer(ctx context.Context, block tempo.Header, token, from, to common.Address, memo common.Hash) error
	// BalanceAt reads what an account holds of a token, at a block.
	BalanceAt(ctx context.Context, number uint64, hash common.Hash, token, owner common.Address) (uint256.Int, error)
	// Send submits a signed transaction.
	Send(ctx context.Context, raw []byte) (common.Hash, error)

	replica.LaneReader
	forker
}

// Follower reports the chain step by step until ctx ends or handle fails.
type Follower interface {
	Run(ctx context.Context, handle func(tempo.Update) error) error
}

var _ Chain = (*tempo.Chain)(nil)
var _ Follower = (*tempo.Follower)(nil)

// Signer holds a member's vote key. It may live in another process or in
// hardware, so it is given what is hashed, never a digest: it can refuse what is
// none of these three. Implementations are safe for concurrent use.
type Signer interface {
	// Key is the Ed25519 public key.
	Key() [32]byte
	// SignBatch signs a Merkle root over count tx ids for a committee.
	SignBatch(ctx context.Context, committee common.Hash, count int, root common.Hash) ([]byte, error)
	// SignHead signs a view of the member's node.
	SignHead(ctx context.Context, committee *fastpay.Committee, signer int, view fastpay.HeadView) ([]byte, error)
	// SignHello signs the proof of this key to a peer; see [fastpay.HelloDigest].
	SignHello(ctx context.Context, committee common.Hash, requester, responder []byte, nonce [32]byte) ([]byte, error)
}

// Validate reports the first thing in c that a validator cannot run with.
func (c *Config) Validate() error {
	switch {
	case c.Rules == nil:
		return errors.New("validator: config has no rules: load the network file")
	case c.Signer == nil:
		return errors.New("validator: config has no signer")
	case c.Store == nil:
		return errors.New("validator: config has no store: votes must be durable")
	case c.Chain == nil || c.Follower == nil:
		return errors.New("validator: config has no chain")
	case c.Now == nil || c.Jitter == nil:
		return errors.New("validator: config has no clock or no jitter")
	case c.Settlement.Sponsor == nil:
		return errors.New("validator: config has no sponsor key: certified payments could not be settled")
	case c.Settlement.BlockTime <= 0 || c.Settlement.PerPayer <= 0:
		return errors.New("validator: block time and sponsored payments per payer must be positive")
	case c.Limits.Intake <= 0 || c.Limits.Pool <= 0 || c.Limits.Readers <= 0 || c.Limits.Waiting <= 0:
		return errors.New("validator: limits must be positive: start from DefaultLimits")
	}
	if len(c.seats()) == 0 {
		return fmt.Errorf("validator: key 0x%x is in no committee of the network file", c.Signer.Key())
	}
	return nil
}

// seat is this member's place in one committee.
type seat struct {
	committee *fastpay.Committee
	index     int
}

// seats returns the committees that the signer's key is a member of, by epoch.
func (c *Config) seats() []seat {
	key := c.Signer.Key()
	var out []seat
	for _, committee := range c.Rules.Committees() {
		if i, ok := committee.Index(key[:]); ok {
			out = append(out, seat{committee, i})
		}
	}
	return out
}

// laneKind is that of the network's lanes, which all its committees have.
func (c *Config) laneKind() fastpay.LaneKind { return c.Rules.Committees()[0].LaneKind() }

// accountOf is the lane state that fastpay wants of what the chain says.
func accountOf(l fastpay.Lane, a tempo.Account) (fastpay.Account, error) {
	return fastpay.NewAccount(l, a.Balance, a.Nonce, a.Last)
}
