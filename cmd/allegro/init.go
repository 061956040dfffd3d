package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/urfave/cli/v3"
)

// initCommand makes a home.
func initCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "make the home of a new peer: its configuration, keys and account",
		Description: "DIR must be empty or not exist. A validator gets a vote key and an account that sponsors what it\n" +
			"puts on the chain, a client an account to pay with. What is not given here has a default, which\n" +
			"DIR/config.toml explains.",
		Flags: []cli.Flag{
			homeFlag(),
			&cli.StringFlag{Name: "role", Usage: "what the peer is: `ROLE` validator, client or aggregator", Local: true},
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the peer, for people", DefaultText: "the role", Local: true},
			&cli.StringFlag{Name: "network", Usage: "copy the network `FILE` into the home", Local: true},
			&cli.StringFlag{Name: "chain", Usage: "`URL` of the peer's own chain node, if it has no secret: that would show in the list of processes", Local: true},
			&cli.StringSliceFlag{Name: "listen", Usage: "listen on this `MULTIADDR`; can be repeated", Local: true},
			&cli.BoolFlag{Name: "browser", Usage: "let browsers connect, on the ports listened on", Local: true},
			&cli.StringSliceFlag{Name: "peer", Usage: "keep connected to this `MULTIADDR` that ends in /p2p/ID; can be repeated", Local: true},
			&cli.StringFlag{Name: "http", Usage: "serve an aggregator's page and HTTP API on `HOST:PORT`", Local: true},
			&cli.StringFlag{Name: "metrics", Usage: "serve metrics on `HOST:PORT`", DefaultText: "a free port of 127.0.0.1", Local: true},
			passwordFileFlag("encrypt the account with the password in `FILE`, which stays where it is; without: with a random one"),
			lightKDFFlag(),
			outputFlag(),
		},
		HideHelpCommand: true,
		OnUsageError:    usageError,
		Action:          withOutput(initHome),
	}
}

// initHome is the action of init.
func initHome(_ context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	// All that may be wrong is looked at before anything is made.
	config, err := initConfig(cmd)
	if err != nil {
		return err
	}
	var network *netfile.File
	if path := cmd.String("network"); path != "" {
		if network, err = netfile.Load(path); err != nil {
			return fail(exitUsage, "--network: %w", err)
		}
	}
	password, err := initPassword(cmd)
	if err != nil {
		return err
	}
	dir, err := homeDir(cmd)
	if err != nil {
		return err
	}
	h, err := home.Create(dir, config)
	if err != nil {
		return homeError(err)
	}
	if err := furnish(h, network, password, kdf(cmd)); err != nil {
		return errors.Join(homeError(err), h.Discard())
	}
	d, err := newSelf(h)
	if err != nil {
		return errors.Join(err, h.Discard())
	}
	if asJSON {
		if d.Account != nil {
			note(cmd, "%s", passwordMeaning(h))
		}
		return writeJSON(cmd.Root().Writer, d)
	}
	return printNewHome(cmd.Root().Writer, h, d, network)
}

// initConfig is the config that the flags of init ask for.
func initConfig(cmd *cli.Command) (home.Config, error) {
	role := p2p.Role(cmd.String("role"))
	switch role {
	case p2p.RoleValidator, p2p.RoleClient, p2p.RoleAggregator:
	case "":
		return home.Config{}, fail(exitUsage, "init wants to know what the peer is: add --role validator, client or aggregator")
	default:
		return home.Config{}, fail(exitUsage, "--role %q is unknown: use validator, client or aggregator", string(role))
	}
	c := home.DefaultConfig(role)
	if cmd.IsSet("name") {
		c.Node.Name = cmd.String("name")
	}
	if cmd.IsSet("chain") {
		c.Chain.RPC = cmd.String("chain")
	}
	if cmd.IsSet("listen") {
		c.P2P.Listen = cmd.StringSlice("listen")
	}
	c.P2P.Browser = cmd.Bool("browser")
	if cmd.IsSet("peer") {
		c.P2P.Peers = cmd.StringSlice("peer")
	}
	if cmd.IsSet("http") {
		if role != p2p.RoleAggregator {
			return home.Config{}, fail(exitUsage, "%s has no page: leave out --http", withArticle(role))
		}
		c.Aggregator.Listen = cmd.String("http")
	}
	if cmd.IsSet("metrics") {
		c.Metrics.Listen = cmd.String("metrics")
	}
	if path := cmd.String("password-file"); path != "" {
		if role == p2p.RoleAggregator {
			return home.Config{}, fail(exitUsage, "an aggregator has no account that a password could be for: leave out --password-file")
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return home.Config{}, fail(exitUsage, "--password-file: %w", err)
		}
		c.Keystore.PasswordFile = absolute
	}
	if err := c.Validate(); err != nil {
		return home.Config{}, fail(exitUsage, "%w", err)
	}
	return c, nil
}

// initPassword reads the file of --password-file; "" without that flag.
func initPassword(cmd *cli.Command) (string, error) {
	path := cmd.String("password-file")
	if path == "" {
		return "", nil
	}
	password, err := home.ReadPassword(path)
	return password, homeError(err)
}

// furnish puts into a new home what its peer needs: the network file if there is one,
// and an account unless its role has none. Without a password a random one is made
// and kept in the home.
func furnish(h *home.Home, network *netfile.File, password string, cost home.KDF) error {
	if network != nil {
		if err := h.SaveNetwork(network); err != nil {
			return err
		}
	}
	_, account := accountSetting(h.Config())
	if account == nil {
		return nil
	}
	if password == "" {
		var err error
		if password, err = randomPassword(); err != nil {
			return err
		}
		if err := home.WriteNew(h.PasswordPath(), []byte(password+"\n")); err != nil {
			return fmt.Errorf("writing the password: %w", err)
		}
	}
	address, err := h.NewAccount(password, cost)
	if err != nil {
		return err
	}
	*account = netfile.Address(address)
	return h.SaveConfig()
}

// randomPassword is one that nobody guesses.
func randomPassword() (string, error) {
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("making a password: %w", err)
	}
	return hex.EncodeToString(raw), nil
}

// passwordMeaning says what the password of a new home is worth.
func passwordMeaning(h *home.Home) string {
	if filepath.Dir(h.PasswordPath()) == filepath.Dir(h.IdentityPath()) {
		return fmt.Sprintf("the account's password is random and lies in %s: whoever can read this home can spend from the account, "+
			"and without that file nobody can", h.PasswordPath())
	}
	return fmt.Sprintf("the account opens with the password in %s: whoever can read that file and this home can spend from the account, "+
		"and without the password nobody can", h.PasswordPath())
}

// printNewHome says what was made, for people.
func printNewHome(w io.Writer, h *home.Home, d *api.Self, network *netfile.File) error {
	rows := []row{{"home", d.Home}, {"peer id", d.PeerID}}
	if d.ValidatorKey != nil {
		rows = append(rows, row{"vote key", d.ValidatorKey.String()})
	}
	if d.Account != nil {
		what := "account"
		if d.Role == p2p.RoleValidator {
			what = "sponsor"
		}
		rows = append(rows, row{what, d.Account.String()})
	}
	if network != nil {
		rows = append(rows, row{"network", network.String()})
	}
	whose := fmt.Sprintf("%s %s", d.Role, d.Name)
	if d.Name == string(d.Role) {
		whose = withArticle(d.Role)
	}
	if err := printRows(w, "made the home of "+whose, rows); err != nil {
		return err
	}
	if d.Account != nil {
		fmt.Fprintln(w, passwordMeaning(h))
	}
	if network == nil {
		fmt.Fprintf(w, "first  copy the network's file to %s\n", shellWord(h.NetworkPath()))
	}
	_, err := fmt.Fprintf(w, "next   allegro %s run%s\n", d.Role, inHome(d.Home))
	return err
}

// withArticle is a role in a sentence: "a client", "an aggregator".
func withArticle(role p2p.Role) string {
	if role == p2p.RoleAggregator {
		return "an " + string(role)
	}
	return "a " + string(role)
}
