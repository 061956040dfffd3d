// The test of the module as a whole: which package may import which. The folders
// and their reasons are in README.md.
package allegro_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/allegro-p2p/allegro"

// imports returns what the shipped code of each package of the module imports,
// by the package's path below the module.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if name := strings.TrimPrefix(fields[0], module+"/"); name != fields[0] {
			all[name] = fields[1:]
		}
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages", len(all))
	}
	return all
}

// below reports whether a package is in a folder.
func below(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }

// Whoever imports one of these outside its folders breaks a boundary.
func TestOnlyTheOwnersImportALibrary(t *testing.T) {
	owners := []struct {
		library string
		folders []string
	}{
		{"github.com/libp2p/", []string{"p2p"}},
		{"github.com/multiformats/go-multiaddr", []string{"p2p"}},
		{"github.com/ethereum/go-ethereum/ethclient", []string{"tempo"}},
		{"github.com/ethereum/go-ethereum/rpc", []string{"tempo"}},
		{"github.com/urfave/cli/v3", []string{"cmd"}},
	}
	for pkg, imported := range imports(t) {
		for _, o := range owners {
			if slices.ContainsFunc(o.folders, func(f string) bool { return below(pkg, f) }) {
				continue
			}
			for _, path := range imported {
				if path == strings.TrimSuffix(o.library, "/") || strings.HasPrefix(path, strings.TrimSuffix(o.library, "/")+"/") {
					t.Errorf("%s imports %s: only %s may", pkg, path, strings.Join(o.folders, ", "))
				}
			}
		}
	}
}

// Data flows one way: from p2p and tempo to the roles, which do not know each
// other, and from there to what composes them.
func TestFoldersKnowOnlyThoseBelowThem(t *testing.T) {
	mayImport := map[string][]string{
		"tempo/tx76": {},
		"fastpay":    {"tempo/tx76"},
		"tempo":      {"tempo"},
		"p2p":        {"p2p", "fastpay", "tempo/tx76"},
		"validator":  {"validator", "fastpay", "p2p", "tempo"},
		"client":     {"client", "fastpay", "p2p", "tempo"},
		"aggregator": {"aggregator", "fastpay", "p2p", "tempo"},
		"testnet":    {"testnet", "aggregator", "client", "fastpay", "p2p", "tempo", "validator"},
		"cmd":        {""},
		"docs":       {"docs", "client", "fastpay", "p2p", "tempo"}, // examples: what integrators import
	}
	for pkg, imported := range imports(t) {
		folder := ""
		for f := range mayImport {
			if below(pkg, f) && len(f) > len(folder) {
				folder = f
			}
		}
		if folder == "" {
			t.Errorf("%s is in no folder that the architecture names", pkg)
			continue
		}
		for _, path := range imported {
			other, ours := strings.CutPrefix(path, module+"/")
			if !ours {
				continue
			}
			if !slices.ContainsFunc(mayImport[folder], func(f string) bool { return f == "" || below(other, f) }) {
				t.Errorf("%s imports %s: a package in %s may not", pkg, other, folder)
			}
		}
	}
}

// What the project is built on is really used by what it ships.
func TestTheNamedLibrariesAreImported(t *testing.T) {
	for _, library := range []string{
		"github.com/libp2p/go-libp2p", "github.com/libp2p/go-libp2p-pubsub", "github.com/ethereum/go-ethereum",
		"github.com/multiformats/go-multiaddr", "github.com/ipfs/go-log/v2",
	} {
		used := false
		for _, imported := range imports(t) {
			used = used || slices.ContainsFunc(imported, func(path string) bool { return below(path, library) })
		}
		if !used {
			t.Errorf("no shipped package imports %s", library)
		}
	}
}
