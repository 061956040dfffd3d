package main

import (
	"os"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/urfave/cli/v3"
)

// homeFlag is the --home flag of a command that works in a home.
func homeFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "home", Usage: "work in the home `DIR`, by default that of ALLEGRO_HOME or the peer \"default\" of this user", Local: true,
	}
}

// homeDir is the directory that homeFlag names.
func homeDir(cmd *cli.Command) (string, error) {
	if dir := cmd.String("home"); dir != "" {
		return dir, nil
	}
	dir, err := home.DefaultDir(os.Getenv)
	if err != nil {
		return "", fail(exitUsage, "%w", err)
	}
	return dir, nil
}

// openHome opens the home that homeFlag names.
func openHome(cmd *cli.Command) (*home.Home, error) {
	dir, err := homeDir(cmd)
	if err != nil {
		return nil, err
	}
	h, err := home.Open(dir, os.LookupEnv)
	if err != nil {
		return nil, fail(exitUsage, "%w", err)
	}
	return h, nil
}
