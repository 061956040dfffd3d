package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/allegro-p2p/allegro/p2p/document"
)

// staleBlocks is how many block times without a block are no accident.
const staleBlocks = 3

// Health says whether the process is of any use as it is.
type Health struct {
	Status string  `json:"status"` // "ok" or "failed"
	Reason *string `json:"reason"` // of "failed"
}

// serveHealth fails only for what a restart may cure.
func (s *Server) serveHealth(context.Context, *http.Request) (any, error) {
	if err := s.cfg.Archive.Failed(); err != nil {
		return status{http.StatusServiceUnavailable, Health{"failed", new(err.Error())}}, nil
	}
	return Health{Status: "ok"}, nil
}

// Readiness says whether what the server tells is up to date.
type Readiness struct {
	Ready   bool               `json:"ready"`
	Reasons []string           `json:"reasons"` // why it is not, each with its remedy or its cause
	Network document.Readiness `json:"network"`
	Chain   document.Chain     `json:"chain"`
	// HeadAgeMicros is the time since the height last moved here; null before that.
	HeadAgeMicros *string `json:"head_age_micros"`
}

func (s *Server) serveReady(context.Context, *http.Request) (any, error) {
	doc := Readiness{Reasons: []string{}, Network: s.cfg.Describer.Readiness(s.committee()), Chain: s.cfg.Describer.Chain()}
	if err := s.cfg.Archive.Failed(); err != nil {
		doc.Reasons = append(doc.Reasons, err.Error())
	}
	doc.Reasons = append(doc.Reasons, doc.Network.Waiting...)
	if !doc.Network.Quorum {
		doc.Reasons = append(doc.Reasons, doc.Network.Missing...)
	}
	switch _, seen, known := s.latest(); {
	case !known:
		doc.Reasons = append(doc.Reasons, "the chain node has shown no block yet: is it running?")
	case !seen.IsZero():
		age := s.cfg.Now().Sub(seen)
		doc.HeadAgeMicros = document.Decimal(uint64(max(age, 0).Microseconds()))
		if age > staleBlocks*s.blockTime() {
			doc.Reasons = append(doc.Reasons, fmt.Sprintf("the chain node has shown no new block for %s: look at the node", age.Round(time.Second)))
		}
	}
	doc.Ready = len(doc.Reasons) == 0
	if !doc.Ready {
		return status{http.StatusServiceUnavailable, doc}, nil
	}
	return doc, nil
}

// Version names the program and its API.
type Version struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	API     string `json:"api"`
}

func (s *Server) serveVersion(context.Context, *http.Request) (any, error) {
	return Version{"allegro", s.cfg.Version, base}, nil
}
