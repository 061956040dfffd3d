package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

const (
	// heartbeat is how often a stream without events says that it is alive.
	heartbeat = 15 * time.Second
	// retry is how long a reader waits before it comes back.
	retry = time.Second
	// chunk is the number of events written to a reader at once.
	chunk = 64
)

// interest is what a reader wants of the events.
type interest struct {
	types   []EventType
	account *common.Address
}

// wants reports whether an event is of interest. What concerns no account is, whichever
// is asked for.
func (i *interest) wants(e *event) bool {
	return slices.Contains(i.types, e.kind) &&
		(i.account == nil || e.accounts == nil || slices.Contains(e.accounts, *i.account))
}

// parseInterest reads ?types= and ?address=.
func parseInterest(r *http.Request) (interest, error) {
	i := interest{types: eventTypes}
	q := r.URL.Query()
	if text := q.Get("types"); text != "" {
		i.types = nil
		for word := range strings.SplitSeq(text, ",") {
			if !slices.Contains(eventTypes, EventType(word)) {
				return i, badRequest("types: %q is no type of event: want some of payment, head, validator_head, peer", word)
			}
			i.types = append(i.types, EventType(word))
		}
	}
	if text := q.Get("address"); text != "" {
		account, err := parseAddress("address", text)
		if err != nil {
			return i, err
		}
		i.account = &account
	}
	return i, nil
}

// position finds where a reader goes on. known is false if that place is of another run
// or does not exist: the reader starts at the newest event and is told so.
func (s *Server) position(r *http.Request) (seq uint64, known bool, err error) {
	id := r.Header.Get("Last-Event-ID")
	if id == "" {
		id = r.URL.Query().Get("since")
	}
	if id == "" {
		return s.ring.newest(), true, nil
	}
	boot, text, ok := strings.Cut(id, "-")
	seq, err = strconv.ParseUint(text, 10, 64)
	if !ok || err != nil {
		return 0, false, badRequest("event id %q is none of this API: want the id of the last event received", id)
	}
	if _, _, held := s.ring.after(seq, 0); boot != s.boot || !held {
		return s.ring.newest(), false, nil
	}
	return seq, true, nil
}

// enter takes a place for a request that stays open, and reports false if there is none.
func (s *Server) enter() bool {
	select {
	case s.streams <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *Server) leave() { <-s.streams }

// full is the error of a request that finds no place to stay open.
func (s *Server) full() error {
	return &Error{
		Status: http.StatusServiceUnavailable, Code: Busy, Message: fmt.Sprintf("%d requests are open, which is all that this server keeps", cap(s.streams)),
		Hint: "try again later, or ask another aggregator",
	}
}

// serveEvents streams events until the reader goes, is too slow, or the server ends.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	want, err := parseInterest(r)
	if err != nil {
		tell(w, explained(err))
		return
	}
	seq, known, err := s.position(r)
	if err != nil {
		tell(w, explained(err))
		return
	}
	if !s.enter() {
		s.metrics.refused.WithLabelValues(Busy).Inc()
		tell(w, explained(s.full()))
		return
	}
	defer s.leave()
	s.metrics.clients.Inc()
	defer s.metrics.clients.Dec()
	out := s.newStream(w)
	out.begin(s.id(seq), known)
	s.metrics.replayed.Add(float64(s.ring.newest() - seq))
	switch err := s.follow(r.Context(), out, seq, &want); {
	case errors.Is(err, errBehind):
		s.metrics.dropped.WithLabelValues("behind").Inc()
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.metrics.dropped.WithLabelValues("slow").Inc()
	}
}

// errBehind ends the stream of a reader that the ring has overtaken: it comes back and is
// told that it lost something.
var errBehind = errors.New("the reader is too far behind")

// follow writes events behind one until ctx ends or the reader fails.
func (s *Server) follow(ctx context.Context, out *stream, seq uint64, want *interest) error {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		events, more, ok := s.ring.after(seq, chunk)
		if !ok {
			return errBehind
		}
		for i := range events {
			if seq = events[i].seq; want.wants(&events[i]) {
				out.event(s.id(seq), string(events[i].kind), events[i].data)
			}
		}
		if err := out.flush(); err != nil {
			return err
		}
		if len(events) == chunk {
			continue
		}
		select {
		case <-more:
		case <-beat.C:
			out.alive(s.id(seq)) // the place also of a reader that wants none of the events
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// id is the id of an event: of this run, and its place there.
func (s *Server) id(seq uint64) string { return s.boot + "-" + strconv.FormatUint(seq, 10) }

// stream writes server-sent events. What is written goes out with flush.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	slow    time.Duration
	pending bytes.Buffer
}

// newStream begins an answer of events.
func (s *Server) newStream(w http.ResponseWriter) *stream {
	open(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies pass events on at once
	return &stream{w: w, control: http.NewResponseController(w), slow: s.cfg.Limits.Slow}
}

// begin tells a reader when to come back, its place, and whether it lost events.
func (o *stream) begin(id string, known bool) {
	fmt.Fprintf(&o.pending, "retry: %d\n", retry.Milliseconds())
	if known {
		fmt.Fprintf(&o.pending, "id: %s\n\n", id)
		return
	}
	o.event(id, eventReset, []byte("{}"))
}

// event writes an event; id may be empty.
func (o *stream) event(id, kind string, data []byte) {
	if id != "" {
		fmt.Fprintf(&o.pending, "id: %s\n", id)
	}
	fmt.Fprintf(&o.pending, "event: %s\ndata: %s\n\n", kind, data)
}

// alive writes a comment and the reader's place.
func (o *stream) alive(id string) { fmt.Fprintf(&o.pending, ": alive\nid: %s\n\n", id) }

// comment sends a line that no program reads, so that the reader knows at once that the
// answer has begun.
func (o *stream) comment(text string) error {
	fmt.Fprintf(&o.pending, ": %s\n\n", text)
	return o.flush()
}

// flush sends what was written. A reader that does not take it in time fails with
// [os.ErrDeadlineExceeded].
func (o *stream) flush() error {
	if o.pending.Len() == 0 {
		return nil
	}
	if err := errors.Join(o.control.SetReadDeadline(time.Time{}), o.control.SetWriteDeadline(time.Now().Add(o.slow))); err != nil {
		return err
	}
	if _, err := o.pending.WriteTo(o.w); err != nil {
		return err
	}
	return o.control.Flush()
}
