package testnet_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/testnet"
)

// The scene of the demo: Alice, who has $15, pays Bob $10, who has $5 and pays Carol $10
// of it at once.
func ExampleNetwork_Play() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	cfg := testnet.DefaultConfig()
	cfg.Aggregators, cfg.BlockTime, cfg.Dir = 0, time.Second, dir
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
	result, err := network.Play(ctx, func(e testnet.Event) {
		if e.Kind == testnet.EventCertified {
			fmt.Println(e.Hop.To, "holds the QC of the payment from", e.Hop.From)
		}
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range result.Balances {
		fmt.Println(b.Name, "has", b.Have.Dec(), "of", b.Want.Dec())
	}
	// Output:
	// bob holds the QC of the payment from alice
	// carol holds the QC of the payment from bob
	// alice has 5000000 of 5000000
	// bob has 5000000 of 5000000
	// carol has 15000000 of 15000000
}
