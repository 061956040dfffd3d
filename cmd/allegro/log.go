package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/DeRuina/timberjack"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	log "github.com/ipfs/go-log/v2"
	"golang.org/x/term"
)

// setupLog sends logs to standard error as a home's config wants them. Libraries log
// warnings only, unless they are named.
func setupLog(l home.Log, w io.Writer) {
	all, parts, err := l.Levels()
	if err != nil {
		all = "info" // the home has been validated
	}
	cfg := log.Config{Stderr: true, Level: log.LevelWarn, Format: log.PlaintextOutput}
	if f, ok := w.(*os.File); l.Format == home.LogJSON || l.Format == home.LogAuto && !(ok && term.IsTerminal(int(f.Fd()))) {
		cfg.Format = log.JSONOutput
	}
	log.SetupLogging(cfg)
	_ = log.SetLogLevelRegex("^allegro/", all) // the level has been checked
	for part, level := range parts {
		_ = log.SetLogLevelRegex("^(allegro/)?"+regexp.QuoteMeta(part)+"$", level)
	}
}

// Bounds of a log file: at debug level of everything, 64 MB are minutes of a busy
// validator's life; at info, months.
const (
	maxLogFile  = 64 // MB
	oldLogFiles = 3
)

// setupLogFile sends logs to the home's log file too, if it wants one, until the
// returned function is called.
func setupLogFile(h *home.Home, problems io.Writer) (func() error, error) {
	path := h.LogPath()
	if path == "" {
		return func() error { return nil }, nil
	}
	file := &timberjack.Logger{Filename: path, MaxSize: maxLogFile, MaxBackups: oldLogFiles, FileMode: 0o600}
	if _, err := file.Write(nil); err != nil {
		return nil, fmt.Errorf("log.file: %w", err)
	}
	logs := log.NewPipeReader()
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(file, logs)
		if err != nil {
			// Whoever logs waits for who reads: the peer goes on without its file.
			say(problems, "allegro: logs do not get into %s any more: %v\n", path, err)
			_, _ = io.Copy(io.Discard, logs)
		}
		copied <- err
	}()
	return func() error {
		err := errors.Join(logs.Close(), <-copied)
		return errors.Join(err, file.Close())
	}, nil
}
