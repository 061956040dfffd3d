package main

import (
	"io"
	"os"

	"github.com/urfave/cli/v3"
)

// maxQCFile bounds what is read of a QC file, in bytes: the hex of the largest
// QC takes 1 MiB and the view of 1,024 signers less than a fifth of that.
const maxQCFile = 2 << 20

// qcCommand works on quorum certificates. Only get needs a peer.
func qcCommand() *cli.Command {
	return &cli.Command{
		Name:  "qc",
		Usage: "get, check and look into quorum certificates",
		Commands: []*cli.Command{
			getQCCommand(),
			{
				Name:      "verify",
				Usage:     "check a QC file with nothing but the network file",
				ArgsUsage: "FILE",
				Description: "FILE is a QC file, or - for standard input. The command needs no connection: it checks the\n" +
					"payer's signature, every validator's signature and the quorum of the committee in the network\n" +
					"file, and that the readable part of FILE says what the signed bytes say. It ends with exit\n" +
					"code 0 only if all of that holds, and with 3 if any of it does not.",
				Flags: []cli.Flag{
					&cli.StringFlag{
						Name:    "network",
						Usage:   "the network `FILE` that says who the validators are",
						Value:   "network.toml",
						Sources: cli.EnvVars("ALLEGRO_NETWORK"),
						Local:   true,
					},
					outputFlag(),
				},
				HideHelpCommand: true, // FILE may be called help
				OnUsageError:    usageError,
				Action:          withOutput(verifyQC),
			},
			{
				Name:      "inspect",
				Usage:     "show what a QC file says without checking it",
				ArgsUsage: "FILE",
				Description: "FILE is a QC file, or - for standard input. Nothing is verified: anybody can write such a file.\n" +
					"Rely on allegro qc verify only.",
				Flags:           []cli.Flag{outputFlag()},
				HideHelpCommand: true,
				OnUsageError:    usageError,
				Action:          withOutput(inspectQC),
			},
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

// readQCFile reads the file that the command's only argument names and returns
// it with a name for messages.
func readQCFile(cmd *cli.Command) (data []byte, name string, err error) {
	if n := cmd.Args().Len(); n != 1 {
		return nil, "", fail(exitUsage, "qc %s wants one FILE, or - for standard input: it got %d arguments", cmd.Name, n)
	}
	name = cmd.Args().First()
	in := cmd.Root().Reader
	if name == "-" {
		name = "standard input"
	} else {
		file, err := os.Open(name)
		if err != nil {
			return nil, "", fail(exitUsage, "QC file: %w", err)
		}
		defer file.Close()
		in = file
	}
	data, err = io.ReadAll(io.LimitReader(in, maxQCFile+1))
	if err != nil {
		return nil, "", fail(exitUsage, "QC file: reading %s: %w", name, err)
	}
	return data, name, nil
}
