// Package grafana declares the dashboards of an Allegro network. The files that Grafana
// loads are in dashboards/, how it finds them and Prometheus in provisioning/. The
// former are made from the declarations here by go generate, so that a panel says what it
// shows in one place and looks like the others; a test compares them.
package grafana

//go:generate go run ./generate
