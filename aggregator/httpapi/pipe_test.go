package httpapi_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/stretchr/testify/require"
)

// pipes is a listener without sockets, for virtual time and for a thousand connections.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return remote("127.0.0.1:1") }

// dial connects from an address.
func (p *pipes) dial(ctx context.Context, from string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- pipe{theirs, remote(from)}:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pipe is an end of a connection that says where the other one is.
type pipe struct {
	net.Conn
	from remote
}

func (p pipe) RemoteAddr() net.Addr { return p.from }

type remote string

func (remote) Network() string  { return "tcp" }
func (r remote) String() string { return string(r) }

// served is a server that runs.
type served struct {
	*pipes
	t      *testing.T
	client *http.Client
	stop   func() error
	// told is called with every request, its body and its answer; nil for nobody.
	told func(req *http.Request, body string, a answer)
}

// serve runs a server until stop is called.
func serve(t *testing.T, s *httpapi.Server) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	v := &served{pipes: newPipes(), t: t}
	v.client = v.clientFrom("127.0.0.1:4000")
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, v.pipes) }()
	v.stop = sync.OnceValue(func() error {
		cancel()
		err := <-done
		v.client.CloseIdleConnections()
		return err
	})
	return v
}

// clientFrom is a client at an address.
func (v *served) clientFrom(address string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return v.dial(ctx, address) },
	}}
}

// answer is what came back.
type answer struct {
	*http.Response
	body []byte
}

// do makes a request. change may set headers.
func (v *served) do(method, path, body string, change func(*http.Request)) answer {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), method, "http://localhost:8080"+path, strings.NewReader(body))
	require.NoError(v.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if change != nil {
		change(req)
	}
	resp, err := v.client.Do(req)
	require.NoError(v.t, err)
	data, err := io.ReadAll(resp.Body)
	require.NoError(v.t, err)
	require.NoError(v.t, resp.Body.Close())
	if v.told != nil {
		v.told(req, body, answer{resp, data})
	}
	return answer{resp, data}
}

// get reads a path.
func (v *served) get(path string) answer {
	v.t.Helper()
	return v.do(http.MethodGet, path, "", nil)
}
