package testnet

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
)

// startChain starts the embedded chain with the accounts' money, or gives them money on
// the one that the config names, and makes the network file for it.
func (n *Network) startChain(ctx context.Context) error {
	if len(n.cfg.ChainURLs) == 0 {
		if err := n.makeRules(devchain.DefaultConfig().ChainID); err != nil {
			return err
		}
		cfg := n.chainConfig()
		chain, err := devchain.New(cfg)
		if err != nil {
			return err
		}
		n.Chain = chain
		ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
		n.stopChain = stop
		go func() { n.chainDone <- chain.Run(ctx) }()
		return nil
	}
	nodes, err := DialNodes(ctx, n.cfg.ChainURLs)
	if err != nil {
		return err
	}
	defer nodes.Close()
	if err := n.makeRules(nodes.ChainID); err != nil {
		return err
	}
	var grants []Grant
	for _, a := range n.cfg.Clients {
		grants = append(grants, Grant{Asset, addressOf(n.clientKey(a.Name)), a.Balance})
	}
	if err := n.checkLane(ctx, nodes.nodes[0]); err != nil {
		return err
	}
	if n.cfg.Funded {
		return nil
	}
	for i := range n.cfg.Validators {
		grants = append(grants, Grant{FeeToken, addressOf(n.cfg.accountKey("sponsor", ValidatorName(i))), SponsorBalance})
	}
	return nodes.Fund(ctx, n.file, grants)
}

// makeRules makes the network file for a chain, and the rules that follow from it.
func (n *Network) makeRules(chainID uint64) (err error) {
	n.file = n.cfg.file(chainID)
	if n.rules, err = n.file.Rules(); err != nil {
		return err
	}
	n.committee, n.digest = n.rules.Committees()[0], n.file.Digest()
	n.chooseAccounts()
	return nil
}

// chainConfig is the embedded chain with the accounts' balances.
func (n *Network) chainConfig() devchain.Config {
	cfg := devchain.DefaultConfig()
	cfg.BlockTime, cfg.Now, cfg.BaseFee = n.cfg.BlockTime, n.cfg.Now, BaseFee
	cfg.Alloc = map[common.Address]map[common.Address]*uint256.Int{Asset: {}, FeeToken: {}}
	for _, a := range n.cfg.Clients {
		cfg.Alloc[Asset][addressOf(n.clientKey(a.Name))] = uint256.NewInt(a.Balance)
	}
	for i := range n.cfg.Validators {
		cfg.Alloc[FeeToken][addressOf(n.cfg.accountKey("sponsor", ValidatorName(i)))] = uint256.NewInt(SponsorBalance)
	}
	if n.cfg.Lane == netfile.SubBlockLane {
		cfg.Fork = devchain.T3
		for i := range n.cfg.Validators {
			cfg.Validators = append(cfg.Validators, nodeKey(ValidatorName(i)))
		}
	}
	return cfg
}

// ownNode returns the key of the chain node that a peer talks to: with sub-block lanes
// each validator has one of its own.
func (n *Network) ownNode(peer string) (key [32]byte, own bool) {
	for i := range n.cfg.Validators {
		if name := ValidatorName(i); name == peer && n.cfg.Lane == netfile.SubBlockLane {
			return nodeKey(name), true
		}
	}
	return key, false
}

// dialChain returns a client of a peer's own node, for a peer with a clock.
func (n *Network) dialChain(ctx context.Context, peer string, now func() time.Time, registerer prometheus.Registerer) (*tempo.Chain, error) {
	options := tempo.Options{Now: now, Registerer: registerer}
	key, own := n.ownNode(peer)
	if n.Chain != nil && own {
		client, err := n.Chain.ValidatorClient(key)
		if err != nil {
			return nil, err
		}
		return tempo.New(client, options), nil
	}
	if n.Chain != nil {
		return tempo.New(n.Chain.Client(), options), nil
	}
	rawURL, known := n.nodes[peer]
	if !known {
		rawURL = n.cfg.ChainURLs[len(n.nodes)%len(n.cfg.ChainURLs)]
		n.nodes[peer] = rawURL
	}
	if own {
		rawURL += devchain.ValidatorPath(key)
	}
	return tempo.Dial(ctx, rawURL, options)
}

// ErrNoNode means that the chain which the config names has no node for a validator,
// which sub-block lanes want.
var ErrNoNode = errors.New("the chain has no node")

// checkLane refuses a chain of others that has not the network's lanes, or no nodes for
// its validators.
func (n *Network) checkLane(ctx context.Context, chain *tempo.Chain) error {
	if err := validator.CheckLane(ctx, n.committee.LaneKind(), chain); err != nil {
		return err
	}
	if n.cfg.Lane != netfile.SubBlockLane {
		return nil
	}
	var keys []string
	for i := range n.cfg.Validators {
		keys = append(keys, fmt.Sprintf("--validator 0x%x", nodeKey(ValidatorName(i))))
	}
	for i := range n.cfg.Validators {
		own, err := n.dialChain(ctx, ValidatorName(i), n.cfg.Now, nil)
		if err != nil {
			return err
		}
		_, err = own.ChainID(ctx)
		own.Close()
		if err != nil {
			return fmt.Errorf("%w of %s: start it with allegro devchain --fork %s %s: %w", ErrNoNode, ValidatorName(i), devchain.T3, strings.Join(keys, " "), err)
		}
	}
	return nil
}

// ForChain makes a network file one for a chain. Only development chains are known to
// execute in order of submission: elsewhere a payment goes out after those it relies on.
func ForChain(f *netfile.File, chainID uint64, finality netfile.Finality) {
	f.Chain.ID, f.Chain.Finality = chainID, finality
	f.Chain.FIFO = chainID == devchain.DefaultConfig().ChainID
}

// Nodes are the nodes of one chain that a testnet settles on. They are to be closed.
type Nodes struct {
	ChainID uint64
	nodes   []*tempo.Chain
	hosts   []string // as people are told; a URL itself may hold an access token
}

// DialNodes connects to nodes and makes sure that they answer and are of one chain.
func DialNodes(ctx context.Context, urls []string) (_ *Nodes, err error) {
	n := &Nodes{}
	defer func() {
		if err != nil {
			n.Close()
		}
	}()
	var genesis common.Hash
	for i, rawURL := range urls {
		node, err := tempo.Dial(ctx, rawURL, tempo.Options{})
		if err != nil {
			return nil, err
		}
		n.nodes, n.hosts = append(n.nodes, node), append(n.hosts, hostOf(rawURL))
		id, err := node.ChainID(ctx)
		if err != nil {
			return nil, fmt.Errorf("node at %s: %w", n.hosts[i], err)
		}
		first, err := node.HeaderByNumber(ctx, 0)
		if err != nil {
			return nil, fmt.Errorf("node at %s: %w", n.hosts[i], err)
		}
		if i == 0 {
			n.ChainID, genesis = id, first.Hash
		}
		if id != n.ChainID || first.Hash != genesis {
			return nil, fmt.Errorf("the nodes at %s and %s are of two chains, %d with genesis %s and %d with genesis %s: name nodes of one",
				n.hosts[0], n.hosts[i], n.ChainID, genesis, id, first.Hash)
		}
	}
	return n, nil
}

// Close ends the connections.
func (n *Nodes) Close() {
	for _, node := range n.nodes {
		node.Close()
	}
}

// hostOf is the host of a URL that tempo.Dial takes.
func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "unknown host"
	}
	return u.Host
}
