package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/fastpay"
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
	var state struct {
		Chain string `json:"chain_address"`
	}
	data, err := os.ReadFile(filepath.Join(dir, "testnet.json"))
	ts.Check(err)
	ts.Check(json.Unmarshal(data, &state))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	use := moveAway
	units := uint64(10 * testnet.Dollar)
	if args[2] == "foreign" {
		use, units = takeSlot, 1
	}
	ts.Check(use(ctx, filepath.Join(dir, args[1]), "http://"+state.Chain, units))
}

// moveAway sends token units of a home's account somewhere else, past Allegro.
func moveAway(ctx context.Context, homeDir, chainURL string, units uint64) error {
	return pastAllegro(ctx, homeDir, chainURL, units, func(*fastpay.Rules, common.Address) uint256.Int { return *uint256.NewInt(77) })
}

// takeSlot does that with the next slot of the account's lane.
func takeSlot(ctx context.Context, homeDir, chainURL string, units uint64) error {
	return pastAllegro(ctx, homeDir, chainURL, units, func(rules *fastpay.Rules, owner common.Address) uint256.Int {
		lane := fastpay.Lane{ChainID: rules.ChainID(), Asset: testnet.Asset, Sender: owner}
		return lane.NonceKey(rules.Committees()[0])
	})
}

func pastAllegro(ctx context.Context, homeDir, chainURL string, units uint64, nonceKey func(*fastpay.Rules, common.Address) uint256.Int) error {
	h, err := home.Open(homeDir, func(string) (string, bool) { return "", false })
	if err != nil {
		return err
	}
	network, err := h.Network()
	if err != nil {
		return err
	}
	rules, err := network.Rules()
	if err != nil {
		return err
	}
	password, _, err := h.Password()
	if err != nil {
		return err
	}
	owner := common.Address(h.Config().Client.Account)
	key, err := h.AccountKey(owner, password)
	if err != nil {
		return err
	}
	asset := common.Address(testnet.Asset)
	tx := &tx76.Transaction{
		ChainID: rules.ChainID(), MaxFeePerGas: *uint256.NewInt(2 * testnet.BaseFee), Gas: 1_000_000, NonceKey: nonceKey(rules, owner),
		Calls: []tx76.Call{{To: &asset, Input: tempo.EncodeTransfer(common.HexToAddress("0xacc"), uint256.NewInt(units))}},
	}
	if tx.Signature, err = tx76.SignSecp256k1(tx.SignHash(), key); err != nil {
		return err
	}
	chain, err := tempo.Dial(ctx, chainURL, tempo.Options{})
	if err != nil {
		return err
	}
	defer chain.Close()
	_, err = chain.Send(ctx, tx.Encode())
	return err
}
