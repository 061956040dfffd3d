package document

import (
	"strconv"

	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// Network is a network file. Its members are the keys of network.toml.
type Network struct {
	Schema     string             `json:"schema"`
	Version    string             `json:"version"` // of the file's format
	Name       string             `json:"name"`
	Chain      NetworkChain       `json:"chain"`
	Assets     []NetworkAsset     `json:"asset"`
	Fees       NetworkFees        `json:"fees"`
	Limits     NetworkLimits      `json:"limits"`
	Committees []NetworkCommittee `json:"committee"`
	Digest     string             `json:"digest"` // what peers must agree on
}

// NetworkSchema names the format of Network.
const NetworkSchema = "allegro.network/v1"

// NetworkChain is the chain that payments settle on.
type NetworkChain struct {
	ID               string `json:"id"`
	BlockTimeSeconds string `json:"block_time_seconds"`
	Finality         string `json:"finality"`
	Lane             string `json:"lane"`
	FIFO             bool   `json:"fifo"`
}

// NetworkAsset is a token that can be paid with.
type NetworkAsset struct {
	Symbol    string `json:"symbol"`
	Address   string `json:"address"`
	Decimals  uint8  `json:"decimals"`
	MinAmount string `json:"min_amount"` // token units
}

// NetworkFees says what a payment and its sponsor may spend.
type NetworkFees struct {
	MaxFeePerGas []string `json:"max_fee_per_gas"` // attodollars; a wallet names the first
	FeeToken     string   `json:"fee_token"`
}

// NetworkLimits are times in seconds, and the limit on sponsoring.
type NetworkLimits struct {
	MinSettleSeconds         string `json:"min_settle_seconds"`
	MaxLifeSeconds           string `json:"max_life_seconds"`
	DefaultLifeSeconds       string `json:"default_life_seconds"`
	SponsoredPerPayerPerHour string `json:"sponsored_per_payer_per_hour"`
}

// NetworkCommittee is the committee of one epoch.
type NetworkCommittee struct {
	Epoch   string          `json:"epoch"`
	Start   string          `json:"start"` // chain seconds
	End     string          `json:"end"`   // chain seconds
	Members []NetworkMember `json:"member"`
}

// NetworkMember is a validator, in the order of the file.
type NetworkMember struct {
	Name      string   `json:"name"`
	Key       string   `json:"key"`
	Weight    string   `json:"weight"`
	NodeKey   string   `json:"node_key"` // empty for none
	Sponsor   string   `json:"sponsor"`
	Addresses []string `json:"addresses"`
}

// NetworkOf describes a network file.
func NetworkOf(f *netfile.File) Network {
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	digest := f.Digest()
	doc := Network{
		Schema: NetworkSchema, Version: number(f.Version), Name: f.Name, Digest: digest.Hex(),
		Chain: NetworkChain{
			ID: number(f.Chain.ID), BlockTimeSeconds: number(f.Chain.BlockTimeSeconds), Finality: string(f.Chain.Finality),
			Lane: string(f.Chain.Lane), FIFO: f.Chain.FIFO,
		},
		Assets: []NetworkAsset{}, Committees: []NetworkCommittee{},
		Fees: NetworkFees{MaxFeePerGas: []string{}, FeeToken: f.Fees.FeeToken.String()},
		Limits: NetworkLimits{
			MinSettleSeconds: number(f.Limits.MinSettleSeconds), MaxLifeSeconds: number(f.Limits.MaxLifeSeconds),
			DefaultLifeSeconds: number(f.Limits.DefaultLifeSeconds), SponsoredPerPayerPerHour: number(f.Limits.SponsoredPerPayerPerHour),
		},
	}
	for _, a := range f.Assets {
		doc.Assets = append(doc.Assets, NetworkAsset{a.Symbol, a.Address.String(), a.Decimals, a.MinAmount.String()})
	}
	for _, fee := range f.Fees.MaxFeePerGas {
		doc.Fees.MaxFeePerGas = append(doc.Fees.MaxFeePerGas, fee.String())
	}
	for _, c := range f.Committees {
		committee := NetworkCommittee{Epoch: number(c.Epoch), Start: number(c.Start), End: number(c.End), Members: []NetworkMember{}}
		for _, m := range c.Members {
			committee.Members = append(committee.Members, NetworkMember{
				m.Name, m.Key.String(), number(m.Weight), m.NodeKey.String(), m.Sponsor.String(), List(m.Addresses),
			})
		}
		doc.Committees = append(doc.Committees, committee)
	}
	return doc
}
