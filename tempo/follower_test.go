package tempo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo/tx76"
)

// replica applies updates as a consumer does and holds what every sequence of
// them promises.
type replica struct {
	t testing.TB

	mu       sync.Mutex
	updates  []Update
	outcomes []tx76.Outcome            // of the canonical chain since the start
	touched  map[common.Address]uint64 // by the finalized block of the last update that names it
}

// apply takes one update. It runs on the follower's goroutine, so it only notes
// failures.
func (r *replica) apply(u Update) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.t
	assert.LessOrEqual(t, u.Finalized.Number, u.Latest.Number)
	assert.False(t, u.LatestSeen.IsZero())
	assert.False(t, u.FinalizedSeen.After(u.LatestSeen))
	if len(r.updates) > 0 {
		last := r.updates[len(r.updates)-1]
		assert.GreaterOrEqual(t, u.Finalized.Number, last.Finalized.Number, "finality went back")
		if u.Reverted > 0 {
			assert.Greater(t, u.Reverted, last.Finalized.Number, "a final block was reverted")
			assert.LessOrEqual(t, u.Reverted, last.Latest.Number)
		}
		if u.Reverted == 0 {
			assert.Empty(t, u.Replaced)
			assert.GreaterOrEqual(t, u.Latest.Number, last.Latest.Number)
		}
	} else {
		assert.Zero(t, u.Reverted)
		r.touched = make(map[common.Address]uint64)
	}
	keep := len(r.outcomes)
	for u.Reverted > 0 && keep > 0 && r.outcomes[keep-1].BlockNumber >= u.Reverted {
		keep--
	}
	sameOutcomes(t, r.outcomes[keep:], u.Replaced, "replaced outcomes")
	r.outcomes = append(r.outcomes[:keep:keep], u.Outcomes...)
	for i := 1; i < len(r.outcomes); i++ {
		assert.LessOrEqual(t, r.outcomes[i-1].BlockNumber, r.outcomes[i].BlockNumber, "outcomes out of order")
	}
	for _, a := range u.Touched {
		r.touched[a] = u.Finalized.Number
	}
	r.updates = append(r.updates, u)
	return nil
}

// sameOutcomes compares outcomes by what identifies them.
func sameOutcomes(t testing.TB, want, got []tx76.Outcome, what string) {
	assert.Equal(t, describe(want), describe(got), what)
}

// last returns the newest update.
func (r *replica) last() Update {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.updates) == 0 {
		return Update{}
	}
	return r.updates[len(r.updates)-1]
}

// count returns the number of updates.
func (r *replica) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.updates)
}

// requireAt checks that the replica has what the node has since block from.
func (r *replica) requireAt(n *fakeNode, from uint64) {
	r.t.Helper()
	u := r.last()
	require.Equal(r.t, n.head(), u.Latest)
	require.Equal(r.t, n.header(n.finalized), u.Finalized)
	require.Zero(r.t, u.Behind)
	r.mu.Lock()
	defer r.mu.Unlock()
	sameOutcomes(r.t, n.outcomes(from, n.head().Number), r.outcomes, "outcomes of the chain")
}

// following runs a follower of n, in a bubble, until the test ends it.
type following struct {
	*replica
	follower *Follower
	stop     func() error // ends Run and returns its error
	done     <-chan error
}

// follow starts a follower in process.
func follow(t *testing.T, n *fakeNode, cfg FollowerConfig) *following {
	t.Helper()
	if cfg.Jitter == nil {
		cfg.Jitter = func() float64 { return 0 }
	}
	f, err := NewFollower(n.inProcess(t, Options{}), cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	r := &replica{t: t}
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx, r.apply) }()
	stop := sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { cancel() })
	return &following{replica: r, follower: f, stop: stop, done: done}
}

// settle lets everything that is under way come to rest.
func settle() {
	time.Sleep(time.Minute) // of virtual time: longer than any backoff
	synctest.Wait()
}

func TestFollowerConfig(t *testing.T) {
	for name, cfg := range map[string]FollowerConfig{
		"unknown finality": {Finality: "safe"},
		"backoff":          {MinBackoff: time.Minute, MaxBackoff: time.Second},
	} {
		_, err := NewFollower(&Chain{}, cfg)
		require.Error(t, err, name)
	}
	cfg, err := FollowerConfig{MinBackoff: time.Minute}.withDefaults()
	require.NoError(t, err)
	require.Equal(t, Finalized, cfg.Finality)
	require.GreaterOrEqual(t, cfg.MaxBackoff, cfg.MinBackoff)
}

// Policies are to be asked for again once a block is final that may have changed
// them, be it together with others.
func TestPoliciesChanged(t *testing.T) {
	other := common.HexToAddress("0x20c00000000000000000000000000000000000ff")
	for name, tt := range map[string]struct {
		from   common.Address
		topics []common.Hash
		want   bool
	}{
		"another policy":             {token, []common.Hash{TopicTransferPolicyUpdate, {}, {}}, true},
		"stopped":                    {token, []common.Hash{TopicPauseStateUpdate, {}}, true},
		"another token stopped":      {other, []common.Hash{TopicPauseStateUpdate, {}}, false},
		"something else of a token":  {token, []common.Hash{crypto.Keccak256Hash([]byte("Approval(address,address,uint256)"))}, false},
		"the registry, whatever":     {PolicyRegistry, []common.Hash{{1}}, true},
		"the registry, without name": {PolicyRegistry, []common.Hash{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNode(t)
				f := follow(t, n, FollowerConfig{Tokens: []common.Address{token}})
				settle()
				n.extend(payment{from: account(1), to: account(2), amount: 1})
				n.log(tt.from, tt.topics...)
				n.extend()
				settle()
				require.False(t, f.last().PoliciesChanged, "not final yet")
				n.finalize(3)
				settle()
				require.Equal(t, tt.want, f.last().PoliciesChanged)
				require.Equal(t, []common.Address{account(1), account(2)}, f.last().Touched)
				n.extend()
				n.finalize(4)
				settle()
				require.False(t, f.last().PoliciesChanged, "told once")
			})
		})
	}
}

// The first update names the final block the consumer begins with; from there
// on each block is reported once, and each account when it is final.
func TestFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.extend(payment{from: account(9), to: account(8), amount: 1})
		n.finalize(1)
		f := follow(t, n, FollowerConfig{Tokens: []common.Address{token}})
		settle()
		require.Equal(t, 1, f.count())
		f.requireAt(n, 2)

		n.extend(payment{from: account(1), to: account(2), amount: 10})
		settle()
		f.requireAt(n, 2)
		require.Empty(t, f.last().Touched, "not final yet")
		seen := f.last().LatestSeen

		n.extend(payment{from: account(3), to: account(4), amount: 10, reverts: true})
		settle()
		n.finalize(2)
		settle()
		f.requireAt(n, 2)
		require.Equal(t, []common.Address{account(1), account(2)}, f.last().Touched)
		require.Equal(t, seen, f.last().FinalizedSeen, "a block is first seen before it is final")

		n.finalize(3)
		settle()
		require.Equal(t, []common.Address{account(3)}, f.last().Touched, "a revert touches its sender's nonce")

		status := f.follower.Status()
		require.True(t, status.Connected)
		require.True(t, status.Subscribed)
		require.Equal(t, n.head(), status.Head)
		require.NoError(t, status.LastError)
		require.ErrorIs(t, f.stop(), context.Canceled)
	})
}

// An account read after an update needs no search for its last outcome.
func TestFollowerRemembersOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		f := follow(t, n, FollowerConfig{})
		settle()
		n.extend(payment{from: account(1), to: account(2), amount: 10})
		n.finalize(1)
		settle()
		searched, headers := n.count("eth_getLogs"), n.count("eth_getBlockByHash")
		got, err := f.follower.chain.Account(t.Context(), f.last().Finalized, token, account(1), laneKey)
		require.NoError(t, err)
		require.Equal(t, n.outcomes(1, 1)[0], *got.Last)
		require.Equal(t, searched, n.count("eth_getLogs"))
		require.Equal(t, headers, n.count("eth_getBlockByHash"))
		f.stop()
	})
}

func TestFollowerLatestIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		f := follow(t, n, FollowerConfig{Finality: Latest, Tokens: []common.Address{token}})
		settle()
		n.extend(payment{from: account(1), to: account(2), amount: 10})
		settle()
		u := f.last()
		require.Equal(t, n.head(), u.Latest)
		require.Equal(t, n.head(), u.Finalized)
		require.Equal(t, []common.Address{account(1), account(2)}, u.Touched)

		n.rollback(0)
		n.extend()
		require.ErrorIs(t, <-f.done, ErrFinalityViolated)
	})
}

func TestFollowerReorg(t *testing.T) {
	pay := func(amount uint64) payment { return payment{from: account(1), to: account(2), amount: amount} }
	tests := []struct {
		name     string
		to       uint64 // last block that stays
		replace  int    // blocks that come instead
		reverted uint64
	}{
		{"one block", 9, 1, 10},
		{"one block and more on top", 9, 4, 10},
		{"several blocks", 5, 5, 6},
		{"down to the final one", 3, 7, 4},
		{"a shorter chain", 5, 2, 6},
		{"a longer chain", 5, 50, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNode(t)
				n.extendBy(3)
				n.finalize(3)
				f := follow(t, n, FollowerConfig{Tokens: []common.Address{token}})
				for i := range uint64(7) {
					n.extend(pay(i + 1))
				}
				settle()
				f.requireAt(n, 4)
				before := f.count()

				n.script(func() { n.silent = true })
				n.rollback(tt.to)
				for i := range tt.replace {
					n.extend(pay(uint64(100 + i)))
				}
				settle()
				f.requireAt(n, 4)
				reorg := f.updates[before]
				require.Equal(t, tt.reverted, reorg.Reverted)
				require.Len(t, reorg.Replaced, int(10-tt.to))
				for _, u := range f.updates[before+1:] {
					require.Zero(t, u.Reverted)
				}

				n.finalize(n.head().Number)
				settle()
				require.Equal(t, []common.Address{account(1), account(2)}, f.last().Touched)
				f.stop()
			})
		})
	}
}

// A node that shows another block in place of a final one ends the follower,
// in whichever way the follower comes to see it.
func TestFollowerFinalityViolated(t *testing.T) {
	tests := []struct {
		name   string
		change func(n *fakeNode)
	}{
		{"another block of the same number is final", func(n *fakeNode) {
			n.rollback(4)
			n.extendBy(1)
		}},
		{"a longer chain on another block", func(n *fakeNode) {
			n.rollback(4)
			n.extendBy(10)
		}},
		{"another chain, final further on", func(n *fakeNode) {
			n.rollback(0)
			n.extendBy(20)
			n.finalize(15)
		}},
		{"a shorter chain on another block", func(n *fakeNode) {
			n.finalize(2)
			n.rollback(2)
			n.extendBy(1)
		}},
		{"an older final block is another one", func(n *fakeNode) {
			n.rollback(1)
			n.extendBy(2)
			n.finalize(2)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNode(t)
				f := follow(t, n, FollowerConfig{})
				settle()
				n.extendBy(5)
				n.finalize(5)
				settle()
				require.Equal(t, n.head(), f.last().Finalized)
				n.script(func() { n.silent = true })
				tt.change(n)
				require.ErrorIs(t, <-f.done, ErrFinalityViolated)
			})
		})
	}
}

// A node that lags behind, as one of several behind a proxy may, is neither a
// reorganisation nor a reason to take finality back.
func TestFollowerNodeLags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		f := follow(t, n, FollowerConfig{})
		settle()
		for range 10 {
			n.extend(payment{from: account(1), to: account(2), amount: 1})
		}
		n.finalize(8)
		settle()
		f.requireAt(n, 1)
		before := f.count()
		for _, lag := range []struct{ latest, final int }{{9, 8}, {8, 8}, {9, 4}, {3, 2}, {0, 0}} {
			n.script(func() { n.latest, n.finalized = lag.latest, uint64(lag.final) })
			settle()
			require.Equal(t, before, f.count(), "%v", lag)
			require.True(t, f.follower.Status().Connected)
		}
		n.script(func() { n.latest, n.finalized = -1, 10 })
		settle()
		f.requireAt(n, 1)
		f.stop()
	})
}

// The final block may be newer than the one called latest a moment before.
func TestFollowerFinalAheadOfLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		f := follow(t, n, FollowerConfig{})
		n.script(func() { n.silent = true })
		n.extendBy(6)
		n.script(func() { n.latest, n.finalized = 4, 6 })
		settle()
		require.Equal(t, n.header(6), f.last().Latest)
		require.Equal(t, n.header(6), f.last().Finalized)
		f.stop()
	})
}

func TestFollowerStart(t *testing.T) {
	tests := []struct {
		name  string
		start uint64
		first uint64 // first block reported
	}{
		{"the final block at the start", 0, 11},
		{"a block of the past", 4, 4},
		{"the first block", 1, 1},
		{"the final block", 10, 10},
		{"a block that is not final", 12, 11},
		{"a block of the future", 99, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNode(t)
				for range 15 {
					n.extend(payment{from: account(1), to: account(2), amount: 1})
				}
				n.finalize(10)
				f := follow(t, n, FollowerConfig{Start: tt.start})
				settle()
				f.requireAt(n, tt.first)
				f.stop()
			})
		})
	}
}

// A block that was final in an earlier run binds this one.
func TestFollowerAnchor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.extendBy(10)
		n.finalize(5)
		anchor := n.header(8)
		f := follow(t, n, FollowerConfig{Anchor: anchor})
		settle()
		require.Zero(t, f.count(), "the node has not finalized the anchor yet")
		require.ErrorIs(t, f.follower.Status().LastError, ErrUnavailable)
		require.False(t, f.follower.Status().Connected)
		n.finalize(9)
		settle()
		f.requireAt(n, 10)
		f.stop()

		n.rollback(7)
		n.extendBy(5)
		again := follow(t, n, FollowerConfig{Anchor: anchor})
		require.ErrorIs(t, <-again.done, ErrFinalityViolated)
	})
}

// After an outage of any length all blocks are reported, no more than MaxRange
// of them at a time.
func TestFollowerCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		f := follow(t, n, FollowerConfig{MaxRange: 16, Tokens: []common.Address{token}})
		settle()
		n.script(func() { n.fail = failing(errors.New("connection refused")) })
		for i := range byte(200) {
			n.extend(payment{from: account(i), to: account(i + 1), amount: 1})
		}
		n.finalize(198)
		settle()
		status := f.follower.Status()
		require.False(t, status.Connected)
		require.False(t, status.DownSince.IsZero())
		require.Error(t, status.LastError)
		before := f.count()

		n.script(func() { n.fail = nil })
		settle()
		f.requireAt(n, 1)
		require.True(t, f.follower.Status().Connected)
		require.True(t, f.follower.Status().DownSince.IsZero())
		behind := uint64(200)
		for _, u := range f.updates[before:] {
			require.LessOrEqual(t, len(u.Outcomes), 16)
			require.Less(t, u.Behind, behind, "every step gets closer")
			behind = u.Behind
		}
		require.Len(t, f.touched, 199, "198 payers, and the payee of the last")
		f.stop()
	})
}

// Answers that are too large for the node or the connection make the steps
// smaller, down to single blocks.
func TestFollowerHalvesItsSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.extendBy(500)
		n.finalize(500)
		requests := 0
		n.before = func(method string) {
			if method == "eth_getBlockByNumber" {
				n.script(func() { requests = 0 })
			}
		}
		n.fail = func(method string) error {
			n.mu.Lock()
			defer n.mu.Unlock()
			if method != "eth_getLogs" {
				return nil
			}
			if requests++; requests > 3 {
				return rpcError{code: -32003, message: "response too large"}
			}
			return nil
		}
		f := follow(t, n, FollowerConfig{Start: 1})
		time.Sleep(time.Hour)
		synctest.Wait()
		f.requireAt(n, 1)
		f.stop()
	})
}

// When finality stalls, the blocks above it are held only up to a limit, and
// none is lost when it goes on.
func TestFollowerFinalityStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		f := follow(t, n, FollowerConfig{MaxUnfinalized: 20})
		for range 50 {
			n.extend(payment{from: account(1), to: account(2), amount: 1})
		}
		settle()
		require.Equal(t, n.header(20), f.last().Latest)
		require.NotZero(t, f.last().Behind)
		require.Equal(t, n.head(), f.follower.Status().Head)
		n.finalize(45)
		settle()
		f.requireAt(n, 1)
		f.stop()
	})
}

// Without announcements, for whatever reason, the chain is polled.
func TestFollowerPolls(t *testing.T) {
	tests := []struct {
		name       string
		script     func(n *fakeNode)
		subscribed bool
	}{
		{"missed heads", func(n *fakeNode) { n.silent = true }, true},
		{"no subscriptions", func(n *fakeNode) {
			n.fail = failing(rpcError{code: codeUnknownMethod, message: "method not found"}, "eth_subscribe")
		}, false},
		{"subscriptions fail", func(n *fakeNode) {
			n.fail = failing(rpcError{code: -32000, message: "too many subscriptions"}, "eth_subscribe")
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNode(t)
				tt.script(n)
				f := follow(t, n, FollowerConfig{PollInterval: time.Second})
				settle()
				for range 10 {
					n.extend(payment{from: account(1), to: account(2), amount: 1})
					time.Sleep(2 * time.Second)
					synctest.Wait()
					f.requireAt(n, 1)
				}
				require.Equal(t, tt.subscribed, f.follower.Status().Subscribed)
				f.stop()
			})
		})
	}
}

// The chain may change between any two requests of a look.
func TestFollowerReorgWhileLooking(t *testing.T) {
	for _, method := range []string{"eth_getBlockByNumber", "eth_getLogs", "eth_getTransactionReceipt"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNode(t)
				f := follow(t, n, FollowerConfig{})
				for range 3 {
					n.extend(payment{from: account(1), to: account(2), amount: 1})
				}
				settle()
				changes := 0
				n.script(func() {
					n.before = func(called string) {
						if called != method {
							return
						}
						n.mu.Lock()
						due := changes < 5
						changes++
						n.mu.Unlock()
						if due {
							n.rollback(1)
							n.extend(payment{from: account(1), to: account(2), amount: 7})
							n.extend(payment{from: account(3), to: account(2), amount: 7})
						}
					}
				})
				n.extend(payment{from: account(1), to: account(2), amount: 2})
				settle()
				f.requireAt(n, 1)
				require.True(t, f.follower.Status().Connected)
				f.stop()
			})
		})
	}
}

// Waits grow with each failure in a row and are never longer than MaxBackoff.
func TestFollowerBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		n.fail = failing(errors.New("starting"))
		f := follow(t, n, FollowerConfig{MinBackoff: time.Second, MaxBackoff: 8 * time.Second, Jitter: func() float64 { return 1 }})
		time.Sleep(time.Second + 2*time.Second + 4*time.Second + 8*time.Second + time.Second/2)
		synctest.Wait()
		require.Equal(t, 2*5, n.count("eth_getBlockByNumber"), "two headers per look, looks at 0, 1, 3, 7 and 15 s")
		time.Sleep(80 * time.Second)
		synctest.Wait()
		require.Equal(t, 2*15, n.count("eth_getBlockByNumber"))
		n.script(func() { n.fail = nil })
		settle()
		f.requireAt(n, 1)
		f.stop()
	})
}

func TestBackoff(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	b := backoff{min: 250 * time.Millisecond, max: 10 * time.Second, jitter: random.Float64}
	for i := range 200 {
		whole := 10 * time.Second
		if i < 6 {
			whole = 250 * time.Millisecond << i
		}
		wait := b.next()
		require.GreaterOrEqual(t, wait, whole/2)
		require.LessOrEqual(t, wait, whole)
	}
	b.reset()
	require.LessOrEqual(t, b.next(), 250*time.Millisecond)
}

// The consumer's error ends the run as it is.
func TestFollowerHandlerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		f, err := NewFollower(n.inProcess(t, Options{}), FollowerConfig{})
		require.NoError(t, err)
		full := errors.New("disk full")
		require.ErrorIs(t, f.Run(t.Context(), func(Update) error { return full }), full)
	})
}

// Whatever a node does that keeps finality, a consumer of the updates ends up
// with exactly the node's chain.
func TestFollowerLosesNothing(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 7))
				n := newFakeNode(t)
				var shaky sync.Mutex
				failures := rand.New(rand.NewPCG(seed, 8))
				n.fail = func(string) error {
					shaky.Lock()
					defer shaky.Unlock()
					if failures.IntN(20) == 0 {
						return errors.New("connection reset")
					}
					return nil
				}
				f := follow(t, n, FollowerConfig{
					Tokens: []common.Address{token}, MaxRange: 1 + random.IntN(20),
					MaxUnfinalized: 10 + random.IntN(20), Jitter: func() float64 { return 0.5 },
				})
				for f.count() == 0 {
					time.Sleep(time.Second)
				}
				for range 100 {
					n.mutate(random)
					time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
				}
				n.script(func() { n.fail = nil })
				// One more block, because a chain that was only cut short cannot
				// be told from a node that lags.
				n.extend()
				n.finalize(n.head().Number)
				settle()
				f.requireAt(n, 1)
				for a := range n.canonical[len(n.canonical)-1].balances {
					require.Contains(t, f.touched, a, "an account whose balance changed")
				}
				f.stop()
			})
		})
	}
}

// mutate does one thing that a chain with finality may do.
func (n *fakeNode) mutate(random *rand.Rand) {
	pay := func() payment {
		return payment{from: account(byte(1 + random.IntN(8))), to: account(byte(1 + random.IntN(8))), amount: uint64(1 + random.IntN(9)), reverts: random.IntN(4) == 0}
	}
	switch random.IntN(6) {
	case 0, 1:
		n.extend(pay(), pay())
	case 2:
		n.extendBy(random.IntN(40))
	case 3:
		above := n.head().Number - n.finalized
		n.rollback(n.finalized + random.Uint64N(above+1))
		for range random.IntN(6) {
			n.extend(pay())
		}
	case 4:
		n.finalize(n.finalized + random.Uint64N(n.head().Number-n.finalized+1))
	case 5:
		silent := random.IntN(2) == 0
		n.script(func() { n.silent = silent })
	}
}
