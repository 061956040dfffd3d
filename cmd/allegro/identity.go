package main

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
)

// newSelf describes the peer of a home that does not run, with the addresses that its
// config fixes: port 0 and wildcards are known only once it runs.
func newSelf(h *home.Home) (*api.Self, error) {
	identity, err := h.Identity()
	if err != nil {
		return nil, homeError(err)
	}
	config := h.Config()
	self := &api.Self{
		Schema: api.SelfSchema, Name: config.Node.Name, Role: config.Node.Role, PeerID: identity.PeerID().String(),
		Addresses: []string{}, Home: h.Dir(), Version: buildVersion(),
	}
	dialable := config.P2P.Announce
	if len(dialable) == 0 {
		dialable = config.P2P.Listen
	}
	for _, a := range dialable {
		if full := a + "/p2p/" + self.PeerID; isPeerAddress(full) {
			self.Addresses = append(self.Addresses, full)
		}
	}
	if file, err := h.Network(); err == nil { // who makes a committee asks before there is one
		self.NetworkDigest = new(file.Digest().Hex())
	}
	if self.Role == p2p.RoleValidator {
		if self.ValidatorKey, err = votePublicKey(h); err != nil {
			return nil, err
		}
	}
	if _, account := accountSetting(config); account != nil && *account != (netfile.Address{}) {
		self.Account = account
	}
	return self, nil
}

// isPeerAddress reports whether others can dial an address.
func isPeerAddress(s string) bool {
	_, err := p2p.ParsePeer(s)
	return err == nil
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
