package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/allegro-p2p/allegro/aggregator/httpapi/httpapitest"
	"github.com/stretchr/testify/require"
)

// served is a server that runs.
type served struct {
	listener *httpapitest.Listener
	t        *testing.T
	client   *http.Client
	stop     func() error
	// told is called with every request, its body and its answer; nil for nobody.
	told func(req *http.Request, body string, a answer)
}

// serve runs a server until stop is called.
func serve(t *testing.T, s *httpapi.Server) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	v := &served{listener: httpapitest.NewListener(), t: t}
	v.client = v.listener.Client("127.0.0.1:4000")
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, v.listener) }()
	v.stop = sync.OnceValue(func() error {
		cancel()
		err := <-done
		v.client.CloseIdleConnections()
		return err
	})
	return v
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
