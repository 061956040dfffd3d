// Command wallet is an example: a peer of its own that pays an invoice or is paid for one,
// with the packages of this module and nothing else.
//
//	wallet -network network.toml -node http://127.0.0.1:8545 -key KEYFILE -data DIR pay PAYEE AMOUNT INVOICE
//	wallet -network network.toml -node http://127.0.0.1:8545 -key KEYFILE -data DIR receive AMOUNT INVOICE
//
// KEYFILE holds the account's private key as 64 hex digits. docs/integrators.md explains it.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "wallet:", err)
		os.Exit(1)
	}
}

// run is the program.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("wallet", flag.ContinueOnError)
	network := flags.String("network", "network.toml", "network `FILE`")
	node := flags.String("node", "http://127.0.0.1:8545", "`URL` of the chain node")
	key := flags.String("key", "key.hex", "`FILE` with the account's private key")
	data := flags.String("data", "data", "`DIR` of this peer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	w, err := open(ctx, *network, *node, *key, *data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()

	// The peer runs beside what it is used for. If it ends, so does that.
	ctx, cancel := context.WithCancelCause(ctx)
	ran := make(chan error, 1)
	go func() {
		err := w.Run(ctx)
		cancel(err)
		ran <- err
	}()
	defer func() {
		cancel(nil)
		err = errors.Join(err, <-ran)
	}()
	if err := w.WaitReady(ctx); err != nil {
		return fmt.Errorf("waiting for a quorum of validators: %w", err)
	}
	switch rest := flags.Args(); {
	case len(rest) == 4 && rest[0] == "pay":
		return w.pay(ctx, out, rest[1], rest[2], rest[3])
	case len(rest) == 3 && rest[0] == "receive":
		return w.receive(ctx, out, rest[1], rest[2])
	default:
		return errors.New("want pay PAYEE AMOUNT INVOICE or receive AMOUNT INVOICE")
	}
}

// wallet is a client with what it is made of.
type wallet struct {
	*client.Client
	asset netfile.Asset
	store *replica.Store
	chain *tempo.Chain
}

// open makes a peer from a network file, a chain node, an account and a folder.
func open(ctx context.Context, networkPath, nodeURL, keyPath, dir string) (_ *wallet, err error) {
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
	w := &wallet{asset: network.Assets[0]}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	// The journal and all evidence are in here. One process at a time can open it, so
	// that a lane has one writer.
	if w.store, err = replica.OpenStore(filepath.Join(dir, "data"), vfs.Default); err != nil {
		return nil, err
	}
	if w.chain, err = tempo.Dial(ctx, nodeURL, tempo.Options{}); err != nil {
		return nil, err
	}
	var tokens []common.Address
	for _, a := range network.Assets {
		tokens = append(tokens, common.Address(a.Address))
	}
	follower, err := tempo.NewFollower(w.chain, tempo.FollowerConfig{Tokens: tokens, Finality: tempo.Tag(network.Chain.Finality)})
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
	w.Client, err = client.New(client.Config{
		Rules: rules, Key: key, Node: node, Store: w.store, Chain: w.chain, Follower: follower,
		Now: time.Now, Jitter: node.Jitter, Boot: boot, Registerer: prometheus.NewRegistry(),
	})
	return w, err
}

// close frees what open took.
func (w *wallet) close() error {
	var err error
	if w.Client != nil {
		err = w.Node().Close()
	}
	if w.chain != nil {
		w.chain.Close()
	}
	if w.store != nil {
		err = errors.Join(err, w.store.Close())
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
