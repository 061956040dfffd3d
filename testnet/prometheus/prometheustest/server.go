package prometheustest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// pollInterval is how often a starting Prometheus is asked whether it is ready.
	pollInterval = 50 * time.Millisecond
	// stopGrace is how long it may take to end when it is asked to.
	stopGrace = 15 * time.Second
	// attempts is how often another port is tried: Prometheus does not tell which port
	// it was given, so it is told one, which somebody may take first.
	attempts = 3
)

// Server is a running Prometheus. Its methods are safe for concurrent use.
type Server struct {
	url string
}

// Start runs Prometheus with a configuration file until the end of the test, and
// returns when it answers.
func Start(t testing.TB, config string) *Server {
	t.Helper()
	program := Path(t, "prometheus")
	var err error
	for range attempts {
		var s *Server
		if s, err = start(t, program, config); err == nil {
			return s
		}
		t.Logf("starting Prometheus: %v", err)
	}
	require.NoError(t, err)
	return nil
}

// start runs Prometheus on a port that was free just now.
func start(t testing.TB, program, config string) (*Server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // it ends after the test's own parts
	out := new(output)
	cmd := exec.CommandContext(ctx, program, "--config.file", config, "--storage.tsdb.path", t.TempDir(),
		"--web.listen-address", address, "--log.level", "warn")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // ended by a signal, or its output tells
	}()
	stop := func() { cancel(); <-done }
	s := &Server{url: "http://" + address}
	for {
		var ready bool
		if ready, err = s.ready(t.Context()); ready {
			t.Cleanup(stop)
			return s, nil
		}
		select {
		case <-done:
			cancel()
			return nil, fmt.Errorf("it ended: %s", out)
		case <-time.After(pollInterval):
		case <-t.Context().Done():
			stop()
			return nil, errors.Join(t.Context().Err(), err)
		}
	}
}

// freeAddress is a loopback address that nobody listens on now.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// ready reports whether Prometheus answers queries.
func (s *Server) ready(ctx context.Context) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/-/ready", nil)
	if err != nil {
		return false, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	return response.StatusCode == http.StatusOK, response.Body.Close()
}

// Sample is one series of an answer with its newest value.
type Sample struct {
	Labels map[string]string
	Value  string // as Prometheus writes it: a number, NaN, +Inf or -Inf
}

// Query evaluates an expression now. Its result must be a vector.
func (s *Server) Query(ctx context.Context, expr string) ([]Sample, error) {
	var data struct {
		ResultType string `json:"resultType"`
		Result     []struct {
			Metric map[string]string `json:"metric"`
			Value  [2]any            `json:"value"` // seconds, text
		} `json:"result"`
	}
	if err := s.get(ctx, "/api/v1/query?"+url.Values{"query": {expr}}.Encode(), &data); err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	if data.ResultType != "vector" {
		return nil, fmt.Errorf("%s: is a %s, no vector", expr, data.ResultType)
	}
	samples := make([]Sample, len(data.Result))
	for i, r := range data.Result {
		samples[i] = Sample{r.Metric, fmt.Sprint(r.Value[1])}
	}
	return samples, nil
}

// Rule is a rule that Prometheus evaluates.
type Rule struct {
	Name      string `json:"name"`
	Type      string `json:"type"`   // "recording" or "alerting"
	Health    string `json:"health"` // "ok", "err", or "unknown" before its first evaluation
	LastError string `json:"lastError"`
	State     string `json:"state"` // of an alert: "inactive", "pending" or "firing"
}

// Rules returns all rules.
func (s *Server) Rules(ctx context.Context) ([]Rule, error) {
	var data struct {
		Groups []struct {
			Rules []Rule `json:"rules"`
		} `json:"groups"`
	}
	if err := s.get(ctx, "/api/v1/rules", &data); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	var all []Rule
	for _, g := range data.Groups {
		all = append(all, g.Rules...)
	}
	return all, nil
}

// get asks the API for data.
func (s *Server) get(ctx context.Context, route string, into any) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+route, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Status string          `json:"status"`
		Error  string          `json:"error"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("%s: %w", response.Status, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", response.Status, answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// output keeps what a process prints.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements [io.Writer].
func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

// String is what was printed.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
