package home

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Names in run/.
const (
	runningName = "api.json"
	socketName  = "api.sock"
)

// Running is what a running process tells commands: run/api.json.
type Running struct {
	PID       int       `json:"pid"`
	API       string    `json:"api"` // path of the Unix socket
	PeerID    string    `json:"peer_id"`
	Addresses []string  `json:"addresses"` // multiaddrs with /p2p/
	Metrics   string    `json:"metrics"`   // URL; empty if not served
	HTTP      string    `json:"http"`      // URL of an aggregator's page and API; empty if not served
	Started   time.Time `json:"started"`
}

// ErrNotRunning means that no process runs in the home.
var ErrNotRunning = errors.New("no peer runs in this home")

// maxSocketPath is the longest path that a Unix socket can have on every system.
const maxSocketPath = 100

// SocketPath is where the API's socket is: in the home, or, if that path is too long
// for a socket, in the system's folder for temporary files under a name that follows
// from the home's.
func (h *Home) SocketPath() (string, error) {
	dir, err := filepath.Abs(h.dir)
	if err != nil {
		return "", fmt.Errorf("path of the API's socket: %w", err)
	}
	if path := filepath.Join(dir, runName, socketName); len(path) <= maxSocketPath {
		return path, nil
	}
	digest := sha256.Sum256([]byte(dir))
	path := filepath.Join(os.TempDir(), fmt.Sprintf("allegro-%x.sock", digest[:8]))
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("no path is short enough for the API's socket: %s and %s are both long, name a shorter home or let TMPDIR name a shorter folder", dir, os.TempDir())
	}
	return path, nil
}

// SaveRunning tells commands of this process.
func (h *Home) SaveRunning(r Running) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", runningName, err)
	}
	return WriteFile(filepath.Join(h.dir, runName, runningName), data, 0o600)
}

// Running reads what the running process has told. The error wraps [ErrNotRunning] if
// there is none.
func (h *Home) Running() (Running, error) {
	data, err := os.ReadFile(filepath.Join(h.dir, runName, runningName))
	if errors.Is(err, fs.ErrNotExist) {
		return Running{}, ErrNotRunning
	}
	if err != nil {
		return Running{}, fmt.Errorf("reading %s: %w", runningName, err)
	}
	var r Running
	if err := json.Unmarshal(data, &r); err != nil {
		return Running{}, fmt.Errorf("reading %s: %w", runningName, err)
	}
	return r, nil
}

// ForgetRunning takes back what SaveRunning told.
func (h *Home) ForgetRunning() error {
	if err := os.Remove(filepath.Join(h.dir, runName, runningName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", runningName, err)
	}
	return nil
}
