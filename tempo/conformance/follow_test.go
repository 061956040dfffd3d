package conformance_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/anvil"
	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// patience bounds the wait for what happens elsewhere; it is used up only by a
// failure.
const patience = 30 * time.Second

// receive returns the next value of a channel.
func receive[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		require.Fail(t, "waited in vain for "+what)
		panic("unreachable")
	}
}

// New heads and logs are announced, in order.
func TestSubscriptions(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		heads := make(chan *types.Header, 16)
		headSubscription, err := c.eth.SubscribeNewHead(t.Context(), heads)
		require.NoError(t, err)
		defer headSubscription.Unsubscribe()
		logs := make(chan types.Log, 16)
		logSubscription, err := c.eth.SubscribeFilterLogs(t.Context(), ethereum.FilterQuery{
			Addresses: []common.Address{tempo.PathUSD}, Topics: [][]common.Hash{{tempo.TopicTransferWithMemo}},
		}, logs)
		require.NoError(t, err)
		defer logSubscription.Unsubscribe()
		for nonce := range uint64(3) {
			hash := c.send(c.sponsored(draft(nonce, payment(c.bob, dollars(1), byte(nonce))), c.alice))
			block := c.mine()
			head := receive(t, "a head", heads)
			require.Equal(t, []any{block.Number, block.Hash}, []any{head.Number.Uint64(), head.Hash()})
			log := receive(t, "a log", logs)
			require.Equal(t, []any{hash, block.Hash}, []any{log.TxHash, log.BlockHash})
			memo, ok := tempo.ParseTransferWithMemo(&log)
			require.True(t, ok)
			require.Equal(t, noted(c.alice, c.bob, dollars(1), byte(nonce)), memo)
		}
	})
}

// following is a follower at work, and what it said so far.
type following struct {
	*tempo.Follower
	t       *testing.T
	updates chan tempo.Update

	last     tempo.Update
	outcomes []tx76.Outcome
	touched  map[common.Address]bool // by what became final
}

// follow starts a follower of the node at url. It looks when it is told to, and
// not by itself.
func follow(t *testing.T, url string, finality tempo.Tag) *following {
	t.Helper()
	node, err := tempo.Dial(t.Context(), url, tempo.Options{})
	require.NoError(t, err)
	t.Cleanup(node.Close)
	f := &following{t: t, updates: make(chan tempo.Update, 1024), touched: make(map[common.Address]bool)}
	f.Follower, err = tempo.NewFollower(node, tempo.FollowerConfig{
		Finality: finality, Tokens: []common.Address{tempo.PathUSD},
		PollInterval: time.Hour, MinBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- f.Run(ctx, func(u tempo.Update) error {
			f.updates <- u
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, receive(t, "the follower's end", ended), context.Canceled)
	})
	f.subscribed(true)
	return f
}

// subscribed waits until the node announces heads, or does not.
func (f *following) subscribed(yes bool) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return f.Status().Subscribed == yes }, patience, time.Millisecond)
}

// reaches waits until the follower is at a block, and checks each step to there.
func (f *following) reaches(block tempo.Header) {
	f.t.Helper()
	for f.last.Latest != block {
		u := receive(f.t, "the follower", f.updates)
		require.Zero(f.t, u.Reverted)
		require.Greater(f.t, u.Latest.Number+1, f.last.Latest.Number)
		require.GreaterOrEqual(f.t, u.Finalized.Number, f.last.Finalized.Number)
		f.last = u
		f.outcomes = append(f.outcomes, u.Outcomes...)
		for _, account := range u.Touched {
			f.touched[account] = true
		}
	}
}

// A follower hears of every block by WebSocket, and when its connection is cut it
// goes on where it was: it misses no block that was made meanwhile.
func TestFollowerOutlastsItsConnection(t *testing.T) {
	everywhere(t, func(t *testing.T, c *chain) {
		for range finalityLag { // what the follower begins with is final
			c.mine()
		}
		host := strings.TrimPrefix(c.url, "http://")
		for i, scheme := range []string{"http://", "ws://"} {
			relay := newRelay(t, host)
			f := follow(t, scheme+relay.address(), tempo.Finalized)
			f.reaches(c.head())
			nonce := uint64(5 * i)
			var want []common.Hash
			pay := func() tempo.Header {
				want = append(want, c.send(c.sponsored(draft(nonce, payment(c.bob, dollars(1), byte(nonce))), c.alice)))
				nonce++
				return c.mine()
			}
			f.reaches(pay()) // as it was announced
			relay.cut()
			f.subscribed(false)
			pay()
			pay()
			head := pay()
			relay.mend()
			f.reaches(head)
			f.subscribed(true)
			f.reaches(pay())
			require.True(t, f.Status().Connected)

			var got []common.Hash
			for j, o := range f.outcomes {
				require.Equal(t, nonce-uint64(len(want)-j), o.Nonce)
				got = append(got, o.TxHash)
			}
			require.Equal(t, want, got)
			require.Equal(t, f.last.Latest.Number-finalityLag, f.last.Finalized.Number)
			for range finalityLag {
				f.reaches(c.mine())
			}
			require.Equal(t, map[common.Address]bool{c.alice.address: true, c.bob.address: true}, f.touched)
			require.EqualValues(t, nonce, c.nonce(c.alice.address, &lane))
		}
	})
}

// Anvil as it comes finalizes nothing for 64 blocks. Whoever reads at the finalized
// block reads at block 0 until then, and that is what the follower says, so that
// its callers can name the height.
func TestFinalityThatDoesNotCome(t *testing.T) {
	k := kind{name: "anvil with its own finality", fork: "T0", open: openAnvil(anvil.Options{OwnFinality: true})}
	c := k.start(t)
	hash := c.send(c.sponsored(draft(0, payment(c.bob, dollars(10), 1)), c.alice))
	head := c.mine()
	final, err := c.node.Header(t.Context(), tempo.Finalized)
	require.NoError(t, err)
	require.Zero(t, final.Number)
	require.EqualValues(t, genesisTime.Unix(), final.Time)

	f := follow(t, c.url, tempo.Finalized)
	f.reaches(head)
	require.Equal(t, final, f.last.Finalized)
	require.Empty(t, f.touched)
	require.Len(t, f.outcomes, 1)
	require.Equal(t, hash, f.outcomes[0].TxHash, "it is included, and not final")
	account, err := c.node.Account(t.Context(), f.last.Finalized, tempo.PathUSD, c.alice.address, lane)
	require.NoError(t, err)
	require.Zero(t, account.Nonce)
	require.Nil(t, account.Last)

	// By its own choice a peer takes the latest block for final.
	byLatest := follow(t, c.url, tempo.Latest)
	head = c.mine()
	f.reaches(head)
	byLatest.reaches(head)
	require.Equal(t, final, f.last.Finalized)
	require.Equal(t, head, byLatest.last.Finalized)

	for c.head().Number < 70 {
		f.reaches(c.mine())
	}
	require.EqualValues(t, 70-64, f.last.Finalized.Number)
	require.True(t, f.touched[c.bob.address])
}
