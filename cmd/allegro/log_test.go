package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	log "github.com/ipfs/go-log/v2"
)

// The level and the format of [log] change what is logged.
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

// log.file gets what is logged, as JSON, beside standard error.
func TestLogFileGetsTheLogsAsJSON(t *testing.T) {
	h, err := home.Create(t.TempDir()+"/dave", home.DefaultConfig(p2p.RoleValidator))
	if err != nil {
		t.Fatal(err)
	}
	if closeLog, err := setupLogFile(h, t.Output()); err != nil || closeLog() != nil {
		t.Fatalf("no file is wanted: %v", err)
	}
	h.Config().Log.File = "log/allegro.ndjson"
	defer setupLog(home.Log{Level: "error", Format: home.LogAuto}, &bytes.Buffer{})
	setupLog(home.Log{Level: "warn,client=debug", Format: home.LogText}, &bytes.Buffer{})
	closeLog, err := setupLogFile(h, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	log.Logger("allegro/client").Debugw("payment", "tx", "0x12")
	log.Logger("allegro/tempo").Info("not wanted")
	if err := closeLog(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(h.LogPath())
	if err != nil {
		t.Fatal(err)
	}
	var line struct{ Level, Logger, Msg, TX string }
	if err := json.Unmarshal(data, &line); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	if line.Level != "debug" || line.Logger != "allegro/client" || line.Msg != "payment" || line.TX != "0x12" {
		t.Errorf("logged %s", data)
	}
	h.Config().Log.File = h.ConfigPath() + "/log"
	if _, err := setupLogFile(h, t.Output()); err == nil {
		t.Error("a file below a file was accepted")
	}
}
