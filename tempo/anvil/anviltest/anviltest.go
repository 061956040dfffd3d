// Package anviltest starts anvil for tests, and says what becomes of a test without
// it.
package anviltest

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo/anvil"
)

// Path returns the program. Without it a test is skipped where somebody develops, and
// fails where the stage that installs it has run, which CI=true tells.
func Path(t testing.TB) string {
	t.Helper()
	path, err := anvil.Find()
	if errors.Is(err, anvil.ErrNotFound) && !strings.EqualFold(os.Getenv("CI"), "true") {
		t.Skipf("skipped: %v", err)
	}
	require.NoError(t, err)
	return path
}

// Start starts an anvil that ends with the test. What the test started later ends
// before it.
func Start(t testing.TB, opts anvil.Options) *anvil.Process {
	t.Helper()
	opts.Path = Path(t)
	process, err := anvil.Start(context.WithoutCancel(t.Context()), opts) // it ends by Stop
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, process.Stop()) })
	return process
}
