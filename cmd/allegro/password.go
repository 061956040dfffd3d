package main

import (
	"os"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/ethereum/go-ethereum/common"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"
)

// passwordOf returns how a home's accounts are unlocked: by the file that its config
// names, else by asking at the terminal.
func passwordOf(h *home.Home, cmd *cli.Command) func(common.Address) (string, error) {
	return func(account common.Address) (string, error) {
		password, ok, err := h.Password()
		if ok || err != nil {
			return password, err
		}
		return askPassword(cmd, "Password of account "+account.Hex())
	}
}

// askPassword asks at the terminal, without showing what is typed.
func askPassword(cmd *cli.Command, prompt string) (string, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return "", fail(exitUsage, "a password is needed and nobody can be asked: put it into a file of mode 0600 and name that in keystore.password_file of config.toml")
	}
	say(cmd.Root().ErrWriter, "%s: ", prompt)
	password, err := term.ReadPassword(in)
	say(cmd.Root().ErrWriter, "\n")
	if err != nil {
		return "", fail(exitInternal, "reading the password: %w", err)
	}
	return string(password), nil
}
