package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// debianTool is a program of a Debian package.
func debianTool(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	needsDebian(t, err, pkg)
	return path
}

// needsDebian judges what is missing without a Debian package: the test is skipped where
// somebody develops, and fails where .ci/run has installed it, which CI=true tells.
func needsDebian(t *testing.T, missing error, pkg string) {
	t.Helper()
	if missing != nil && !strings.EqualFold(os.Getenv("CI"), "true") {
		t.Skipf("skipped: %v: install Debian's package %s", missing, pkg)
	}
	require.NoError(t, missing)
}

// Each shell completes a command, a command of a command and flags with its script.
// Debian has no PowerShell: its script is not run.
func TestCompletionInShells(t *testing.T) {
	cases := []struct{ words, want string }{
		{"allegro ver", "version"},
		{"allegro qc ver", "verify"},
		{"allegro init --rol", "--role"},
		{"allegro validator run --", "--listen"},
	}
	const bashCompletion = "/usr/share/bash-completion/bash_completion" // bash's script is written for it
	for _, shell := range []struct {
		name, pkg string
		args      []string
		setup     string
		complete  string // TYPED are the words typed, the last one unfinished
	}{
		{"bash", "bash", []string{"--norc", "-c"}, ". " + bashCompletion + " && . <(allegro completion bash)", `
			COMP_LINE="TYPED" COMP_POINT=${#COMP_LINE} COMP_WORDS=($COMP_LINE) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			__allegro_bash_autocomplete
			printf '%s\n' "${COMPREPLY[@]}"`},
		// The menu needs a terminal: what it would show is printed.
		{"zsh", "zsh", []string{"-f", "-c"}, "autoload -Uz compinit && compinit -D && . <(allegro completion zsh)", `
			_describe() { print -l -- "${(@P)2}" }
			words=(TYPED)
			_allegro`},
		{"fish", "fish", []string{"--no-config", "-c"}, "allegro completion fish | source", `complete -C "TYPED"`},
	} {
		t.Run(shell.name, func(t *testing.T) {
			path := debianTool(t, shell.name, shell.pkg)
			if shell.name == "bash" {
				_, err := os.Stat(bashCompletion)
				needsDebian(t, err, "bash-completion")
			}
			script := shell.setup
			for _, c := range cases {
				script += "\necho '== " + c.words + "'\n" + strings.ReplaceAll(shell.complete, "TYPED", c.words)
			}
			cmd := exec.CommandContext(t.Context(), path, append(shell.args, script)...)
			cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			for _, c := range cases {
				_, shown, _ := strings.Cut(string(out), "== "+c.words+"\n")
				shown, _, _ = strings.Cut(shown, "== ")
				found := false
				for line := range strings.Lines(shown) {
					token, _, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(line), "\t", ":"), ":")
					found = found || token == c.want
				}
				require.True(t, found, "%q is not completed to %s:\n%s", c.words, c.want, out)
			}
		})
	}
}
