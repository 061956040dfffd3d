package client_test

import (
	"context"
	"fmt"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/holiman/uint256"
)

// Alice pays Bob. Both wait for the QC, each at a peer of its own, and Bob verifies it
// once more with nothing but the committee. The network of this example is in this
// process: docs/examples/wallet is a program of its own in one that runs elsewhere.
func ExampleClient_Pay() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cfg := testnet.DefaultConfig()
	cfg.Aggregators, cfg.BlockTime, cfg.Dir = 0, time.Second, "example"
	disks := make(map[string]vfs.FS)
	cfg.FS = func(name string) vfs.FS {
		if disks[name] == nil {
			disks[name] = vfs.NewMem()
		}
		return disks[name]
	}
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
	alice, bob := network.Peer("alice").Client, network.Peer("bob").Client

	id, err := alice.Pay(ctx, client.Order{
		To: bob.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(10 * testnet.Dollar), Parents: client.Parents{Auto: true}, Note: "invoice 7",
	})
	if err != nil {
		fmt.Println(err) // nothing was signed
		return
	}
	for _, wallet := range []*client.Client{alice, bob} {
		stage, err := wallet.Wait(ctx, id, fastpay.StageCertified)
		if err != nil || stage.Rank() < fastpay.StageCertified.Rank() {
			fmt.Println("not certified:", stage, err)
			return
		}
	}
	qc, err := bob.QC(id)
	if err != nil {
		fmt.Println(err)
		return
	}
	amount := qc.Tx().Amount()
	fmt.Println("Bob holds a QC of weight", qc.Weight(), "for", amount.Dec(), "units")

	// The money is spent at once: the payment cites Alice's.
	next, err := bob.Pay(ctx, client.Order{
		To: network.Peer("carol").Client.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(12 * testnet.Dollar), Parents: client.Parents{Auto: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	stage, err := bob.Wait(ctx, next, fastpay.StageFinalized)
	fmt.Println("Bob's payment:", stage, err)
	// Output:
	// Bob holds a QC of weight 2 for 10000000 units
	// Bob's payment: FINALIZED <nil>
}
