package main

import "github.com/urfave/cli/v3"

// committeeCommand works on the committees of a network.
func committeeCommand() *cli.Command {
	return &cli.Command{
		Name:         "committee",
		Usage:        "work on the committees of a network",
		Commands:     []*cli.Command{showCommitteeCommand(), newCommitteeCommand()},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}
