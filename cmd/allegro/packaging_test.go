package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var execStart = regexp.MustCompile(`(?m)^ExecStart=(/usr/local/bin/allegro) (.*)$`)

// The systemd unit is one that systemd takes, and for each role it calls the program with
// flags that there are.
func TestSystemdUnit(t *testing.T) {
	const unit = "allegro@.service"
	data, err := os.ReadFile(filepath.Join("..", "packaging", "systemd", unit))
	require.NoError(t, err)
	start := execStart.FindStringSubmatch(string(data))
	require.NotNil(t, start)
	for _, role := range []string{"validator", "client", "aggregator"} {
		args := strings.Fields(strings.ReplaceAll(start[2], "%i", role))
		home := filepath.Join(t.TempDir(), "none")
		require.Equal(t, []string{"--home", "/var/lib/allegro/" + role}, args[len(args)-2:])
		args[len(args)-1] = home
		command(t, nil, args...).expect(t, exitUsage, home+" is no home of a peer")
	}

	analyze := debianTool(t, "systemd-analyze", "systemd")
	program, err := os.Executable() // verify looks for the program
	require.NoError(t, err)
	dir := t.TempDir()
	text := strings.ReplaceAll(string(data), start[1], program)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "allegro@validator.service"), []byte(text), 0o644))
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", filepath.Join(dir, "allegro@validator.service")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}
