package doctor

import (
	"errors"
	"time"

	"github.com/allegro-p2p/allegro/cmd/internal/home"
)

// LockState is who has a home.
type LockState struct {
	Held     bool
	Holder   home.Holder
	Answers  bool  // its API does
	NoAnswer error // why not
	// Left is what a process has left in run/ that tells of a running peer; nil if
	// there is nothing.
	Left *home.Running
	Err  error // why this could not be found out
}

func measureLock(h *home.Home, o Options) LockState {
	s := LockState{Answers: o.Running != nil, NoAnswer: o.NoAnswer}
	s.Holder, s.Held, s.Err = h.Holder()
	left, err := h.Running()
	if err == nil {
		s.Left = &left
	} else if !errors.Is(err, home.ErrNotRunning) && s.Err == nil {
		s.Err = err
	}
	return s
}

// free reports whether it is certain that no peer runs in the home.
func (s *LockState) free() bool { return s.Err == nil && !s.Held && !s.Answers }

// Lock judges who has the home.
func Lock(s LockState) Finding {
	switch {
	case s.Err != nil:
		return bad(Red, "lock", "look at the folder run/ of the home", "%v", s.Err)
	case s.Held && !s.Answers:
		return bad(Red, "lock", "read its log; if it hangs, end that process and start the peer again", "%s has the home and its API does not answer: %v", s.Holder, s.NoAnswer)
	case s.Held:
		return green("lock", "%s runs in the home", s.Holder)
	case s.Left != nil:
		return bad(Yellow, "lock", "start the peer again: that replaces what is left; its log says how the last run ended",
			"nobody has the home, and run/api.json is left from pid %d, started %s, which did not end by itself", s.Left.PID, s.Left.Started.Local().Format(time.DateTime))
	}
	return green("lock", "nobody has the home: no peer runs")
}
