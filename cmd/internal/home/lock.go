package home

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// ErrInUse means that another process has the home, or its vote key.
var ErrInUse = errors.New("is in use")

// Holder says who has a home.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"` // without flags, which may be long
	Home    string    `json:"home"`
	Since   time.Time `json:"since"`
}

// String names the holder for a message.
func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	return fmt.Sprintf("pid %d (%s, since %s)", h.PID, h.Command, h.Since.Local().Format("2006-01-02 15:04:05"))
}

// Lock keeps other processes from a home, or from a vote key. The kernel frees it
// when the process ends, however that happens.
type Lock struct{ file *flock.Flock }

// Lock takes the home for a command. The error wraps [ErrInUse] and names the holder.
func (h *Home) Lock(command string) (*Lock, error) {
	if err := os.MkdirAll(filepath.Join(h.dir, runName), 0o700); err != nil { // copies lose empty folders
		return nil, fmt.Errorf("locking home: %w", err)
	}
	l, holder, err := lock(h.lockPath(), command, h.dir)
	if errors.Is(err, ErrInUse) {
		return nil, fmt.Errorf("home %s %w by %s: stop it, or name another home with --home", h.dir, ErrInUse, holder)
	}
	return l, err
}

// voteLocks is the folder of the locks on vote keys: one for all processes of a user,
// whatever their TMPDIR, and closed to others, who could otherwise block a validator or
// lead what is written there elsewhere.
func voteLocks() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("locking the vote key: no folder for it, set HOME: %w", err)
	}
	dir := filepath.Join(base, "allegro", "votes")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("locking the vote key: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("locking the vote key: %w", err)
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("locking the vote key: others can reach %s: chmod 700 it", dir)
	}
	return dir, nil
}

// LockVoteKey takes a vote key for a command, so that no second process of this user
// votes with it from a copy of the home: two signers of one key can
// contradict each other, and the proof of that costs the validator its seat. The
// error wraps [ErrInUse] and names the holder.
func (h *Home) LockVoteKey(public []byte, command string) (*Lock, error) {
	dir, err := voteLocks()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%x.lock", sha256.Sum256(public))
	l, holder, err := lock(filepath.Join(dir, name), command, h.dir)
	if errors.Is(err, ErrInUse) {
		where := ""
		if holder.Home != "" {
			where = " in home " + holder.Home
		}
		return nil, fmt.Errorf("vote key 0x%x… %w by %s%s: one key votes in one process only, give this validator a key of its own",
			public[:4], ErrInUse, holder, where)
	}
	return l, err
}

func (h *Home) lockPath() string { return filepath.Join(h.dir, runName, "node.lock") }

// A command that looks who has a home shares its lock for a moment. A process that
// wants the lock then must not take the command for a holder.
const (
	lockWait  = 200 * time.Millisecond
	lockPause = 5 * time.Millisecond
)

// lock takes a file that says who has it.
func lock(path, command, dir string) (*Lock, Holder, error) {
	file := flock.New(path, flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	taken, err := file.TryLockContext(ctx, lockPause)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, Holder{}, fmt.Errorf("locking %s: %w", path, err)
	}
	if !taken {
		return nil, readHolder(path), ErrInUse
	}
	data, err := json.Marshal(Holder{os.Getpid(), command, dir, time.Now()})
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		return nil, Holder{}, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Unlock())
	}
	return &Lock{file}, Holder{}, nil
}

// readHolder reads who has a lock; what is not said is empty.
func readHolder(path string) (h Holder) {
	if data, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(data, &h) // it may be in the middle of being written
	}
	return h
}

// Holder returns who has the home, false if nobody.
func (h *Home) Holder() (Holder, bool, error) {
	path := h.lockPath()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return Holder{}, false, nil
	}
	// Shared: two commands that look at once must not see each other.
	file := flock.New(path, flock.SetPermissions(0o600))
	free, err := file.TryRLock()
	if err != nil {
		return Holder{}, false, fmt.Errorf("looking at %s: %w", path, err)
	}
	if free {
		return Holder{}, false, file.Unlock()
	}
	return readHolder(path), true, nil
}

// Free gives the lock back.
func (l *Lock) Free() error {
	if err := l.file.Unlock(); err != nil {
		return fmt.Errorf("freeing %s: %w", l.file.Path(), err)
	}
	return nil
}

// CommandName is a command as a lock and a log name it: the words before the first
// flag.
func CommandName(args []string) string {
	words := []string{"allegro"}
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "-") {
			break
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}
