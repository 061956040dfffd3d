package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/allegro-p2p/allegro/client/orders"
	"github.com/allegro-p2p/allegro/client/webhook"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
)

// shop is the receiver of a payee that trusts its network file and nobody else: not even
// who has its secret can invent a payment. docs/examples/receiver is the whole program.
type shop struct {
	verifier *webhook.Verifier
	rules    *fastpay.Rules
	payee    common.Address
}

// ServeHTTP answers with 2xx only what it has acted on: the rest is told again.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, webhook.MaxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	message, err := s.verifier.Verify(r.Header, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	qc, err := webhook.Prove(s.rules, s.payee, message)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	amount := qc.Tx().Amount()
	fmt.Println(message.Kind, amount.Dec(), "units, proved by weight", qc.Weight())
}

// A peer tells a shop of an accepted payment, and of one that it has made larger.
func ExampleVerifier_Verify() {
	network, err := netfile.Load("../../p2p/netfile/testdata/network.toml")
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := network.Rules()
	if err != nil {
		fmt.Println(err)
		return
	}
	secret, err := webhook.ParseSecret("whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=") // of both
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := webhook.NewVerifier(time.Now, secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := os.ReadFile("../../p2p/netfile/testdata/qc.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	qc, err := rules.ParseQCFile(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(&shop{verifier, rules, qc.Tx().Recipient()})
	defer server.Close()

	peer, err := webhook.New(webhook.Config{URL: server.URL, Secret: secret, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, amount := range []string{"10000000", "99000000"} {
		message, err := told(qc, amount)
		if err != nil {
			fmt.Println(err)
			return
		}
		err = peer.Deliver(context.Background(), qc.Tx().ID(), message)
		fmt.Println(amount, "delivered:", err == nil)
	}
	// Output:
	// accepted 10000000 units, proved by weight 2
	// 10000000 delivered: true
	// 99000000 delivered: false
}

// told is what a peer's book of orders tells of the payment of a QC, but for the amount.
func told(qc *fastpay.QC, amount string) (m orders.Message, err error) {
	id, env, file := qc.Tx().ID(), qc.Tx().Envelope(), qc.File()
	m.Kind = orders.KindAccepted
	m.Body, err = json.Marshal(orders.Document{
		Schema: orders.Schema, MessageID: orders.MessageID(id, m.Kind), Kind: m.Kind, TxID: id.Hex(),
		Payer: env.Sender.Hex(), Payee: env.Recipient.Hex(), Asset: env.Asset.Hex(), Amount: amount, Note: env.Note.Hex(),
		Stage: fastpay.StageCertified, QC: &file,
	})
	return m, err
}
