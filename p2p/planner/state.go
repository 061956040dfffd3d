package planner

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Chain reads what a decision needs at the peer's own node, at a block that its hash
// pins. Its methods are called one after another.
type Chain interface {
	// AccountAt reads a lane: the balance, the next nonce, and what used the one
	// before, nil at nonce 0.
	AccountAt(ctx context.Context, number uint64, hash common.Hash, token, owner common.Address, nonceKey uint256.Int) (balance uint256.Int, nonce uint64, last *tx76.Outcome, err error)
	// RefusalAt returns why the token forbids a transfer, nil if it does not.
	RefusalAt(ctx context.Context, number uint64, hash common.Hash, token, from, to common.Address) (refusal, err error)
}

// withState runs a decision under the replica's lock, reading what its snapshot lacks
// at the node, until it is decided.
func (t *Turn) withState(ctx context.Context, decide func(*fastpay.Ledger) error) error {
	for read := 0; ; {
		var err error
		t.planner.cfg.Replica.Read(func(*fastpay.Board) { err = decide(t.ledger()) })
		var need *fastpay.NeedError
		if !errors.As(err, &need) {
			return err
		}
		// A snapshot that cannot hold a decision would be filled for ever.
		if read += len(need.Lanes); read > fastpay.MaxSnapshot {
			return fmt.Errorf("%w: more than %d lanes would have to be read: wait until incoming payments are executed", fastpay.TemporaryUnavailable, fastpay.MaxSnapshot)
		}
		if err := t.fill(ctx, need); err != nil {
			return fmt.Errorf("%w: reading the node at block %d: %w", fastpay.TemporaryUnavailable, t.planner.snap.Block().Number, err)
		}
	}
}

// fill reads what a decision needs at the pinned block.
func (t *Turn) fill(ctx context.Context, need *fastpay.NeedError) error {
	p := t.planner
	at := p.snap.Block()
	for _, lane := range need.Lanes {
		balance, nonce, last, err := p.cfg.Chain.AccountAt(ctx, at.Number, at.Hash, lane.Asset, lane.Sender, lane.NonceKey(t.committee))
		if err != nil {
			return err
		}
		account, err := fastpay.NewAccount(lane, balance, nonce, last)
		if err != nil {
			return err
		}
		p.snap.SetAccount(lane, account)
		for _, ledger := range p.ledgers {
			ledger.Forget(lane.ID(), account.Nonce)
		}
	}
	for _, transfer := range need.Transfers {
		refusal, err := p.cfg.Chain.RefusalAt(ctx, at.Number, at.Hash, transfer.Asset, transfer.Sender, transfer.Recipient)
		if err != nil {
			return err
		}
		p.snap.SetPolicy(transfer, refusal)
	}
	return nil
}
