package validator

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// halt is the switch that stops a validator from signing, for good. The process
// stays answerable: it serves sync and says why it stopped. Safe for concurrent
// use.
type halt struct {
	reason  atomic.Pointer[error]
	signing prometheus.Gauge
	stopped chan struct{} // closed when a reason is set
}

// set stops the signer. The first reason stays.
func (h *halt) set(reason error) {
	if h.reason.CompareAndSwap(nil, &reason) {
		h.signing.Set(0)
		close(h.stopped)
		logger.Errorw("this validator has stopped signing", "reason", reason)
	}
}

// get returns the reason, or nil.
func (h *halt) get() error {
	if reason := h.reason.Load(); reason != nil {
		return *reason
	}
	return nil
}
