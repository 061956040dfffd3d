// Command receiver is an example: the shop's program that is told of orders by webhook. It
// believes the network file alone.
//
//	receiver -network network.toml -secret webhook.secret -payee 0x… -orders orders.log -listen 127.0.0.1:8080
//
// docs/integrators.md explains it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/client/webhook"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
)

func main() { log.Fatal("receiver: ", run(os.Args[1:], os.Stdout)) }

// run is the program.
func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("receiver", flag.ContinueOnError)
	networkPath := flags.String("network", "network.toml", "network `FILE`, from somebody you trust")
	secretPath := flags.String("secret", "webhook.secret", "`FILE` with the secret that the peer signs with")
	payee := flags.String("payee", "", "`ADDRESS` of the shop")
	ordersPath := flags.String("orders", "orders.log", "`FILE` of what was told")
	address := flags.String("listen", "127.0.0.1:8080", "`ADDRESS` to listen at; TLS is the business of a proxy before it")
	if err := flags.Parse(args); err != nil {
		return err
	}
	network, err := netfile.Load(*networkPath)
	if err != nil {
		return err
	}
	rules, err := network.Rules()
	if err != nil {
		return err
	}
	secret, err := webhook.LoadSecret(*secretPath)
	if err != nil {
		return err
	}
	verifier, err := webhook.NewVerifier(time.Now, secret)
	if err != nil {
		return err
	}
	if !common.IsHexAddress(*payee) {
		return fmt.Errorf("payee %q is no address: want 0x and 40 hex digits", *payee)
	}
	told, err := openLog(*ordersPath)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "listening at http://%s\n", listener.Addr())
	server := &http.Server{ReadTimeout: webhook.Timeout, Handler: &shop{verifier, rules, common.HexToAddress(*payee), told, out}}
	return server.Serve(listener)
}

// shop decides about what it is told.
type shop struct {
	verifier *webhook.Verifier
	rules    *fastpay.Rules
	payee    common.Address
	told     *orderLog
	out      io.Writer
}

// ServeHTTP takes a message. 2xx says that the peer need not tell it again.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, webhook.MaxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d, err := s.verifier.Verify(r.Header, body)
	if err == nil {
		_, err = webhook.Prove(s.rules, s.payee, d)
	}
	switch {
	case errors.Is(err, webhook.ErrSignature), errors.Is(err, webhook.ErrTimestamp):
		http.Error(w, err.Error(), http.StatusUnauthorized)
	case err != nil:
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	case s.told.note(d):
		// accepted and exact, or over: hand over the goods
		fmt.Fprintln(s.out, d.Kind, d.TxID, d.Amount, verdictOf(d))
	}
}
