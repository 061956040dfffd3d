package fastpay

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Asset is a TIP-20 token that the network settles.
type Asset struct {
	Address   common.Address
	MinAmount uint256.Int // token units; a payment below is refused
}

// Config is the part of the network file that decides what is valid and when a
// validator signs. Times are in seconds.
type Config struct {
	Committees []*Committee // by epoch, ascending; none starts before its predecessor ends
	Assets     []Asset
	MaxFees    []uint256.Int    // the max_fee values a payment may name
	Sponsors   []common.Address // accounts of the members' sponsors, which may not pay

	// MinSettle is the least time a payment must have to go when it is signed:
	// at least three block times, the finality lag and three seconds.
	MinSettle uint64
	// MaxLife is the most time a payment may have to go when it is signed. A
	// slot stays taken that long if its payment never certifies.
	MaxLife uint64
	// DefaultLife is what a wallet gives a payment.
	DefaultLife uint64
}

// Rules are the rules that all peers of one network share. They verify what
// comes off the wire. Immutable; safe for concurrent use.
type Rules struct {
	cfg        Config
	committees map[common.Hash]*Committee
	assets     map[common.Address]Asset
	sponsors   map[common.Address]bool
}

// NewRules checks and builds the rules.
func NewRules(cfg Config) (*Rules, error) {
	r := &Rules{
		cfg:        cfg,
		committees: make(map[common.Hash]*Committee),
		assets:     make(map[common.Address]Asset),
		sponsors:   make(map[common.Address]bool),
	}
	if len(cfg.Committees) == 0 {
		return nil, fmt.Errorf("rules: no committee")
	}
	for i, c := range cfg.Committees {
		if c.ChainID() != cfg.Committees[0].ChainID() {
			return nil, fmt.Errorf("rules: committee of epoch %d is of chain %d, the first one of chain %d", c.Epoch(), c.ChainID(), cfg.Committees[0].ChainID())
		}
		if i > 0 && (c.Epoch() <= cfg.Committees[i-1].Epoch() || c.Start() < cfg.Committees[i-1].End()) {
			return nil, fmt.Errorf("rules: committee of epoch %d must come after epoch %d and start when that one has ended", c.Epoch(), cfg.Committees[i-1].Epoch())
		}
		r.committees[c.ID()] = c
	}
	if len(cfg.Assets) == 0 {
		return nil, fmt.Errorf("rules: no asset")
	}
	for _, a := range cfg.Assets {
		if a.Address == (common.Address{}) || a.MinAmount.IsZero() {
			return nil, fmt.Errorf("rules: asset %s needs an address and a min_amount of at least 1", a.Address)
		}
		if _, double := r.assets[a.Address]; double {
			return nil, fmt.Errorf("rules: asset %s is listed twice", a.Address)
		}
		r.assets[a.Address] = a
	}
	if len(cfg.MaxFees) == 0 {
		return nil, fmt.Errorf("rules: no max_fee")
	}
	if cfg.MinSettle == 0 || cfg.DefaultLife < cfg.MinSettle || cfg.MaxLife < cfg.DefaultLife {
		return nil, fmt.Errorf("rules: want 1 <= min_settle <= default_life <= max_life, have %d, %d, %d", cfg.MinSettle, cfg.DefaultLife, cfg.MaxLife)
	}
	for _, s := range cfg.Sponsors {
		r.sponsors[s] = true
	}
	return r, nil
}

// ChainID is the chain of the network.
func (r *Rules) ChainID() uint64 { return r.cfg.Committees[0].ChainID() }

// Committee returns the committee of an id.
func (r *Rules) Committee(id common.Hash) (*Committee, bool) {
	c, ok := r.committees[id]
	return c, ok
}

// Committees returns the committees by epoch, ascending. Do not modify.
func (r *Rules) Committees() []*Committee { return r.cfg.Committees }

// CommitteeAt returns the committee that votes at chain time t: the last one
// that has started, or the first one before any has.
func (r *Rules) CommitteeAt(t uint64) *Committee {
	at := r.cfg.Committees[0]
	for _, c := range r.cfg.Committees[1:] {
		if c.Start() <= t {
			at = c
		}
	}
	return at
}

// Assets returns the listed assets. Do not modify.
func (r *Rules) Assets() []Asset { return r.cfg.Assets }

// MaxFee is the max_fee, in attodollars per gas, that a wallet names.
func (r *Rules) MaxFee() uint256.Int { return r.cfg.MaxFees[0] }

// MinSettle, MaxLife and DefaultLife are in seconds; see [Config].
func (r *Rules) MinSettle() uint64 { return r.cfg.MinSettle }

// MaxLife is the most time, in seconds, that a payment may have to go.
func (r *Rules) MaxLife() uint64 { return r.cfg.MaxLife }

// DefaultLife is the life, in seconds, that a wallet gives a payment.
func (r *Rules) DefaultLife() uint64 { return r.cfg.DefaultLife }

// committee returns the committee that an object off the wire names.
func (r *Rules) committee(id common.Hash) (*Committee, error) {
	c, ok := r.committees[id]
	if !ok {
		return nil, refuse(WrongCommittee, "committee %s is not in this network file: update it", short(id))
	}
	return c, nil
}

// LaneOf returns the lane of an asset of this network whose transactions use
// the sender's nonce key.
func (r *Rules) LaneOf(sender common.Address, nonceKey uint256.Int) (Lane, bool) {
	for _, c := range r.cfg.Committees {
		for _, a := range r.cfg.Assets {
			l := Lane{r.ChainID(), a.Address, sender}
			if key := l.NonceKey(c); key.Eq(&nonceKey) {
				return l, true
			}
		}
	}
	return Lane{}, false
}

// checkPolicy applies the rules of the network file, which another network may
// set otherwise: a relay that has an older file is not to blame.
func (r *Rules) checkPolicy(e *Envelope) error {
	a, ok := r.assets[e.Asset]
	if !ok {
		return refuse(NotPaymentTx, "asset %s is not listed in the network file", e.Asset)
	}
	if e.Amount.Lt(&a.MinAmount) {
		return refuse(NotPaymentTx, "amount %s is below the network's least amount %s", e.Amount.Dec(), a.MinAmount.Dec())
	}
	if r.sponsors[e.Sender] {
		return refuse(NotPaymentTx, "sender %s is a sponsor's account, which cannot pay through the network", e.Sender)
	}
	for i := range r.cfg.MaxFees {
		if e.MaxFee.Eq(&r.cfg.MaxFees[i]) {
			return nil
		}
	}
	return refuse(NotPaymentTx, "max_fee %s is not one the network file allows", e.MaxFee.Dec())
}
