package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// debianTool is a program of a Debian package. Without it a test is skipped where somebody
// develops, and fails where .ci/run has installed it, which CI=true tells.
func debianTool(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && !strings.EqualFold(os.Getenv("CI"), "true") {
		t.Skipf("skipped: %v: install Debian's package %s", err, pkg)
	}
	require.NoError(t, err)
	return path
}

// Each shell completes a command, a command of a command and a flag with its script.
// Debian has no PowerShell: its script is not run.
func TestCompletionInShells(t *testing.T) {
	for _, shell := range []struct {
		name, pkg string
		args      []string
		script    string // WORDS are the words typed, the last one unfinished
	}{
		{"bash", "bash", []string{"--norc", "-c"}, `
			. /usr/share/bash-completion/bash_completion
			. <(allegro completion bash)
			COMP_LINE="WORDS" COMP_POINT=${#COMP_LINE} COMP_WORDS=($COMP_LINE) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			__allegro_bash_autocomplete
			printf '%s\n' "${COMPREPLY[@]}"`},
		// The menu needs a terminal: what it would show is printed.
		{"zsh", "zsh", []string{"-f", "-c"}, `
			autoload -Uz compinit && compinit -D
			. <(allegro completion zsh)
			_describe() { print -l -- "${(@P)2}" }
			words=(WORDS)
			_allegro`},
		{"fish", "fish", []string{"--no-config", "-c"}, `
			allegro completion fish | source
			complete -C "WORDS"`},
	} {
		t.Run(shell.name, func(t *testing.T) {
			path := debianTool(t, shell.name, shell.pkg)
			if shell.name == "bash" { // its script is written for what this package adds to bash
				if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); err != nil {
					debianTool(t, "bash-completion", "bash-completion")
				}
			}
			for words, want := range map[string]string{
				"allegro ver":              "version",
				"allegro qc ver":           "verify",
				"allegro init --rol":       "--role",
				"allegro validator run --": "--listen",
			} {
				cmd := exec.CommandContext(t.Context(), path, append(shell.args, strings.ReplaceAll(shell.script, "WORDS", words))...)
				cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, "%s", out)
				found := false
				for line := range strings.Lines(string(out)) {
					token := strings.FieldsFunc(line, func(r rune) bool { return r == ':' || r == '\t' || r == '\n' })
					found = found || len(token) > 0 && token[0] == want
				}
				require.True(t, found, "%s does not complete %q to %s:\n%s", filepath.Base(path), words, want, out)
			}
		})
	}
}
