package testnet

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/aggregator"
	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"
)

// Config describes a network. Start from [DefaultConfig].
type Config struct {
	Validators  int
	Clients     []Account
	Aggregators int
	BlockTime   time.Duration
	// Lane is the kind of the network's lanes. With sub-block lanes the embedded chain
	// is one before T4, which has a node for each validator.
	Lane netfile.Lane
	// OneHome chooses the keys of all clients so that their sub-block lanes have one
	// home: what they pay each other with settles in one block then (section 4.7).
	OneHome bool
	// ChainURLs are the JSON-RPC of nodes of a running Tempo chain whose development
	// accounts hold money; BlockTime is that chain's. The peers take them in turn, so
	// that with as many as there are validators each of these has a node of its own.
	// Empty: the embedded chain.
	ChainURLs []string
	// Funded says that the accounts hold their money on that chain already. Otherwise
	// they are given it, and the network starts when a finalized block has that.
	Funded bool
	// Finality says which blocks of the chain count as final.
	Finality netfile.Finality
	// Salt goes into the keys of all accounts: on a chain that others use, each network
	// has accounts of its own.
	Salt string
	// Dir holds one folder per peer.
	Dir string
	// Version is the program's, as peers tell it.
	Version string
	// Seed makes the random numbers of this network.
	Seed uint64
	// Now is the clock of every peer and of the chain.
	Now func() time.Time
	// FS returns a peer's file system.
	FS func(name string) vfs.FS
	// Tracer returns what records a peer's spans. nil: nothing is traced.
	Tracer func(name string, role p2p.Role) (*tracing.Tracer, error)
	// Place puts a peer on its host: it sets identity, listen addresses and
	// transport.
	Place func(name string, cfg *p2p.Config)
	// Addresses returns where a validator listens, if that is known before it
	// runs. nil: validators start one after another and tell.
	Addresses func(name string) []string

	// EditFile and those below change what a network is made of before it is used:
	// tests put faults in there. nil: nothing is changed.
	EditFile       func(f *netfile.File)
	EditValidator  func(name string, cfg *validator.Config)
	EditClient     func(name string, cfg *client.Config)
	EditAggregator func(name string, cfg *aggregator.Config)
}

// Account is a client with what it holds at genesis, in units of the asset.
type Account struct {
	Name    string
	Balance uint64
}

// Dollar is one unit of the asset in token units.
const Dollar = 1_000_000

// Asset is the token that the network pays in.
var Asset = tempo.PathUSD

// FeeToken is what sponsors pay fees in, so that the asset's balances are exact.
var FeeToken = tempo.AlphaUSD

const (
	// BaseFee is what a real Tempo charged from T1 to T6, in attodollars per gas:
	// the sponsors pay real fees.
	BaseFee = 20_000_000_000
	// maxFee leaves room for the base fee to double.
	maxFee = 2 * BaseFee
	// SponsorBalance pays for about a billion payments.
	SponsorBalance = 1_000_000 * Dollar
)

// DefaultConfig is the scene of the demo on loopback: Alice has $15, Bob and
// Carol $5, Dave and Edgar validate, and a block comes every 5 s.
func DefaultConfig() Config {
	return Config{
		Validators:  2,
		Clients:     SceneAccounts(2),
		Aggregators: 1,
		BlockTime:   5 * time.Second,
		Lane:        netfile.PaymentLane,
		Finality:    netfile.Finalized,
		Version:     "dev",
		Seed:        1,
		Now:         time.Now,
		FS:          func(string) vfs.FS { return vfs.Default },
		Place:       PlaceOnLoopback,
	}
}

// SceneAccounts are the clients of a chain of hops payments of $10: the first
// holds $15, the others $5.
func SceneAccounts(hops int) []Account {
	accounts := make([]Account, hops+1)
	for i := range accounts {
		accounts[i] = Account{nameOf(clientNames, "client", i), 5 * Dollar}
	}
	accounts[0].Balance = 15 * Dollar
	return accounts
}

// PlaceOnLoopback lets a peer listen on free loopback ports, TCP first, and a validator
// or an aggregator listen for browsers too.
func PlaceOnLoopback(name string, cfg *p2p.Config) {
	cfg.Identity = p2p.IdentityFromSeed("testnet/" + name)
	cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
	cfg.Browser = cfg.Role != p2p.RoleClient
}

// Validate reports the first thing that a network cannot be made with.
func (c *Config) Validate() error {
	switch {
	case c.Validators < 1 || c.Validators > 100:
		return fmt.Errorf("testnet: %d validators: between 1 and 100 are possible", c.Validators)
	case len(c.Clients) < 1 || len(c.Clients) > 100:
		return fmt.Errorf("testnet: %d clients: between 1 and 100 are possible", len(c.Clients))
	case c.BlockTime < time.Second || c.BlockTime%time.Second != 0:
		return fmt.Errorf("testnet: block time %s: use whole seconds, at least 1s: the chain counts them", c.BlockTime)
	case c.Lane != netfile.PaymentLane && c.Lane != netfile.SubBlockLane:
		return fmt.Errorf("testnet: lane %q is unknown: use %q or %q", c.Lane, netfile.PaymentLane, netfile.SubBlockLane)
	case c.OneHome && c.Lane != netfile.SubBlockLane:
		return fmt.Errorf("testnet: lanes have one home only with lane %q", netfile.SubBlockLane)
	case c.Dir == "":
		return errors.New("testnet: no folder for the peers")
	case c.Now == nil || c.FS == nil || c.Place == nil:
		return errors.New("testnet: clock, file system and place must be set: start from DefaultConfig")
	}
	return nil
}

// NewFile returns the network file of a testnet with lanes of a kind and blocks of a
// time in whole seconds, still without a committee.
func NewFile(lane netfile.Lane, blockTime time.Duration) *netfile.File {
	seconds := uint64(blockTime / time.Second)
	f := &netfile.File{
		Version: netfile.Version,
		Name:    "testnet",
		Chain: netfile.Chain{
			ID: devchain.DefaultConfig().ChainID, BlockTimeSeconds: seconds,
			Finality: netfile.Finalized, Lane: lane, FIFO: true,
		},
		Assets: []netfile.Asset{{
			Symbol: "pathUSD", Address: netfile.Address(Asset), Decimals: 6, MinAmount: netfile.Amount(*uint256.NewInt(1)),
		}},
		Fees: netfile.Fees{
			MaxFeePerGas: []netfile.Amount{netfile.Amount(*uint256.NewInt(maxFee))}, FeeToken: netfile.Address(FeeToken),
		},
		Limits: netfile.Limits{
			MinSettleSeconds: 10 * seconds, MaxLifeSeconds: 86_400, DefaultLifeSeconds: 3_600,
			SponsoredPerPayerPerHour: 3_600,
		},
	}
	f.Limits.MinSettleSeconds = max(f.Limits.MinSettleSeconds, f.Chain.LeastSettleSeconds())
	return f
}

// file is the network file for a chain, without addresses.
func (c *Config) file(chainID uint64) *netfile.File {
	f := NewFile(c.Lane, c.BlockTime)
	ForChain(f, chainID, c.Finality)
	committee := netfile.Committee{Epoch: 1, Start: 0, End: 1 << 40}
	for i := range c.Validators {
		name := ValidatorName(i)
		member := netfile.Member{Name: name, Weight: 1, Sponsor: netfile.Address(addressOf(c.accountKey("sponsor", name)))}
		copy(member.Key[:], voteKey(name).Public().(ed25519.PublicKey))
		if c.Lane == netfile.SubBlockLane {
			member.NodeKey = nodeKey(name)
		}
		committee.Members = append(committee.Members, member)
	}
	f.Committees = []netfile.Committee{committee}
	if c.EditFile != nil {
		c.EditFile(f)
	}
	return f
}

// jitter returns the random numbers of one peer.
func (c *Config) jitter(name string) func() float64 {
	seed := keySeed("jitter", name)
	var mu sync.Mutex // guards source
	source := rand.New(rand.NewPCG(c.Seed, binary.BigEndian.Uint64(seed[:])))
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return source.Float64()
	}
}
