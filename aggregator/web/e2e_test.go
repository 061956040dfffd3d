package web_test

import (
	"bufio"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	shots       = flag.String("shots", "", "write a screenshot of every screen to `DIR`")
	readmeShots = flag.String("readme-shots", "", "write the screenshots of the README to `DIR`")
)

// browserTimeout bounds all tests in the browser, on a machine that does other things too:
// alone they take three minutes.
const browserTimeout = 15 * time.Minute

// chromium is the browser of Debian's package.
const chromium = "/usr/bin/chromium"

// TestPageInABrowser drives the page in a real browser: on a real demo, on a testnet of
// processes whose aggregator is killed, and on a fake aggregator for the states that a
// sound network does not get into. The tests themselves are in e2e.
func TestPageInABrowser(t *testing.T) {
	node := need(t, "node_modules/.bin/node", "run npm ci in aggregator/web")
	need(t, "node_modules/playwright-core", "run npm ci in aggregator/web")
	need(t, chromium, "install the Debian package chromium")

	ctx, cancel := context.WithTimeout(t.Context(), browserTimeout)
	defer cancel()
	program := filepath.Join(t.TempDir(), "allegro")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "../../cmd/allegro").CombinedOutput()
	require.NoError(t, err, string(out))

	scripts, err := filepath.Glob("e2e/*.e2e.ts")
	require.NoError(t, err)
	require.NotEmpty(t, scripts)
	// One after the other: each has a browser and a network, and time in them is real.
	cmd := exec.CommandContext(ctx, node, append([]string{"--test", "--test-concurrency=1"}, scripts...)...)
	cmd.Env = append(os.Environ(), "ALLEGRO="+program, "ALLEGRO_CHROMIUM="+chromium, "ALLEGRO_SHOTS="+absolute(t, *shots), "ALLEGRO_README_SHOTS="+absolute(t, *readmeShots))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it stops what it has started
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		t.Log(lines.Text())
	}
	require.NoError(t, cmd.Wait(), "a test in the browser failed, see above")
}

// need returns the absolute path of what the test cannot do without. Missing, it fails
// the test in CI and skips it on a developer's machine.
func need(t *testing.T, path, remedy string) string {
	t.Helper()
	path = absolute(t, path)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: %s", err, remedy)
		}
		t.Skipf("SKIPPED: %v: the page is not tested in a browser; %s", err, remedy)
	}
	return path
}

// absolute keeps the empty path, which means none.
func absolute(t *testing.T, path string) string {
	t.Helper()
	if path == "" {
		return ""
	}
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	return path
}
