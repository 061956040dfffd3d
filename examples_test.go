package allegro_test

import (
	"go/doc"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// noExample lists the packages that have code, can be imported and have no Example, each
// with its reason.
var noExample = map[string]string{
	"docs/examples/peer":                "it is an example",
	"aggregator/httpapi/httpapitest":    "for tests in virtual time, which an Example cannot have",
	"p2p/p2ptest":                       "for tests in virtual time, which an Example cannot have",
	"tempo/anvil/anviltest":             "for tests: its functions take a testing.TB",
	"testnet/prometheus/prometheustest": "for tests: its functions take a testing.TB",
	"tempo/anvil":                       "it starts a program that is no part of this module and need not be there",
	"tempo/conformance":                 "it exports nothing: it holds tests",
	"testnet/onchain":                   "it exports nothing: it holds tests",
	"testnet/processes":                 "it starts the allegro program, which has to be built first: cmd/allegro testnet is its use",
}

// Whoever reads the documentation of a package finds code there that runs, and whose
// output is true.
func TestEveryPublicPackageHasAnExample(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{if .GoFiles}}{{.Name}} {{.ImportPath}} {{join .TestGoFiles " "}} {{join .XTestGoFiles " "}}{{end}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	public := make(map[string]bool)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[1], module+"/")
		if fields[0] == "main" || strings.Contains("/"+pkg+"/", "/internal/") {
			continue
		}
		public[pkg] = true
		runnable := hasRunnableExample(t, filepath.FromSlash(pkg), fields[2:])
		reason, excepted := noExample[pkg]
		switch {
		case excepted && runnable:
			t.Errorf("%s has an Example now: take it off the list of packages without, where it stands because %s", pkg, reason)
		case !excepted && !runnable:
			t.Errorf("%s has no Example with an output: give it one in example_test.go that shows what it is for", pkg)
		}
	}
	if len(public) < 10 {
		t.Fatalf("go list found %d public packages", len(public))
	}
	for pkg := range noExample {
		if !public[pkg] {
			t.Errorf("%s is on the list of packages without an Example and is no public package", pkg)
		}
	}
}

// hasRunnableExample reports whether one of the test files of a folder has an Example that
// go test runs: one without an output is only compiled.
func hasRunnableExample(t *testing.T, dir string, files []string) bool {
	t.Helper()
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range doc.Examples(file) {
			if e.Output != "" {
				return true
			}
		}
	}
	return false
}
