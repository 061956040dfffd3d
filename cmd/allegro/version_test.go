package main

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	command(t, nil, "version").expect(t, exitOK, "allegro ", "built with go1.")
	command(t, nil, "version", "now").expect(t, exitUsage, "version takes no arguments")
	r := command(t, nil, "version", "-o", "json")
	r.expect(t, exitOK)
	var d versionDocument
	decodeOne(t, r.stdout, &d)
	if d.Schema != "allegro.version/v1" || d.Version == "" || d.Go == "" || d.OS == "" || d.Arch == "" {
		t.Errorf("document is %+v", d)
	}
}

func TestVersionOfBuild(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "example.org/allegro", Version: "v1.2.3"},
		Settings: []debug.BuildSetting{
			{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "0f1e2d"},
			{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
		},
	}
	v := versionOf(info)
	if v.Module != "example.org/allegro" || v.Version != "v1.2.3" || v.VCS == nil || *v.VCS != (vcsDocument{"git", "0f1e2d", "2026-01-02T03:04:05Z", true}) {
		t.Errorf("document is %+v with %+v", v, v.VCS)
	}
	if want := "  git revision 0f1e2d of 2026-01-02T03:04:05Z with local changes\n"; v.text()[len(v.text())-len(want):] != want {
		t.Errorf("text is %q", v.text())
	}
	if v := versionOf(&debug.BuildInfo{}); v.Version != "(devel)" || v.VCS != nil {
		t.Errorf("a build that records nothing is %+v", v)
	}
}
