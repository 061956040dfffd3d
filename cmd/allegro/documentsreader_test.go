package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/tempo/anvil"
	"github.com/allegro-p2p/allegro/tempo/anvil/anviltest"
	"github.com/stretchr/testify/require"
)

// docTimeout bounds what is below one heading.
const docTimeout = 4 * time.Minute

// docReader is somebody who types what a document shows: a shell on each of the hosts that a document speaks of, and what goes on in
// the background.
type docReader struct {
	t        *testing.T
	ctx      context.Context
	dir      string
	shells   map[string]*docShell // by host
	replaced []string             // pairs for [strings.NewReplacer]
	prepared int                  // blocks that were prepared for
	running  []*docBackground
}

// docShell is a bash that runs one command after the other, each with its output in a file.
type docShell struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	done   *bufio.Scanner
	number int
}

// docBackground is a program that runs until its reader ends it.
type docBackground struct {
	host, text string
	ready      chan struct{} // closed by isReady
	isReady    func()        // it is of use, or has ended
	ended      chan struct{}

	mu      sync.Mutex // guards out and changed
	out     strings.Builder
	changed chan struct{} // closed at the next line
}

func newDocReader(t *testing.T) *docReader {
	t.Helper()
	program, err := exec.LookPath("allegro")
	require.NoError(t, err)
	_, err = exec.LookPath("bash")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), docTimeout)
	s := &docReader{t: t, ctx: ctx, dir: t.TempDir(), shells: make(map[string]*docShell)}
	s.replace("go run ./cmd/allegro", program)
	s.replace("/tmp/", s.dir+"/")
	t.Cleanup(func() {
		defer cancel()
		s.end()
	})
	return s
}

// replace lets a text of the document stand for another one in all commands to come.
func (s *docReader) replace(old, with string) { s.replaced = append(s.replaced, old, with) }

// path is a file of a host.
func (s *docReader) path(host, name string) string { return filepath.Join(s.dir, "host"+host, name) }

func (s *docReader) copyFile(fromHost, from, toHost, to string) {
	s.t.Helper()
	data, err := os.ReadFile(s.path(fromHost, from))
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(s.path(toHost, to), data, 0o644))
}

// shellOf starts a host's shell if it does not run.
func (s *docReader) shellOf(host string) *docShell {
	s.t.Helper()
	if sh := s.shells[host]; sh != nil {
		return sh
	}
	require.NoError(s.t, os.MkdirAll(s.path(host, ""), 0o700))
	cmd := exec.CommandContext(s.ctx, "bash", "--norc", "--noprofile")
	cmd.Dir = s.path(host, "")
	cmd.Env = append(os.Environ(), "HOME="+s.path(host, ""))
	if path, err := anvil.Find(); err == nil {
		cmd.Env = append(cmd.Env, "ALLEGRO_ANVIL="+path)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	in, err := cmd.StdinPipe()
	require.NoError(s.t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	sh := &docShell{cmd: cmd, in: in, done: bufio.NewScanner(out)}
	s.shells[host] = sh
	return sh
}

// do runs a text in a host's shell and returns what it printed and its exit code.
func (s *docReader) do(host, text string) (out string, code string) {
	s.t.Helper()
	sh := s.shellOf(host)
	sh.number++
	file := filepath.Join(s.dir, fmt.Sprintf("out%s-%d", host, sh.number))
	_, err := fmt.Fprintf(sh.in, "{\n%s\n} >%s 2>&1 </dev/null\necho $?\n", text, file)
	require.NoError(s.t, err)
	require.True(s.t, sh.done.Scan(), "the shell ended in: %s", text)
	code = sh.done.Text()
	data, err := os.ReadFile(file)
	require.NoError(s.t, err)
	return string(data), code
}

// ask runs a command that is not in the document and must succeed.
func (s *docReader) ask(host, text string) string {
	s.t.Helper()
	out, code := s.do(host, text)
	require.Equal(s.t, "0", code, "%s\n%s", text, out)
	return out
}

// goesOn are the commands that run until they are stopped.
var goesOn = regexp.MustCompile(`^\S*allegro (demo( --[^o]\S*( \S+)?)*|devchain .*|(validator|client|aggregator) run .*)$|^curl -sN |&$`)

// judgesMachine are the commands to which a disk that is busy with something else is a fault,
// for as long as that goes on.
var judgesMachine = regexp.MustCompile(`(-- |allegro )doctor\b`)

// saysReady is what they print once they are of use.
var saysReady = regexp.MustCompile(`Ctrl-C stops|(?i)listening on \S*:\d|ready to receive web requests`)

// run runs a command of the document and compares what it prints with what that shows.
func (s *docReader) run(c *shownCommand) {
	s.t.Helper()
	if strings.Contains(c.text, "npm ci ") {
		s.installed(c)
		return
	}
	if strings.Contains(c.text, "--chain anvil") {
		anviltest.Path(s.t) // skips without one
	}
	text := strings.NewReplacer(s.replaced...).Replace(c.text)
	shown := strings.Join(c.output, "\n")
	if goesOn.MatchString(text) {
		s.start(c.host, strings.TrimSuffix(strings.TrimSpace(text), "&"))
		if len(c.output) > 0 {
			s.compareInTime(c, s.running[len(s.running)-1], shapeOf(shown, true))
		}
		return
	}
	s.await()
	// A document shows an error by its text, and every other command succeeds.
	fails := slices.ContainsFunc(c.output, func(line string) bool { return strings.HasPrefix(line, "allegro: ") })
	begun := time.Now()
	out, code := s.do(c.host, text)
	for !fails && code != "0" && judgesMachine.MatchString(text) && s.ctx.Err() == nil {
		time.Sleep(untilPause)
		out, code = s.do(c.host, text)
	}
	s.t.Logf("line %d, %s, exit code %s: %s\n%s", c.line, time.Since(begun).Round(time.Millisecond), code, c.text, out)
	require.Equal(s.t, fails, code != "0", "line %d: exit code %s of %s\n%s", c.line, code, c.text, out)
	if len(c.output) > 0 {
		s.compare(c, out, shapeOf(shown, false))
	}
}

// installed checks that what a command installs is there, as .ci/run does it: it is the
// checkout's and not this test's.
func (s *docReader) installed(c *shownCommand) {
	s.t.Helper()
	m := regexp.MustCompile(`^\(cd (\S+) && npm ci --ignore-scripts\)$`).FindStringSubmatch(c.text)
	require.NotNil(s.t, m, "line %d: %s is not how .ci/run installs", c.line, c.text)
	folder := filepath.Join("..", "..", m[1])
	_, err := os.Stat(filepath.Join(folder, "package-lock.json"))
	require.NoError(s.t, err)
	s.t.Logf("not run: line %d: %s: .ci/run does", c.line, c.text)
}

// start runs a command in the background.
func (s *docReader) start(host, text string) {
	s.t.Helper()
	b := &docBackground{host: host, text: text, ready: make(chan struct{}), ended: make(chan struct{}), changed: make(chan struct{})}
	b.isReady = sync.OnceFunc(func() { close(b.ready) })
	pipe := filepath.Join(s.dir, fmt.Sprintf("pipe-%d", len(s.running)))
	require.NoError(s.t, syscall.Mkfifo(pipe, 0o600))
	s.running = append(s.running, b)
	s.ask(host, text+" >"+pipe+" 2>&1 &")
	from, err := os.Open(pipe)
	require.NoError(s.t, err)
	go b.read(from)
}

// read keeps what the program prints until it ends.
func (b *docBackground) read(from io.ReadCloser) {
	defer close(b.ended)
	defer b.isReady()
	defer from.Close()
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		b.mu.Lock()
		fmt.Fprintln(&b.out, lines.Text())
		close(b.changed)
		b.changed = make(chan struct{})
		b.mu.Unlock()
		if saysReady.MatchString(lines.Text()) {
			b.isReady()
		}
	}
}

// printed is what the program has printed, and a channel that is closed when there is more.
func (b *docBackground) printed() (out string, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String(), b.changed
}

// compareInTime waits until what a program in the background prints has a shape.
func (s *docReader) compareInTime(c *shownCommand, b *docBackground, shape *regexp.Regexp) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	for {
		out, changed := b.printed()
		if shape.MatchString(out) {
			s.t.Logf("line %d: %s\n%s", c.line, c.text, out)
			s.compare(c, out, shape)
			b.isReady()
			return
		}
		select {
		case <-changed:
			continue
		case <-b.ended:
		case <-ctx.Done():
		}
		out, _ = b.printed()
		s.compare(c, out, shape)
		return
	}
}

// await waits until everything in the background is of use.
func (s *docReader) await() {
	s.t.Helper()
	for _, b := range s.running {
		select {
		case <-b.ready:
		case <-s.ctx.Done():
			out, _ := b.printed()
			s.t.Fatalf("%s did not get ready:\n%s", b.text, out)
		}
		select {
		case <-b.ended:
			out, _ := b.printed()
			s.t.Fatalf("%s has ended:\n%s", b.text, out)
		default:
		}
	}
}

// printed is what the last background program of a host has printed.
func (s *docReader) printed(host string) (out string) {
	for _, b := range s.running {
		if b.host == host {
			out, _ = b.printed()
		}
	}
	return out
}

// end stops everything that the reader has started.
func (s *docReader) end() {
	for _, host := range s.hosts() {
		for _, dir := range []string{"net", "on-anvil"} {
			stopTestnet(s.t, s.path(host, dir))
		}
		sh := s.shells[host]
		_, err := io.WriteString(sh.in, "kill $(jobs -p) 2>/dev/null; wait\n")
		err = errors.Join(err, sh.in.Close())
		for sh.done.Scan() { // to its end, as Wait wants it
			s.t.Logf("shell: %s", sh.done.Text())
		}
		_ = sh.cmd.Wait() // with what the last program of it ended with
		if err != nil {
			s.t.Errorf("ending the shell of host %q: %v", host, err)
		}
	}
	for _, b := range s.running {
		<-b.ended
		if s.t.Failed() {
			out, _ := b.printed()
			s.t.Logf("%s printed\n%s", b.text, out)
		}
	}
}

func (s *docReader) hosts() (hosts []string) {
	for host := range s.shells {
		hosts = append(hosts, host)
	}
	return hosts
}
