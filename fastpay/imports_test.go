package fastpay

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// sources parses the package's non-test files, by name.
func sources(t testing.TB) map[string]*ast.File {
	t.Helper()
	entries, err := os.ReadDir(".")
	noError(t, err)
	out := make(map[string]*ast.File)
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		noError(t, err)
		out[name] = file
	}
	if len(out) == 0 {
		t.Fatal("no sources found")
	}
	return out
}

// goList runs go list on a package of the module and returns its lines.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

// Architecture rule 1: fastpay is pure. It imports no clock, disk, network or
// log, and outside the standard library only these.
func TestImportsAreTheAllowedOnes(t *testing.T) {
	const geth = "github.com/ethereum/go-ethereum/"
	allowed := map[string]bool{}
	for _, path := range []string{
		geth + "common", geth + "crypto", geth + "rlp", "github.com/holiman/uint256",
		"github.com/allegro-p2p/allegro/tempo/tx76",
		"bytes", "container/list", "crypto/ecdsa", "crypto/ed25519", "crypto/sha256", "encoding/binary", "encoding/json",
		"errors", "fmt", "maps", "math", "math/big", "reflect", "slices", "sort", "strings",
	} {
		allowed[path] = true
	}
	for _, path := range goList(t, "-f", `{{join .Imports "\n"}}`, ".") {
		if !allowed[path] {
			t.Errorf("fastpay imports %s", path)
		}
	}
}

// What the allowed imports bring along is allowed by name, so that an update
// which drags in more shows here.
func TestDependenciesAreTheAllowedModules(t *testing.T) {
	allowed := map[string]string{
		"github.com/allegro-p2p/allegro":            "fastpay and tempo/tx76",
		"github.com/ethereum/go-ethereum":           "common, crypto, rlp",
		"github.com/holiman/uint256":                "amounts",
		"golang.org/x/sys":                          "cpu features, of keccak",
		"golang.org/x/crypto":                       "keccak",
		"github.com/decred/dcrd/dcrec/secp256k1/v4": "secp256k1 without cgo",
	}
	for _, pkg := range []string{".", "../tempo/tx76"} {
		for _, module := range goList(t, "-deps", "-f", "{{if .Module}}{{.Module.Path}}{{end}}", pkg) {
			if allowed[module] == "" {
				t.Errorf("%s depends on module %s", pkg, module)
			}
		}
		for _, path := range goList(t, "-deps", pkg) {
			ours := strings.HasPrefix(path, "github.com/allegro-p2p/allegro/")
			if ours && !strings.HasSuffix(path, "/fastpay") && !strings.HasSuffix(path, "/tempo/tx76") {
				t.Errorf("%s depends on %s", pkg, path)
			}
			if ours && pkg != "." && strings.HasSuffix(path, "/fastpay") {
				t.Error("tempo/tx76 knows fastpay")
			}
		}
	}
}

// Nothing in fastpay runs beside its caller.
func TestNoGoroutinesAndNoChannels(t *testing.T) {
	for name, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.GoStmt, *ast.ChanType, *ast.SelectStmt:
				t.Errorf("%s uses %T", name, n)
			}
			return true
		})
	}
}
