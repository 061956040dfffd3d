package main

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// idSchema is the schema of idDocument.
const idSchema = "allegro.id/v1"

// idDocument says who a peer is. It has no secrets: whoever makes a committee gets it
// from each validator.
type idDocument struct {
	Schema       string           `json:"schema"`
	Name         string           `json:"name"`
	Role         p2p.Role         `json:"role"`
	PeerID       string           `json:"peer_id"`
	Addresses    []string         `json:"addresses"`     // multiaddrs with /p2p/; empty if it does not run
	ValidatorKey *netfile.Key     `json:"validator_key"` // null unless it is a validator
	Account      *netfile.Address `json:"account"`       // a client's account or a validator's sponsor; null if it has none
	Home         string           `json:"home"`
	Version      string           `json:"version"` // of this program
}

// newIDDocument describes the peer of a home, which others reach at addresses.
func newIDDocument(h *home.Home, addresses []string) (*idDocument, error) {
	identity, err := h.Identity()
	if err != nil {
		return nil, homeError(err)
	}
	config := h.Config()
	d := &idDocument{
		Schema:    idSchema,
		Name:      config.Node.Name,
		Role:      config.Node.Role,
		PeerID:    identity.PeerID().String(),
		Addresses: append([]string{}, addresses...),
		Home:      h.Dir(),
		Version:   buildVersion(),
	}
	if d.Role == p2p.RoleValidator {
		if d.ValidatorKey, err = votePublicKey(h); err != nil {
			return nil, err
		}
	}
	if _, account := accountSetting(config); account != nil && *account != (netfile.Address{}) {
		d.Account = account
	}
	return d, nil
}

// votePublicKey is the public part of a home's vote key.
func votePublicKey(h *home.Home) (*netfile.Key, error) {
	key, err := h.VoteKey()
	if err != nil {
		return nil, homeError(err)
	}
	public := netfile.Key(key.Public().(ed25519.PublicKey))
	return &public, nil
}

// accountSetting returns the key and the field of a config that name the account in
// use, nil for a role that has none.
func accountSetting(c *home.Config) (key string, account *netfile.Address) {
	switch c.Node.Role {
	case p2p.RoleValidator:
		return "validator.sponsor", &c.Validator.Sponsor
	case p2p.RoleClient:
		return "client.account", &c.Client.Account
	default:
		return "", nil
	}
}

// row is one line of a table for people: what it is and what it says.
type row [2]string

// printRows writes rows under a heading.
func printRows(w io.Writer, heading string, rows []row) error {
	fmt.Fprintln(w, heading)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(t, "  %s\t%s\n", r[0], printable(r[1]))
	}
	return t.Flush()
}
