package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A command in the home of a testnet ends as it does by itself, also by a signal: here its
// output is closed, as head closes it.
func TestTestnetExecEndsAsItsCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	program, err := exec.LookPath("allegro")
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), program, "testnet", "--dir", dir, "init", "--validators", "1", "--clients", "alice", "--aggregators", "0").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, tt := range []struct {
		words []string
		want  int
	}{
		{[]string{"version"}, 128 + 13}, // SIGPIPE
		{[]string{"id", "--nonsense"}, exitUsage},
	} {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, r.Close())
		cmd := exec.CommandContext(t.Context(), program, append([]string{"testnet", "--dir", dir, "exec", "alice", "--"}, tt.words...)...)
		cmd.Stdout = w
		var exit *exec.ExitError
		require.True(t, errors.As(cmd.Run(), &exit), "%v", tt.words)
		require.Equal(t, tt.want, exit.ExitCode(), "%v", tt.words)
		require.NoError(t, w.Close())
	}
	command(t, nil, "testnet", "--dir", dir, "exec", "alice", "pay", "--to", "bob").expect(t, exitUsage,
		"flag provided but not defined: -to", "put -- before the command: allegro testnet exec alice -- pay", "allegro testnet exec --help")
}
