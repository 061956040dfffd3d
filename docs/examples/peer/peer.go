// Package peer makes the peer of an example: what a program with a peer of its own has to
// put together, once.
package peer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/replica"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/prometheus/client_golang/prometheus"
)

// Peer is a client with what it is made of.
type Peer struct {
	*client.Client
	Network *netfile.File
	store   *replica.Store
	chain   *tempo.Chain
}

// Open makes a peer from a network file, a chain node, the file of an account's private key
// and a folder, which is made if it is not there. edit changes the client's config before
// it is used; nil: nothing is changed. End the peer with Close.
func Open(ctx context.Context, networkPath, nodeURL, keyPath, dir string, edit func(*client.Config)) (_ *Peer, err error) {
	// The network file is the one thing that is believed: the committee is in it.
	network, err := netfile.Load(networkPath)
	if err != nil {
		return nil, err
	}
	rules, err := network.Rules()
	if err != nil {
		return nil, err
	}
	key, err := crypto.LoadECDSA(keyPath)
	if err != nil {
		return nil, fmt.Errorf("account key %s: %w", keyPath, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	identity, err := identityIn(dir)
	if err != nil {
		return nil, err
	}
	p := &Peer{Network: network}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	// The journal and all evidence are in here. One process at a time can open it, so
	// that a lane has one writer.
	if p.store, err = replica.OpenStore(filepath.Join(dir, "data"), vfs.Default); err != nil {
		return nil, err
	}
	if p.chain, err = tempo.Dial(ctx, nodeURL, tempo.Options{}); err != nil {
		return nil, err
	}
	var tokens []common.Address
	for _, a := range network.Assets {
		tokens = append(tokens, common.Address(a.Address))
	}
	follower, err := tempo.NewFollower(p.chain, tempo.FollowerConfig{Tokens: tokens, Finality: tempo.Tag(network.Chain.Finality)})
	if err != nil {
		return nil, err
	}
	node := p2p.DefaultConfig(p2p.RoleClient)
	node.Identity, node.Version = identity, "example"
	committee := rules.CommitteeAt(uint64(time.Now().Unix()))
	node.NetworkDigest, node.Committee = network.Digest(), committee.ID()
	for _, m := range network.MembersOf(committee.ID()) {
		node.Members = append(node.Members, p2p.Member{Key: m.Key[:], Name: m.Name, Addrs: m.Addresses})
	}
	var boot [8]byte
	rand.Read(boot[:]) // never fails
	cfg := client.Config{
		Rules: rules, Key: key, Node: node, Store: p.store, Chain: p.chain, Follower: follower,
		Now: time.Now, Jitter: node.Jitter, Boot: boot, Registerer: prometheus.NewRegistry(),
	}
	if edit != nil {
		edit(&cfg)
	}
	p.Client, err = client.New(cfg)
	return p, err
}

// Close frees what Open took.
func (p *Peer) Close() error {
	var err error
	if p.Client != nil {
		err = p.Node().Close()
	}
	if p.chain != nil {
		p.chain.Close()
	}
	if p.store != nil {
		err = errors.Join(err, p.store.Close())
	}
	return err
}

// identityIn is the transport key of a folder, made at the first start.
func identityIn(dir string) (p2p.Identity, error) {
	path := filepath.Join(dir, "p2p.key")
	identity, err := p2p.LoadIdentity(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return identity, err
	}
	if identity, err = p2p.NewIdentity(); err != nil {
		return identity, err
	}
	return identity, identity.Save(path)
}
