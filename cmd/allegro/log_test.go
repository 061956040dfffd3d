package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	log "github.com/ipfs/go-log/v2"
)

// Both keys of [log] change what is logged.
func TestLogConfigHasAnEffect(t *testing.T) {
	defer setupLog(home.Log{Level: "error", Format: home.LogAuto}, &bytes.Buffer{})
	// A level reaches only the loggers that are there when it is set.
	for _, name := range []string{"client", "daemon", "devchain", "replica", "tempo", "validator"} {
		if !slices.Contains(log.GetSubsystems(), "allegro/"+name) {
			t.Errorf("no logger %s when levels are set", name)
		}
	}
	setupLog(home.Log{Level: "info,tempo=debug", Format: home.LogJSON}, &bytes.Buffer{})
	if !log.Logger("allegro/tempo").Desugar().Core().Enabled(-1) {
		t.Error("level info,tempo=debug: debug messages of tempo are not logged")
	}
	logger := log.Logger("allegro/client")
	for level, enabled := range map[string]bool{"debug": true, "info": false, "info,client=debug": true, "debug,client=warn": false} {
		setupLog(home.Log{Level: level, Format: home.LogJSON}, &bytes.Buffer{})
		if got := logger.Desugar().Core().Enabled(-1); got != enabled {
			t.Errorf("level %q: debug messages of the client are logged: %v", level, got)
		}
	}
	for format, want := range map[string]log.LogFormat{home.LogText: log.PlaintextOutput, home.LogJSON: log.JSONOutput, home.LogAuto: log.JSONOutput} {
		setupLog(home.Log{Level: "info", Format: format}, &bytes.Buffer{}) // no terminal
		if got := log.GetConfig().Format; got != want {
			t.Errorf("format %s is %v, want %v", format, got, want)
		}
	}
}
