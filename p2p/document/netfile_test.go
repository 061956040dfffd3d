package document

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/holiman/uint256"
	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"
)

// TestANetworkDocumentHasTheKeysOfTheFile: whoever reads the JSON finds everything that
// network.toml has, under the same names.
func TestANetworkDocumentHasTheKeysOfTheFile(t *testing.T) {
	file := &netfile.File{
		Assets: []netfile.Asset{{Symbol: "pathUSD"}}, Fees: netfile.Fees{MaxFeePerGas: []netfile.Amount{netfile.Amount(*uint256.NewInt(7))}},
		Committees: []netfile.Committee{{Members: []netfile.Member{{Name: "dave", Addresses: []string{"/ip4/127.0.0.1/tcp/1"}}}}},
	}
	var want, have map[string]any
	text, err := toml.Marshal(file)
	require.NoError(t, err)
	require.NoError(t, toml.Unmarshal(text, &want))
	text, err = json.Marshal(NetworkOf(file))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &have))
	require.Equal(t, append(keysOf(want, ""), ".digest", ".schema"), sorted(keysOf(have, ""), ".digest", ".schema"))
}

// sorted moves some keys to the end.
func sorted(keys []string, last ...string) []string {
	keys = slices.DeleteFunc(keys, func(k string) bool { return slices.Contains(last, k) })
	return append(keys, last...)
}

// keysOf lists the keys of a tree.
func keysOf(tree any, at string) []string {
	var keys []string
	switch tree := tree.(type) {
	case map[string]any:
		for name, value := range tree {
			keys = append(keys, at+"."+name)
			keys = append(keys, keysOf(value, at+"."+name)...)
		}
	case []any:
		for _, value := range tree {
			keys = append(keys, keysOf(value, at+"[]")...)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
