package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A disk that fills up is found: data/ is put on one of that size, which only the command
// sees. Where the kernel lets nobody but its root mount anything, the test is skipped.
func TestDoctorFindsLittleSpace(t *testing.T) {
	unshare := debianTool(t, "unshare", "util-linux")
	spaces := []string{"--map-root-user", "--mount"}
	if out, err := exec.CommandContext(t.Context(), unshare, append(spaces, "true")...).CombinedOutput(); err != nil {
		t.Skipf("skipped: this machine allows no mount namespaces: %s", out)
	}
	program, err := exec.LookPath("allegro")
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "alice")
	command(t, nil, "init", "--role", "client", "--home", dir, "--light-kdf").expect(t, exitOK)
	for size, want := range map[string]string{
		"100m": "red space 0.1 GiB are free",
		"2g":   "yellow space 2.0 GiB are free",
	} {
		cmd := exec.CommandContext(t.Context(), unshare, append(spaces, "sh", "-c", `mount -t tmpfs -o "size=$1" none "$2/data" && exec "$3" doctor --home "$2"`, "sh", size, dir, program)...)
		out, err := cmd.Output()
		var exit *exec.ExitError
		require.True(t, errors.As(err, &exit) && exit.ExitCode() == exitInternal, "%v: a home without a network file is red", err)
		require.Contains(t, strings.Join(strings.Fields(string(out)), " "), want, "%s", out)
	}
}
