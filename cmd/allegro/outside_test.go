package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/tempo"
	"github.com/allegro-p2p/allegro/tempo/tx76"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/rogpeppe/go-internal/testscript"
)

// outside lets the owner of an account use its key past Allegro, as nothing can keep an
// owner from: outside DIR NAME drain moves $10 away, outside DIR NAME foreign uses the
// next slot of the account's lane.
func outside(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: outside DIR NAME drain|foreign")
	}
	dir := ts.MkAbs(args[0])
	network, err := netfile.Load(filepath.Join(dir, "network.toml"))
	ts.Check(err)
	rules, err := network.Rules()
	ts.Check(err)
	h, err := home.Open(filepath.Join(dir, args[1]), func(string) (string, bool) { return "", false })
	ts.Check(err)
	password, _, err := h.Password()
	ts.Check(err)
	owner := common.Address(h.Config().Client.Account)
	key, err := h.AccountKey(owner, password)
	ts.Check(err)

	units, nonceKey := uint64(10*testnet.Dollar), *uint256.NewInt(77)
	if args[2] == "foreign" {
		lane := fastpay.Lane{ChainID: rules.ChainID(), Asset: testnet.Asset, Sender: owner}
		units, nonceKey = 1, lane.NonceKey(rules.Committees()[0])
	}
	asset := common.Address(testnet.Asset)
	tx := &tx76.Transaction{
		ChainID: rules.ChainID(), MaxFeePerGas: *uint256.NewInt(2 * testnet.BaseFee), Gas: 1_000_000, NonceKey: nonceKey,
		Calls: []tx76.Call{{To: &asset, Input: tempo.EncodeTransfer(common.HexToAddress("0xacc"), uint256.NewInt(units))}},
	}
	tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), key)
	ts.Check(err)
	var state struct {
		Chain string `json:"chain_address"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "testnet.json"))
	ts.Check(err)
	ts.Check(json.Unmarshal(data, &state))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	chain, err := tempo.Dial(ctx, "http://"+state.Chain, tempo.Options{})
	ts.Check(err)
	defer chain.Close()
	_, err = chain.Send(ctx, tx.Encode())
	ts.Check(err)
}
