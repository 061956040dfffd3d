package relay_test

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/relay"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/planner"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

// A wallet that is no peer signs what an aggregator plans, and gets the validators'
// answers from it.
func ExampleRelay() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	cfg := testnet.DefaultConfig()
	cfg.BlockTime, cfg.Dir = time.Second, dir
	network, err := testnet.Start(ctx, cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer network.Close()
	if err := network.WaitReady(ctx); err != nil {
		fmt.Println(err)
		return
	}
	rules, err := network.File().Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	// The first development account's key, which everybody has.
	wallet, err := crypto.HexToECDSA("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	if err != nil {
		fmt.Println(err)
		return
	}
	bob := network.Peer("bob").Client.Address()
	answers, err := pay(ctx, network.Peer(testnet.AggregatorName(0)).Aggregator.Relay(), rules, wallet, bob)
	for _, a := range answers {
		fmt.Println(network.File().MemberName(network.Committee().ID(), a.Signer), "votes:", a.Certificate != nil)
	}
	fmt.Println(err)
	// Output:
	// dave votes: true
	// edgar votes: true
	// <nil>
}

// pay pays $10.
func pay(ctx context.Context, r *relay.Relay, rules *fastpay.Rules, wallet *ecdsa.PrivateKey, to common.Address) ([]relay.Answer, error) {
	envelope, _, err := r.Plan(ctx, crypto.PubkeyToAddress(wallet.PublicKey), planner.Order{
		To: to, Asset: testnet.Asset, Amount: *uint256.NewInt(10 * testnet.Dollar), Parents: planner.Parents{Auto: true},
	})
	if err != nil {
		return nil, err
	}
	tx, err := rules.SignTx(envelope, wallet) // after it has compared the envelope with what it wanted
	if err != nil {
		return nil, err
	}
	return r.Submit(ctx, tx)
}
