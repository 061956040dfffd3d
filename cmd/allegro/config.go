package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/urfave/cli/v3"
)

// configCommand works on a home's config.toml.
func configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "show and change the configuration of a peer",
		Description: "A flag of a command wins over the environment (ALLEGRO_P2P_LISTEN for p2p.listen), that over\n" +
			"config.toml, that over the default. Lists are separated by commas.",
		Commands: []*cli.Command{
			{
				Name:  "show",
				Usage: "print every key of the peer's role with its value",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "origin", Usage: "print also where each value comes from", Local: true},
					homeFlag(), outputFlag(),
				},
				HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(showConfig),
			},
			{
				Name:      "get",
				Usage:     "print the value of a key",
				ArgsUsage: "KEY",
				Flags:     []cli.Flag{homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(getConfig),
			},
			{
				Name:      "set",
				Usage:     "change a key in config.toml",
				ArgsUsage: "KEY VALUE",
				Description: "The file is written only if it is valid then, with the comments that a new one has. A peer that runs\n" +
					"takes the value up when it is started again. Write -- in front of a VALUE that starts with a dash.",
				Flags: []cli.Flag{homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(setConfig),
			},
			{
				Name:  "validate",
				Usage: "check config.toml with the environment over it, and network.toml",
				Flags: []cli.Flag{homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(validateConfig),
			},
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

// configDocument lists settings.
type configDocument struct {
	Schema   string            `json:"schema"`
	File     string            `json:"file"`
	Settings []settingDocument `json:"settings"`
}

// settingDocument is one key of a config.
type settingDocument struct {
	Key    string `json:"key"`
	Value  string `json:"value"`  // lists are separated by commas; no account is empty
	Origin string `json:"origin"` // "default", "config.toml" or the variable that set it
}

// configCheckDocument says that a configuration is valid. One that is not ends in an
// error.
type configCheckDocument struct {
	Schema  string  `json:"schema"`
	File    string  `json:"file"`
	Valid   bool    `json:"valid"`   // true
	Network *string `json:"network"` // name of the network; null without network.toml
}

// newConfigDocument describes some settings of a home.
func newConfigDocument(h *home.Home, settings ...home.Setting) configDocument {
	d := configDocument{Schema: "allegro.config/v1", File: h.ConfigPath()}
	for _, s := range settings {
		d.Settings = append(d.Settings, settingDocument(s))
	}
	return d
}

// showConfig is the action of config show.
func showConfig(_ context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, newConfigDocument(h, h.Settings()...))
	}
	t := tabwriter.NewWriter(cmd.Root().Writer, 0, 0, 2, ' ', 0)
	for _, s := range h.Settings() {
		origin := ""
		if cmd.Bool("origin") {
			origin = s.Origin + "\t"
		}
		fmt.Fprintf(t, "%s%s\t%s\n", origin, s.Key, printable(s.Value))
	}
	return t.Flush()
}

// getConfig is the action of config get.
func getConfig(_ context.Context, cmd *cli.Command, asJSON bool) error {
	args, err := takes(cmd, "KEY")
	if err != nil {
		return err
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	if err := h.Config().CheckUse(args[0]); err != nil {
		return fail(exitUsage, "%w", err)
	}
	s := settingOf(h, args[0])
	if asJSON {
		return writeJSON(cmd.Root().Writer, newConfigDocument(h, s))
	}
	_, err = fmt.Fprintln(cmd.Root().Writer, printable(s.Value))
	return err
}

// settingOf is a key of a home's config that exists.
func settingOf(h *home.Home, key string) home.Setting {
	for _, s := range h.Settings() {
		if s.Key == key {
			return s
		}
	}
	panic("config has a key without a setting: " + key)
}

// setConfig is the action of config set.
func setConfig(_ context.Context, cmd *cli.Command, asJSON bool) error {
	args, err := takes(cmd, "KEY", "VALUE")
	if err != nil {
		return err
	}
	key, value := args[0], args[1]
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	err = h.Edit(func(c *home.Config) error {
		if err := c.CheckUse(key); err != nil {
			return err
		}
		return c.Set(key, value)
	})
	if err != nil {
		return homeError(err)
	}
	noteWhenInForce(cmd, h, key)
	changed, err := home.Open(h.Dir(), func(string) (string, bool) { return "", false })
	if err != nil {
		return homeError(err)
	}
	s := settingOf(changed, key)
	if asJSON {
		return writeJSON(cmd.Root().Writer, newConfigDocument(changed, s))
	}
	_, err = fmt.Fprintf(cmd.Root().Writer, "%s = %s\n", s.Key, printable(s.Value))
	return err
}

// noteWhenInForce says why a key that was changed in the file is not in force yet.
func noteWhenInForce(cmd *cli.Command, h *home.Home, key string) {
	if s := settingOf(h, key); s.Origin != home.OriginDefault && s.Origin != home.OriginFile {
		note(cmd, "%s is set in the environment and wins over the file", s.Origin)
	}
	if holder, runs, err := h.Holder(); err == nil && runs {
		note(cmd, "%s runs in this home: it takes up the change when it is started again", holder)
	}
}

// validateConfig is the action of config validate.
func validateConfig(_ context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	if err := h.Validate(); err != nil {
		return fail(exitUsage, "%w", err)
	}
	d := configCheckDocument{Schema: "allegro.config_check/v1", File: h.ConfigPath(), Valid: true}
	switch network, err := h.Network(); {
	case err == nil:
		if _, err := h.Policy(network); err != nil {
			return fail(exitUsage, "%w", err)
		}
		d.Network = &network.Name
	case errors.Is(err, fs.ErrNotExist):
		note(cmd, "%s is missing, the peer cannot run without it: copy the network's file there", h.NetworkPath())
	default:
		return fail(exitUsage, "%w", err)
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, d)
	}
	fmt.Fprintf(cmd.Root().Writer, "%s is valid\n", d.File)
	if d.Network != nil {
		fmt.Fprintf(cmd.Root().Writer, "%s is valid: network %s\n", h.NetworkPath(), printable(*d.Network))
	}
	return nil
}
