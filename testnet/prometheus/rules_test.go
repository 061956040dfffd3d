// Package prometheus_test has the tests of the files in this folder.
package prometheus_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/allegro-p2p/allegro/testnet/prometheus/prometheustest"
)

// TestPromtool: Prometheus takes the configuration and the rules, and every alert fires
// and stays silent when alerts_test.yml says so.
func TestPromtool(t *testing.T) {
	promtool := prometheustest.Path(t, "promtool")
	for _, args := range []string{"check config prometheus.yml", "check rules rules.yml alerts.yml", "test rules alerts_test.yml"} {
		out, err := exec.CommandContext(t.Context(), promtool, strings.Fields(args)...).CombinedOutput()
		require.NoError(t, err, "promtool %s\n%s", args, out)
	}
}

// alerts are the rules of alerts.yml.
func alerts(t *testing.T) (all []alert) {
	var file struct{ Groups []struct{ Rules []alert } }
	read(t, "alerts.yml", &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

type alert struct {
	Alert       string
	Labels      map[string]string
	Annotations map[string]string
}

// read decodes a YAML file.
func read(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(data, into), path)
}

// TestEveryAlertIsProvoked: for each alert there is a case in which it fires and one in
// which it does not.
func TestEveryAlertIsProvoked(t *testing.T) {
	var file struct {
		Tests []struct {
			Alerts []struct {
				Name     string `yaml:"alertname"`
				Expected []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	read(t, "alerts_test.yml", &file)
	fires, silent := make(map[string]bool), make(map[string]bool)
	for _, test := range file.Tests {
		for _, a := range test.Alerts {
			fires[a.Name] = fires[a.Name] || len(a.Expected) > 0
			silent[a.Name] = silent[a.Name] || len(a.Expected) == 0
		}
	}
	for _, a := range alerts(t) {
		require.True(t, fires[a.Alert], "%s fires in no case of alerts_test.yml", a.Alert)
		require.True(t, silent[a.Alert], "%s stays silent in no case of alerts_test.yml", a.Alert)
	}
}

// TestEveryAlertSaysWhatToDo: each has a severity, a summary and the place that says what
// to do about it.
func TestEveryAlertSaysWhatToDo(t *testing.T) {
	for _, a := range alerts(t) {
		require.Contains(t, []string{"warning", "critical"}, a.Labels["severity"], a.Alert)
		require.Contains(t, a.Annotations["summary"], "{{ $labels.instance }}", a.Alert)
		path, anchor, found := strings.Cut(a.Annotations["runbook"], "#")
		require.True(t, found, "the runbook of %s has no anchor", a.Alert)
		text, err := os.ReadFile("../../" + path)
		require.NoError(t, err, a.Alert)
		require.Contains(t, anchors(string(text)), anchor, "%s has no such heading", path)
	}
}

// anchors are the anchors of a Markdown text's headings, as GitHub makes them.
func anchors(text string) (all []string) {
	for line := range strings.Lines(text) {
		if heading := strings.TrimLeft(line, "#"); heading != line {
			all = append(all, strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-"))
		}
	}
	return all
}
