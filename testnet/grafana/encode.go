package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// What Grafana reads, as far as it is used here. No dashboard has an id or inputs: those
// belong to one database, and provisioning fails with them.
type (
	page struct {
		UID           string     `json:"uid"`
		Title         string     `json:"title"`
		Description   string     `json:"description"`
		Tags          []string   `json:"tags"`
		Links         []link     `json:"links"`
		SchemaVersion int        `json:"schemaVersion"`
		Editable      bool       `json:"editable"`
		GraphTooltip  int        `json:"graphTooltip"` // 1: the cursor is shared
		Refresh       string     `json:"refresh"`
		Time          span       `json:"time"`
		Templating    templating `json:"templating"`
		Panels        []box      `json:"panels"`
	}
	link struct {
		Title       string   `json:"title"`
		Type        string   `json:"type"`
		Tags        []string `json:"tags"`
		AsDropdown  bool     `json:"asDropdown"`
		IncludeVars bool     `json:"includeVars"`
		KeepTime    bool     `json:"keepTime"`
	}
	span struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	templating struct {
		List []variable `json:"list"`
	}
	variable struct {
		Name       string      `json:"name"`
		Label      string      `json:"label"`
		Type       string      `json:"type"`
		Query      string      `json:"query"`
		Datasource *datasource `json:"datasource,omitempty"`
		Current    choice      `json:"current"`
		Refresh    int         `json:"refresh"` // 2: when the time range changes
		Multi      bool        `json:"multi"`
		IncludeAll bool        `json:"includeAll"`
		AllValue   string      `json:"allValue,omitempty"`
		Sort       int         `json:"sort"` // 1: alphabetically
	}
	choice struct {
		Text  string `json:"text"`
		Value string `json:"value"`
	}
	datasource struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	box struct {
		ID          int            `json:"id"` // within the dashboard
		Type        string         `json:"type"`
		Title       string         `json:"title"`
		Description string         `json:"description,omitempty"`
		GridPos     place          `json:"gridPos"`
		Datasource  *datasource    `json:"datasource,omitempty"`
		Targets     []target       `json:"targets,omitempty"`
		FieldConfig *fieldConfig   `json:"fieldConfig,omitempty"`
		Options     map[string]any `json:"options,omitempty"`
	}
	place struct {
		X int `json:"x"`
		Y int `json:"y"`
		W int `json:"w"`
		H int `json:"h"`
	}
	target struct {
		RefID        string     `json:"refId"`
		Datasource   datasource `json:"datasource"`
		Expr         string     `json:"expr"`
		LegendFormat string     `json:"legendFormat"`
		Format       string     `json:"format"`
		Instant      bool       `json:"instant"`
		Range        bool       `json:"range"`
	}
	fieldConfig struct {
		Defaults  defaults   `json:"defaults"`
		Overrides []struct{} `json:"overrides"`
	}
	defaults struct {
		Unit       Unit           `json:"unit"`
		Thresholds *thresholds    `json:"thresholds,omitempty"`
		Custom     map[string]any `json:"custom,omitempty"`
	}
	thresholds struct {
		Mode  string      `json:"mode"`
		Steps []threshold `json:"steps"`
	}
	threshold struct {
		Color Color    `json:"color"`
		Value *float64 `json:"value"` // null: from the lowest on
	}
)

const (
	columns     = 24
	rowHeight   = 1
	statHeight  = 4
	graphHeight = 8

	// schemaVersion is that of Grafana 10, which newer ones migrate from.
	schemaVersion = 39

	// datasourceUID is the one in provisioning/datasources; the variable lets a dashboard
	// be used with another.
	datasourceUID = "allegro-prom"

	// peersMetric is one that every peer has: its instances are the peers to choose from.
	peersMetric = "allegro_chain_height"
)

// chosen is the data source that the variable names.
var chosen = datasource{"prometheus", "${datasource}"}

// Encode returns the dashboard as Grafana reads it. It is an error if panels are wider
// than the page, or if one has no query.
func (d Dashboard) Encode() ([]byte, error) {
	p := page{
		UID: "allegro-" + d.Name, Title: d.Title, Description: d.Description, Tags: []string{"allegro"},
		Links: []link{{
			Title: "Allegro", Type: "dashboards", Tags: []string{"allegro"}, IncludeVars: true, KeepTime: true,
		}},
		SchemaVersion: schemaVersion, GraphTooltip: 1, Refresh: "5s", Time: span{"now-15m", "now"},
		Templating: templating{[]variable{
			{
				Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus",
				Current: choice{"Allegro", datasourceUID},
			},
			{
				Name: "instance", Label: "Peer", Type: "query", Query: "label_values(" + peersMetric + ", instance)", Datasource: &chosen,
				Current: choice{"All", "$__all"}, Refresh: 2, Multi: true, IncludeAll: true, AllValue: ".*", Sort: 1,
			},
		}},
	}
	y := 0
	add := func(b box) {
		b.ID = len(p.Panels) + 1
		p.Panels = append(p.Panels, b)
	}
	for _, row := range d.Rows {
		add(box{Type: "row", Title: row.Title, GridPos: place{0, y, columns, rowHeight}})
		y += rowHeight
		x, height := 0, 0
		for _, panel := range row.Panels {
			if panel.Width < 1 || panel.Width > columns || len(panel.Queries) == 0 {
				return nil, fmt.Errorf("dashboard %s: panel %q has %d columns of %d and %d queries", d.Name, panel.Title, panel.Width, columns, len(panel.Queries))
			}
			if x+panel.Width > columns {
				x, y, height = 0, y+height, 0
			}
			b := panel.encode()
			b.GridPos.X, b.GridPos.Y = x, y
			add(b)
			x, height = x+panel.Width, max(height, b.GridPos.H)
		}
		y += height
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(p); err != nil {
		return nil, fmt.Errorf("encoding dashboard %s: %w", d.Name, err)
	}
	return out.Bytes(), nil
}

// encode returns the panel at no place yet.
func (p Panel) encode() box {
	b := box{
		Type: string(p.Kind), Title: p.Title, Description: p.Description, Datasource: &chosen,
		GridPos:     place{W: p.Width, H: graphHeight},
		FieldConfig: &fieldConfig{Defaults: defaults{Unit: p.Unit}, Overrides: []struct{}{}},
	}
	format := "time_series"
	switch p.Kind {
	case Stat:
		b.GridPos.H = statHeight
		b.FieldConfig.Defaults.Thresholds = encodeSteps(p.Steps)
		b.Options = map[string]any{
			"colorMode": "value", "graphMode": "none", "reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}},
		}
	case Heatmap:
		format = "heatmap"
		b.Options = map[string]any{
			"calculate": false, "cellGap": 1, "color": map[string]any{"mode": "scheme", "scheme": "Greens", "steps": 32},
			"yAxis": map[string]any{"unit": p.Unit}, "tooltip": map[string]any{"mode": "single"},
		}
	case TimeSeries:
		custom := map[string]any{"fillOpacity": 0, "showPoints": "never"}
		if p.Stacked {
			custom["fillOpacity"], custom["stacking"] = 40, map[string]any{"mode": "normal"}
		}
		b.FieldConfig.Defaults.Custom = custom
		b.Options = map[string]any{
			"legend": map[string]any{"displayMode": "list", "placement": "bottom"}, "tooltip": map[string]any{"mode": "multi"},
		}
	}
	for i, q := range p.Queries {
		b.Targets = append(b.Targets, target{
			RefID: string(rune('A' + i)), Datasource: chosen, Expr: q.Expr, LegendFormat: q.Legend,
			Format: format, Instant: p.Kind == Stat, Range: p.Kind != Stat,
		})
	}
	return b
}

// encodeSteps returns the colours of a panel's values. The first is also that of all
// lower values.
func encodeSteps(steps []Step) *thresholds {
	t := &thresholds{Mode: "absolute", Steps: []threshold{}}
	for i, s := range steps {
		value := &s.From
		if i == 0 {
			value = nil
		}
		t.Steps = append(t.Steps, threshold{s.Color, value})
	}
	return t
}
