package main

import (
	"context"

	"github.com/allegro-p2p/allegro/cmd/internal/otlp"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/tracing"
)

// demoSpans export the spans of a demo's peers, each under its own name, if the
// environment wants that. One goroutine.
type demoSpans struct {
	version string
	exports []*otlp.Export
}

// tracer opens the export of one peer.
func (s *demoSpans) tracer(name string, role p2p.Role) (*tracing.Tracer, error) {
	export, err := otlp.Open(context.Background(), otlp.Peer{Name: name, Role: string(role), Version: s.version})
	s.exports = append(s.exports, export)
	return export.Tracer(), err
}

// close exports what is left.
func (s *demoSpans) close() {
	for _, export := range s.exports {
		export.Close()
	}
}
