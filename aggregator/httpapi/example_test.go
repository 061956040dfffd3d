package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/testnet"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// A program that is no peer asks an aggregator for a payment to sign, and makes sure that
// it got the one it wanted. docs/examples/sign goes on from there.
func ExamplePrepared() {
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
	urls, stop, err := network.ServePages(ctx, 8080)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	alice, bob := network.Peer("alice").Client.Address(), network.Peer("bob").Client.Address()
	order, err := json.Marshal(httpapi.PrepareRequest{From: alice.Hex(), To: bob.Hex(), Amount: "10000000", Asset: "pathUSD"})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := http.Post(urls[testnet.AggregatorName(0)]+"/api/v1/payments/prepare", "application/json", bytes.NewReader(order))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	var prepared httpapi.Prepared
	if err := json.NewDecoder(answer.Body).Decode(&prepared); err != nil {
		fmt.Println(err)
		return
	}
	raw, err := hexutil.Decode(prepared.Envelope)
	if err != nil {
		fmt.Println(err)
		return
	}
	envelope, err := fastpay.ParseEnvelope(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("from Alice to Bob:", envelope.Sender == alice && envelope.Recipient == bob, envelope.Amount.Dec(), "units")
	fmt.Println("tx id is the envelope's:", envelope.ID().Hex() == prepared.TxID)
	// Output:
	// from Alice to Bob: true 10000000 units
	// tx id is the envelope's: true
}
