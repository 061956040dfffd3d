package home

import (
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/p2p"
)

func TestRunning(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	_, err := h.Running()
	wantError(t, err, ErrNotRunning)
	want := Running{
		PID: 4711, API: "/srv/dave/run/api.sock", PeerID: "12D3KooW", Addresses: []string{"/ip4/127.0.0.1/tcp/1"},
		Metrics: "http://127.0.0.1:9460/metrics", HTTP: "http://127.0.0.1:8080", Started: time.Unix(1_800_000_000, 0).UTC(),
	}
	if err := h.SaveRunning(want); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Running(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("running is %+v, %v", got, err)
	}
	path := filepath.Join(h.Dir(), runName, runningName)
	if got := mode(t, path); got != 0o600 {
		t.Errorf("mode is %04o", got)
	}
	for range 2 { // the second time there is nothing
		if err := h.ForgetRunning(); err != nil {
			t.Error(err)
		}
	}
	_, err = h.Running()
	wantError(t, err, ErrNotRunning)

	put(t, path, []byte("{"))
	_, err = h.Running()
	wantError(t, err, nil, "reading api.json")
}

// The socket's path is one that a socket can have, however long the home's is, and
// the same whenever it is asked for.
func TestSocketPath(t *testing.T) {
	t.Setenv("TMPDIR", "/tmp")
	short := &Home{dir: "/srv/dave"}
	if got, err := short.SocketPath(); got != "/srv/dave/run/api.sock" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	long := func(last string) *Home {
		return &Home{dir: filepath.Join(t.TempDir(), strings.Repeat("long", 25), last)}
	}
	a, b := long("a"), long("b")
	path, err := a.SocketPath()
	if err != nil || len(path) > maxSocketPath || !strings.HasPrefix(path, "/tmp/allegro-") {
		t.Errorf("%s, %v", path, err)
	}
	if again, err := a.SocketPath(); again != path || err != nil {
		t.Errorf("%s, then %s, %v", path, again, err)
	}
	if other, err := b.SocketPath(); other == path || err != nil {
		t.Errorf("two homes have the socket %s, %v", other, err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatalf("no socket can be there: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Error(err)
	}

	t.Setenv("TMPDIR", "/"+strings.Repeat("t", maxSocketPath))
	_, err = a.SocketPath()
	wantError(t, err, nil, "name a shorter home or let TMPDIR name a shorter folder")
}

// Whoever names the same home by another path finds the same socket.
func TestSocketPathIsAbsolute(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	relative, err := (&Home{dir: "home"}).SocketPath()
	if err != nil {
		t.Fatal(err)
	}
	// The working folder may be named by a link.
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if absolute, err := (&Home{dir: filepath.Join(wd, "home")}).SocketPath(); absolute != relative || err != nil {
		t.Errorf("%s and %s, %v", relative, absolute, err)
	}
}
