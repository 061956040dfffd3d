package grafana

// Dashboard is one page of Grafana: rows of panels.
type Dashboard struct {
	Name        string // of its file and, after "allegro-", its uid
	Title       string
	Description string
	Rows        []Row
}

// Row is a headed group of panels, laid out from left to right.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel shows some queries.
type Panel struct {
	Title       string
	Description string // what a bad value means
	Kind        Kind
	Unit        Unit
	Width       int // in columns, of which a dashboard has 24
	Stacked     bool
	Steps       []Step // colours of a Stat
	Queries     []Query
}

// Query is an expression in PromQL. Legend names its series, with {{LABEL}} for the
// value of a label.
type Query struct {
	Expr   string
	Legend string
	// Quiet says why a network in which nothing is wrong may have no data for it. Empty:
	// it has data once payments were made.
	Quiet string
}

// Step is the colour of a value from From on.
type Step struct {
	From  float64
	Color Color
}

// Kind is how a panel draws, in Grafana's names.
type Kind string

// Kinds of panels.
const (
	Stat       Kind = "stat"       // the newest value, large
	TimeSeries Kind = "timeseries" // lines over time
	Heatmap    Kind = "heatmap"    // a histogram over time, from its buckets by le
)

// Unit is what a panel's values are in, in Grafana's names.
type Unit string

// Units of panels.
const (
	Number    Unit = "short"
	Seconds   Unit = "s"
	Ratio     Unit = "percentunit" // 0 to 1
	PerSecond Unit = "cps"
	Bytes     Unit = "Bps" // per second
)

// Color is a colour of Grafana's palette.
type Color string

// Colours of steps.
const (
	Green Color = "green"
	Amber Color = "orange"
	Red   Color = "red"
)

// Dashboards returns all dashboards.
func Dashboards() []Dashboard { return []Dashboard{overview(), gossip(), validator()} }

// File is the name of the dashboard's file.
func (d Dashboard) File() string { return d.Name + ".json" }
