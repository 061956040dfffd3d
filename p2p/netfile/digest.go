package netfile

import (
	"bytes"
	"slices"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/holiman/uint256"
)

// digestTag is the domain of the network digest.
const digestTag = "allegro/v1/network"

// agreement is what all peers of a network must agree on. Its field order is the
// RLP order; see [File.Digest].
type agreement struct {
	Version    uint64
	ChainID    uint64
	BlockTime  uint64
	Finality   string
	Lane       string
	FIFO       bool
	Assets     []agreedAsset
	MaxFees    []uint256.Int
	FeeToken   common.Address
	Limits     agreedLimits
	Committees []agreedCommittee
}

type agreedAsset struct {
	Address   common.Address
	Decimals  uint8
	MinAmount uint256.Int
}

type agreedLimits struct {
	MinSettle   uint64
	MaxLife     uint64
	DefaultLife uint64
	Sponsored   uint64
}

type agreedCommittee struct {
	Epoch   uint64
	Start   uint64
	End     uint64
	Members []agreedMember
}

type agreedMember struct {
	Key     Key
	Weight  uint64
	NodeKey Key
	Sponsor common.Address
}

// Digest identifies the network: peers with the same digest agree on everything
// that decides what is valid, signed and settled. Names, symbols and members'
// addresses are left out, and so is every order that has no meaning. It is
//
//	H("allegro/v1/network", rlp([version, chain_id, block_time_seconds, finality, lane, fifo,
//	  [[asset20, decimals, min_amount] …], [max_fee …], fee_token20,
//	  [min_settle_seconds, max_life_seconds, default_life_seconds, sponsored_per_payer_per_hour],
//	  [[epoch, start, end, [[key32, weight, node_key32, sponsor20] …]] …]]))
//
// with H of [fastpay.H]. finality and lane are the file's words, fifo is 1 or 0,
// assets ascend by address, fees by value, committees by their place in the file
// and members by key.
func (f *File) Digest() common.Hash {
	a := agreement{
		Version:   f.Version,
		ChainID:   f.Chain.ID,
		BlockTime: f.Chain.BlockTimeSeconds,
		Finality:  string(f.Chain.Finality),
		Lane:      string(f.Chain.Lane),
		FIFO:      f.Chain.FIFO,
		FeeToken:  common.Address(f.Fees.FeeToken),
		Limits:    agreedLimits{f.Limits.MinSettleSeconds, f.Limits.MaxLifeSeconds, f.Limits.DefaultLifeSeconds, f.Limits.SponsoredPerPayerPerHour},
	}
	for _, asset := range f.Assets {
		a.Assets = append(a.Assets, agreedAsset{common.Address(asset.Address), asset.Decimals, uint256.Int(asset.MinAmount)})
	}
	slices.SortFunc(a.Assets, func(x, y agreedAsset) int { return bytes.Compare(x.Address[:], y.Address[:]) })
	for _, fee := range f.Fees.MaxFeePerGas {
		a.MaxFees = append(a.MaxFees, uint256.Int(fee))
	}
	slices.SortFunc(a.MaxFees, func(x, y uint256.Int) int { return x.Cmp(&y) })
	for _, c := range f.Committees {
		agreed := agreedCommittee{Epoch: c.Epoch, Start: c.Start, End: c.End}
		for _, m := range bySigner(c.Members) {
			agreed.Members = append(agreed.Members, agreedMember{m.Key, m.Weight, m.NodeKey, common.Address(m.Sponsor)})
		}
		a.Committees = append(a.Committees, agreed)
	}
	encoded, err := rlp.EncodeToBytes(&a)
	if err != nil {
		panic("netfile: agreement without an RLP form: " + err.Error())
	}
	return fastpay.H(digestTag, encoded)
}
