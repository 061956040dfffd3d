package netfile

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// TestJSONVector: the example as JSON with the keys of the TOML, from which readers in
// other languages compute its digest.
func TestJSONVector(t *testing.T) {
	example, err := os.ReadFile("testdata/network.toml")
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := toml.Unmarshal(example, &keys); err != nil {
		t.Fatal(err)
	}
	have, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	have = append(have, '\n')
	requireGolden(t, "testdata/network.json", have)
}
