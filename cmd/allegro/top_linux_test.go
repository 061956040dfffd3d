package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/allegro-p2p/allegro/cmd/internal/api"
	"github.com/allegro-p2p/allegro/cmd/internal/home"
	"github.com/allegro-p2p/allegro/p2p"
	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"
)

// peerWithSnapshots is the home of a peer whose API tells nothing but snapshots.
func peerWithSnapshots(t *testing.T, snapshot http.HandlerFunc) *home.Home {
	t.Helper()
	h, err := home.Create(filepath.Join(t.TempDir(), "carol"), home.DefaultConfig(p2p.RoleClient))
	if err != nil {
		t.Fatal(err)
	}
	path, err := h.SocketPath()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.SaveRunning(home.Running{PID: os.Getpid(), API: path}); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.RouteWait, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })
	mux.HandleFunc("GET "+api.RouteSnapshot, snapshot)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }() // ends with http.ErrServerClosed
	t.Cleanup(func() { server.Close() })
	return h
}

// topScreenshots reads what is written to a terminal.
type topScreenshots struct {
	t        *testing.T
	keyboard *os.File
	seen     strings.Builder
}

// until reads until the terminal has been told a word since the last call. What a
// screen has already is not told again, so that the word must be new in its place.
func (s *topScreenshots) until(word string) string {
	s.t.Helper()
	buffer := make([]byte, 4096)
	for !strings.Contains(ansi.Strip(s.seen.String()), word) {
		n, err := s.keyboard.Read(buffer)
		if err != nil {
			s.t.Fatalf("%v before %q in %q", err, word, s.seen.String())
		}
		s.seen.Write(buffer[:n])
	}
	got := s.seen.String()
	s.seen.Reset()
	return got
}

// TestTopOnATerminal plays with a real terminal: it shows the peer, takes keys, follows
// the terminal's size, goes on when the peer does not answer, and leaves the terminal
// as it was.
func TestTopOnATerminal(t *testing.T) {
	for _, c := range []struct {
		name   string
		env    string
		colour bool
	}{{"with colours", "", true}, {"without colours", "1", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("TERM", "xterm-256color")
			t.Setenv("NO_COLOR", c.env)
			var away atomic.Bool
			h := peerWithSnapshots(t, func(w http.ResponseWriter, _ *http.Request) {
				if away.Load() {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				_ = json.NewEncoder(w).Encode(topWorld())
			})
			keyboard, tty := terminal(t)
			size := func(rows, columns uint16) {
				t.Helper()
				if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
					t.Fatal(err)
				}
			}
			size(24, 80)
			root := newApp()
			root.Reader, root.Writer, root.ErrWriter = tty, tty, io.Discard
			done := make(chan error, 1)
			go func() {
				done <- root.Run(t.Context(), []string{"allegro", "top", "--home", h.Dir(), "--interval", "20ms"})
			}()
			screen := &topScreenshots{t: t, keyboard: keyboard}
			typed := func(keys string) {
				t.Helper()
				if _, err := keyboard.WriteString(keys); err != nil {
					t.Fatal(err)
				}
			}
			told := screen.until("FINALIZED")
			if echoes(t, tty) {
				t.Error("the terminal shows the keys that are typed")
			}
			typed("p")
			told += screen.until("DIRECTION")
			size(30, 120) // no other process has this terminal, so that nobody tells of it
			if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil {
				t.Fatal(err)
			}
			told += screen.until("12D3KooWSomebodyElse3") // had no room before
			typed("\x1b")
			told += screen.until("PAYMENTS")
			typed("\r")
			told += screen.until("waiting")
			away.Store(true)
			told += screen.until("answer,")
			typed("q")
			if err := <-done; err != nil {
				t.Errorf("it ended with %v", err)
			}
			if !echoes(t, tty) {
				t.Error("the terminal hides what is typed next")
			}
			if coloured := regexp.MustCompile(`\x1b\[[0-9;]*3[0-7]m`).MatchString(told); coloured != c.colour {
				t.Errorf("it is coloured: %v", coloured)
			}
		})
	}
}

// Where no terminal is, each line is one document; an interrupt ends it, and so does a
// peer that goes.
func TestTopPlain(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var asked atomic.Int64
	var queries [3]url.Values
	h := peerWithSnapshots(t, func(w http.ResponseWriter, r *http.Request) {
		switch n := asked.Add(1); n {
		case 1, 2:
			queries[n] = r.URL.Query()
			_ = json.NewEncoder(w).Encode(topWorld())
		default:
			interrupt()
			<-r.Context().Done()
		}
	})
	r := commandWithin(t, ctx, nil, "top", "--home", h.Dir(), "--interval", "1ms")
	r.expect(t, exitOK)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), r.stdout)
	}
	for _, line := range lines {
		var s api.Snapshot
		decodeOne(t, line, &s)
		if s.Schema != "allegro.snapshot/v1" || len(s.Payments) != 5 {
			t.Errorf("line is %s", line)
		}
	}
	if queries[1].Get("measure") == "" || queries[2].Get("measure") != "" {
		t.Errorf("round trips are measured at first and then after a while, the requests were %v", queries)
	}

	h = peerWithSnapshots(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	command(t, nil, "top", "--plain", "--home", h.Dir()).expect(t, exitUnreachable, "the peer does not answer: it answered 503")
	release := make(chan struct{})
	defer close(release)
	h = peerWithSnapshots(t, func(w http.ResponseWriter, _ *http.Request) { <-release })
	command(t, nil, "top", "--plain", "--timeout", "200ms", "--home", h.Dir()).expect(t, exitUnreachable, "does not answer within 200ms")
}

func TestTopUsage(t *testing.T) {
	h, err := home.Create(filepath.Join(t.TempDir(), "carol"), home.DefaultConfig(p2p.RoleClient))
	if err != nil {
		t.Fatal(err)
	}
	command(t, nil, "top", "--home", h.Dir(), "--timeout", "10ms").expect(t, exitUnreachable, "no peer answers in home", "allegro client run")
	command(t, nil, "top", "--home", h.Dir(), "--interval", "0s").expect(t, exitUsage, "must be positive")
	command(t, nil, "top", "alice").expect(t, exitUsage, "takes no arguments")
	command(t, nil, "top", "--home", t.TempDir()).expect(t, exitUsage, "is no home of a peer")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := commandWithin(t, ctx, nil, "top", "--home", h.Dir()); r.exit != exitInterrupted {
		t.Errorf("an interrupt while it waits for the peer: exit code %d, %s", r.exit, r.errors)
	}
}
