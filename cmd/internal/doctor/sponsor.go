package doctor

import (
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// fewPayments is for how many payments a sponsor should be able to pay, at the fee limit
// that wallets name. In a testnet that is what the alert AllegroSponsorLow is set to.
const fewPayments = 250

// SponsorState is what the account holds that pays a validator's fees.
type SponsorState struct {
	Account, Token common.Address
	Block          uint64 // at which it was read
	Held           uint256.Int
	Fee            *uint256.Int // what it must hold for a payment of a wallet
	Err            error        // why it could not be read
}

// measureSponsor asks the validator's chain node; nil for other roles, and where the
// account or the chain is missing, which is told elsewhere.
func (e *examination) measureSponsor(file *netfile.File, rules *fastpay.Rules, chain *ChainState) *SponsorState {
	cfg, price := e.home.Config(), rules.MaxFee()
	s := &SponsorState{Account: common.Address(cfg.Validator.Sponsor), Token: common.Address(file.Fees.FeeToken), Fee: tempo.Fee(fastpay.PaymentGas, &price)}
	if cfg.Node.Role != p2p.RoleValidator || s.Account == (common.Address{}) || chain.Err != nil || chain.ID != chain.WantID {
		return nil
	}
	node, err := tempo.Dial(e.ctx, cfg.Chain.RPC, tempo.Options{Backups: cfg.Chain.Backups})
	if err != nil {
		s.Err = err
		return s
	}
	defer node.Close()
	head, err := node.Header(e.ctx, tempo.Latest)
	if err != nil {
		s.Err = err
		return s
	}
	s.Block = head.Number
	s.Held, s.Err = node.BalanceAt(e.ctx, head.Number, head.Hash, s.Token, s.Account)
	return s
}

// Sponsor judges whether a validator can pay for what it hands to the chain. If it cannot
// the others settle in its place: payments are certified all the same.
func Sponsor(s *SponsorState) []Finding {
	const check = "sponsor"
	const remedy = "give it fee tokens: until then other validators have to settle for this one"
	if s == nil {
		return nil
	}
	if s.Err != nil {
		return []Finding{bad(Yellow, check, "see whether fee_token in network.toml is a token of this chain, and look at the node", "what sponsor %s holds could not be read: %v", s.Account, s.Err)}
	}
	if s.Fee.IsZero() {
		return []Finding{green(check, "payments cost nothing on this chain")}
	}
	payments := new(uint256.Int).Div(&s.Held, s.Fee)
	switch {
	case payments.IsZero():
		return []Finding{bad(Red, check, remedy, "sponsor %s holds %s units of token %s at block %d and cannot pay for a payment, which needs %s", s.Account, s.Held.Dec(), s.Token, s.Block, s.Fee.Dec())}
	case payments.LtUint64(fewPayments):
		return []Finding{bad(Yellow, check, remedy, "sponsor %s holds %s units of token %s at block %d, enough for %s payments", s.Account, s.Held.Dec(), s.Token, s.Block, payments.Dec())}
	}
	return []Finding{green(check, "sponsor %s can pay for %s payments at block %d", s.Account, payments.Dec(), s.Block)}
}
