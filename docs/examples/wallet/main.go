// Command wallet is an example: a peer of its own that pays an invoice or is paid for one,
// with the packages of this module and nothing else.
//
//	wallet -network network.toml -node http://127.0.0.1:8545 -key KEYFILE -data DIR pay PAYEE AMOUNT INVOICE
//	wallet -network network.toml -node http://127.0.0.1:8545 -key KEYFILE -data DIR receive AMOUNT INVOICE
//
// KEYFILE holds the account's private key as 64 hex digits. docs/integrators.md explains it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/allegro-p2p/allegro/client"
	"github.com/allegro-p2p/allegro/docs/examples/peer"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "wallet:", err)
		os.Exit(1)
	}
}

// run is the program.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("wallet", flag.ContinueOnError)
	network := flags.String("network", "network.toml", "network `FILE`")
	node := flags.String("node", "http://127.0.0.1:8545", "`URL` of the chain node")
	key := flags.String("key", "key.hex", "`FILE` with the account's private key")
	data := flags.String("data", "data", "`DIR` of this peer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p, err := peer.Open(ctx, *network, *node, *key, *data, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	w := &wallet{p.Client, p.Network.Assets[0]}

	// The peer runs beside what it is used for. If it ends, so does that.
	ctx, cancel := context.WithCancelCause(ctx)
	ran := make(chan error, 1)
	go func() {
		err := w.Run(ctx)
		cancel(err)
		ran <- err
	}()
	defer func() {
		cancel(nil)
		err = errors.Join(err, <-ran)
	}()
	if err := w.WaitReady(ctx); err != nil {
		return fmt.Errorf("waiting for a quorum of validators: %w", err)
	}
	switch rest := flags.Args(); {
	case len(rest) == 4 && rest[0] == "pay":
		return w.pay(ctx, out, rest[1], rest[2], rest[3])
	case len(rest) == 3 && rest[0] == "receive":
		return w.receive(ctx, out, rest[1], rest[2])
	default:
		return errors.New("want pay PAYEE AMOUNT INVOICE or receive AMOUNT INVOICE")
	}
}

// wallet is a peer that pays and is paid in one asset.
type wallet struct {
	*client.Client
	asset netfile.Asset
}
