package orders_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/holiman/uint256"
)

// Bob's program is told that his peer has accepted a payment, and again once the chain
// cannot take it back. What it returns nil for is not told a second time.
func ExampleDelivererFunc() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	told := make(chan orders.Document, 2)
	deliverer := orders.DelivererFunc(func(_ context.Context, _ fastpay.ID, m orders.Message) error {
		var d orders.Document
		if err := json.Unmarshal(m.Body, &d); err != nil {
			return err // the same message comes again, later
		}
		told <- d
		return nil
	})

	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	cfg := testnet.DefaultConfig()
	cfg.Aggregators, cfg.BlockTime, cfg.Dir = 0, time.Second, dir
	cfg.EditClient = func(name string, c *client.Config) {
		if name == "bob" {
			c.Policy, c.Deliverer = acceptance.Policy{{At: fastpay.StageCertified}}, deliverer
		}
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
	if _, err := alice.Pay(ctx, client.Order{
		To: bob.Address(), Asset: testnet.Asset, Amount: *uint256.NewInt(10 * testnet.Dollar), Parents: client.Parents{Auto: true},
	}); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		select {
		case d := <-told:
			fmt.Println(d.Kind, d.Amount, "units by", d.Reason, "with a QC:", d.QC != nil)
		case <-ctx.Done():
			fmt.Println(ctx.Err())
		}
	}
	// Output:
	// accepted 10000000 units by rule 1 with a QC: true
	// final 10000000 units by rule 1 with a QC: true
}
