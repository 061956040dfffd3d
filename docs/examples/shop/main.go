// Command shop is an example: it asks for 2.50 with the invoice's text as the note, and
// hands over the coffee once that is CERTIFIED. It runs until it is interrupted; after a
// crash the same command goes on.
//
//	shop NETWORKFILE NODEURL KEYFILE DIR INVOICE
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/client/acceptance"
	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/docs/examples/peer"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/holiman/uint256"
)

func main() {
	if len(os.Args) != 6 {
		log.Fatal("shop: want NETWORKFILE NODEURL KEYFILE DIR INVOICE")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	asset := fastpay.Asset{}
	shop, err := peer.Open(ctx, os.Args[1], os.Args[2], os.Args[3], os.Args[4], func(cfg *client.Config) {
		// Up to 5.00 a QC is enough, if it has half a minute to go; more waits for a block.
		asset = cfg.Rules.Assets()[0]
		cfg.Policy = acceptance.Policy{{Asset: asset.Address, UpTo: uint256.NewInt(5_000_000), At: fastpay.StageCertified, MinMargin: 30 * time.Second}}
		// nil acknowledges a message; after an error or a crash it comes again.
		cfg.Deliverer = orders.DelivererFunc(func(_ context.Context, id fastpay.ID, m orders.Message) error {
			var d orders.Document
			if err := json.Unmarshal(m.Body, &d); err != nil || d.Request == nil {
				return err // it was not asked for
			} // accepted, and exact or over: hand over the coffee
			_, err := fmt.Printf("%s %s %s %q\n", m.Kind, id, d.Request.Verdict, d.Request.Note)
			return err
		})
	})
	if err != nil {
		log.Fatal("shop: ", err)
	}
	request := shop.NewRequest(asset.Address, *uint256.NewInt(2_500_000), os.Args[5], 0)
	if err = shop.Requests().Add(request, time.Now()); err == nil || errors.Is(err, client.ErrNoteTaken) {
		fmt.Println(request.String())
		err = shop.Run(ctx)
	}
	if err = errors.Join(err, shop.Close()); err != nil {
		log.Fatal("shop: ", err)
	}
}
