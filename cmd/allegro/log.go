package main

import (
	"io"
	"os"
	"regexp"

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
