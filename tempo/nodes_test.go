package tempo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// noAnswer is what a node says that is overloaded, which counts as no answer.
var noAnswer = rpcError{code: codeLimitExceeded, message: "too many requests"}

// down makes a node give no answer, or answer again.
func (n *fakeNode) down(yes bool) {
	n.script(func() {
		n.fail = nil
		if yes {
			n.fail = failing(noAnswer)
		}
	})
}

// take makes the node have the chain of another one, up to a number, and announces
// its head.
func (n *fakeNode) take(other *fakeNode, upTo uint64) {
	other.mu.Lock()
	canonical, known := slices.Clone(other.canonical[:upTo+1]), maps.Clone(other.known)
	finalized := min(other.finalized, upTo)
	other.mu.Unlock()
	n.script(func() { n.canonical, n.known, n.finalized = canonical, known, finalized })
	n.announce()
}

// cluster is a Chain with an own node and a backup, and a follower of it, which hears
// of blocks by announcements alone.
type cluster struct {
	*replica
	own, backup *fakeNode
	chain       *Chain
	logs        *observer.ObservedLogs
	done        chan error
}

// newCluster starts one inside a bubble. The backup has the own node's genesis block
// alone.
func newCluster(t *testing.T, prepare func(c *cluster)) *cluster {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	c := &cluster{replica: &replica{t: t}, own: newFakeNode(t), backup: newFakeNode(t), logs: logs, done: make(chan error, 1)}
	if prepare != nil {
		prepare(c)
	}
	var all []*node
	for i, n := range []*fakeNode{c.own, c.backup} {
		all = append(all, connectedNode(rpc.DialInProc(n.server)))
		all[i].host = []string{"own", "backup"}[i]
	}
	c.chain = newChain(all, Options{Logger: zap.New(core).Sugar()})
	f, err := NewFollower(c.chain, FollowerConfig{Tokens: []common.Address{token}, PollInterval: 24 * time.Hour, Jitter: func() float64 { return 0 }})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { c.done <- f.Run(ctx, c.apply) }()
	t.Cleanup(func() {
		cancel()
		c.chain.Close()
	})
	return c
}

// both makes a block that both nodes have.
func (c *cluster) both(payments ...payment) Header {
	head := c.own.extend(payments...)
	c.backup.take(c.own, head.Number)
	return head
}

// requireNode checks which node is in use, and how often another one was put in use.
func (c *cluster) requireNode(want string, switches int) {
	c.t.Helper()
	host, backup := c.chain.Node()
	require.Equal(c.t, want, host)
	require.Equal(c.t, want == "backup", backup)
	require.EqualValues(c.t, switches, testutil.ToFloat64(c.chain.metrics.switches))
	require.Equal(c.t, backup, testutil.ToFloat64(c.chain.metrics.node) == 1)
}

const (
	switchText = "chain node gives no answer, the next one is used"
	backText   = "own chain node answers and is used again"
)

// A backup takes the place of an own node that gives no answer: blocks are heard of,
// lanes are read and transactions are sent there, with nothing left out and nothing
// twice, and as soon as the own node answers it is used again.
func TestBackupTakesTheOwnNodesPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nil)
		settle()
		c.both(payment{from: account(1), to: account(2), amount: 1})
		settle()
		c.requireAt(c.own, 1)
		c.requireNode("own", 0)

		c.own.down(true)
		began := time.Now()
		for {
			_, err := c.chain.Send(t.Context(), []byte{0x76})
			if err == nil {
				break
			}
			require.ErrorIs(t, err, ErrUnreachable)
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(t, defaultSwitchAfter+100*time.Millisecond, time.Since(began))
		c.requireNode("backup", 1)
		require.Len(t, c.backup.sent, 1)
		require.Equal(t, 1, c.logs.FilterMessage(switchText).FilterLevelExact(zap.WarnLevel).Len())
		for range 3 {
			c.both(payment{from: account(1), to: account(2), amount: 1})
			time.Sleep(10 * time.Millisecond)
			c.requireAt(c.backup, 1)
		}
		a, err := c.chain.Account(t.Context(), c.backup.head(), token, account(1), laneKey)
		require.NoError(t, err)
		require.EqualValues(t, 4, a.Nonce)

		before := c.own.count("eth_chainId") + c.own.count("eth_getBlockByNumber")
		time.Sleep(10 * ownNodeInterval)
		tried := c.own.count("eth_chainId") + c.own.count("eth_getBlockByNumber") - before
		require.InDelta(t, 10, tried, 1, "the own node is tried now and then")
		c.requireNode("backup", 1)

		c.own.down(false)
		time.Sleep(ownNodeInterval + time.Second)
		c.requireNode("own", 2)
		require.Equal(t, 1, c.logs.FilterMessage(backText).Len())
		c.backup.down(true)
		c.own.extend(payment{from: account(1), to: account(2), amount: 1})
		time.Sleep(10 * time.Millisecond)
		c.requireAt(c.own, 1)
		require.Equal(t, 1, c.logs.FilterMessage(switchText).FilterLevelExact(zap.WarnLevel).Len(), "once")
	})
}

// A backup that is behind takes nothing back: what is known stays until it has caught
// up.
func TestBackupBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nil)
		settle()
		for range 20 {
			c.own.extend(payment{from: account(1), to: account(2), amount: 1})
		}
		c.own.finalize(12)
		c.own.extend()
		settle()
		c.requireAt(c.own, 1)
		updates := c.count()
		c.own.down(true)
		c.own.announce()
		for _, height := range []uint64{5, 12, 17} {
			c.backup.take(c.own, height)
			settle()
			c.requireNode("backup", 1)
			require.Equal(t, updates, c.count(), "at block %d of the backup", height)
		}
		c.backup.take(c.own, 21)
		c.backup.extend(payment{from: account(1), to: account(2), amount: 1})
		c.backup.finalize(22)
		c.backup.announce()
		settle()
		c.requireAt(c.backup, 1)
	})
}

// Another hash for a final block ends the run, whichever node shows it.
func TestBackupWithAnotherFinalBlock(t *testing.T) {
	for name, height := range map[string]int{"lower": 3, "higher": 30} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, func(c *cluster) {
					c.backup.script(func() { c.backup.made = 1_000 }) // other blocks on the same genesis
					c.backup.extendBy(height)
				})
				settle()
				c.own.extendBy(10)
				c.own.finalize(10)
				settle()
				c.own.extend()
				settle()
				c.own.down(true)
				c.own.announce()
				require.ErrorIs(t, <-c.done, ErrFinalityViolated)
				c.requireNode("backup", 1)
			})
		})
	}
}

// A backup of another chain is told and never used: not even its own final blocks,
// which contradict nothing yet, are believed.
func TestBackupOfAnotherChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, func(c *cluster) {
			c.backup.script(func() {
				c.backup.made = 1_000
				c.backup.canonical[0] = c.backup.make(nil)
			})
			c.backup.extendBy(50)
		})
		settle()
		c.own.extend(payment{from: account(1), to: account(2), amount: 1})
		settle()
		updates := c.count()
		c.own.down(true)
		c.own.announce()
		settle()
		require.NotZero(t, c.logs.FilterMessage("chain node is not used").Len())
		require.Equal(t, updates, c.count())
		require.Zero(t, c.backup.count("eth_getLogs"))
		c.own.down(false)
		settle()
		c.requireAtOwn()
	})
}

// requireAtOwn checks that the follower has what the own node has, which is in use.
func (c *cluster) requireAtOwn() {
	c.t.Helper()
	host, _ := c.chain.Node()
	require.Equal(c.t, "own", host)
	c.own.extend(payment{from: account(1), to: account(2), amount: 1})
	settle()
	c.requireAt(c.own, 1)
}

// An own node that answers and lacks many blocks is not used yet.
func TestOwnNodeThatMustCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nil)
		settle()
		c.both()
		settle()
		c.own.down(true)
		c.own.announce()
		settle()
		c.requireNode("backup", 1)
		c.backup.extendBy(ownNodeLag + 1)
		settle()
		c.own.down(false)
		settle()
		c.requireNode("backup", 1)
		c.own.take(c.backup, 2)
		settle()
		c.requireNode("own", 2)
	})
}

// While no node answers, each is tried in turn and it is told once; the first that
// answers is used.
func TestNoNodeAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, nil)
		settle()
		c.own.down(true)
		c.backup.down(true)
		c.own.announce()
		settle()
		settle()
		require.Greater(t, testutil.ToFloat64(c.chain.metrics.switches), 2.0)
		require.Equal(t, 1, c.logs.FilterMessage(switchText).FilterLevelExact(zap.WarnLevel).Len())
		c.own.down(false)
		settle()
		c.requireAtOwn()
	})
}

// One request that hangs among others that are answered says nothing about the node.
func TestWhenANodeIsReplaced(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	type note struct {
		began, ended int // seconds
		err          error
	}
	unreachable := fmt.Errorf("asking: %w", ErrUnreachable)
	for name, tt := range map[string]struct {
		notes []note
		want  int // the node in use
	}{
		"one failure":                {[]note{{0, 0, unreachable}}, 0},
		"failures for too long":      {[]note{{0, 0, unreachable}, {1, 1, unreachable}, {3, 3, unreachable}}, 1},
		"one that hung too long":     {[]note{{0, 5, unreachable}}, 1},
		"others were answered":       {[]note{{1, 4, nil}, {0, 5, unreachable}}, 0},
		"an answer between":          {[]note{{0, 0, unreachable}, {2, 2, nil}, {4, 4, unreachable}}, 0},
		"an error is an answer":      {[]note{{0, 0, unreachable}, {2, 2, ErrUnavailable}, {4, 4, unreachable}}, 0},
		"whoever asked gave up":      {[]note{{0, 0, unreachable}, {2, 2, context.Canceled}, {4, 4, unreachable}}, 1},
		"only whoever asked gave up": {[]note{{0, 4, context.DeadlineExceeded}}, 0},
		"another chain, at once":     {[]note{{0, 0, fmt.Errorf("%w: %w", ErrUnreachable, errOtherChain)}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			now := start
			opts := Options{Now: func() time.Time { return now }}.withDefaults()
			s := newNodes([]*node{{host: "own"}, {host: "backup"}}, &opts, newMetrics(nil, opts.Now))
			own, _ := s.inUse()
			for _, n := range tt.notes {
				now = start.Add(time.Duration(n.ended) * time.Second)
				s.note(own, start.Add(time.Duration(n.began)*time.Second), n.err)
			}
			require.Equal(t, tt.want, s.current)
		})
	}
}

// Without a backup nothing is put in the own node's place, and it is not asked which
// chain it is of.
func TestNoBackup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode(t)
		c := n.inProcess(t, Options{})
		n.down(true)
		for range 100 {
			_, err := c.Header(t.Context(), Latest)
			require.ErrorIs(t, err, ErrUnreachable)
			time.Sleep(time.Second)
		}
		require.Zero(t, testutil.ToFloat64(c.metrics.switches))
		require.Zero(t, n.count("eth_chainId"))
	})
}

// A backup's URL that cannot be used is refused like the own node's, without the URL.
func TestBackupURL(t *testing.T) {
	_, err := Dial(t.Context(), "http://127.0.0.1:1", Options{Backups: []string{"http://127.0.0.1:2", "ftp://secret@host"}})
	require.ErrorContains(t, err, "backup 2")
	require.NotContains(t, err.Error(), "secret")
}

// Over sockets, a node that is gone is replaced by its backup, whose heads are
// announced too, and takes its place again.
func TestBackupOverSockets(t *testing.T) {
	own, backup := newFakeNode(t), newFakeNode(t)
	ownSocket, backupSocket := listen(t, own, true), listen(t, backup, true)
	c, err := Dial(t.Context(), "http://"+ownSocket.addr, Options{
		Backups: []string{"ws://" + backupSocket.addr}, SwitchAfter: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	f, err := NewFollower(c, quick())
	require.NoError(t, err)
	w := &watched{replica: &replica{t: t}, follower: f, updates: make(chan Update, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- f.Run(ctx, func(u Update) error {
			defer func() { w.updates <- u }()
			return w.apply(u)
		})
	}()
	defer func() {
		cancel()
		require.True(t, errors.Is(<-done, context.Canceled))
		c.Close()
	}()
	block := func() {
		head := own.extend(payment{from: account(1), to: account(2), amount: 1})
		backup.take(own, head.Number)
		w.await(t, head)
	}
	block()
	ownSocket.setDown(true)
	require.Eventually(t, func() bool {
		own.announce()
		_, err := c.Header(t.Context(), Latest)
		return err == nil
	}, deadline, 10*time.Millisecond)
	_, onBackup := c.Node()
	require.True(t, onBackup)
	block()
	block()
	ownSocket.setDown(false)
	require.Eventually(t, func() bool { _, onBackup := c.Node(); return !onBackup }, deadline, 10*time.Millisecond)
	backupSocket.setDown(true)
	block()
	w.requireAt(own, 1)
}
