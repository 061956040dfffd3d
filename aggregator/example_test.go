package aggregator_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/aggregator"
	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/p2p/document"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/holiman/uint256"
)

// Alice pays Bob, and nobody tells the aggregator, which shows all of it nevertheless. Who
// reads that verifies the QC.
func ExampleBulletin() {
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
	id, err := network.Peer("alice").Client.Pay(ctx, client.Order{
		To: network.Peer("bob").Client.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(10 * testnet.Dollar), Parents: client.Parents{Auto: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	mirror := network.Peer(testnet.AggregatorName(0)).Aggregator
	bulletin := aggregator.NewBulletin(mirror.Archive(), document.NewDescriber(network.File(), rules, mirror.Node(), mirror.Replica()))
	for ctx.Err() == nil {
		changed := bulletin.Changed()
		payment, _, err := bulletin.Payment(id) // not known at first
		if err != nil {
			fmt.Println(err)
			return
		}
		if payment.Guarantee == "final" {
			fmt.Println(*payment.Stage, "with the votes of", payment.Signers)
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	held, err := bulletin.QC(id)
	if err != nil || held == nil {
		fmt.Println("no QC:", err)
		return
	}
	qc, err := network.Committee().ParseQC(held.Encode())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("verified, weight", qc.Weight())
	// Output:
	// FINALIZED with the votes of [dave edgar]
	// verified, weight 2
}
