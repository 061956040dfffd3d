// Command sign is an example: the wallet's part of a payment over HTTP. It reads what an
// aggregator planned from standard input, refuses it if it is not the order, signs it, and
// writes the body of the submit request to standard output.
//
//	curl … /api/v1/payments/prepare | sign -network network.toml -key KEYFILE -to PAYEE -amount UNITS
//
// KEYFILE holds the account's private key as 64 hex digits. docs/integrators.md explains it.
package main

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sign:", err)
		os.Exit(1)
	}
}

// plan is the part of an answer to /payments/prepare that a wallet uses. It recomputes the
// rest.
type plan struct {
	TxID     fastpay.ID    `json:"tx_id"`
	Envelope hexutil.Bytes `json:"envelope"`
}

// submit is the body of a request to /submit-raw-tx.
type submit struct {
	SignedTx hexutil.Bytes `json:"signed_tx"`
	Envelope hexutil.Bytes `json:"envelope"`
}

// run is the program.
func run(args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("sign", flag.ContinueOnError)
	networkPath := flags.String("network", "network.toml", "network `FILE`, from somebody you trust and not from the aggregator")
	keyPath := flags.String("key", "key.hex", "`FILE` with the account's private key")
	to := flags.String("to", "", "`ADDRESS` of the payee")
	amount := flags.String("amount", "", "`UNITS` of the network's first token")
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
	key, err := crypto.LoadECDSA(*keyPath)
	if err != nil {
		return fmt.Errorf("account key %s: %w", *keyPath, err)
	}
	units, err := uint256.FromDecimal(*amount)
	if err != nil {
		return fmt.Errorf("amount %q: %w", *amount, err)
	}
	if !common.IsHexAddress(*to) {
		return fmt.Errorf("payee %q is no address: want 0x and 40 hex digits", *to)
	}
	var p plan
	if err := json.NewDecoder(in).Decode(&p); err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	if len(p.Envelope) == 0 {
		return errors.New("standard input has no plan: it has what the aggregator answered instead")
	}
	want := order{to: common.HexToAddress(*to), asset: common.Address(network.Assets[0].Address), amount: *units}
	signed, err := sign(rules, key, &p, &want)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(signed)
}

// order is what the payer wants to pay.
type order struct {
	to, asset common.Address
	amount    uint256.Int
}

// sign signs a plan that is the order. What a wallet must check before it signs is all here.
func sign(rules *fastpay.Rules, key *ecdsa.PrivateKey, p *plan, want *order) (*submit, error) {
	env, err := fastpay.ParseEnvelope(p.Envelope)
	if err != nil {
		return nil, err
	}
	switch {
	case env.Sender != crypto.PubkeyToAddress(key.PublicKey):
		return nil, fmt.Errorf("the plan is for payer %s, not for this account: nothing was signed", env.Sender)
	case env.Recipient != want.to, env.Asset != want.asset, !env.Amount.Eq(&want.amount):
		return nil, fmt.Errorf("the plan pays %s units of %s to %s, which is not the order: nothing was signed", env.Amount.Dec(), env.Asset, env.Recipient)
	case env.ID() != p.TxID:
		return nil, fmt.Errorf("the plan names tx id %s, its envelope has %s: nothing was signed", p.TxID, env.ID())
	}
	// Chain, committee, fee and form; and with the signature what any peer verifies.
	tx, err := rules.SignTx(env, key)
	if err != nil {
		return nil, err
	}
	committee, ok := rules.Committee(env.CommitteeID)
	if !ok {
		return nil, fmt.Errorf("%w: committee %s is not in the network file", fastpay.WrongCommittee, env.CommitteeID)
	}
	return &submit{SignedTx: tx.Transaction(committee).Encode(), Envelope: p.Envelope}, nil
}
