package validator

import (
	"fmt"
	"sync"
	"time"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxUnsettled bounds what is remembered of payments that came to nothing.
const maxUnsettled = 1024

// Submission is what this member has done to put a payment on the chain.
type Submission struct {
	Attempts uint64
	Last     time.Time // of the last attempt
	Result   string    // of the last attempt, one of those that the metrics count
	Err      error     // why the last attempt failed; nil if the node has the payment
}

// submissions tell others what the settler has done for payments that are not over, as
// many as it has open, and for the last that came to nothing, which it explains. The
// settler notes and ends. Safe for concurrent use.
type submissions struct {
	mu        sync.Mutex // guards what is below
	of        map[fastpay.ID]Submission
	unsettled *simplelru.LRU[fastpay.ID, Submission] // expired or conflicted
}

func newSubmissions() (*submissions, error) {
	unsettled, err := simplelru.NewLRU[fastpay.ID, Submission](maxUnsettled, nil)
	if err != nil {
		return nil, fmt.Errorf("submissions: %w", err)
	}
	return &submissions{of: make(map[fastpay.ID]Submission), unsettled: unsettled}, nil
}

// note counts an attempt.
func (s *submissions) note(id fastpay.ID, now time.Time, result string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done, open := s.of[id]
	if !open {
		done, _ = s.unsettled.Peek(id) // it had come to nothing in a block that was replaced
	}
	s.of[id] = Submission{Attempts: done.Attempts + 1, Last: now, Result: result, Err: err}
}

// end drops a payment that is over, or keeps it among the last that came to nothing.
func (s *submissions) end(id fastpay.ID, stage fastpay.Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	done, tried := s.of[id]
	delete(s.of, id)
	switch {
	case stage != fastpay.StageExpired && stage != fastpay.StageConflicted:
		s.unsettled.Remove(id) // it may have come to nothing in a block that was replaced
	case tried:
		s.unsettled.Add(id, done)
	}
}

// Submission returns what this member has done to put a payment on the chain; false if
// it has made no attempt since it started, or does not remember: it forgets a payment
// that was executed, and all that came to nothing but the last 1,024.
func (v *Validator) Submission(id fastpay.ID) (Submission, bool) {
	v.submissions.mu.Lock()
	defer v.submissions.mu.Unlock()
	if s, open := v.submissions.of[id]; open {
		return s, true
	}
	return v.submissions.unsettled.Peek(id)
}
