package daemon

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
)

// profiles answer for the kinds of profiles. They tell what a process does and holds,
// and cost it time: they are served on the API's socket alone, which is its owner's.
var profiles = map[string]http.Handler{
	"cpu":       http.HandlerFunc(pprof.Profile),
	"trace":     http.HandlerFunc(pprof.Trace),
	"heap":      pprof.Handler("heap"),
	"allocs":    pprof.Handler("allocs"),
	"goroutine": pprof.Handler("goroutine"),
}

func serveProfile(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("id")
	if h, ok := profiles[kind]; ok {
		h.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_ = json.NewEncoder(w).Encode(map[string]*api.Error{"error": {Code: api.CodeNotFound, Message: fmt.Sprintf("there is no profile %q", kind)}}) // a client that has gone needs no answer
}
