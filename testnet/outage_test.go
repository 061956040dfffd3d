package testnet_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// mains switches chain nodes off and on. While they are off every request fails
// and no block is reported.
type mains struct {
	mu sync.Mutex
	on chan struct{} // closed while on
}

func newMains(on bool) *mains {
	m := &mains{on: make(chan struct{})}
	if on {
		close(m.on)
	}
	return m
}

func (m *mains) off() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.on = make(chan struct{})
}

func (m *mains) back() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.on)
}

func (m *mains) state() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.on
}

// err is what a request fails with, or nil.
func (m *mains) err() error {
	select {
	case <-m.state():
		return nil
	default:
		return fmt.Errorf("no power: %w", tempo.ErrUnreachable)
	}
}

// node is a validator's chain node behind a switch.
type node struct {
	validator.Chain
	follower validator.Follower
	mains    *mains
}

func (n *node) HeaderByNumber(ctx context.Context, number uint64) (tempo.Header, error) {
	if err := n.mains.err(); err != nil {
		return tempo.Header{}, err
	}
	return n.Chain.HeaderByNumber(ctx, number)
}

func (n *node) Account(ctx context.Context, block tempo.Header, token, owner common.Address, nonceKey uint256.Int) (tempo.Account, error) {
	if err := n.mains.err(); err != nil {
		return tempo.Account{}, err
	}
	return n.Chain.Account(ctx, block, token, owner, nonceKey)
}

func (n *node) CanTransfer(ctx context.Context, block tempo.Header, token, from, to common.Address, memo common.Hash) error {
	if err := n.mains.err(); err != nil {
		return err
	}
	return n.Chain.CanTransfer(ctx, block, token, from, to, memo)
}

func (n *node) Send(ctx context.Context, raw []byte) (common.Hash, error) {
	if err := n.mains.err(); err != nil {
		return common.Hash{}, err
	}
	return n.Chain.Send(ctx, raw)
}

func (n *node) NonceAt(ctx context.Context, number uint64, hash common.Hash, owner common.Address, nonceKey uint256.Int) (uint64, error) {
	if err := n.mains.err(); err != nil {
		return 0, err
	}
	return n.Chain.NonceAt(ctx, number, hash, owner, nonceKey)
}

func (n *node) OutcomeAt(ctx context.Context, number uint64, hash common.Hash, owner common.Address, nonceKey uint256.Int, nonce uint64) (*tx76.Outcome, error) {
	if err := n.mains.err(); err != nil {
		return nil, err
	}
	return n.Chain.OutcomeAt(ctx, number, hash, owner, nonceKey, nonce)
}

func (n *node) Run(ctx context.Context, handle func(tempo.Update) error) error {
	return n.follower.Run(ctx, func(u tempo.Update) error {
		select {
		case <-n.mains.state():
		case <-ctx.Done():
			return ctx.Err()
		}
		return handle(u)
	})
}

// behind puts every validator's node behind a switch.
func behind(m *mains) func(*testnet.Config) {
	return func(cfg *testnet.Config) {
		edit := cfg.EditValidator
		cfg.EditValidator = func(name string, c *validator.Config) {
			n := &node{c.Chain, c.Follower, m}
			c.Chain, c.Follower = n, n
			if edit != nil {
				edit(name, c)
			}
		}
	}
}

// TestPaymentsDuringAChainOutage turns all validators' nodes off for twelve
// blocks. What the pinned block still answers certifies meanwhile; what it does not
// is refused for now and certifies when the nodes are back. Then all of it settles,
// although each validator sponsors only a few payments of a payer: failed
// attempts do not count.
func TestPaymentsDuringAChainOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		power := newMains(true)
		v := startVirtual(t, 20, func(cfg *testnet.Config) {
			four(cfg)
			cfg.Aggregators = 0
			behind(power)(cfg)
			edit := cfg.EditValidator
			cfg.EditValidator = func(name string, c *validator.Config) {
				edit(name, c)
				c.Settlement.PerPayer = 2
			}
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, carol := v.Peer("alice"), v.Peer("bob"), v.Peer("carol")
		waitBlocks(t, ctx, alice, 2)
		time.Sleep(time.Second) // in the middle of a block
		t1 := payCents(t, ctx, alice, bob, 100)
		power.off()
		began := time.Now()
		t2 := payCents(t, ctx, alice, bob, 100)
		t3 := payNow(t, ctx, carol, bob, 100)
		waitBlocks(t, ctx, bob, 12)
		require.GreaterOrEqual(t, time.Since(began), 55*time.Second)
		require.Equal(t, fastpay.StageUnknown, stage(bob, t3), "nobody can read carol's balance")
		carol.Replica.Read(func(b *fastpay.Board) {
			require.Len(t, b.Rejects(t3), 4)
			for _, r := range b.Rejects(t3) {
				require.Equal(t, fastpay.TemporaryUnavailable, r.Code, r.Text)
			}
		})
		require.Equal(t, fastpay.StageCertified, stage(bob, t2))
		power.back()
		for _, id := range []fastpay.ID{t1, t2, t3} {
			waitStage(t, ctx, bob, id, fastpay.StageFinalized)
		}
		v.requireBalances(t, ctx, bob, map[string]uint64{"alice": 13 * testnet.Dollar, "bob": 8 * testnet.Dollar, "carol": 4 * testnet.Dollar})
		v.requireSound(t)
	})
}

// TestValidatorsWaitForTheirNode starts validators before their nodes answer. They
// are peers, serve sync, and refuse payments for now; when the nodes come they vote
// without being restarted.
func TestValidatorsWaitForTheirNode(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		power := newMains(false)
		v := startVirtual(t, 21, func(cfg *testnet.Config) {
			cfg.Clients, cfg.Aggregators = cfg.Clients[:2], 0
			behind(power)(cfg)
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		hand := v.stranger(t, ctx, "stranger", nil)
		id := payNow(t, ctx, alice, bob, 1000)
		time.Sleep(30 * time.Second)
		for _, p := range v.validators() {
			var tx *fastpay.Tx
			alice.Replica.Read(func(b *fastpay.Board) { tx, _ = b.Tx(id) })
			reject := hand.refused(t, ctx, p.Name, fastpay.TemporaryUnavailable, tx)
			require.Contains(t, reject.Text, "has not shown a finalized block")
			resp, err := hand.Sync(ctx, p.Node.ID(), syncIDs(id))
			require.NoError(t, err)
			require.Len(t, resp.Items, 1)
		}
		power.back()
		waitStage(t, ctx, bob, id, fastpay.StageFinalized)
		v.requireSound(t)
	})
}
