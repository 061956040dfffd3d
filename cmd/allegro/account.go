package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/urfave/cli/v3"
)

// accountCommand works on the accounts of a home.
func accountCommand() *cli.Command {
	use := func() cli.Flag {
		return &cli.BoolFlag{Name: "use", Usage: "let the peer use it: a client pays with it, a validator sponsors with it", Local: true}
	}
	password := func() cli.Flag {
		return passwordFileFlag("`FILE` with the password of this home's accounts; without: the one that the config names, or the terminal")
	}
	return &cli.Command{
		Name:  "account",
		Usage: "make, show and move the accounts of a peer",
		Description: "The accounts of a home are files of go-ethereum's keystore v3 in keystore/ and have one password.\n" +
			"Exit code 3 means that the password does not open a file.",
		Commands: []*cli.Command{
			{
				Name:  "new",
				Usage: "make an account",
				Flags: []cli.Flag{use(), password(), lightKDFFlag(), homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(newAccount),
			},
			{
				Name:  "show",
				Usage: "list the accounts and which one the peer uses",
				Flags: []cli.Flag{homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(showAccounts),
			},
			{
				Name:      "import",
				Usage:     "take the account in a file",
				ArgsUsage: "FILE",
				Description: "FILE has the private key as 0x and 64 hex digits, or is a keystore v3 file, which opens with a\n" +
					"password of its own. Nobody else may be able to read it.",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "keystore-password-file", Usage: "another `FILE` with the password of a keystore v3 file; without: the terminal", Local: true},
					use(), password(), lightKDFFlag(), homeFlag(), outputFlag(),
				},
				HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(importAccount),
			},
			{
				Name:      "export",
				Usage:     "copy an account to a keystore v3 file that other wallets open",
				ArgsUsage: "ADDRESS",
				Description: "The file stays encrypted and opens with the password of this home's accounts, which is checked\n" +
					"before it is written. The private key is never shown.",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "out", Usage: "write to `FILE`, which must not exist", Local: true},
					password(), homeFlag(), outputFlag(),
				},
				HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(exportAccount),
			},
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

// accountDocument describes one account.
type accountDocument struct {
	Schema  string          `json:"schema"`
	Address netfile.Address `json:"address"`
	InUse   bool            `json:"in_use"` // by the peer, once it is started again
}

// accountsDocument lists the accounts of a home.
type accountsDocument struct {
	Schema   string            `json:"schema"`
	Accounts []netfile.Address `json:"accounts"` // ascending
	InUse    *netfile.Address  `json:"in_use"`   // null if none is; it may be missing in the list
}

// exportedDocument says where an account was copied to.
type exportedDocument struct {
	Schema  string          `json:"schema"`
	Address netfile.Address `json:"address"`
	File    string          `json:"file"`
}

// newAccount is the action of account new.
func newAccount(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	return addAccount(ctx, cmd, asJSON, "made", crypto.GenerateKey)
}

// importAccount is the action of account import.
func importAccount(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	args, err := takes(cmd, "FILE")
	if err != nil {
		return err
	}
	return addAccount(ctx, cmd, asJSON, "imported", func() (*ecdsa.PrivateKey, error) {
		return readAccount(ctx, cmd, args[0])
	})
}

// addAccount puts an account into a home and lets the peer use it if --use says so.
func addAccount(ctx context.Context, cmd *cli.Command, asJSON bool, done string, key func() (*ecdsa.PrivateKey, error)) error {
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	setting, _ := accountSetting(h.Config())
	use := cmd.Bool("use")
	if use && setting == "" {
		return fail(exitUsage, "a peer with role %s uses no account: leave out --use", h.Config().Node.Role)
	}
	private, err := key()
	if err != nil {
		return homeError(err)
	}
	password, err := accountPassword(ctx, cmd, h, true)
	if err != nil {
		return err
	}
	if err := checkPassword(h, password); err != nil {
		return err
	}
	address, err := h.ImportAccount(private, password, kdf(cmd))
	if err != nil {
		return homeError(err)
	}
	if use {
		if err := h.Edit(func(c *home.Config) error { return c.Set(setting, address.Hex()) }); err != nil {
			return homeError(fmt.Errorf("account %s is in the home, but the config does not use it: %w", address, err))
		}
		noteWhenInForce(cmd, h, setting)
	} else if setting != "" {
		note(cmd, "the peer does not use it: allegro config set%s %s %s", inHome(h.Dir()), setting, address)
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, accountDocument{"allegro.account/v1", netfile.Address(address), use})
	}
	_, err = fmt.Fprintf(cmd.Root().Writer, "%s account %s\n", done, address)
	return err
}

// checkPassword sees to it that the accounts of a home have one password: the config
// names only one.
func checkPassword(h *home.Home, password string) error {
	accounts, err := h.Accounts()
	if err != nil || len(accounts) == 0 {
		return homeError(err)
	}
	if _, err := h.AccountKey(accounts[0], password); err != nil {
		return homeError(fmt.Errorf("the accounts of a home have one password: %w", err))
	}
	return nil
}

// readAccount reads the key of an account from a file.
func readAccount(ctx context.Context, cmd *cli.Command, path string) (*ecdsa.PrivateKey, error) {
	data, err := home.ReadPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("account file: %w", err)
	}
	text := bytes.TrimSpace(data)
	if bytes.HasPrefix(text, []byte("{")) {
		return openKeystoreFile(ctx, cmd, path, text)
	}
	// What is wrong with it is not told further: that would tell the key.
	digits, prefixed := bytes.CutPrefix(text, []byte("0x"))
	raw, err := hex.DecodeString(string(digits))
	if !prefixed || err != nil || len(raw) != 32 {
		return nil, fail(exitUsage, "account file %s has neither a key, 0x and 64 hex digits, nor a keystore v3 document", path)
	}
	if cmd.IsSet("keystore-password-file") {
		return nil, fail(exitUsage, "account file %s is not encrypted: leave out --keystore-password-file", path)
	}
	key, err := crypto.ToECDSA(raw)
	if err != nil {
		return nil, fail(exitUsage, "account file %s has a number that is no secp256k1 key", path)
	}
	return key, nil
}

// openKeystoreFile decrypts a keystore v3 file that comes from elsewhere.
func openKeystoreFile(ctx context.Context, cmd *cli.Command, path string, data []byte) (*ecdsa.PrivateKey, error) {
	const flag = "keystore-password-file"
	var password string
	var err error
	if file := cmd.String(flag); file != "" {
		password, err = home.ReadPassword(file)
	} else {
		password, err = askPassword(ctx, cmd, "password of "+path, "--"+flag)
	}
	if err != nil {
		return nil, err
	}
	key, err := home.DecryptKey(data, password)
	if err != nil {
		return nil, fmt.Errorf("account file %s: %w", path, err)
	}
	return key, nil
}

// showAccounts is the action of account show.
func showAccounts(_ context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	accounts, err := h.Accounts()
	if err != nil {
		return homeError(err)
	}
	d := accountsDocument{Schema: "allegro.accounts/v1", Accounts: make([]netfile.Address, len(accounts))}
	for i, a := range accounts {
		d.Accounts[i] = netfile.Address(a)
	}
	setting, used := accountSetting(h.Config())
	if used != nil && *used != (netfile.Address{}) {
		d.InUse = used
		if !slices.Contains(d.Accounts, *used) {
			note(cmd, "%s is %s, which is not in this home: import it, or let the config name another", setting, used)
		}
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, d)
	}
	if len(d.Accounts) == 0 {
		note(cmd, "this home has no account: allegro account new%s makes one", inHome(h.Dir()))
	}
	for _, a := range d.Accounts {
		mark := ""
		if d.InUse != nil && *d.InUse == a {
			mark = "  in use (" + setting + ")"
		}
		if _, err := fmt.Fprintf(cmd.Root().Writer, "%s%s\n", a, mark); err != nil {
			return err
		}
	}
	return nil
}

// exportAccount is the action of account export.
func exportAccount(ctx context.Context, cmd *cli.Command, asJSON bool) error {
	args, err := takes(cmd, "ADDRESS")
	if err != nil {
		return err
	}
	var address netfile.Address
	if err := address.UnmarshalText([]byte(args[0])); err != nil {
		return fail(exitUsage, "%w", err)
	}
	out := cmd.String("out")
	if out == "" {
		return fail(exitUsage, "account export wants to know where to: name a new file with --out")
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	data, err := h.AccountFile(common.Address(address))
	if err != nil {
		return homeError(err)
	}
	password, err := accountPassword(ctx, cmd, h, false)
	if err != nil {
		return err
	}
	if _, err := h.AccountKey(common.Address(address), password); err != nil {
		return homeError(err)
	}
	if err := writeNew(out, data); err != nil {
		return err
	}
	note(cmd, "%s opens with the password of this home's accounts: whoever has both can spend from the account", out)
	if asJSON {
		return writeJSON(cmd.Root().Writer, exportedDocument{"allegro.account_export/v1", address, out})
	}
	_, err = fmt.Fprintf(cmd.Root().Writer, "exported account %s to %s\n", address, printable(out))
	return err
}
