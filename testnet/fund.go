package testnet

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// faucetKey is the key of the first account of the mnemonic "test test test test test
// test test test test test test junk", which development chains fund. Everybody has it.
const faucetKey = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

const (
	// fundGas is what one transfer to a new account costs at most, in gas.
	fundGas = 1_000_000
	// fundCalls is how many transfers one transaction makes: development chains have
	// blocks of 30 million gas.
	fundCalls = 20
	// fundBlocks is how many blocks the transfers get to become final.
	fundBlocks = 8
	// fundPoll is how often the chain is asked whether they are.
	fundPoll = 200 * time.Millisecond
)

// Grant is what an account gets from the development account.
type Grant struct {
	Token, To common.Address
	Units     uint64
}

// funding is one transaction of the development account.
type funding struct {
	nonceKey uint256.Int // of these grants alone: the transaction executes once
	raw      []byte
}

// Fund gives accounts money from the chain's first development account and returns when
// a block that counts as final has it on every node: validators read there. The same
// grants are made once, however often Fund is called.
func (n *Nodes) Fund(ctx context.Context, f *netfile.File, grants []Grant) error {
	key, err := crypto.HexToECDSA(faucetKey)
	if err != nil {
		return fmt.Errorf("key of the development account: %w", err)
	}
	faucet := addressOf(key)
	var fundings []funding
	for some := range slices.Chunk(grants, fundCalls) {
		made, err := newFunding(f, key, some)
		if err != nil {
			return fmt.Errorf("funding accounts: %w", err)
		}
		fundings = append(fundings, made)
	}
	done, _, err := n.funded(ctx, n.nodes[0], f, faucet, fundings)
	if err != nil && !errors.Is(err, tempo.ErrUnavailable) { // nothing is final yet
		return fmt.Errorf("funding accounts: %w", err)
	}
	if !done {
		if err := n.checkFaucet(ctx, faucet, fundings[0].nonceKey, grants); err != nil {
			return fmt.Errorf("funding accounts: %w", err)
		}
		for _, made := range fundings {
			if _, err := n.nodes[0].Send(ctx, made.raw); err != nil && !errors.Is(err, tempo.ErrCheckNonce) {
				return fmt.Errorf("funding accounts from the development account %s: %w", faucet, err)
			}
		}
	}
	for i, node := range n.nodes {
		if err := n.awaitFunded(ctx, node, f, faucet, fundings); err != nil {
			return fmt.Errorf("funding accounts, at the node %s: %w", n.hosts[i], err)
		}
	}
	return nil
}

// newFunding makes a transaction that makes some grants.
func newFunding(f *netfile.File, key *ecdsa.PrivateKey, grants []Grant) (funding, error) {
	feeToken := common.Address(f.Fees.FeeToken)
	tx := &tx76.Transaction{ChainID: f.Chain.ID, MaxFeePerGas: uint256.Int(f.Fees.MaxFeePerGas[0]), Gas: uint64(len(grants)) * fundGas, FeeToken: &feeToken}
	preimage := []byte("allegro/testnet/fund")
	for _, g := range grants {
		call := tx76.Call{To: &g.Token, Input: tempo.EncodeTransfer(g.To, uint256.NewInt(g.Units))}
		tx.Calls = append(tx.Calls, call)
		preimage = append(append(preimage, g.Token[:]...), call.Input...)
	}
	nonceKey := crypto.Keccak256Hash(preimage)
	nonceKey[0] = 0 // no key of a sub-block lane
	tx.NonceKey.SetBytes32(nonceKey[:])
	var err error
	if tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), key); err != nil {
		return funding{}, err
	}
	return funding{tx.NonceKey, tx.Encode()}, nil
}

// checkFaucet tells whether the development account has what is granted.
func (n *Nodes) checkFaucet(ctx context.Context, faucet common.Address, nonceKey uint256.Int, grants []Grant) error {
	need := make(map[common.Address]*uint256.Int)
	for _, g := range grants {
		if need[g.Token] == nil {
			need[g.Token] = new(uint256.Int)
		}
		need[g.Token].AddUint64(need[g.Token], g.Units)
	}
	head, err := n.nodes[0].Header(ctx, tempo.Latest)
	if err != nil {
		return err
	}
	for token, units := range need {
		account, err := n.nodes[0].Account(ctx, head, token, faucet, nonceKey)
		if err != nil {
			return err
		}
		if account.Nonce > 0 {
			return nil // it has paid, in a block that is not final yet
		}
		if account.Balance.Lt(units) {
			return fmt.Errorf("the development account %s holds %s units of token %s on chain %d, the accounts get %s: "+
				"give it more, where the node has a faucet by tempo_fundAddress, or name a development chain", faucet, account.Balance.Dec(), token, n.ChainID, units.Dec())
		}
	}
	return nil
}

// funded reports whether a final block of a node has executed the transactions, and
// which block was looked at.
func (n *Nodes) funded(ctx context.Context, node *tempo.Chain, f *netfile.File, faucet common.Address, fundings []funding) (done bool, final tempo.Header, err error) {
	if final, err = node.Header(ctx, tempo.Tag(f.Chain.Finality)); err != nil {
		return false, final, err
	}
	for _, made := range fundings {
		account, err := node.Account(ctx, final, FeeToken, faucet, made.nonceKey)
		switch {
		case err != nil:
			return false, final, err
		case account.Nonce == 0:
			return false, final, nil
		case !account.Last.Success:
			return false, final, fmt.Errorf("transaction %s of the development account %s was reverted: does a token forbid transfers to new accounts?", account.Last.TxHash, faucet)
		}
	}
	return true, final, nil
}

// awaitFunded waits until the transactions are final at a node.
func (n *Nodes) awaitFunded(ctx context.Context, node *tempo.Chain, f *netfile.File, faucet common.Address, fundings []funding) error {
	ctx, cancel := context.WithTimeout(ctx, fundBlocks*time.Duration(f.Chain.BlockTimeSeconds)*time.Second)
	defer cancel()
	ticker := time.NewTicker(fundPoll)
	defer ticker.Stop()
	for {
		done, final, err := n.funded(ctx, node, f, faucet, fundings)
		if done {
			return nil
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, tempo.ErrUnavailable) && !errors.Is(err, tempo.ErrUnreachable) {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			return fmt.Errorf("no final block had the transfers within %d blocks of %d s, final is block %d: does the chain finalize? anvil wants --slots-in-an-epoch 1",
				fundBlocks, f.Chain.BlockTimeSeconds, final.Number)
		}
	}
}
