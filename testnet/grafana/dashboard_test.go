package grafana_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/allegro-p2p/allegro/testnet/grafana"
)

// TestTheFilesAreWhatIsDeclared: the folder holds the dashboards that are declared, and
// no others.
func TestTheFilesAreWhatIsDeclared(t *testing.T) {
	var declared []string
	for _, d := range grafana.Dashboards() {
		want, err := d.Encode()
		require.NoError(t, err)
		path := filepath.Join("dashboards", d.File())
		have, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, have), "%s is not what is declared: run go generate ./testnet/grafana", path)
		declared = append(declared, path)
	}
	files, err := filepath.Glob("dashboards/*")
	require.NoError(t, err)
	require.ElementsMatch(t, declared, files)
}

// loaded is a dashboard as Grafana loads it, without its panels' looks.
type loaded struct {
	UID, Title    string
	SchemaVersion int
	Templating    struct {
		List []struct {
			Name, Type, Query string

			Current struct{ Value string }
		}
	}
	Panels []struct {
		ID          int
		Type, Title string
		Description string
		GridPos     struct{ X, Y, W, H int }
		Datasource  struct{ UID string }
		Targets     []struct {
			RefID, Expr string
			Datasource  struct{ UID string }
		}
	}
}

// load reads a dashboard's file.
func load(t *testing.T, d grafana.Dashboard) (l loaded) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("dashboards", d.File()))
	require.NoError(t, err)
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(data, &fields))
	require.NotContains(t, fields, "id", "the database that a dashboard is loaded into numbers it")
	require.NotContains(t, fields, "__inputs", "provisioning asks nobody")
	require.NoError(t, json.Unmarshal(data, &l))
	return l
}

// TestDashboardsLoad: Grafana finds in each what provisioning needs, panels lie beside each
// other on the page, and all of them ask the data source that can be chosen, first the one
// that is provisioned.
func TestDashboardsLoad(t *testing.T) {
	var sources struct {
		Datasources []struct{ UID, Type, URL string }
	}
	data, err := os.ReadFile("provisioning/datasources/prometheus.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(data, &sources))
	require.Len(t, sources.Datasources, 1)
	require.Equal(t, "prometheus", sources.Datasources[0].Type)
	uids := make(map[string]bool)
	for _, d := range grafana.Dashboards() {
		l := load(t, d)
		require.NotEmpty(t, l.Title)
		require.False(t, uids[l.UID], "%s is the uid of another dashboard", l.UID)
		uids[l.UID] = true
		require.Equal(t, "datasource", l.Templating.List[0].Type)
		require.Equal(t, "datasource", l.Templating.List[0].Name)
		require.Equal(t, sources.Datasources[0].UID, l.Templating.List[0].Current.Value)
		ids, taken := make(map[int]bool), make(map[[2]int]string)
		for _, p := range l.Panels {
			require.False(t, ids[p.ID], "%s: two panels have the id %d", l.Title, p.ID)
			ids[p.ID] = true
			require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					place := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					require.Empty(t, taken[place], "%s lies on another panel", p.Title)
					taken[place] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			require.Equal(t, "${datasource}", p.Datasource.UID, p.Title)
			require.NotEmpty(t, p.Targets, p.Title)
			require.NotEmpty(t, p.Description, "%s: what does a bad value mean?", p.Title)
			refs := make(map[string]bool)
			for _, target := range p.Targets {
				require.Equal(t, "${datasource}", target.Datasource.UID, p.Title)
				require.NotEmpty(t, target.Expr, p.Title)
				require.False(t, refs[target.RefID], "%s has two queries %s", p.Title, target.RefID)
				refs[target.RefID] = true
			}
		}
	}
}

// TestGrafanaFindsTheDashboards: the folder is named by a variable, which whoever starts
// Grafana sets.
func TestGrafanaFindsTheDashboards(t *testing.T) {
	var file struct {
		Providers []struct {
			Type    string
			Options struct{ Path string }
		}
	}
	data, err := os.ReadFile("provisioning/dashboards/allegro.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(data, &file))
	require.Len(t, file.Providers, 1)
	require.Equal(t, "file", file.Providers[0].Type)
	compose := readCompose(t)
	require.Equal(t, "$ALLEGRO_DASHBOARDS", file.Providers[0].Options.Path)
	require.NotEmpty(t, compose.Services["grafana"].Environment["ALLEGRO_DASHBOARDS"])
}

// TestPanelsThatDoNotFitAreRefused: a dashboard is made only of panels that have a place
// and ask something.
func TestPanelsThatDoNotFitAreRefused(t *testing.T) {
	asks := []grafana.Query{{Expr: "up"}}
	for i, p := range []grafana.Panel{{Width: 25, Queries: asks}, {Width: 0, Queries: asks}, {Width: 12}} {
		_, err := grafana.Dashboard{Rows: []grafana.Row{{Panels: []grafana.Panel{p}}}}.Encode()
		require.Error(t, err, fmt.Sprint(i))
	}
}
