package httpapi_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/allegro-p2p/allegro/aggregator/httpapi"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// TestAThousandIdleReadersOnSockets: the system's own connections carry them too. Each is
// told what happens, others are answered, and all end with the server.
func TestAThousandIdleReadersOnSockets(t *testing.T) {
	const readers = 1_000
	needFiles(t, 2*readers+200)
	f := newFakes(t)
	f.config.Limits.Burst = 2 * readers
	gathering := &announced{Archive: f, began: make(chan struct{})}
	f.config.Archive = gathering
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := f.server(t)
	var serving, reading errgroup.Group
	serving.Go(func() error { return server.Serve(ctx, listener) })
	<-gathering.began
	v := &served{t: t, client: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		},
	}}}
	streams := make([]*reader, readers)
	for i := range streams {
		streams[i] = v.stream("/api/v1/events?types=payment", nil)
		streams[i].begin()
	}
	require.Equal(t, float64(readers), f.counter(t, "allegro_sse_clients", ""))
	require.Equal(t, http.StatusOK, v.get("/healthz").StatusCode)

	told := make([][]string, readers)
	f.pay(alice, bob)
	for i, r := range streams {
		reading.Go(func() error {
			told[i] = r.block()
			return nil
		})
	}
	require.NoError(t, reading.Wait())
	for _, lines := range told {
		require.Len(t, lines, 3)
		require.Equal(t, "event: payment", lines[1])
	}
	v.client.CloseIdleConnections()
	cancel()
	require.NoError(t, serving.Wait())
	for _, r := range streams {
		require.Empty(t, r.rest())
		r.close()
	}
}

// announced is an archive that tells when somebody begins to follow it.
type announced struct {
	httpapi.Archive
	once  sync.Once
	began chan struct{}
}

func (a *announced) Version() uint64 {
	version := a.Archive.Version()
	a.once.Do(func() { close(a.began) })
	return version
}

// needFiles skips the test where the process may not open so many files, and fails it in
// CI. The limit is as high as this process may raise it: the Go runtime does so at start.
func needFiles(t *testing.T, files uint64) {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Cur >= files {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%d files may be open, this test needs %d: raise ulimit -n", limit.Cur, files)
	}
	t.Skipf("SKIPPED: %d files may be open, this test needs %d: raise ulimit -n", limit.Cur, files)
}
