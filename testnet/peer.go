package testnet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/aggregator"
	"github.com/allegro-p2p/allegro/aggregator/archive"
	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/p2p/tracing"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
)

// Peer is one running peer of a Network.
type Peer struct {
	Name     string
	Role     p2p.Role
	Node     *p2p.Node
	Replica  *replica.Replica
	Registry *prometheus.Registry

	// One of them is set, as Role says.
	Validator  *validator.Validator
	Client     *client.Client
	Aggregator *aggregator.Aggregator

	network *Network
	store   *replica.Store
	now     func() time.Time
	chain   *tempo.Chain
	stop    context.CancelFunc
	done    chan struct{} // closed when run has returned
	err     error         // why run returned; read after done
	ending  sync.Once
	ended   error // what Stop returns
}

// runner is what the three roles have in common.
type runner interface {
	Run(ctx context.Context) error
}

// start makes a peer with what its folder holds, and runs it.
func (n *Network) start(ctx context.Context, name string, role p2p.Role, fs vfs.FS) (_ *Peer, err error) {
	p := &Peer{network: n, Name: name, Role: role, Registry: prometheus.NewRegistry(), done: make(chan struct{})}
	dir := filepath.Join(n.cfg.Dir, name, "data")
	if p.store, err = replica.OpenStore(dir, fs); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.now = n.cfg.Now
	if role == p2p.RoleAggregator {
		p.now, err = archive.Clock(p.store, n.cfg.Now)
	}
	if err == nil {
		p.chain, err = n.dialChain(ctx, name, p.now, p.Registry)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), p.store.Close())
	}
	run, err := n.build(p)
	if err != nil {
		p.chain.Close()
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), p.store.Close())
	}
	ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(p.done)
		p.err = run.Run(ctx)
	}()
	select {
	case <-p.Node.Listening():
		return p, nil
	case <-p.done:
		return nil, errors.Join(fmt.Errorf("%s: %w", name, p.err), p.close())
	}
}

// build makes the role of a peer.
func (n *Network) build(p *Peer) (runner, error) {
	follower, err := tempo.NewFollower(p.chain, tempo.FollowerConfig{
		Tokens: []common.Address{Asset}, Finality: tempo.Tag(n.file.Chain.Finality), Jitter: n.cfg.jitter(p.Name + "/chain"),
	})
	if err != nil {
		return nil, err
	}
	node := p2p.DefaultConfig(p.Role)
	node.Version, node.NetworkDigest, node.Committee = n.cfg.Version, n.digest, n.committee.ID()
	node.Jitter = n.cfg.jitter(p.Name + "/p2p")
	node.Members = n.members()
	n.cfg.Place(p.Name, &node)
	if listen := n.listened[p.Name]; listen != nil {
		node.Listen = listen // a restarted peer keeps its addresses
	}
	boot := n.nextBoot()
	jitter := n.cfg.jitter(p.Name)
	var tracer *tracing.Tracer
	if n.cfg.Tracer != nil {
		if tracer, err = n.cfg.Tracer(p.Name, p.Role); err != nil {
			return nil, err
		}
	}
	switch p.Role {
	case p2p.RoleValidator:
		cfg := validator.Config{
			Rules: n.rules, Signer: validator.NewKeySigner(voteKey(p.Name)), Node: node, Store: p.store,
			Chain: p.chain, Follower: follower,
			Settlement: validator.Settlement{
				Sponsor: n.cfg.accountKey("sponsor", p.Name), FeeToken: common.Address(n.file.Fees.FeeToken), InOrder: n.file.Chain.FIFO,
				BlockTime: n.cfg.BlockTime, PerPayer: int(n.file.Limits.SponsoredPerPayerPerHour),
			},
			Limits: validator.DefaultLimits(), Now: n.cfg.Now, Jitter: jitter, Boot: boot, Registerer: p.Registry, Tracer: tracer,
		}
		if n.cfg.EditValidator != nil {
			n.cfg.EditValidator(p.Name, &cfg)
		}
		if p.Validator, err = validator.New(cfg); err != nil {
			return nil, err
		}
		p.Node, p.Replica = p.Validator.Node(), p.Validator.Replica()
		return p.Validator, nil
	case p2p.RoleClient:
		cfg := client.Config{
			Rules: n.rules, Key: n.clientKey(p.Name), Node: node, Store: p.store,
			Chain: p.chain, Follower: follower, Now: n.cfg.Now, Jitter: jitter, Boot: boot, Registerer: p.Registry, Tracer: tracer,
		}
		if n.cfg.EditClient != nil {
			n.cfg.EditClient(p.Name, &cfg)
		}
		if p.Client, err = client.New(cfg); err != nil {
			return nil, err
		}
		p.Node, p.Replica = p.Client.Node(), p.Client.Replica()
		return p.Client, nil
	default:
		cfg := aggregator.Config{
			Rules: n.rules, Node: node, Store: p.store, Limits: aggregator.DefaultLimits(), Retention: archive.DefaultRetention(),
			Chain: p.chain, Follower: follower, Now: p.now, Jitter: jitter, Boot: boot, Registerer: p.Registry, Tracer: tracer,
		}
		if n.cfg.EditAggregator != nil {
			n.cfg.EditAggregator(p.Name, &cfg)
		}
		if p.Aggregator, err = aggregator.New(cfg); err != nil {
			return nil, err
		}
		p.Node, p.Replica = p.Aggregator.Node(), p.Aggregator.Replica()
		return p.Aggregator, nil
	}
}

// nextBoot numbers the runs of all peers.
func (n *Network) nextBoot() (boot [8]byte) {
	n.boots++
	binary.BigEndian.PutUint64(boot[:], n.boots<<32|uint64(uint32(n.cfg.Now().Unix())))
	return boot
}

// Stop ends the peer and returns why it ended, or what kept it from ending well.
// Later calls return the same.
func (p *Peer) Stop() error {
	p.ending.Do(func() {
		p.stop()
		<-p.done
		p.ended = errors.Join(p.err, p.close())
	})
	return p.ended
}

func (p *Peer) close() error {
	p.chain.Close()
	return p.store.Close()
}

// Done is closed when the peer has ended by itself or by Stop.
func (p *Peer) Done() <-chan struct{} { return p.done }

// Balance reads a balance of the asset, in token units, at the peer's own node's
// latest block, and that block's height.
func (p *Peer) Balance(ctx context.Context, owner common.Address) (uint256.Int, uint64, error) {
	head, err := p.chain.Header(ctx, tempo.Latest)
	if err != nil {
		return uint256.Int{}, 0, err
	}
	lane := fastpay.Lane{Asset: Asset, Sender: owner, ChainID: p.network.rules.ChainID()}
	account, err := p.chain.Account(ctx, head, Asset, owner, lane.NonceKey(p.network.committee))
	return account.Balance, head.Number, err
}
