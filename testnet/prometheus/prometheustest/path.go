// Package prometheustest runs Prometheus for tests, and says what becomes of a test
// without it.
package prometheustest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Path returns prometheus or promtool in PATH. Without it a test is skipped where
// somebody develops, and fails where the stage that gets it has run, which CI=true
// tells.
func Path(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && !strings.EqualFold(os.Getenv("CI"), "true") {
		t.Skipf("skipped: %v: install Debian's package prometheus, or put it in PATH", err)
	}
	require.NoError(t, err)
	return path
}
