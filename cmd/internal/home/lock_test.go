package home

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/gofrs/flock"
)

// holdVariable makes the test program the other process of TestLockOfAnotherProcess:
// it names the home to lock.
const holdVariable = "HOME_TEST_HOLD"

// TestHold is the other process: it holds a home and its vote key until standard
// input ends.
func TestHold(t *testing.T) {
	dir := os.Getenv(holdVariable)
	if dir == "" {
		t.Skip("run by TestLockOfAnotherProcess")
	}
	h, err := Open(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Lock("allegro validator run"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.LockVoteKey(testVoteKey, "allegro validator run"); err != nil {
		t.Fatal(err)
	}
	fmt.Println("held")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Fatal(err)
	}
}

var testVoteKey = []byte{0xde, 0xad, 0xbe, 0xef, 0x05}

// hold starts a process that holds a home.
func hold(t *testing.T, dir string) (process *exec.Cmd, stop func()) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	process = exec.Command(program, "-test.run=^TestHold$")
	process.Env = append(os.Environ(), holdVariable+"="+dir)
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := process.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		stdin.Close()
		_ = process.Wait() // it was killed
	})
	t.Cleanup(stop)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return process, stop
}

// The errors about a home and a vote key that another process has name that process,
// and a process that is killed leaves nothing locked.
func TestLockOfAnotherProcess(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // of the vote key's lock
	h, copied := newHome(t, p2p.RoleValidator), newHome(t, p2p.RoleValidator)
	process, stop := hold(t, h.Dir())
	pid := process.Process.Pid

	_, err := h.Lock("allegro init")
	wantError(t, err, ErrInUse, "home "+h.Dir()+" is in use by pid "+strconv.Itoa(pid)+" (allegro validator run, since "+time.Now().Format("2006-01-02"), "stop it")
	holder, held, err := h.Holder()
	if !held || err != nil || holder.PID != pid || holder.Command != "allegro validator run" || holder.Home != h.Dir() || time.Since(holder.Since) > time.Minute {
		t.Errorf("holder is %+v, %v, %v", holder, held, err)
	}
	// The same vote key from a copy of the home.
	_, err = copied.LockVoteKey(testVoteKey, "allegro validator run")
	wantError(t, err, ErrInUse, "vote key 0xdeadbeef… is in use by pid "+strconv.Itoa(pid), "in home "+h.Dir(), "one key votes in one process only")
	other, err := copied.LockVoteKey([]byte{1, 2, 3, 4}, "allegro validator run")
	if err != nil {
		t.Fatalf("another vote key: %v", err)
	}
	if err := other.Free(); err != nil {
		t.Error(err)
	}

	stop()
	if holder, held, err := h.Holder(); held || err != nil {
		t.Errorf("a process that was killed still holds the home: %+v, %v", holder, err)
	}
	l, err := h.Lock("allegro client run")
	if err != nil {
		t.Fatal(err)
	}
	if holder, held, err := h.Holder(); !held || holder.PID != os.Getpid() || holder.Command != "allegro client run" || err != nil {
		t.Errorf("holder is %+v, %v, %v", holder, held, err)
	}
	if err := l.Free(); err != nil {
		t.Error(err)
	}
	vote, err := copied.LockVoteKey(testVoteKey, "allegro validator run")
	if err != nil {
		t.Fatal(err)
	}
	if err := vote.Free(); err != nil {
		t.Error(err)
	}
}

// Commands that look who has a home, many at once, neither see each other nor keep a
// process from starting.
func TestLookingIsNotHolding(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	if holder, held, err := h.Holder(); held || err != nil {
		t.Fatalf("a new home is held by %+v, %v", holder, err)
	}
	l, err := h.Lock("allegro client run") // the file says who had it from now on
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Free(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if holder, held, err := h.Holder(); held || err != nil {
					t.Errorf("the home is held by %+v, %v", holder, err)
				}
			}
		})
	}
	wg.Wait()

	// A look of the length of a breath.
	look := flock.New(h.lockPath())
	if shared, err := look.TryRLock(); !shared || err != nil {
		t.Fatal(shared, err)
	}
	time.AfterFunc(lockWait/4, func() {
		if err := look.Unlock(); err != nil {
			t.Error(err)
		}
	})
	l, err = h.Lock("allegro client run")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Free(); err != nil {
		t.Error(err)
	}
}

// A holder that has not said yet who it is.
func TestLockOfAnUnknownHolder(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	silent := flock.New(h.lockPath())
	if taken, err := silent.TryLock(); !taken || err != nil {
		t.Fatal(taken, err)
	}
	defer silent.Close()
	_, err := h.Lock("allegro client run")
	wantError(t, err, ErrInUse, "is in use by another process: stop it")
}

func TestLockFaults(t *testing.T) {
	h := newHome(t, p2p.RoleClient)
	run := filepath.Join(h.Dir(), runName)
	if err := os.Remove(run); err != nil {
		t.Fatal(err)
	}
	if _, held, err := h.Holder(); held || err != nil {
		t.Errorf("without %s: %v, %v", run, held, err)
	}
	l, err := h.Lock("allegro client run")
	if err != nil {
		t.Fatalf("a home that lost its empty folders: %v", err)
	}
	if err := l.Free(); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(run); err != nil {
		t.Fatal(err)
	}
	put(t, run, nil)
	_, err = h.Lock("allegro client run")
	wantError(t, err, nil, "locking home")
}

func TestCommandName(t *testing.T) {
	for line, want := range map[string]string{
		"/usr/bin/allegro":                        "allegro",
		"allegro validator run --home /srv/dave":  "allegro validator run",
		"allegro --help":                          "allegro",
		"./allegro pay --to 0x1 --amount 10 now ": "allegro pay",
	} {
		if got := CommandName(strings.Fields(line)); got != want {
			t.Errorf("%q is named %q, want %q", line, got, want)
		}
	}
}
