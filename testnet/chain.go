package testnet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/allegro-p2p/allegro/validator"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
)

// startChain starts the embedded chain with the accounts' money, or gives them money on
// the one that the config names, and makes the network file for it.
func (n *Network) startChain(ctx context.Context) error {
	if n.cfg.ChainURL == "" {
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
	chain, err := tempo.Dial(ctx, n.cfg.ChainURL, tempo.Options{Now: n.cfg.Now})
	if err != nil {
		return err
	}
	defer chain.Close()
	id, err := chain.ChainID(ctx)
	if err != nil {
		return err
	}
	if err := n.makeRules(id); err != nil {
		return err
	}
	if err := n.checkLane(ctx, chain); err != nil {
		return err
	}
	if n.cfg.Funded {
		return nil
	}
	return n.fund(ctx, chain)
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

// dialChain returns a client of a peer's chain node.
func (n *Network) dialChain(ctx context.Context, peer string, registerer prometheus.Registerer) (*tempo.Chain, error) {
	options := tempo.Options{Now: n.cfg.Now, Registerer: registerer}
	key, own := n.ownNode(peer)
	switch {
	case n.Chain != nil && own:
		client, err := n.Chain.ValidatorClient(key)
		if err != nil {
			return nil, err
		}
		return tempo.New(client, options), nil
	case n.Chain != nil:
		return tempo.New(n.Chain.Client(), options), nil
	case own:
		return tempo.Dial(ctx, n.cfg.ChainURL+devchain.ValidatorPath(key), options)
	default:
		return tempo.Dial(ctx, n.cfg.ChainURL, options)
	}
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
		own, err := n.dialChain(ctx, ValidatorName(i), nil)
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

// faucetKey is the key of the first account of the mnemonic "test test test test test
// test test test test test test junk", which development chains fund. Everybody has it.
const faucetKey = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

const (
	// fundGas is what one transfer to a new account costs at most, in gas.
	fundGas = 1_000_000
	// fundBlocks is how many blocks the transfers get to become final.
	fundBlocks = 8
	// pollInterval is how often the chain is asked whether they are.
	pollInterval = 200 * time.Millisecond
)

// fund gives the accounts their money from the faucet's, in one transaction, and returns
// when a finalized block has it: validators read there.
func (n *Network) fund(ctx context.Context, chain *tempo.Chain) error {
	key, err := crypto.HexToECDSA(faucetKey)
	if err != nil {
		return fmt.Errorf("faucet key: %w", err)
	}
	var nonceKey [32]byte
	rand.Read(nonceKey[1:]) // never fails; a sequence that nobody else uses
	feeToken := common.Address(FeeToken)
	tx := &tx76.Transaction{
		ChainID: n.rules.ChainID(), MaxFeePerGas: *uint256.NewInt(maxFee), NonceKey: *new(uint256.Int).SetBytes32(nonceKey[:]), FeeToken: &feeToken,
	}
	give := func(token, to common.Address, units uint64) {
		tx.Gas += fundGas
		tx.Calls = append(tx.Calls, tx76.Call{To: &token, Input: tempo.EncodeTransfer(to, uint256.NewInt(units))})
	}
	for _, a := range n.cfg.Clients {
		give(Asset, addressOf(n.clientKey(a.Name)), a.Balance)
	}
	for i := range n.cfg.Validators {
		give(FeeToken, addressOf(n.cfg.accountKey("sponsor", ValidatorName(i))), SponsorBalance)
	}
	if tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), key); err != nil {
		return fmt.Errorf("funding accounts: %w", err)
	}
	if _, err := chain.Send(ctx, tx.Encode()); err != nil {
		return fmt.Errorf("funding accounts from the development account %s: %w", addressOf(key), err)
	}
	ctx, cancel := context.WithTimeout(ctx, fundBlocks*n.cfg.BlockTime)
	defer cancel()
	last := addressOf(n.cfg.accountKey("sponsor", ValidatorName(n.cfg.Validators-1)))
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		final, err := chain.Header(ctx, tempo.Finalized)
		if err == nil {
			account, aerr := chain.Account(ctx, final, FeeToken, last, tx.NonceKey)
			if aerr == nil && !account.Balance.IsZero() {
				return nil
			}
			err = aerr
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			if err != nil {
				return fmt.Errorf("funding accounts: %w", err)
			}
			return fmt.Errorf("funding accounts: no finalized block had the transfers within %d blocks, finalized is block %d: does the chain finalize, and does %s hold money on it? anvil wants --slots-in-an-epoch 1",
				fundBlocks, final.Number, addressOf(key))
		}
	}
}
