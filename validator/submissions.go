package validator

import (
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
)

// Submission is what this member has done to put a payment on the chain.
type Submission struct {
	Attempts uint64
	Last     time.Time // of the last attempt
	Result   string    // of the last attempt, one of those that the metrics count
	Err      error     // why the last attempt failed; nil if the node has the payment
}

// submissions tell others what the settler has done for payments that are not over: as
// many as it has open. The settler notes and forgets. Safe for concurrent use.
type submissions struct {
	mu sync.Mutex // guards of
	of map[fastpay.ID]Submission
}

// note counts an attempt.
func (s *submissions) note(id fastpay.ID, now time.Time, result string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[id] = Submission{Attempts: s.of[id].Attempts + 1, Last: now, Result: result, Err: err}
}

// forget drops a payment that is over.
func (s *submissions) forget(id fastpay.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, id)
}

// Submission returns what this member has done to put a payment on the chain; false if
// it has made no attempt since it started, or the payment is over.
func (v *Validator) Submission(id fastpay.ID) (Submission, bool) {
	v.submissions.mu.Lock()
	defer v.submissions.mu.Unlock()
	s, ok := v.submissions.of[id]
	return s, ok
}
