package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/urfave/cli/v3"
)

// Kinds of keys in keys/.
const (
	kindP2P       = "p2p"
	kindValidator = "validator"
)

// What was done with a key.
const (
	keyMade     = "made"
	keyExported = "exported"
	keyImported = "imported"
)

// twoVoters is what the owner of a second copy of a vote key must know.
const twoVoters = "a vote key votes in one process only: two that vote with it can contradict each other, and the proof of that " +
	"costs the validator its seat; stop the one before the other starts"

// twoPeers is what the owner of a second copy of a transport key must know.
const twoPeers = "two peers with one transport key get each other's connections: run one of them"

// keyNotes has what the owner of a key must know, by what was done and its kind.
var keyNotes = map[string]map[string]string{
	keyMade: {
		kindP2P:       "the peer id is new: addresses that others have of this peer end in the old one",
		kindValidator: "the key votes from the first committee that has it: see allegro committee new",
	},
	keyExported: {kindP2P: twoPeers, kindValidator: twoVoters},
	keyImported: {kindP2P: twoPeers, kindValidator: twoVoters},
}

// keyCommand works on the keys of a home, not on its accounts.
func keyCommand() *cli.Command {
	kind := func() cli.Flag {
		return &cli.StringFlag{Name: "kind", Usage: "`KIND` of the key: p2p, which makes the peer id, or validator, which votes", Local: true}
	}
	return &cli.Command{
		Name:  "key",
		Usage: "make, show and move a peer's transport key and vote key",
		Commands: []*cli.Command{
			{
				Name:  "show",
				Usage: "print the peer id, the public vote key and where the keys are",
				Flags: []cli.Flag{homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(showKeys),
			},
			{
				Name:  "new",
				Usage: "make a key that the home lacks",
				Description: "A key that is there is never overwritten: move it away first. With a new transport key the peer has\n" +
					"a new peer id, which others have to be told; a new vote key votes in no committee until one with it\n" +
					"begins.",
				Flags: []cli.Flag{kind(), homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(newKey),
			},
			{
				Name:  "export",
				Usage: "copy a private key to a new file that only its owner can read",
				Flags: []cli.Flag{
					kind(),
					&cli.StringFlag{Name: "out", Usage: "write to `FILE`, which must not exist", Local: true},
					homeFlag(), outputFlag(),
				},
				HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(exportKey),
			},
			{
				Name:      "import",
				Usage:     "take the private key in a file",
				ArgsUsage: "FILE",
				Description: "FILE is what key export writes: for a vote key an Ed25519 key in PEM (PKCS #8, as OpenSSL writes it),\n" +
					"for a transport key libp2p's form. Nobody else may be able to read it.",
				Flags: []cli.Flag{kind(), homeFlag(), outputFlag()}, HideHelpCommand: true, OnUsageError: usageError,
				Action: withOutput(importKey),
			},
		},
		OnUsageError: usageError,
		Action:       needsCommand,
	}
}

// keysDocument says which keys a home has. It has no secrets.
type keysDocument struct {
	Schema        string       `json:"schema"`
	PeerID        string       `json:"peer_id"`
	PeerKeyFile   string       `json:"peer_key_file"`
	ValidatorKey  *netfile.Key `json:"validator_key"`      // null unless the peer is a validator
	ValidatorFile *string      `json:"validator_key_file"` // likewise
}

// keyDocument says what was done with one key. It has no secrets.
type keyDocument struct {
	Schema string `json:"schema"`
	Kind   string `json:"kind"`
	Public string `json:"public"` // peer id, or public vote key
	File   string `json:"file"`   // with the private key
}

// showKeys is the action of key show.
func showKeys(_ context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	h, err := openHome(cmd)
	if err != nil {
		return err
	}
	identity, err := h.Identity()
	if err != nil {
		return homeError(err)
	}
	d := keysDocument{Schema: "allegro.keys/v1", PeerID: identity.PeerID().String(), PeerKeyFile: h.IdentityPath()}
	rows := []row{{"peer id", d.PeerID}, {"file", d.PeerKeyFile}}
	if h.Config().Node.Role == p2p.RoleValidator {
		if d.ValidatorKey, err = votePublicKey(h); err != nil {
			return err
		}
		path := h.VoteKeyPath()
		d.ValidatorFile = &path
		rows = append(rows, row{"vote key", d.ValidatorKey.String()}, row{"file", path})
	}
	if asJSON {
		return writeJSON(cmd.Root().Writer, d)
	}
	return printRows(cmd.Root().Writer, fmt.Sprintf("keys of %s %s", h.Config().Node.Role, printable(h.Config().Node.Name)), rows)
}

// newKey is the action of key new.
func newKey(_ context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	return changeKey(cmd, asJSON, keyMade, func(h *home.Home, kind string) error {
		if kind == kindValidator {
			return h.NewVoteKey()
		}
		_, err := h.NewIdentity()
		return err
	})
}

// importKey is the action of key import.
func importKey(_ context.Context, cmd *cli.Command, asJSON bool) error {
	args, err := takes(cmd, "FILE")
	if err != nil {
		return err
	}
	return changeKey(cmd, asJSON, keyImported, func(h *home.Home, kind string) error {
		if kind == kindValidator {
			return h.ImportVoteKey(args[0])
		}
		_, err := h.ImportIdentity(args[0])
		return err
	})
}

// changeKey puts a key into a home in which nothing runs.
func changeKey(cmd *cli.Command, asJSON bool, done string, change func(h *home.Home, kind string) error) (err error) {
	h, kind, err := openForKey(cmd)
	if err != nil {
		return err
	}
	// A process that started in the middle would run with either key.
	lock, err := h.Lock(cmd.FullName())
	if err != nil {
		return homeError(err)
	}
	defer func() { err = errors.Join(err, lock.Free()) }()
	if err := change(h, kind); err != nil {
		return homeError(err)
	}
	d, err := newKeyDocument(h, kind)
	if err != nil {
		return err
	}
	return d.print(cmd, asJSON, done)
}

// exportKey is the action of key export.
func exportKey(_ context.Context, cmd *cli.Command, asJSON bool) error {
	if err := takesNothing(cmd); err != nil {
		return err
	}
	out := cmd.String("out")
	if out == "" {
		return fail(exitUsage, "key export wants to know where to: name a new file with --out")
	}
	h, kind, err := openForKey(cmd)
	if err != nil {
		return err
	}
	d, err := newKeyDocument(h, kind) // also: what is exported can be read
	if err != nil {
		return err
	}
	data, err := home.ReadPrivate(d.File)
	if err != nil {
		return homeError(err)
	}
	if err := writeNew(out, data); err != nil {
		return err
	}
	d.File = out
	return d.print(cmd, asJSON, keyExported)
}

// openForKey opens the home of a command and reads the kind of key it is about.
func openForKey(cmd *cli.Command) (*home.Home, string, error) {
	kind := cmd.String("kind")
	if kind != kindP2P && kind != kindValidator {
		return nil, "", fail(exitUsage, "%s works on one kind of key, not %q: add --kind %s or --kind %s", cmd.FullName(), kind, kindP2P, kindValidator)
	}
	h, err := openHome(cmd)
	if err != nil {
		return nil, "", err
	}
	if role := h.Config().Node.Role; kind == kindValidator && role != p2p.RoleValidator {
		return nil, "", fail(exitUsage, "home %s is that of a peer with role %s: only a validator has a vote key", h.Dir(), role)
	}
	return h, kind, nil
}

// newKeyDocument describes a key that a home has.
func newKeyDocument(h *home.Home, kind string) (*keyDocument, error) {
	d := &keyDocument{Schema: "allegro.key/v1", Kind: kind}
	if kind == kindValidator {
		public, err := votePublicKey(h)
		if err != nil {
			return nil, err
		}
		d.Public, d.File = public.String(), h.VoteKeyPath()
		return d, nil
	}
	identity, err := h.Identity()
	if err != nil {
		return nil, homeError(err)
	}
	d.Public, d.File = identity.PeerID().String(), h.IdentityPath()
	return d, nil
}

// print writes the document, and what the owner must know to standard error.
func (d *keyDocument) print(cmd *cli.Command, asJSON bool, done string) error {
	note(cmd, "%s", keyNotes[done][d.Kind])
	if asJSON {
		return writeJSON(cmd.Root().Writer, d)
	}
	what := map[string]string{kindP2P: "peer id", kindValidator: "vote key"}[d.Kind]
	return printRows(cmd.Root().Writer, fmt.Sprintf("%s the %s key", done, d.Kind), []row{{what, d.Public}, {"file", d.File}})
}

// writeNew writes a private file of a command that never overwrites one.
func writeNew(path string, data []byte) error {
	err := home.WriteNew(path, data)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fail(exitUsage, "%s is there already: name a new file with --out", path)
	case errors.Is(err, os.ErrNotExist):
		return fail(exitUsage, "%s cannot be written: make its folder first", path)
	}
	return homeError(err)
}
