package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/urfave/cli/v3"
)

// inspectWarning stands on everything that qc inspect prints.
const inspectWarning = "NOT VERIFIED: this is only what the file claims, and anybody can write such a file; check it with allegro qc verify"

// qcInspectDocument is what a QC file claims.
type qcInspectDocument struct {
	Schema   string         `json:"schema"`
	Verified bool           `json:"verified"` // always false
	Warning  string         `json:"warning"`
	TxID     string         `json:"tx_id"`
	View     fastpay.QCView `json:"view"`
	Bytes    int            `json:"bytes"`           // length of the QC proper
	Fault    string         `json:"fault,omitempty"` // why these bytes cannot be a QC
}

// inspectQC is the action of qc inspect.
func inspectQC(_ context.Context, cmd *cli.Command, asJSON bool) error {
	data, name, err := readQCFile(cmd)
	if err != nil {
		return err
	}
	var f fastpay.QCFile
	if err := json.Unmarshal(data, &f); err != nil {
		return fail(exitUsage, "%s cannot be decoded, it is not the JSON of a QC file: %w", name, err)
	}
	if f.Schema != fastpay.QCFileSchema {
		return fail(exitUsage, "%s has schema %q: a QC file has %q", name, f.Schema, fastpay.QCFileSchema)
	}
	d := qcInspectDocument{Schema: "allegro.qc_inspect/v1", Warning: inspectWarning, TxID: f.TxID, View: f.View}
	d.Bytes, d.Fault = outline(f.QC)
	if asJSON {
		return writeJSON(cmd.Root().Writer, d)
	}
	return d.print(cmd.Root().Writer)
}

// outline returns the length of a QC in hex and why it cannot be one, "" if it
// has the outline of one: a list of committee id, payment and certificates.
func outline(text string) (size int, fault string) {
	raw, err := hexutil.Decode(text)
	if err != nil {
		return 0, fmt.Sprintf("the bytes of the QC cannot be decoded: %v", err)
	}
	var parts struct {
		CommitteeID  [32]byte
		Payment      rlp.RawValue
		Certificates []rlp.RawValue
	}
	if err := rlp.DecodeBytes(raw, &parts); err != nil {
		return len(raw), fmt.Sprintf("the bytes of the QC cannot be decoded: %v", err)
	}
	return len(raw), ""
}

// print writes the document for people.
func (d *qcInspectDocument) print(w io.Writer) error {
	fmt.Fprintf(w, "%s\n", d.Warning)
	v := &d.View
	rows := [][2]string{
		{"tx id", d.TxID}, {"chain id", v.ChainID}, {"committee", v.CommitteeID}, {"epoch", v.Epoch},
		{"payer", v.Payer}, {"payee", v.Payee}, {"asset", v.Asset}, {"amount", v.Amount + " units"},
		{"seq", v.Seq}, {"parents", strings.Join(v.Parents, " ")}, {"valid before", v.ValidBefore},
		{"restart", v.Restart}, {"note", v.Note},
		{"weight", fmt.Sprintf("%d of %d, threshold %d", v.Weight, v.Total, v.Threshold)},
	}
	for _, s := range v.Signers {
		rows = append(rows, [2]string{fmt.Sprintf("signer %d", s.Index), fmt.Sprintf("%s, weight %d", s.Key, s.Weight)})
	}
	rows = append(rows, [2]string{"QC", fmt.Sprintf("%d bytes", d.Bytes)})
	if d.Fault != "" {
		rows = append(rows, [2]string{"fault", d.Fault})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(t, "  %s\t%s\n", row[0], printable(row[1]))
	}
	return t.Flush()
}
