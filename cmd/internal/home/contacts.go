package home

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/ethereum/go-ethereum/common"
	"github.com/pelletier/go-toml/v2"
)

const contactsName = "contacts.toml"

// Contacts are names that the peer's owner gave to accounts: contacts.toml has a line
// `name = "0x…"` for each. They stay in this home.
type Contacts map[string]common.Address

// Contacts reads the names; none if there is no file.
func (h *Home) Contacts() (Contacts, error) {
	path := filepath.Join(h.dir, contactsName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("contacts: %w", err)
	}
	var read map[string]netfile.Address
	if err := toml.Unmarshal(data, &read); err != nil {
		return nil, fmt.Errorf("%s: want lines like bob = \"0x…\": %w", path, err)
	}
	out := make(Contacts)
	for name, address := range read {
		out[strings.ToLower(name)] = common.Address(address)
	}
	return out, nil
}

// Resolve returns the account of a name, or the address that a text is, which must have
// its checksum: money that goes to a mistyped address is gone. The error lists the
// names.
func (c Contacts) Resolve(text string) (common.Address, error) {
	if a, ok := c[strings.ToLower(text)]; ok {
		return a, nil
	}
	var address netfile.Address
	err := address.UnmarshalText([]byte(text))
	if err == nil && address.String() != text {
		return common.Address{}, fmt.Errorf("address %s has no checksum, so that a typing error would not show: copy it with its upper and lower case, or give it a name in %s", text, contactsName)
	}
	if err == nil {
		return common.Address(address), nil
	}
	if strings.HasPrefix(text, "0x") {
		return common.Address{}, err
	}
	if len(c) == 0 {
		return common.Address{}, fmt.Errorf("%q is neither an address nor a name: want 0x and 40 hex digits, or give it a name in %s", text, contactsName)
	}
	return common.Address{}, fmt.Errorf("%q is neither an address nor a name of %s, which has %s", text, contactsName, strings.Join(slices.Sorted(maps.Keys(c)), ", "))
}

// Name returns the name of an account, or its address.
func (c Contacts) Name(a common.Address) string {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if c[name] == a {
			return name
		}
	}
	return a.Hex()
}
