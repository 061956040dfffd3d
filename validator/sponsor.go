package validator

import (
	"context"
	"errors"
	"fmt"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// errDry tells that the sponsor's account cannot pay for a transaction.
var errDry = errors.New("the sponsor's account has run dry: give it fee tokens")

// errNextBlock tells that what the sponsor's account holds is spoken for until a
// block shows what is left.
var errNextBlock = errors.New("the sponsor's account pays for what was submitted since the last block, which leaves too little")

// sponsor pays for the transactions that this member submits, and knows what its
// account holds. A node that is given more than the account can pay drops the rest
// without a word, so it is looked at first, once per block. The settler's goroutine
// owns it.
type sponsor struct {
	chain   Chain
	cfg     *Settlement
	metrics *metrics
	address common.Address

	at    fastpay.Block // at which the account was read; zero if never
	left  uint256.Int   // what it held there, without what was set aside since
	needs *uint256.Int  // what it lacked the last time; nil unless it is dry
}

func newSponsor(cfg *Config, m *metrics) *sponsor {
	return &sponsor{
		chain: cfg.Chain, cfg: &cfg.Settlement, metrics: m,
		address: crypto.PubkeyToAddress(cfg.Settlement.Sponsor.PublicKey),
	}
}

// sign adds the sponsor's signature to a transaction whose fee the account can pay at
// a block, and sets the fee aside. The error is errDry, errNextBlock, or the node's.
func (s *sponsor) sign(ctx context.Context, tx *tx76.Transaction, sender common.Address, at fastpay.Block) error {
	fresh := s.at != at
	if err := s.look(ctx, at); err != nil {
		return err
	}
	need := tempo.Fee(tx.Gas, &tx.MaxFeePerGas)
	if s.left.Lt(need) {
		if !fresh && s.needs == nil {
			return errNextBlock
		}
		s.needs = need
		s.metrics.sponsorDry.Set(1)
		return fmt.Errorf("%w: account %s holds %s units of token %s at block %d, a payment needs %s",
			errDry, s.address, s.left.Dec(), s.cfg.FeeToken, s.at.Number, need.Dec())
	}
	token := s.cfg.FeeToken
	tx.FeeToken = &token
	if err := tx.SignSponsor(sender, s.cfg.Sponsor); err != nil {
		return fmt.Errorf("sponsoring: %w", err)
	}
	s.left.Sub(&s.left, need)
	return nil
}

// look reads the account at a block, unless that was done.
func (s *sponsor) look(ctx context.Context, at fastpay.Block) error {
	if s.at == at {
		return nil
	}
	held, err := s.chain.BalanceAt(ctx, at.Number, at.Hash, s.cfg.FeeToken, s.address)
	s.metrics.reads.WithLabelValues("sponsor", result(err)).Inc()
	if err != nil {
		return err
	}
	s.at, s.left = at, held
	s.metrics.sponsorBalance.Set(held.Float64())
	if s.needs != nil && !held.Lt(s.needs) {
		s.needs = nil
		s.metrics.sponsorDry.Set(0)
	}
	return nil
}

// dry reports whether the account lacked money the last time.
func (s *sponsor) dry() bool { return s.needs != nil }
