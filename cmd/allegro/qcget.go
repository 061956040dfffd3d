package main

import (
	"bytes"
	"context"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/urfave/cli/v3"
)

func getQCCommand() *cli.Command {
	return &cli.Command{
		Name: "get", Usage: "get the QC of a payment as a file", ArgsUsage: "TXID",
		Description: "The file is proof by itself: allegro qc verify checks it on a machine that never met the network.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write it to `FILE` instead of standard output", Local: true},
			homeFlag(), outputFlag(),
		},
		HideHelpCommand: true, OnUsageError: usageError,
		Action: inSession(getQC),
	}
}

// qcGetDocument says where the QC of a payment was written.
type qcGetDocument struct {
	Schema string `json:"schema"`
	TxID   string `json:"tx_id"`
	File   string `json:"file"`
}

// getQC prints the file in both forms of output: it is JSON.
func getQC(ctx context.Context, cmd *cli.Command, s *session, asJSON bool) error {
	id, err := takesOne(cmd, "TXID")
	if err != nil {
		return err
	}
	var file fastpay.QCFile
	if err := s.Get(ctx, api.RouteQC, id, nil, &file); err != nil {
		return err
	}
	out := cmd.String("out")
	if out == "" {
		return writeJSON(cmd.Root().Writer, file)
	}
	var data bytes.Buffer
	if err := writeJSON(&data, file); err != nil {
		return fail(exitInternal, "encoding the QC: %w", err)
	}
	if err := home.WriteFile(out, data.Bytes(), 0o644); err != nil {
		return fail(exitUsage, "--out: %w", err)
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, qcGetDocument{"allegro.qc_get/v1", file.TxID, out})
	}
	say(cmd.Root().ErrWriter, "QC of payment %s written to %s\n", file.TxID, out)
	return nil
}
