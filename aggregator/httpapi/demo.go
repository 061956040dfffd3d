package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
)

// Demo plays the demo's scene again, on behalf of its own clients. It is nil outside a
// demo.
type Demo interface {
	// Accounts are the demo's, if their keys are public; else none.
	Accounts() []DemoAccount
	// Play runs the scene once and tells each step as it happens, in order. An error says why it cannot be played now, such as money that
	// has run short.
	Play(ctx context.Context, report func(DemoEvent)) error
}

// DemoAccount is an account of the demo.
type DemoAccount struct {
	Name       string `json:"name"`
	Address    string `json:"address"`
	PrivateKey string `json:"private_key"` // 0x-hex; public
}

// DemoEvent is one of Step, Head and Done.
type DemoEvent struct {
	Step *DemoStep
	Head *ChainHead
	Done *DemoDone
}

// DemoStep is a step of the scene. Hashes are tx ids: a QC has no other identity.
type DemoStep struct {
	Step         DemoStepName `json:"step"`
	Label        string       `json:"label"`
	Description  string       `json:"description"`
	TxHash       *string      `json:"tx_hash,omitempty"`
	QCHash       *string      `json:"qc_hash,omitempty"`
	ParentQCHash *string      `json:"parent_qc_hash,omitempty"`
	CertCount    *int         `json:"cert_count,omitempty"`
	TimestampMS  int64        `json:"timestamp_ms"` // since the start of the scene
}

// DemoStepName names a step, as the original system did.
type DemoStepName string

// The steps, in their order.
const (
	StepAliceSubmit DemoStepName = "alice_submit_started"
	StepAliceQC     DemoStepName = "alice_qc_formed"
	StepBobImport   DemoStepName = "bob_import_qc"
	StepBobSubmit   DemoStepName = "bob_submit_started"
	StepBobQC       DemoStepName = "bob_qc_formed"
)

// DemoDone ends a scene that went well.
type DemoDone struct {
	Success          bool        `json:"success"`
	TotalMS          int64       `json:"total_ms"`
	StartBlockHeight uint64      `json:"start_block_height"`
	Verdict          DemoVerdict `json:"verdict"`
}

// DemoVerdict says whether the QCs came before the block, once that was seen.
type DemoVerdict struct {
	QC1MarginMS *int64 `json:"qc1_margin_ms"` // QC to the next block; null before it was seen
	QC2MarginMS *int64 `json:"qc2_margin_ms"`
	HeightAtQC  uint64 `json:"height_at_qc"` // when the last QC formed
	Proved      bool   `json:"proved"`       // both QCs formed before the height moved
}

// DemoAccounts are the accounts of a demo.
type DemoAccounts struct {
	Accounts []DemoAccount `json:"accounts"`
}

// noDemo is the error of the demo's routes elsewhere.
func noDemo() error {
	return &Error{
		Status: http.StatusNotFound, Code: NoDemo, Message: "this network is no demo: its accounts' keys are their owners'",
		Hint: "run allegro demo",
	}
}

func (s *Server) serveDemoAccounts(context.Context, *http.Request) (any, error) {
	if s.cfg.Demo == nil {
		return nil, noDemo()
	}
	accounts := s.cfg.Demo.Accounts()
	if len(accounts) == 0 {
		return nil, &Error{Status: http.StatusNotFound, Code: NoDemo, Message: "the accounts of this demo are its own: the chain is used by others too"}
	}
	return DemoAccounts{accounts}, nil
}

// demoError ends a scene that could not be played to its end.
type demoError struct {
	Message string `json:"message"`
}

// serveChainedFlow plays the scene once more and streams its steps. One is played at a
// time; it ends when the reader goes.
func (s *Server) serveChainedFlow(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Demo == nil {
		tell(w, explained(noDemo()))
		return
	}
	if !s.enter() {
		tell(w, explained(s.full()))
		return
	}
	defer s.leave()
	select {
	case s.playing <- struct{}{}:
		defer func() { <-s.playing }()
	default:
		tell(w, &Error{Status: http.StatusConflict, Code: DemoRunning, Message: "the scene is being played for somebody else", Hint: "watch it in the list of payments, then try again"})
		return
	}
	out := s.newStream(w)
	var mu sync.Mutex // guards out and failed: the scene reports from its own goroutines
	var failed error
	write := func(kind string, doc any) {
		mu.Lock()
		defer mu.Unlock()
		data, err := json.Marshal(doc)
		if err == nil && failed == nil {
			out.event("", kind, data)
			err = out.flush()
		}
		failed = errors.Join(failed, err)
	}
	if err := out.comment("the scene begins at the edge of a block, once the money for it is there"); err != nil {
		return // the reader has gone
	}
	err := s.cfg.Demo.Play(r.Context(), func(e DemoEvent) {
		switch {
		case e.Step != nil:
			write("step", e.Step)
		case e.Head != nil:
			write("chain_head", e.Head)
		case e.Done != nil:
			write("done", e.Done)
		}
	})
	if err != nil {
		write("error", demoError{err.Error()})
	}
	if failed != nil {
		logger.Debugw("the scene's reader has gone", "error", failed)
	}
}
