package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/urfave/cli/v3"
)

// qcWorth is what the holder of a valid QC may rely on, in one sentence.
const qcWorth = "This QC is conditional until the chain includes the payment: validators of more than two thirds of " +
	"the committee's weight stand for it, but it lapses at valid_before, and until then another transaction of the " +
	"payer or a freeze of the token can still void it."

// verifyQC is the action of qc verify.
func verifyQC(_ context.Context, cmd *cli.Command, asJSON bool) error {
	data, name, err := readQCFile(cmd)
	if err != nil {
		return err
	}
	network, err := netfile.Load(cmd.String("network"))
	if err != nil {
		return withHint(fail(exitUsage, "%w", err), "name the network file with --network")
	}
	rules, err := network.Rules()
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	if len(data) > maxQCFile {
		return fail(exitVerify, "%s does not verify: it has more than %d bytes and so is no QC file", name, maxQCFile)
	}
	qc, err := rules.ParseQCFile(data)
	if err != nil {
		return withHint(fail(exitVerify, "%s does not verify: %w", name, err), hintOfInvalid(err))
	}
	document := describeQC(qc, network)
	if asJSON {
		return writeJSON(cmd.Root().Writer, document)
	}
	return document.print(cmd.Root().Writer)
}

// hintOfInvalid says what the holder of a QC that does not verify can do.
func hintOfInvalid(err error) string {
	switch {
	case errors.Is(err, fastpay.WrongCommittee):
		return "get the network file of the network that the payment was made in, or its newest version"
	case errors.Is(err, fastpay.WrongChain):
		return "the payment is for another chain than the network file's: get the file of its network"
	default:
		return "the file was altered or is incomplete: deliver nothing for it and ask the payer or a validator for the QC again"
	}
}

// qcVerifyDocument is a QC that verified. The fields beside the QC file's own
// give it the names of the network file.
type qcVerifyDocument struct {
	Schema          string         `json:"schema"`
	Valid           bool           `json:"valid"`
	Network         string         `json:"network"`
	TxID            string         `json:"tx_id"`
	View            fastpay.QCView `json:"view"`
	Symbol          string         `json:"symbol,omitempty"` // absent if the network file does not list the asset
	Tokens          string         `json:"tokens,omitempty"` // the amount in tokens, such as "10.50"; absent with the symbol
	ValidBeforeTime string         `json:"valid_before_time,omitempty"`
	Signers         []signerName   `json:"signers"`
	Guarantee       string         `json:"guarantee"`
	Worth           string         `json:"worth"`
}

// signerName is a member that voted, by its name in the network file.
type signerName struct {
	Index  int    `json:"index"`
	Name   string `json:"name"`
	Weight uint64 `json:"weight"`
}

// describeQC puts a verified QC into the words of the network file.
func describeQC(qc *fastpay.QC, network *netfile.File) qcVerifyDocument {
	e := qc.Tx().Envelope()
	d := qcVerifyDocument{
		Schema:          "allegro.qc_verify/v1",
		Valid:           true,
		Network:         network.Name,
		TxID:            qc.Tx().ID().Hex(),
		View:            qc.View(),
		ValidBeforeTime: rfc3339(e.ValidBefore),
		Guarantee:       "conditional",
		Worth:           qcWorth,
	}
	if asset, ok := network.AssetByAddress(e.Asset); ok {
		d.Symbol = asset.Symbol
		d.Tokens = netfile.FormatAmount(e.Amount, asset.Decimals)
	}
	members := network.MembersOf(qc.Committee().ID())
	for _, s := range d.View.Signers {
		d.Signers = append(d.Signers, signerName{s.Index, members[s.Index].Name, s.Weight})
	}
	return d
}

// rfc3339 writes chain seconds as a date, "" for a time beyond the year 9999,
// which the format does not have.
func rfc3339(seconds uint64) string {
	const year10000 = 253_402_300_800
	if seconds >= year10000 {
		return ""
	}
	return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
}

// print writes the document for people.
func (d *qcVerifyDocument) print(w io.Writer) error {
	v := &d.View
	amount := v.Amount + " units of a token that the network file does not list"
	if d.Symbol != "" {
		amount = fmt.Sprintf("%s %s (%s units)", d.Tokens, d.Symbol, v.Amount)
	}
	note := v.Note + " (SHA-256 of the payer's text)"
	if common.HexToHash(v.Note) == (common.Hash{}) {
		note = "none"
	}
	expiry := v.ValidBefore
	if d.ValidBeforeTime != "" {
		expiry += " (" + d.ValidBeforeTime + ")"
	}
	var signers []string
	for _, s := range d.Signers {
		signers = append(signers, fmt.Sprintf("%s (%d)", s.Name, s.Weight))
	}
	rows := [][2]string{
		{"payer", common.HexToAddress(v.Payer).Hex()},
		{"payee", common.HexToAddress(v.Payee).Hex()},
		{"amount", amount},
		{"asset", common.HexToAddress(v.Asset).Hex()},
		{"note", note},
		{"valid before", expiry},
		{"signers", strings.Join(signers, ", ")},
		{"weight", fmt.Sprintf("%d of %d, the threshold is %d", v.Weight, v.Total, v.Threshold)},
		{"committee", fmt.Sprintf("epoch %s of network %s, %s", v.Epoch, d.Network, v.CommitteeID)},
	}
	for _, parent := range v.Parents {
		rows = append(rows, [2]string{"relies on", "payment " + parent})
	}
	fmt.Fprintf(w, "VALID: the quorum certificate of payment %s\n", d.TxID)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(t, "  %s\t%s\n", row[0], row[1])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, d.Worth)
	return err
}
