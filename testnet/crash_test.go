package testnet_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
)

// powerCut takes the power from a peer at a moment inside it, once, and keeps what
// the disk had synced by then.
type powerCut struct {
	net  *virtual
	name string
	once sync.Once
	disk *vfs.MemFS
}

func (c *powerCut) now() {
	c.once.Do(func() {
		c.disk = c.net.disks[c.name].CrashClone(vfs.CrashCloneCfg{})
		c.net.net.Host(c.name).Kill()
	})
}

// cutSigner is a validator's signer that can lose power before or after signing.
type cutSigner struct {
	validator.Signer
	before, after atomic.Pointer[powerCut]
}

func (s *cutSigner) SignBatch(ctx context.Context, committee common.Hash, count int, root common.Hash) ([]byte, error) {
	if cut := s.before.Load(); cut != nil {
		cut.now()
	}
	signature, err := s.Signer.SignBatch(ctx, committee, count, root)
	if cut := s.after.Load(); cut != nil {
		cut.now()
	}
	return signature, err
}

// cutDisk is a disk on which a test can put something in front of each sync of the
// write-ahead log, or make such syncs fail.
type cutDisk struct {
	beforeSync atomic.Pointer[powerCut]
	broken     atomic.Bool
}

func (d *cutDisk) MaybeError(op errorfs.Op) error {
	if !strings.HasSuffix(op.Path, ".log") {
		return nil
	}
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		if cut := d.beforeSync.Load(); cut != nil {
			cut.now()
		}
		if d.broken.Load() {
			return errorfs.ErrInjected
		}
	}
	return nil
}

func (d *cutDisk) String() string { return "cut" }

// faulty makes dave's disk and signer faulty at a test's command.
func faulty(disk *cutDisk, signer *cutSigner) func(*testnet.Config) {
	return func(cfg *testnet.Config) {
		fs := cfg.FS
		cfg.FS = func(name string) vfs.FS {
			if name == "dave" {
				return errorfs.Wrap(fs(name), disk)
			}
			return fs(name)
		}
		cfg.EditValidator = func(name string, c *validator.Config) {
			if name == "dave" {
				signer.Signer = c.Signer
				c.Signer = signer
			}
		}
	}
}

// TestVoteIsTheSameAfterACrashAtAnyMoment takes a validator's power before the
// sync of its vote, after the sync and before the signature, and after the
// signature. A vote that may have been spoken stands: the other payment for the slot
// is refused and the vote given again is the same. One that cannot have been spoken
// is forgotten, and only one of the two payments gets the vote.
func TestVoteIsTheSameAfterACrashAtAnyMoment(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		disk, signer := &cutDisk{}, &cutSigner{}
		v := startVirtual(t, 5, func(cfg *testnet.Config) {
			faulty(disk, signer)(cfg)
			cfg.Clients = []testnet.Account{{Name: "alice", Balance: testnet.Dollar}, {Name: "bob", Balance: testnet.Dollar}, {Name: "carol", Balance: testnet.Dollar}}
			cfg.Aggregators = 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		for _, p := range v.Clients() {
			require.NoError(t, p.Stop())
		}
		for _, moment := range []struct {
			name   string
			payer  string
			arm    func(*powerCut)
			spoken bool // the vote may have been spoken
		}{
			{"before the sync", "alice", disk.beforeSync.Store, false},
			{"before the signature", "bob", signer.before.Store, true},
			{"after the signature", "carol", signer.after.Store, true},
		} {
			payer := v.hand(t, moment.payer)
			payee := common.HexToAddress("0xbeef")
			first, second := payer.sign(t, payer.envelope(payee, 1)), payer.sign(t, func() fastpay.Envelope {
				env := payer.envelope(payee, 1)
				env.Amount = *uint256.NewInt(7)
				return env
			}())
			// The chain is read before the moment, so that nothing else is under way.
			require.NoError(t, v.Peer("dave").Replica.AddPayment(fastpay.Payment{Tx: first}))
			cut := &powerCut{net: v, name: "dave"}
			moment.arm(cut)
			_, err := v.stranger(t, ctx, "before "+moment.payer, nil).Submit(ctx, v.Peer("dave").Node.ID(), []fastpay.Payment{{Tx: first}})
			require.Error(t, err, "%s: dave answered without power", moment.name)
			require.NotNil(t, cut.disk, moment.name)
			moment.arm(nil)
			require.NoError(t, v.Peer("dave").Stop())
			v.restart(t, "dave", cut.disk)
			require.NoError(t, v.WaitReady(ctx))
			// Edgar may have got the payment by then, and the block may be near: the
			// questions are asked before it.
			hand := v.stranger(t, ctx, "after "+moment.payer, nil)
			if moment.spoken {
				hand.refused(t, ctx, "dave", fastpay.Equivocation, second)
				again := hand.vote(t, ctx, "dave", first)
				want := v.batch(t, ctx, "dave", first.ID()).Certificate(0)
				require.Equal(t, want.Encode(), again.Encode(), moment.name)
			} else {
				hand.vote(t, ctx, "dave", second)
				hand.refused(t, ctx, "dave", fastpay.Equivocation, first)
			}
			_, voted := certificate(v.Peer("dave"), first.ID(), v.signer("dave"))
			require.Equal(t, moment.spoken, voted, moment.name)
		}
		for _, p := range v.validators() {
			require.NoError(t, p.Validator.Halted())
		}
	})
}

// TestTornDiskKeepsEveryVote takes a validator's power while payments flow, with
// some of what was not synced on the disk and some not. It comes back, signs, and
// stands by every vote that anybody holds.
func TestTornDiskKeepsEveryVote(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 6, func(cfg *testnet.Config) {
			four(cfg)
			cfg.Aggregators = 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, carol := v.Peer("alice"), v.Peer("bob"), v.Peer("carol")
		random := rand.New(rand.NewPCG(6, 6))
		var ids []fastpay.ID
		for round := range 4 {
			for range 3 {
				ids = append(ids, payNow(t, ctx, alice, bob, 10), payNow(t, ctx, bob, carol, 5))
			}
			time.Sleep(time.Duration(random.IntN(50_000)) * time.Microsecond)
			torn := v.disks["dave"].CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: random})
			v.net.Host("dave").Kill()
			require.NoError(t, v.Peer("dave").Stop())
			time.Sleep(time.Duration(1+random.IntN(3)) * time.Second)
			v.restart(t, "dave", torn)
			require.NoError(t, v.WaitReady(ctx), "round %d", round)
		}
		for _, id := range ids {
			requireStage(t, ctx, carol, id, fastpay.StageCertified)
		}
		last := payNow(t, ctx, alice, carol, 100)
		waitBoard(t, ctx, v.Peer("edgar"), "dave's vote", func(b *fastpay.Board) bool {
			_, voted := b.Certificate(last, v.signer("dave"))
			return voted
		})
		for _, id := range append(ids, last) {
			waitStage(t, ctx, carol, id, fastpay.StageFinalized)
		}
		v.requireBalances(t, ctx, carol, map[string]uint64{
			"alice": 15*testnet.Dollar - 220*testnet.Dollar/100, "bob": 5*testnet.Dollar + 60*testnet.Dollar/100, "carol": 5*testnet.Dollar + 160*testnet.Dollar/100,
		})
		v.requireSound(t)
	})
}

// payNow makes a payment of cents and does not wait for it.
func payNow(t *testing.T, ctx context.Context, from, to *testnet.Peer, cents uint64) fastpay.ID {
	t.Helper()
	id, err := from.Client.Pay(ctx, orderOf(to, cents))
	require.NoError(t, err)
	return id
}

// orderOf is a payment of cents.
func orderOf(to *testnet.Peer, cents uint64) client.Order {
	return client.Order{
		To: to.Client.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(cents * testnet.Dollar / 100),
		Parents: client.Parents{Auto: true},
	}
}

// TestRolledBackDiskAbstains brings a validator back with a disk from before its
// last votes. It finds its own votes with the others, signs nothing more in the
// epoch, not even what waited for its recovery, and says why; the other three go on.
func TestRolledBackDiskAbstains(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		v := startVirtual(t, 9, func(cfg *testnet.Config) {
			attacked(cfg)
			cfg.Aggregators = 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob := v.Peer("alice"), v.Peer("bob")
		require.NoError(t, v.Peer("mallory").Stop())
		mallory := v.hand(t, "mallory")
		hand := v.stranger(t, ctx, "stranger", nil)
		old := v.disks["dave"].CrashClone(vfs.CrashCloneCfg{})

		voted := mallory.sign(t, mallory.envelope(bob.Client.Address(), 1))
		other := mallory.sign(t, mallory.envelope(alice.Client.Address(), 1))
		hand.vote(t, ctx, "dave", voted)
		hand.vote(t, ctx, "edgar", voted)
		waitBoard(t, ctx, v.Peer("frank"), "dave's vote", func(b *fastpay.Board) bool {
			_, ok := b.Certificate(voted.ID(), v.signer("dave"))
			return ok
		})
		v.crash(t, "dave")
		v.net.Partition([]string{"dave"}, []string{"edgar", "frank", "grace"})
		v.restart(t, "dave", old)
		// The other payment waits at dave while it recovers.
		late := v.stranger(t, ctx, "late", nil)
		reject := late.refused(t, ctx, "dave", fastpay.TemporaryUnavailable, other)
		require.Contains(t, reject.Text, "recovering")
		v.net.Heal()
		require.NoError(t, v.WaitReady(ctx))

		hand = late
		for range 3 {
			reject := hand.refused(t, ctx, "dave", fastpay.TemporaryUnavailable, other)
			require.Contains(t, reject.Text, "rolled back")
			require.Contains(t, reject.Text, voted.ID().String())
			waitBlocks(t, ctx, v.Peer("dave"), 1)
		}
		paid := payCents(t, ctx, alice, bob, 100)
		waitStage(t, ctx, bob, paid, fastpay.StageFinalized)
		for _, id := range []fastpay.ID{other.ID(), paid} {
			_, ok := certificate(v.Peer("edgar"), id, v.signer("dave"))
			require.False(t, ok, "dave voted again")
		}
		require.Zero(t, metric(t, v.Peer("dave"), "allegro_validator_signing", nil))
		v.requireSound(t, mallory.address)
	})
}

// TestBrokenDiskStopsTheSigner makes a validator's disk refuse to sync. It says so
// to the submitter that waits, never signs again, and still serves what it knows;
// the other three go on.
func TestBrokenDiskStopsTheSigner(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		disk, signer := &cutDisk{}, &cutSigner{}
		v := startVirtual(t, 7, func(cfg *testnet.Config) {
			attacked(cfg)
			faulty(disk, signer)(cfg)
			cfg.Aggregators = 0
		})
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		alice, bob, dave := v.Peer("alice"), v.Peer("bob"), v.Peer("dave")
		require.NoError(t, v.Peer("mallory").Stop())
		mallory := v.hand(t, "mallory")
		hand := v.stranger(t, ctx, "stranger", nil)
		before := mallory.sign(t, mallory.envelope(bob.Client.Address(), 1))
		earlier := hand.vote(t, ctx, "dave", before)

		disk.broken.Store(true)
		paid := mallory.sign(t, mallory.after(before, bob.Client.Address(), 1))
		asked := time.Now()
		reject := hand.refused(t, ctx, "dave", fastpay.TemporaryUnavailable, paid)
		require.Contains(t, reject.Text, "stopped signing")
		require.Contains(t, reject.Text, "check the disk")
		require.Less(t, time.Since(asked), 5*time.Second, "the submitter was left waiting")
		require.ErrorIs(t, dave.Validator.Halted(), replica.ErrStoreFailed)

		disk.broken.Store(false) // too late: what is on the disk is unknown
		hand.refused(t, ctx, "dave", fastpay.TemporaryUnavailable, paid)
		again := hand.vote(t, ctx, "dave", before)
		require.Equal(t, earlier.Encode(), again.Encode(), "a vote that was spoken is repeated")
		resp, err := hand.Sync(ctx, dave.Node.ID(), syncIDs(before.ID(), paid.ID()))
		require.NoError(t, err)
		require.Len(t, resp.Items, 2, "sync is served")

		other := payCents(t, ctx, alice, bob, 100)
		_, voted := certificate(v.Peer("edgar"), other, v.signer("dave"))
		require.False(t, voted)
		require.ErrorIs(t, dave.Stop(), replica.ErrStoreFailed)

		// A new start on the same disk stands by the votes that are on it.
		v.restart(t, "dave", v.disks["dave"].CrashClone(vfs.CrashCloneCfg{}))
		require.NoError(t, v.WaitReady(ctx))
		next := payCents(t, ctx, alice, bob, 100)
		waitBoard(t, ctx, v.Peer("edgar"), "dave's vote", func(b *fastpay.Board) bool {
			_, ok := b.Certificate(next, v.signer("dave"))
			return ok
		})
		v.requireSound(t)
	})
}

// TestOtherChainIsRefused starts a validator's store on a chain with another
// genesis: it would vote on the wrong balances.
func TestOtherChainIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context) {
		small := func(cfg *testnet.Config) {
			cfg.Clients, cfg.Aggregators = cfg.Clients[:2], 0
		}
		v := startVirtual(t, 8, small)
		require.NoError(t, v.WaitReady(ctx))
		id := pay(t, ctx, v.Peer("alice"), v.Peer("bob"), 1)
		requireStage(t, ctx, v.Peer("bob"), id, fastpay.StageFinalized)
		disk := v.crash(t, "dave")
		v.close(t)

		w := startVirtual(t, 8, small)
		defer w.close(t)
		require.NoError(t, w.WaitReady(ctx))
		w.crash(t, "dave")
		w.restart(t, "dave", disk)
		w.ends = validator.ErrOtherChain
		select {
		case <-w.Peer("dave").Done():
		case <-ctx.Done():
			require.Fail(t, "dave runs on another chain")
		}
		require.ErrorIs(t, w.Peer("dave").Stop(), validator.ErrOtherChain)
	})
}
