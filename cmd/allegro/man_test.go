package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
)

// manual writes all pages and returns where, and each as text by its name.
func manual(t *testing.T) (dir string, pages map[string]string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "man1")
	command(t, nil, "man", "--dir", dir).expect(t, exitOK, "pages in "+dir)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	pages = make(map[string]string)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		text := strings.NewReplacer(`\-`, "-", `\(aq`, "'", `\(ga`, "`", `\(ti`, "~", `\(ha`, "^").Replace(string(data))
		pages[strings.TrimSuffix(e.Name(), ".1")] = text
	}
	return dir, pages
}

// Every command has its page, which names each of its flags under all names, what it says
// of itself and the commands below.
func TestManualHasEveryCommandAndFlag(t *testing.T) {
	_, pages := manual(t)
	seen := 0
	var walk func(c *cli.Command, name string)
	walk = func(c *cli.Command, name string) {
		seen++
		page := pages[name]
		require.NotEmpty(t, page, "there is no page %s", name)
		require.Contains(t, page, c.Usage)
		require.Contains(t, page, c.ArgsUsage)
		for line := range strings.Lines(c.Description) {
			require.Contains(t, page, strings.TrimSpace(line))
		}
		for _, f := range c.Flags {
			for _, n := range f.Names() {
				require.Contains(t, page, strings.Repeat("-", min(len(n), 2))+n, "flag of %s", name)
			}
		}
		for _, below := range c.Commands {
			require.Contains(t, page, name+"-"+below.Name+"(1)")
			walk(below, name+"-"+below.Name)
		}
	}
	walk(newApp(), "allegro")
	require.Greater(t, seen, 50)
	for _, shell := range []string{"bash", "zsh", "fish", "pwsh"} { // the library adds them
		require.Contains(t, pages, "allegro-completion-"+shell)
	}
}

// docs/commands.md shows how many pages there are.
func TestManualIsCountedInTheDocuments(t *testing.T) {
	_, pages := manual(t)
	shown, err := os.ReadFile("../../docs/commands.md")
	require.NoError(t, err)
	require.Contains(t, string(shown), fmt.Sprintf("\n%d pages in share/man/man1\n", len(pages)))
}

// A page alone is the one that --dir writes.
func TestManualPage(t *testing.T) {
	dir, _ := manual(t)
	for _, words := range []string{"", "qc verify"} {
		r := command(t, nil, append([]string{"man"}, strings.Fields(words)...)...)
		r.expect(t, exitOK)
		data, err := os.ReadFile(filepath.Join(dir, strings.Join(append([]string{"allegro"}, strings.Fields(words)...), "-")+".1"))
		require.NoError(t, err)
		require.Equal(t, string(data), r.stdout)
	}
	command(t, nil, "man", "qc", "forge").expect(t, exitUsage, "the manual has no page allegro-qc-forge", "allegro --help")
	command(t, nil, "man", "qc", "--dir", dir).expect(t, exitUsage, `leave out "qc"`)
	file := filepath.Join(dir, "allegro.1")
	command(t, nil, "man", "--dir", file).expect(t, exitInternal, "--dir: ")
}

// The exit codes are explained as in docs/commands.md.
func TestManualExplainsExitCodesLikeTheDocuments(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "commands.md"))
	require.NoError(t, err)
	commands := strings.ReplaceAll(string(data), "`", "")
	for _, e := range exitMeanings {
		require.Contains(t, commands, fmt.Sprintf("| %d | %s |\n", e.code, e.meaning))
	}
}

// mandoc finds nothing to warn of; only the date is missing, which a build of a release
// has.
func TestManualIsGoodRoff(t *testing.T) {
	mandoc := debianTool(t, "mandoc", "mandoc")
	dir, pages := manual(t)
	var files []string
	for name := range pages {
		files = append(files, filepath.Join(dir, name+".1"))
	}
	out, _ := exec.CommandContext(t.Context(), mandoc, append([]string{"-T", "lint", "-W", "warning"}, files...)...).CombinedOutput() // its exit code tells of the dates too
	for line := range strings.Lines(string(out)) {
		require.Contains(t, line, "missing date")
	}
}
