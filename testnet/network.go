package testnet

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
)

// Network is a running network in one process. Its methods are not safe for
// concurrent use, [Network.Replay] aside; its peers' are.
type Network struct {
	Chain *devchain.Chain // nil if the chain is another's: see Config.ChainURLs
	Peers []*Peer         // validators, then clients, then aggregators

	cfg       Config
	file      *netfile.File
	rules     *fastpay.Rules
	committee *fastpay.Committee
	digest    common.Hash
	accounts  map[string]*ecdsa.PrivateKey // of the clients, by name
	listened  map[string][]string          // listen addresses of peers that ran, by name
	nodes     map[string]string            // URL of a peer's node, by name; none for the embedded chain
	boots     uint64

	stage  chan struct{} // held by who plays a scene
	played chan struct{} // closed once the first one was

	stopChain context.CancelFunc
	chainDone chan error
}

// Start makes a network and runs it. The peers connect on their own: see
// [Network.WaitReady].
func Start(ctx context.Context, cfg Config) (_ *Network, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := &Network{
		cfg: cfg, listened: make(map[string][]string), nodes: make(map[string]string),
		stage: make(chan struct{}, 1), played: make(chan struct{}), chainDone: make(chan error, 1),
	}
	if err := n.startChain(ctx); err != nil {
		return nil, fmt.Errorf("testnet: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if cfg.Addresses != nil {
		for i := range cfg.Validators {
			n.setAddresses(ValidatorName(i), cfg.Addresses(ValidatorName(i)))
		}
	}
	// Validators come first: the others dial them. Each learns the addresses of
	// those before it.
	for i := range cfg.Validators {
		if err := n.Add(ctx, ValidatorName(i), p2p.RoleValidator); err != nil {
			return nil, err
		}
	}
	for _, a := range cfg.Clients {
		if err := n.Add(ctx, a.Name, p2p.RoleClient); err != nil {
			return nil, err
		}
	}
	for i := range cfg.Aggregators {
		if err := n.Add(ctx, AggregatorName(i), p2p.RoleAggregator); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Add starts a further peer and notes where it listens.
func (n *Network) Add(ctx context.Context, name string, role p2p.Role) error {
	p, err := n.start(ctx, name, role, n.cfg.FS(name))
	if err != nil {
		return fmt.Errorf("testnet: %w", err)
	}
	n.Peers = append(n.Peers, p)
	n.note(p)
	return nil
}

// note keeps where a peer listens, for its restart and for the network file.
func (n *Network) note(p *Peer) {
	addresses := p2p.ForPeers(p.Node.Addrs())
	var listen []string
	for _, a := range addresses {
		if addr, err := p2p.ParsePeer(a); err == nil {
			listen = append(listen, addr.Addr)
		}
	}
	n.listened[p.Name] = listen
	if p.Role == p2p.RoleValidator {
		n.setAddresses(p.Name, addresses)
	}
}

// setAddresses writes a validator's addresses into the network file.
func (n *Network) setAddresses(name string, addresses []string) {
	for i := range n.file.Committees[0].Members {
		if m := &n.file.Committees[0].Members[i]; m.Name == name {
			m.Addresses = slices.Clone(addresses)
		}
	}
}

// members are the validators as a peer's node is told of them.
func (n *Network) members() []p2p.Member {
	var out []p2p.Member
	for _, m := range n.file.Committees[0].Members {
		out = append(out, p2p.Member{Key: slices.Clone(m.Key[:]), Name: m.Name, Addrs: slices.Clone(m.Addresses)})
	}
	return out
}

// Restart starts a stopped peer again from a file system, with the identity and
// the addresses it had.
func (n *Network) Restart(ctx context.Context, name string, fs vfs.FS) (*Peer, error) {
	for i, old := range n.Peers {
		if old.Name != name {
			continue
		}
		p, err := n.start(ctx, name, old.Role, fs)
		if err != nil {
			return nil, fmt.Errorf("testnet: %w", err)
		}
		n.Peers[i] = p
		return p, nil
	}
	return nil, fmt.Errorf("testnet: no peer is called %s", name)
}

// WaitReady blocks until every peer that runs is connected to every member that
// runs, every client has seen the chain, and every validator signs or has said why it
// never will.
func (n *Network) WaitReady(ctx context.Context) error {
	for _, p := range n.Peers {
		select {
		case <-p.Done():
			continue
		default:
		}
		if _, err := p.Node.WaitReady(ctx, n.committee.ID()); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		if p.Client != nil {
			if err := p.Client.WaitReady(ctx); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
		}
		if p.Validator != nil {
			// One that will never sign has said so, and is not waited for.
			if err := p.Validator.AwaitSigning(ctx, n.committee.ID()); err != nil && ctx.Err() != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
		}
	}
	return nil
}

// Peer returns the peer of a name, or nil.
func (n *Network) Peer(name string) *Peer {
	for _, p := range n.Peers {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Clients returns the clients, in order.
func (n *Network) Clients() []*Peer {
	var out []*Peer
	for _, p := range n.Peers {
		if p.Client != nil {
			out = append(out, p)
		}
	}
	return out
}

// Committee is the network's committee.
func (n *Network) Committee() *fastpay.Committee { return n.committee }

// File is the network file with the addresses known so far.
func (n *Network) File() *netfile.File { return n.file }

// Close stops all peers, then the chain.
func (n *Network) Close() error {
	var errs []error
	for _, p := range slices.Backward(n.Peers) {
		if err := p.Stop(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.Name, err))
		}
	}
	if n.Chain != nil {
		n.stopChain()
		errs = append(errs, <-n.chainDone, n.Chain.Close())
	}
	return errors.Join(errs...)
}
