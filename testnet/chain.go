package testnet

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/devchain"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
)

// startChain starts the embedded chain with the accounts' money, or gives them money on
// the one that the config names, and makes the network file for it.
func (n *Network) startChain(ctx context.Context) error {
	if n.cfg.ChainURL == "" {
		cfg := n.cfg.chainConfig()
		if err := n.makeRules(cfg.ChainID); err != nil {
			return err
		}
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
	chain, err := n.dialChain(ctx, n.cfg.Now, nil)
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
	return n.fund(ctx, chain)
}

// makeRules makes the network file for a chain, and the rules that follow from it.
func (n *Network) makeRules(chainID uint64) (err error) {
	n.file = n.cfg.file(chainID)
	if n.rules, err = n.file.Rules(); err != nil {
		return err
	}
	n.committee, n.digest = n.rules.Committees()[0], n.file.Digest()
	return nil
}

// dialChain returns a client of the network's chain for a peer with a clock.
func (n *Network) dialChain(ctx context.Context, now func() time.Time, registerer prometheus.Registerer) (*tempo.Chain, error) {
	options := tempo.Options{Now: now, Registerer: registerer}
	if n.Chain != nil {
		return tempo.New(n.Chain.Client(), options), nil
	}
	return tempo.Dial(ctx, n.cfg.ChainURL, options)
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
		give(Asset, addressOf(n.cfg.accountKey("account", a.Name)), a.Balance)
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
