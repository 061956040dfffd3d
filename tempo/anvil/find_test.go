package anvil_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/allegro-p2p/allegro/tempo/anvil"
)

// program puts a program at a path and returns it.
func program(t *testing.T, path, script string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755))
	return path
}

// The program named is taken before the one installed in the checkout, and that
// before the one in PATH.
func TestFind(t *testing.T) {
	checkout := t.TempDir()
	inside := filepath.Join(checkout, "tempo", "conformance")
	require.NoError(t, os.MkdirAll(inside, 0o755))
	t.Chdir(inside)
	bin := t.TempDir()
	t.Setenv("PATH", bin)
	t.Setenv("ALLEGRO_ANVIL", "")

	_, err := anvil.Find()
	require.ErrorIs(t, err, anvil.ErrNotFound)
	require.ErrorContains(t, err, "npm ci --ignore-scripts in testnet/anvil")

	find := func(want string) {
		t.Helper()
		got, err := anvil.Find()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	find(program(t, filepath.Join(bin, "anvil"), ""))
	find(program(t, filepath.Join(checkout, "testnet", "anvil", "node_modules", "@foundry-rs",
		"anvil-"+runtime.GOOS+"-"+runtime.GOARCH, "bin", "anvil"), ""))
	named := program(t, filepath.Join(t.TempDir(), "mine"), "")
	t.Setenv("ALLEGRO_ANVIL", named)
	find(named)
	t.Setenv("ALLEGRO_ANVIL", filepath.Join(bin, "nothing"))
	_, err = anvil.Find()
	require.ErrorIs(t, err, os.ErrNotExist, "what is named is not replaced by another")
	require.ErrorContains(t, err, "ALLEGRO_ANVIL")
}
