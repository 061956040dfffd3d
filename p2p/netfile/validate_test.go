package netfile

import (
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/holiman/uint256"
)

// Each fault is named with its place and the remedy.
func TestValidate(t *testing.T) {
	large := Amount(*new(uint256.Int).Lsh(uint256.NewInt(1), 128))
	dave := func(f *File) *Member { return &f.Committees[1].Members[0] }
	for _, c := range []struct {
		name   string
		change func(*File)
		want   string // "" if the file stays valid
	}{
		{"version", func(f *File) { f.Version = 0 }, "version is 0: this program reads version 1"},
		{"no name", func(f *File) { f.Name = "" }, "name is missing"},
		{"long name", func(f *File) { f.Name = strings.Repeat("n", 65) }, "has 65 bytes: at most 64"},
		{"name with a control character", func(f *File) { f.Name = "demo\x1b[2J" }, "has a space or an invisible character"},
		{"name that is not UTF-8", func(f *File) { f.Name = "demo\xff" }, "has a space or an invisible character"},

		{"no chain id", func(f *File) { f.Chain.ID = 0 }, "chain.id is missing or 0"},
		{"no block time", func(f *File) { f.Chain.BlockTimeSeconds = 0 }, "chain.block_time_seconds is 0: want between 1 and 86400"},
		{"block time that overflows", func(f *File) { f.Chain.BlockTimeSeconds = 1 << 62 }, "chain.block_time_seconds is 4611686018427387904"},
		{"finality", func(f *File) { f.Chain.Finality = "safe" }, `chain.finality is "safe": want "finalized" or, for a development chain without finality, "latest"`},
		{"latest on a development chain", func(f *File) { f.Chain.Finality = Latest }, ""},
		{"latest on Tempo", func(f *File) { f.Chain.ID, f.Chain.Finality = 4217, Latest }, `chain.finality is "latest" on Tempo's main network`},
		{"lane", func(f *File) { f.Chain.Lane = "" }, `chain.lane is "": want "payment" or, for Tempo before T4, "subblock"`},

		{"no asset", func(f *File) { f.Assets = nil }, "no asset: list a token under [[asset]]"},
		{"no symbol", func(f *File) { f.Assets[0].Symbol = "" }, "asset: symbol is missing"},
		{"symbol twice", func(f *File) { f.Assets[1].Symbol = "PATHusd" }, "asset PATHusd: the symbol stands for two assets"},
		{"no asset address", func(f *File) { f.Assets[1].Address = Address{} }, "asset AlphaUSD: address is missing"},
		{"asset twice", func(f *File) { f.Assets[1].Address = f.Assets[0].Address }, "asset AlphaUSD: address 0x20C0000000000000000000000000000000000000 is listed twice"},
		{"decimals", func(f *File) { f.Assets[0].Decimals = 39 }, "asset pathUSD: decimals is 39: at most 38"},
		{"no min_amount", func(f *File) { f.Assets[0].MinAmount = Amount{} }, "asset pathUSD: min_amount is missing or 0"},
		{"large min_amount", func(f *File) { f.Assets[0].MinAmount = large }, "is not below 2^128"},

		{"no fee", func(f *File) { f.Fees.MaxFeePerGas = nil }, "fees.max_fee_per_gas is empty"},
		{"fee twice", func(f *File) { f.Fees.MaxFeePerGas[1] = f.Fees.MaxFeePerGas[0] }, "fees.max_fee_per_gas: 0 is listed twice"},
		{"large fee", func(f *File) { f.Fees.MaxFeePerGas[1] = large }, "fees.max_fee_per_gas: 340282366920938463463374607431768211456 is not below 2^128"},
		{"no fee token", func(f *File) { f.Fees.FeeToken = Address{} }, "fees.fee_token is missing"},

		{"least min_settle", func(f *File) { f.Limits.MinSettleSeconds = 23 }, ""},
		{"min_settle", func(f *File) { f.Limits.MinSettleSeconds = 22 }, `limits.min_settle_seconds is 22: blocks of 5 s with finality "finalized" need at least 23`},
		{"least min_settle without finality", func(f *File) { f.Chain.Finality, f.Limits.MinSettleSeconds = Latest, 18 }, ""},
		{"min_settle without finality", func(f *File) { f.Chain.Finality, f.Limits.MinSettleSeconds = Latest, 17 }, "need at least 18"},
		{"default_life", func(f *File) { f.Limits.DefaultLifeSeconds = 599 }, "limits.default_life_seconds is 599: want at least min_settle_seconds, 600"},
		{"max_life", func(f *File) { f.Limits.MaxLifeSeconds = 3599 }, "limits.max_life_seconds is 3599: want at least default_life_seconds, 3600"},
		{"max_life no wallet can use", func(f *File) { f.Limits.DefaultLifeSeconds, f.Limits.MaxLifeSeconds = 600, 609 }, "limits.max_life_seconds is 609: wallets stay 5 s inside it and min_settle_seconds, so that none could pay: want at least 610"},
		{"least max_life", func(f *File) { f.Limits.DefaultLifeSeconds, f.Limits.MaxLifeSeconds = 600, 610 }, ""},
		{"long max_life", func(f *File) { f.Limits.MaxLifeSeconds = 86_401 }, "limits.max_life_seconds is 86401: at most 86400"},
		{"no sponsoring", func(f *File) { f.Limits.SponsoredPerPayerPerHour = 0 }, "limits.sponsored_per_payer_per_hour is missing or 0"},

		{"no committee", func(f *File) { f.Committees = nil }, "no committee: list the validators under [[committee]]"},
		{"empty time", func(f *File) { f.Committees[0].End = 0 }, "committee of epoch 1: start 0 is not before end 0"},
		{"gap between committees", func(f *File) { f.Committees[0].End-- }, ""},
		{"overlap", func(f *File) { f.Committees[0].End++ }, "committee of epoch 2 starts at 2000000000, before epoch 1 ends at 2000000001"},
		{"epoch twice", func(f *File) { f.Committees[1].Epoch = 1 }, "committee of epoch 1 stands behind that of epoch 1: epochs must ascend"},
		{"no member", func(f *File) { f.Committees[1].Members = nil }, "committee of epoch 2: 0 members"},
		{"too many members", func(f *File) { f.Committees[1].Members = make([]Member, fastpay.MaxMembers+1) }, "1025 members: between 1 and 1024"},

		{"no member name", func(f *File) { dave(f).Name = "" }, "committee of epoch 2: member: name is missing"},
		{"member name twice", func(f *File) { dave(f).Name = "Edgar" }, "member edgar: the name stands for two members"},
		{"other name in another epoch", func(f *File) { dave(f).Name = "david" }, ""},
		{"no key", func(f *File) { dave(f).Key = Key{} }, "committee of epoch 2: member dave: key is missing"},
		{"key twice", func(f *File) { dave(f).Key = keyOfName("frida") }, "member frida: key is that of member dave"},
		{"no weight", func(f *File) { dave(f).Weight = 0 }, "member dave: weight is 0: want between 1 and 2^32"},
		{"weight", func(f *File) { dave(f).Weight = 1<<32 + 1 }, "member dave: weight is 4294967297"},
		{"node key", func(f *File) { dave(f).NodeKey = Key{1} }, `member dave: node_key belongs to lane "subblock"`},
		{"no node key", func(f *File) { f.Chain.Lane = SubBlockLane }, "member dave: node_key is missing"},
		{"no sponsor", func(f *File) { dave(f).Sponsor = Address{} }, "member dave: sponsor is missing"},

		{"no address", func(f *File) { dave(f).Addresses = nil }, ""},
		{"host name", func(f *File) { dave(f).Addresses = []string{"/dns4/dave.example.org/tcp/4001" + peerPart("dave")} }, ""},
		{"no multiaddr", func(f *File) { dave(f).Addresses = []string{"127.0.0.1:4001"} }, "member dave: address \"127.0.0.1:4001\" is not a multiaddr"},
		{"empty address", func(f *File) { dave(f).Addresses = []string{""} }, "member dave: address \"\" is not a multiaddr"},
		{"no peer id", func(f *File) { dave(f).Addresses = []string{"/ip4/127.0.0.1/tcp/4001"} }, "does not end in a peer id: append /p2p/"},
		{"bad peer id", func(f *File) { dave(f).Addresses = []string{"/ip4/127.0.0.1/tcp/4001/p2p/12D3KooW"} }, "is not a multiaddr"},
		{"peer id alone", func(f *File) { dave(f).Addresses = []string{peerPart("dave")} }, "does not say where to dial"},
		{"relay", func(f *File) {
			dave(f).Addresses = []string{"/ip4/127.0.0.1/tcp/4001" + peerPart("relay") + "/p2p-circuit" + peerPart("dave")}
		}, "names two peers"},
		{"address twice", func(f *File) { dave(f).Addresses[1] = dave(f).Addresses[0] }, "is listed twice"},
		{"two peers", func(f *File) { dave(f).Addresses[1] = "/ip4/127.0.0.1/tcp/4002" + peerPart("other") }, "names another peer than the member's first address"},
		{"peer of another member", func(f *File) { dave(f).Addresses = f.Committees[1].Members[2].Addresses }, "is that of member dave"},
	} {
		f := sample()
		c.change(f)
		switch err := f.Validate(); {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && err == nil:
			t.Errorf("%s: accepted", c.name)
		case c.want != "" && (!strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "network file: ")):
			t.Errorf("%s: error %q does not say %q", c.name, err, c.want)
		}
		if _, err := f.Rules(); (err != nil) != (c.want != "") {
			t.Errorf("%s: rules do not agree with the check: %v", c.name, err)
		}
	}
}
