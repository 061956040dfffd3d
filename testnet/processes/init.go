package processes

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"
)

// identity is what `allegro init` tells of a home it made.
type identity struct {
	Name         string   `json:"name"`
	PeerID       string   `json:"peer_id"`
	ValidatorKey *string  `json:"validator_key"`
	Account      *string  `json:"account"`
	Addresses    []string `json:"addresses"`
}

// Init makes a testnet in a folder that does not exist or is empty: homes with keys of
// their own on ports that are free now, one network file, one genesis. Nothing runs
// yet. What was made is removed if it fails.
func Init(ctx context.Context, dir, program string, spec Spec) (_ *Net, err error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("testnet folder: %w", err)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty: name a new folder, or start the testnet in it over with allegro testnet reset", dir)
	}
	chainID := devchain.DefaultConfig().ChainID
	if len(spec.ChainURLs) > 0 {
		nodes, err := testnet.DialNodes(ctx, spec.ChainURLs)
		if err != nil {
			return nil, err
		}
		nodes.Close()
		chainID = nodes.ChainID
	}
	n := &Net{dir: dir, program: program, state: state{Version: stateVersion, Spec: spec}}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.remove())
		}
	}()
	folder := dir
	if n.ownChain() {
		folder = filepath.Join(dir, chainName)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("testnet folder: %w", err)
	}
	return n, n.make(ctx, chainID)
}

// make fills an empty folder.
func (n *Net) make(ctx context.Context, chainID uint64) error {
	peers := n.state.Spec.peers()
	ports, err := freePorts(1 + portsPerPeer*len(peers))
	if err != nil {
		return err
	}
	if n.ownChain() {
		n.state.ChainAddr = onLoopback(ports[0])
	}
	if n.state.Spec.Lane == netfile.SubBlockLane {
		if err := n.makeNodeKeys(); err != nil {
			return err
		}
	}
	made := make([]identity, len(peers))
	g, ctx := errgroup.WithContext(ctx)
	for i, m := range peers {
		g.Go(func() error {
			return n.makeHome(ctx, m, n.nodeURL(i, m.Name), portsOf(ports, i), &made[i])
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := n.writeNetwork(chainID, peers, made); err != nil {
		return err
	}
	if err := n.writeAlloc(peers, made); err != nil {
		return err
	}
	if err := n.writeTargets(peers, ports); err != nil {
		return err
	}
	return n.save()
}

// save writes what the network was made of.
func (n *Net) save() error {
	data, err := json.MarshalIndent(n.state, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", stateName, err)
	}
	return n.write(filepath.Join(n.dir, stateName), data)
}

// makeNodeKeys gives each validator the public key of a chain node. The chain plays the
// nodes and signs nothing.
func (n *Net) makeNodeKeys() error {
	n.state.NodeKeys = make(map[string]netfile.Key)
	for i := range n.state.Spec.Validators {
		public, _, err := ed25519.GenerateKey(nil)
		if err != nil {
			return fmt.Errorf("making a node key: %w", err)
		}
		n.state.NodeKeys[testnet.ValidatorName(i)] = netfile.Key(public)
	}
	return nil
}

// makeHome makes the home of one peer. Clients only dial: they are the wallets of
// people behind routers.
func (n *Net) makeHome(ctx context.Context, m member, nodeURL string, ports peerPorts, made *identity) error {
	args := []string{"init", "--role", string(m.Role), "--name", m.Name, "--light-kdf", "--chain", nodeURL, "--metrics", onLoopback(ports.metrics)}
	if m.Role != p2p.RoleClient {
		args = append(args,
			"--listen", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", ports.p2p),
			"--listen", fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", ports.p2p), "--browser")
	}
	if m.Role == p2p.RoleAggregator {
		args = append(args, "--http", onLoopback(ports.http))
	}
	return n.ask(ctx, m.Name, made, args...)
}

// writeNetwork gives every home the network file, and names for the clients' accounts.
func (n *Net) writeNetwork(chainID uint64, peers []member, made []identity) error {
	file := testnet.NewFile(n.state.Spec.Lane, n.state.Spec.BlockTime)
	testnet.ForChain(file, chainID, n.state.Spec.Finality)
	committee := netfile.Committee{Epoch: 1, End: uint64(time.Now().Add(n.state.Spec.EpochLength).Unix())}
	var contacts strings.Builder
	for i, m := range peers {
		switch m.Role {
		case p2p.RoleValidator:
			entry := netfile.Member{Name: m.Name, Weight: 1, NodeKey: n.state.NodeKeys[m.Name], Addresses: made[i].Addresses}
			if err := entry.Key.UnmarshalText([]byte(*made[i].ValidatorKey)); err != nil {
				return fmt.Errorf("vote key of %s: %w", m.Name, err)
			}
			if err := entry.Sponsor.UnmarshalText([]byte(*made[i].Account)); err != nil {
				return fmt.Errorf("sponsor of %s: %w", m.Name, err)
			}
			committee.Members = append(committee.Members, entry)
		case p2p.RoleClient:
			fmt.Fprintf(&contacts, "%s = %q\n", m.Name, *made[i].Account)
		}
	}
	file.Committees = []netfile.Committee{committee}
	data, err := file.Encode()
	if err != nil {
		return err
	}
	if err := n.write(n.NetworkPath(), data); err != nil {
		return err
	}
	for _, m := range peers {
		if err := n.write(filepath.Join(n.dir, m.Name, networkName), data); err != nil {
			return err
		}
		if err := n.write(filepath.Join(n.dir, m.Name, "contacts.toml"), []byte(contacts.String())); err != nil {
			return err
		}
	}
	return nil
}

// writeAlloc writes what accounts hold at genesis, or are given on another's chain:
// clients money, sponsors fees.
func (n *Net) writeAlloc(peers []member, made []identity) error {
	asset, fees := make(map[string]string), make(map[string]string)
	for i, m := range peers {
		switch m.Role {
		case p2p.RoleClient:
			for _, c := range n.state.Spec.Clients {
				if c.Name == m.Name {
					asset[*made[i].Account] = fmt.Sprint(c.Balance)
				}
			}
		case p2p.RoleValidator:
			fees[*made[i].Account] = fmt.Sprint(uint64(testnet.SponsorBalance))
		}
	}
	data, err := json.MarshalIndent(map[string]map[string]string{
		common.Address(testnet.Asset).Hex(): asset, common.Address(testnet.FeeToken).Hex(): fees,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", allocName, err)
	}
	return n.write(filepath.Join(n.dir, allocName), data)
}

func (n *Net) write(path string, data []byte) error {
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("testnet: %w", err)
	}
	return nil
}

// Reset starts over: the same peers with new keys, a new committee and a fresh chain.
func (n *Net) Reset(ctx context.Context) error {
	if err := n.Down(ctx); err != nil {
		return err
	}
	if err := n.remove(); err != nil {
		return err
	}
	fresh, err := Init(ctx, n.dir, n.program, n.state.Spec)
	if err != nil {
		return err
	}
	*n = *fresh
	return nil
}

// remove deletes what a testnet is made of, and the folder if nothing else is in it.
func (n *Net) remove() error {
	var errs []error
	for _, name := range append(n.Names(), chainName, networkName, allocName, targetsName, stateName) {
		errs = append(errs, os.RemoveAll(filepath.Join(n.dir, name)))
	}
	if entries, err := os.ReadDir(n.dir); err == nil && len(entries) == 0 {
		errs = append(errs, os.Remove(n.dir))
	}
	return errors.Join(errs...)
}
