// Command shop is an example: it asks for 2.50 with the invoice's text as the note, and
// hands over the coffee once that is CERTIFIED. It runs until it is interrupted.
//
//	shop NETWORKFILE NODEURL KEYFILE DIR INVOICE
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/docs/examples/peer"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 6 {
		return fmt.Errorf("want NETWORKFILE NODEURL KEYFILE DIR INVOICE, got %d arguments", len(args)-1)
	}
	shop, err := peer.Open(ctx, args[1], args[2], args[3], args[4], func(cfg *client.Config) {
		// Up to 5.00 a QC is enough, if it has half a minute to go; more waits for a block.
		cfg.Policy = acceptance.Policy{{UpTo: uint256.NewInt(5_000_000), At: fastpay.StageCertified, MinMargin: 30 * time.Second}}
		// nil acknowledges a message; after an error or a crash it comes again.
		cfg.Deliverer = orders.DelivererFunc(func(_ context.Context, id fastpay.ID, m orders.Message) error {
			_, err := fmt.Println(m.Kind, id)
			return err
		})
	})
	if err != nil {
		return err
	}
	asset := common.Address(shop.Network.Assets[0].Address)
	request := shop.NewRequest(asset, *uint256.NewInt(2_500_000), args[5], 0)
	if err := shop.Requests().Add(request, time.Now()); err != nil {
		return errors.Join(err, shop.Close())
	}
	fmt.Println(request.String())
	return errors.Join(shop.Run(ctx), shop.Close())
}
