package netfile

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Rules returns the protocol's rules of this network, among them the committees
// with their ids. It fails if the file is not valid.
func (f *File) Rules() (*fastpay.Rules, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return f.rules()
}

// rules builds the rules of a file whose words are known.
func (f *File) rules() (*fastpay.Rules, error) {
	cfg := fastpay.Config{
		MinSettle:   f.Limits.MinSettleSeconds,
		MaxLife:     f.Limits.MaxLifeSeconds,
		DefaultLife: f.Limits.DefaultLifeSeconds,
	}
	for _, c := range f.Committees {
		committee, err := f.committee(c)
		if err != nil {
			return nil, fmt.Errorf("epoch %d: %w", c.Epoch, err)
		}
		cfg.Committees = append(cfg.Committees, committee)
		for _, m := range c.Members {
			cfg.Sponsors = append(cfg.Sponsors, common.Address(m.Sponsor))
		}
	}
	for _, a := range f.Assets {
		cfg.Assets = append(cfg.Assets, fastpay.Asset{Address: common.Address(a.Address), MinAmount: uint256.Int(a.MinAmount)})
	}
	for _, fee := range f.Fees.MaxFeePerGas {
		cfg.MaxFees = append(cfg.MaxFees, uint256.Int(fee))
	}
	return fastpay.NewRules(cfg)
}

// committee builds one of the file's committees.
func (f *File) committee(c Committee) (*fastpay.Committee, error) {
	kind := fastpay.PaymentLane
	if f.Chain.Lane == SubBlockLane {
		kind = fastpay.SubBlockLane
	}
	members := make([]fastpay.Member, 0, len(c.Members))
	for _, m := range bySigner(c.Members) {
		members = append(members, fastpay.Member{Key: m.Key, Weight: m.Weight, NodeKey: m.NodeKey})
	}
	return fastpay.NewCommittee(f.Chain.ID, c.Epoch, c.Start, c.End, kind, members)
}

// bySigner returns a copy of members in the order of their signer indexes:
// ascending by key.
func bySigner(members []Member) []Member {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, func(a, b Member) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	return sorted
}
