package main

import "github.com/urfave/cli/v3"

func committeeCommand() *cli.Command {
	return &cli.Command{
		Name:         "committee",
		Usage:        "look at the validators of an epoch",
		Commands:     []*cli.Command{showCommitteeCommand()},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}
