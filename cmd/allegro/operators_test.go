package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var logRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (warn|error) \\|")

// Every log line that the operator's guide explains is one that the program writes, at
// that level.
func TestOperatorsGuideExplainsRealLogs(t *testing.T) {
	root := filepath.Join("..", "..")
	guide, err := os.ReadFile(filepath.Join(root, "docs", "operators.md"))
	require.NoError(t, err)
	var code strings.Builder
	for _, folder := range []string{"aggregator", "client", "cmd", "p2p", "tempo", "validator"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.Name() == "node_modules":
				return fs.SkipDir
			case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			data, err := os.ReadFile(path)
			code.Write(data)
			return err
		}))
	}
	rows := logRow.FindAllStringSubmatch(string(guide), -1)
	require.Greater(t, len(rows), 10)
	for _, row := range rows {
		call := map[string]string{"warn": "Warnw", "error": "Errorw"}[row[2]]
		require.Contains(t, code.String(), call+`("`+row[1]+`"`)
	}
}
