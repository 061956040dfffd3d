package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/p2p"
)

// serveTail streams gossip as it comes in at this peer, one document a line: of one
// topic, named as a whole or by its kind, or of all.
func (d *Daemon) serveTail(w http.ResponseWriter, r *http.Request) {
	wanted, err := d.tailed(r.URL.Query().Get("topic"))
	var tail *p2p.Tail
	if err == nil {
		if tail, err = d.node.Tail(); errors.Is(err, p2p.ErrTooManyTails) {
			err = &api.Error{Status: http.StatusTooManyRequests, Code: api.CodeBusy, Message: err.Error()}
		}
	}
	if err != nil {
		answer(func(context.Context, *http.Request) (any, error) { return nil, err })(w, r)
		return
	}
	defer tail.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	control := http.NewResponseController(w)
	if control.Flush() != nil { // the reader knows from now on that nothing escapes it
		return
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	messages := d.describer.Messages(r.URL.Query().Get("decode") != "")
	var dropped uint64
	for {
		h, err := tail.Next(r.Context())
		if err != nil {
			return // the reader has gone, or the peer ends
		}
		dropped += h.Dropped
		if !wanted(&h) {
			continue
		}
		h.Dropped, dropped = dropped, 0
		if encoder.Encode(messages.Of(&h)) != nil || control.Flush() != nil {
			return
		}
	}
}

// tailed returns which messages are of a topic; "" are all.
func (d *Daemon) tailed(topic string) (func(*p2p.Heard) bool, error) {
	if topic == "" {
		return func(*p2p.Heard) bool { return true }, nil
	}
	var kinds []string
	for _, t := range d.node.Topics() {
		if t.Name == topic || t.Kind == topic {
			return func(h *p2p.Heard) bool { return h.Topic == topic || h.Kind == topic }, nil
		}
		kinds = append(kinds, t.Kind)
	}
	return nil, badRequest("topic %q is not joined: this peer has %s", topic, strings.Join(slices.Compact(kinds), ", "))
}
