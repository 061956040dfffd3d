package home

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/pelletier/go-toml/v2"
)

// Names in a home.
const (
	configName  = "config.toml"
	networkName = "network.toml"
	keysName    = "keys"
	storeName   = "keystore"
	dataName    = "data"
	runName     = "run"
)

// ErrNoHome means that a directory is no home.
var ErrNoHome = errors.New("is no home of a peer: make one with allegro init, or name another with --home")

// ErrTaken means that a directory cannot become a home.
var ErrTaken = errors.New("is not empty: name a new directory with --home")

// Home is an opened home. Not safe for concurrent use.
type Home struct {
	dir    string
	config Config
	origin map[string]string // of the keys that are not at their default
}

// DefaultDir is the home of a person who names none: ALLEGRO_HOME, else the peer
// "default" where the system keeps a user's data.
func DefaultDir(getenv func(string) string) (string, error) {
	if dir := getenv("ALLEGRO_HOME"); dir != "" {
		return dir, nil
	}
	base := getenv("XDG_DATA_HOME")
	if base == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("there is no default home, name one with --home: %w", err)
		}
		base = filepath.Join(user, ".local", "share")
		if runtime.GOOS == "darwin" {
			base = filepath.Join(user, "Library", "Application Support")
		}
	}
	return filepath.Join(base, "allegro", "default"), nil
}

// Create makes a home in a directory that does not exist or is empty, with a new
// transport key, and for a validator a new vote key. The error wraps [ErrTaken] if
// something is there.
func Create(dir string, config Config) (*Home, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s %w", dir, ErrTaken)
	}
	for _, sub := range []string{"", keysName, storeName, dataName, runName} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("making home: %w", err)
		}
	}
	h := &Home{dir: dir, config: config, origin: make(map[string]string)}
	if err := h.SaveConfig(); err != nil {
		return nil, err
	}
	if _, err := h.NewIdentity(); err != nil {
		return nil, err
	}
	if config.Node.Role == p2p.RoleValidator {
		if err := h.NewVoteKey(); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Open reads a home's config, and what the environment sets over it. The error wraps
// [ErrNoHome] if there is none.
func Open(dir string, lookupEnv func(string) (string, bool)) (*Home, error) {
	path := filepath.Join(dir, configName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s %w", dir, ErrNoHome)
	}
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	h := &Home{dir: dir, origin: make(map[string]string)}
	if h.config, err = parseConfig(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := h.noteFile(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := h.applyEnv(lookupEnv); err != nil {
		return nil, err
	}
	return h, nil
}

// noteFile notes which keys the file sets.
func (h *Home) noteFile(data []byte) error {
	var tables map[string]map[string]any
	if err := toml.Unmarshal(data, &tables); err != nil {
		return err
	}
	eachField(&h.config, func(key string, _ reflect.Value) {
		for table, keys := range tables {
			for name := range keys {
				if table+"."+name == key {
					h.origin[key] = OriginFile
				}
			}
		}
	})
	return nil
}

// Config is the config in force. The caller may change it before it runs the peer.
func (h *Home) Config() *Config { return &h.config }

// Validate reports the first fault of the config in force.
func (h *Home) Validate() error {
	if err := h.config.Validate(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(h.dir, configName), err)
	}
	return nil
}

// SaveConfig writes the config in force to the file, whole or not at all. Comments
// are those of a new file.
func (h *Home) SaveConfig() error {
	data, err := h.config.encode()
	if err != nil {
		return err
	}
	return h.replace(configName, data, 0o644)
}

// Dir is the home's directory.
func (h *Home) Dir() string { return h.dir }

// DataDir is where the peer's database is.
func (h *Home) DataDir() string { return filepath.Join(h.dir, dataName) }

// NetworkPath is where the network file is.
func (h *Home) NetworkPath() string { return filepath.Join(h.dir, networkName) }

// Network reads the network file.
func (h *Home) Network() (*netfile.File, error) { return netfile.Load(h.NetworkPath()) }

// SaveNetwork writes the network file, whole or not at all.
func (h *Home) SaveNetwork(f *netfile.File) error {
	data, err := f.Encode()
	if err != nil {
		return err
	}
	return h.replace(networkName, data, 0o644)
}

// replace writes a file of the home so that it appears whole or not at all.
func (h *Home) replace(name string, data []byte, mode fs.FileMode) error {
	return WriteFile(filepath.Join(h.dir, name), data, mode)
}

// WriteFile writes a file so that it appears whole or not at all, and survives a
// crash once it has returned.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	_, err = bytes.NewReader(data).WriteTo(f)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
