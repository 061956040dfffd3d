package testnet_test

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/p2ptest"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// virtual is a network in virtual time: simulated links, disks that can lose
// power, and the bubble's clock.
type virtual struct {
	*testnet.Network
	net   *p2ptest.Net
	disks map[string]*vfs.MemFS
	// closers end what a test runs beside the network.
	closers []func() error
	// ends is what a peer ends with that a test has broken; nil for none.
	ends error

	// The keys of the peers, for tests that play them by hand.
	accounts map[string]*ecdsa.PrivateKey
	sponsors map[string]*ecdsa.PrivateKey
	signers  map[string]validator.Signer
}

// startVirtual starts a network inside a synctest bubble. Round trips differ per
// seed.
func startVirtual(t *testing.T, seed uint64, change func(*testnet.Config)) *virtual {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	v := &virtual{
		net:   p2ptest.NewNet(time.Duration(1+random.IntN(40)) * time.Millisecond),
		disks: make(map[string]*vfs.MemFS),

		accounts: make(map[string]*ecdsa.PrivateKey),
		sponsors: make(map[string]*ecdsa.PrivateKey),
		signers:  make(map[string]validator.Signer),
	}
	cfg := testnet.DefaultConfig()
	cfg.Dir, cfg.Seed = "/net", seed
	cfg.FS = func(name string) vfs.FS {
		v.disks[name] = vfs.NewCrashableMem()
		return v.disks[name]
	}
	cfg.Place = func(name string, cfg *p2p.Config) { v.net.Host(name).Configure(cfg) }
	cfg.Addresses = func(name string) []string { return []string{v.net.Host(name).Addr()} }
	if change != nil {
		change(&cfg)
	}
	editValidator, editClient := cfg.EditValidator, cfg.EditClient
	cfg.EditValidator = func(name string, c *validator.Config) {
		v.signers[name], v.sponsors[name] = c.Signer, c.Settlement.Sponsor
		if editValidator != nil {
			editValidator(name, c)
		}
	}
	cfg.EditClient = func(name string, c *client.Config) {
		v.accounts[name] = c.Key
		if editClient != nil {
			editClient(name, c)
		}
	}
	n, err := testnet.Start(t.Context(), cfg)
	require.NoError(t, err)
	v.Network = n
	return v
}

// close ends the network as virtual time wants it.
func (v *virtual) close(t *testing.T) {
	t.Helper()
	for _, stop := range v.closers {
		assert.NoError(t, stop())
	}
	if err := v.Network.Close(); v.ends == nil {
		assert.NoError(t, err)
	} else {
		assert.ErrorIs(t, err, v.ends)
	}
	v.net.Close()
	p2ptest.Settle()
	synctest.Wait()
}

// crash cuts a peer's power: what its disk has synced is all that is left. It
// returns that disk.
func (v *virtual) crash(t *testing.T, name string) *vfs.MemFS {
	t.Helper()
	left := v.disks[name].CrashClone(vfs.CrashCloneCfg{})
	v.net.Host(name).Kill()
	require.NoError(t, v.Peer(name).Stop())
	return left
}

// restart brings a crashed peer back with a disk.
func (v *virtual) restart(t *testing.T, name string, disk *vfs.MemFS) {
	t.Helper()
	v.disks[name] = disk
	_, err := v.Restart(t.Context(), name, disk)
	require.NoError(t, err)
}

// seeds of the tests that vary links, jitter and the moment of a fault.
const seeds = 20

// TestSceneInVirtualTime plays the whole scene with all peers.
func TestSceneInVirtualTime(t *testing.T) {
	forSeeds(t, func(t *testing.T, ctx context.Context, seed uint64) {
		v := startVirtual(t, seed, nil)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		res, err := v.Play(ctx, func(testnet.Event) {})
		require.NoError(t, err)
		require.Empty(t, res.Reason)
		require.Equal(t, testnet.Pass, res.Verdict)
		for _, b := range res.Balances {
			require.Equal(t, b.Want.Dec(), b.Have.Dec(), b.Name)
		}
		for _, hop := range res.Hops {
			require.Equal(t, res.Edge, hop.HeightAtQC, hop.Name)
			require.Equal(t, res.Edge+1, hop.Included, hop.Name)
		}
	})
}

// TestSceneWithCrash lets a validator lose its power at some moment of the first
// payment, between deciding on it and having told everybody, and come back with
// what its disk had synced. Nothing is lost and nothing is voted twice: the first
// payment certifies with the vote that was given, the second one on top of it.
func TestSceneWithCrash(t *testing.T) {
	forSeeds(t, func(t *testing.T, ctx context.Context, seed uint64) {
		v := startVirtual(t, seed, nil)
		defer v.close(t)
		require.NoError(t, v.WaitReady(ctx))
		random := rand.New(rand.NewPCG(seed, 2))
		alice, bob, carol := v.Peer("alice"), v.Peer("bob"), v.Peer("carol")

		t1 := pay(t, ctx, alice, bob, 10)
		time.Sleep(time.Duration(random.IntN(60_000)) * time.Microsecond)
		before, voted := certificate(v.Peer("edgar"), t1, v.signer("dave"))
		disk := v.crash(t, "dave")
		time.Sleep(time.Duration(1+random.IntN(7)) * time.Second)
		v.restart(t, "dave", disk)

		requireStage(t, ctx, bob, t1, fastpay.StageCertified)
		if voted {
			err := v.Peer("dave").Replica.Wait(ctx, func(b *fastpay.Board) bool {
				_, ok := b.Certificate(before.ID(), before.Signer())
				return ok
			})
			require.NoError(t, err, "the vote was lost")
		}
		t2 := pay(t, ctx, bob, carol, 10)
		requireStage(t, ctx, carol, t2, fastpay.StageFinalized)
		requireStage(t, ctx, carol, t1, fastpay.StageFinalized)
		for name, want := range map[string]uint64{"alice": 5, "bob": 5, "carol": 15} {
			have, _, err := carol.Balance(ctx, v.Peer(name).Client.Address())
			require.NoError(t, err)
			require.Equal(t, want*testnet.Dollar, have.Uint64(), name)
		}
		for _, p := range v.Peers {
			p.Replica.Read(func(b *fastpay.Board) { require.Empty(t, b.Evidence(), p.Name) })
		}
		require.NoError(t, v.Peer("dave").Validator.Halted())
	})
}

// forSeeds runs a test in one bubble per seed.
func forSeeds(t *testing.T, run func(t *testing.T, ctx context.Context, seed uint64)) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				run(t, ctx, seed)
			})
		})
	}
}

// signer is the signer index of a validator.
func (v *virtual) signer(name string) int {
	id := v.Committee().ID()
	for i := range v.Committee().Len() {
		if v.File().MemberName(id, i) == name {
			return i
		}
	}
	return -1
}

// pay makes a payment of whole dollars.
func pay(t *testing.T, ctx context.Context, from, to *testnet.Peer, dollars uint64) fastpay.ID {
	t.Helper()
	id, err := from.Client.Pay(ctx, client.Order{
		To: to.Client.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(dollars * testnet.Dollar),
		Parents: client.Parents{Auto: true},
	})
	require.NoError(t, err)
	return id
}

// requireStage waits until a client sees a payment reach a stage.
func requireStage(t *testing.T, ctx context.Context, p *testnet.Peer, id fastpay.ID, want fastpay.Stage) {
	t.Helper()
	stage, err := p.Client.Wait(ctx, id, want)
	require.NoError(t, err, "%s waits for %s of %s, it is %s", p.Name, want, id, stage)
	require.GreaterOrEqual(t, stage.Rank(), want.Rank(), "%s sees %s", p.Name, stage)
}

// certificate returns a member's vote as a peer holds it.
func certificate(p *testnet.Peer, id fastpay.ID, signer int) (c *fastpay.Certificate, ok bool) {
	p.Replica.Read(func(b *fastpay.Board) { c, ok = b.Certificate(id, signer) })
	return c, ok
}
