package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// base is where the API begins.
const base = "/api/v1"

// handler answers a request with a document, or with an error that is told as [errorOf]
// has it.
type handler func(ctx context.Context, r *http.Request) (any, error)

// routes are the API, and the page behind it.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	get := func(path string, h handler) { mux.Handle("GET "+base+path, s.answer(h)) }

	mux.Handle("POST "+base+"/submit-raw-tx", s.answerWithin(s.cfg.Limits.Request+maxWait, s.serveSubmit))
	get("/chain/head", s.serveHead)
	get("/tx/{hash}/status", s.serveStatus)
	mux.HandleFunc("POST "+base+"/demo/chained-flow", s.serveChainedFlow)
	get("/demo/accounts", s.serveDemoAccounts)

	mux.Handle("POST "+base+"/payments/prepare", s.answer(s.servePrepare))
	get("/payments", s.servePayments)
	get("/payments/{id}", s.servePayment)
	get("/payments/{id}/certificates", s.serveCertificates)
	get("/payments/{id}/qc", s.serveQC)
	get("/accounts/{address}", s.serveAccount)
	get("/committee", s.serveCommittee)
	get("/network", s.serveNetwork)
	get("/p2p/self", s.serveSelf)
	get("/p2p/peers", s.servePeers)
	get("/p2p/topics", s.serveTopics)
	mux.HandleFunc("GET "+base+"/events", s.serveEvents)

	metrics := promhttp.HandlerFor(s.cfg.Gatherer, promhttp.HandlerOpts{Timeout: s.cfg.Limits.Request, EnableOpenMetrics: true})
	for _, at := range []string{"", base} {
		mux.Handle("GET "+at+"/healthz", s.answer(s.serveHealth))
		mux.Handle("GET "+at+"/readyz", s.answer(s.serveReady))
		mux.Handle("GET "+at+"/version", s.answer(s.serveVersion))
		mux.Handle("GET "+at+"/openapi.yaml", s.bounded(http.HandlerFunc(serveOpenAPI)))
		mux.Handle("GET "+at+"/metrics", s.bounded(metrics))
	}
	mux.Handle("/api/", s.answer(s.serveUnknown(mux)))
	mux.Handle("/", s.answerPage(mux))
	return s.guarded(mux)
}

// guarded is what happens to every request before and after its route.
func (s *Server) guarded(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if refusal := s.guard.check(r); refusal != nil {
			s.metrics.refused.WithLabelValues(refusal.Code).Inc()
			tell(w, refusal)
			return
		}
		if s.guard.crossOrigin(w, r) {
			return
		}
		begun := s.cfg.Now()
		_, route := mux.Handler(r)
		recorder := &recorder{ResponseWriter: w, status: http.StatusOK}
		r.Body = http.MaxBytesReader(recorder, r.Body, s.cfg.Limits.Body)
		mux.ServeHTTP(recorder, r)
		s.metrics.observe(route, recorder.status, s.cfg.Now().Sub(begun), recorder.stream)
	})
}

// recorder notes the status of an answer, and whether it stays open.
type recorder struct {
	http.ResponseWriter
	status int
	stream bool
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// open marks an answer that stays open.
func open(w http.ResponseWriter) {
	if r, ok := w.(*recorder); ok {
		r.stream = true
	}
}

// answer makes an HTTP handler of a handler.
func (s *Server) answer(h handler) http.Handler { return s.answerWithin(s.cfg.Limits.Request, h) }

// answerWithin is answer with another limit of time.
func (s *Server) answerWithin(limit time.Duration, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !setDeadlines(w, limit+s.cfg.Limits.Slow) {
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		doc, err := h(ctx, r)
		if err != nil {
			tell(w, explained(err))
			return
		}
		switch doc := doc.(type) {
		case octets:
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Length", strconv.Itoa(len(doc)))
			_, _ = w.Write(doc) // a client that has gone needs no answer
		case status:
			write(w, doc.code, doc.doc)
		default:
			write(w, http.StatusOK, doc)
		}
	})
}

// bounded limits the time of a handler that is none of the API's.
func (s *Server) bounded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if setDeadlines(w, s.cfg.Limits.Request+s.cfg.Limits.Slow) {
			h.ServeHTTP(w, r)
		}
	})
}

// setDeadlines gives a request a time to be read and answered in, so that who stalls
// holds a connection no longer. It reports false if the connection has gone.
func setDeadlines(w http.ResponseWriter, d time.Duration) bool {
	control := http.NewResponseController(w)
	at := time.Now().Add(d) // connections know no other clock
	if err := errors.Join(control.SetReadDeadline(at), control.SetWriteDeadline(at)); err != nil {
		logger.Debugw("a connection takes no deadline", "error", err)
		return false
	}
	return true
}

// octets are an answer of bytes.
type octets []byte

// status is a document with another status than 200.
type status struct {
	code int
	doc  any
}

// explained is an error as it is told. One of this aggregator is logged.
func explained(err error) *Error {
	told := errorOf(err)
	if told.Code == Internal {
		logger.Errorw("answering", "error", err)
	}
	return told
}

// tell answers with an error.
func tell(w http.ResponseWriter, e *Error) {
	if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	if e.allow != "" {
		w.Header().Set("Allow", e.allow)
	}
	write(w, e.Status, e)
}

// write answers with a JSON document.
func write(w http.ResponseWriter, code int, doc any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(doc); err != nil {
		logger.Errorw("encoding an answer", "error", err)
		http.Error(w, `{"error":"the answer could not be encoded","code":"INTERNAL"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = body.WriteTo(w) // a client that has gone needs no answer
}

// read decodes the JSON body of a request. A member that is not known is an error: it may
// be one that was misspelt.
func read(r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &Error{
			Status: http.StatusUnsupportedMediaType, Code: WrongMediaType, Message: fmt.Sprintf("content type is %q", r.Header.Get("Content-Type")),
			Hint: "send JSON as application/json",
		}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more than one JSON document")
		}
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	if err != nil {
		return badRequest("reading the body: %v", err)
	}
	return nil
}

// serveUnknown answers what the API does not have: a route of another method says so.
func (s *Server) serveUnknown(mux *http.ServeMux) handler {
	return func(_ context.Context, r *http.Request) (any, error) {
		if allowed := methodsOf(mux, r); len(allowed) > 0 {
			return nil, &Error{
				Status: http.StatusMethodNotAllowed, Code: MethodNotAllowed, allow: strings.Join(allowed, ", "),
				Message: fmt.Sprintf("%s does not take %s but %s", r.URL.Path, r.Method, strings.Join(allowed, ", ")),
			}
		}
		return nil, &Error{
			Status: http.StatusNotFound, Code: NotFound, Message: fmt.Sprintf("the API has no %s", r.URL.Path),
			Hint: "its routes are in /openapi.yaml",
		}
	}
}

// methodsOf are the methods that a path is served for.
func methodsOf(mux *http.ServeMux, r *http.Request) []string {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); strings.HasPrefix(pattern, method+" ") {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

// answerPage serves the page, if there is one.
func (s *Server) answerPage(mux *http.ServeMux) http.Handler {
	unknown := s.answer(s.serveUnknown(mux))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cfg.Page == nil || !isRead(r.Method) || len(methodsOf(mux, r)) > 0 {
			unknown.ServeHTTP(w, r)
			return
		}
		s.bounded(s.cfg.Page).ServeHTTP(w, r)
	})
}
