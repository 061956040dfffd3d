package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v3"
)

// versionCommand prints which build this is.
func versionCommand() *cli.Command {
	return &cli.Command{
		Name:            "version",
		Usage:           "print the version of this program",
		Flags:           []cli.Flag{outputFlag()},
		HideHelpCommand: true,
		OnUsageError:    usageError,
		Action: withOutput(func(_ context.Context, cmd *cli.Command, asJSON bool) error {
			if cmd.Args().Present() {
				return fail(exitUsage, "version takes no arguments, it got %q", cmd.Args().First())
			}
			v := thisVersion()
			if asJSON {
				return writeJSON(cmd.Root().Writer, v)
			}
			_, err := fmt.Fprint(cmd.Root().Writer, v.text())
			return err
		}),
	}
}

// versionDocument describes a build.
type versionDocument struct {
	Schema  string       `json:"schema"`
	Module  string       `json:"module"`
	Version string       `json:"version"` // of the module; "(devel)" for a build of a working copy
	Go      string       `json:"go"`
	OS      string       `json:"os"`
	Arch    string       `json:"arch"`
	VCS     *vcsDocument `json:"vcs,omitempty"` // absent if the build did not record it
}

// vcsDocument is the state of the working copy that was built.
type vcsDocument struct {
	System   string `json:"system"`
	Revision string `json:"revision"`
	Time     string `json:"time"` // of the revision, RFC 3339
	Modified bool   `json:"modified"`
}

// versionOf describes the build that info is about.
func versionOf(info *debug.BuildInfo) versionDocument {
	v := versionDocument{
		Schema:  "allegro.version/v1",
		Module:  info.Main.Path,
		Version: info.Main.Version,
		Go:      info.GoVersion,
		OS:      runtime.GOOS,
		Arch:    runtime.GOARCH,
	}
	if v.Version == "" {
		v.Version = "(devel)"
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		v.VCS = &vcsDocument{
			System:   settings["vcs"],
			Revision: revision,
			Time:     settings["vcs.time"],
			Modified: settings["vcs.modified"] == "true",
		}
	}
	return v
}

// text is the description for people.
func (v versionDocument) text() string {
	s := fmt.Sprintf("allegro %s\n  built with %s for %s/%s\n", v.Version, v.Go, v.OS, v.Arch)
	if v.VCS == nil {
		return s
	}
	modified := ""
	if v.VCS.Modified {
		modified = " with local changes"
	}
	return s + fmt.Sprintf("  %s revision %s of %s%s\n", v.VCS.System, v.VCS.Revision, v.VCS.Time, modified)
}

// thisVersion describes the build that runs.
func thisVersion() versionDocument {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: runtime.Version()}
	}
	return versionOf(info)
}

// buildVersion is the version that a peer tells others.
func buildVersion() string { return thisVersion().Version }
