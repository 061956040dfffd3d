package main

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The system's program gets the URL; without one, or if it fails, that is told.
func TestOpenBrowser(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the program is a script that is called xdg-open")
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	require.ErrorContains(t, openBrowser(t.Context(), "http://127.0.0.1:8080"), "xdg-open")
	program := filepath.Join(dir, "xdg-open")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho \"$@\" >\""+dir+"/opened\"\n"), 0o700))
	require.NoError(t, openBrowser(t.Context(), "http://127.0.0.1:8080"))
	opened, err := os.ReadFile(filepath.Join(dir, "opened"))
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:8080\n", string(opened))
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\nexit 3\n"), 0o700))
	require.ErrorContains(t, openBrowser(t.Context(), "http://127.0.0.1:8080"), "exit status 3")
}
