package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"

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
	made   []string          // paths that Create made, a folder before what is in it
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
// something is there; whatever the error, nothing of the home is left.
func Create(dir string, config Config) (*Home, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	h := &Home{dir: dir, config: config, origin: make(map[string]string)}
	switch entries, err := os.ReadDir(dir); {
	case errors.Is(err, fs.ErrNotExist):
		h.made = append(h.made, dir)
	case err != nil:
		return nil, fmt.Errorf("making home: %w", err)
	case len(entries) > 0:
		return nil, fmt.Errorf("%s %w", dir, ErrTaken)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making home: %w", err)
	}
	// Of two processes that make the same home, one makes this folder.
	if err := os.Mkdir(filepath.Join(dir, keysName), 0o700); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s %w", dir, ErrTaken)
	} else if err != nil {
		return nil, fmt.Errorf("making home: %w", err)
	}
	for _, name := range []string{keysName, storeName, dataName, runName, networkName, configName} {
		h.made = append(h.made, filepath.Join(dir, name))
	}
	if err := h.fill(); err != nil {
		return nil, errors.Join(err, h.Discard())
	}
	return h, nil
}

// fill makes what is in a new home.
func (h *Home) fill() error {
	for _, sub := range []string{storeName, dataName, runName} {
		if err := os.Mkdir(filepath.Join(h.dir, sub), 0o700); err != nil {
			return fmt.Errorf("making home: %w", err)
		}
	}
	if _, err := h.NewIdentity(); err != nil {
		return err
	}
	if h.config.Node.Role == p2p.RoleValidator {
		if err := h.NewVoteKey(); err != nil {
			return err
		}
	}
	// Last: a home that a crash left half made is none.
	return h.SaveConfig()
}

// Discard removes a home that [Create] has just made, for a caller that cannot
// finish what it is for. A home that was opened keeps everything.
func (h *Home) Discard() error {
	for _, path := range slices.Backward(h.made) {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing the unfinished home: %w", err)
		}
	}
	h.made = nil
	return nil
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
	var tables map[string]any
	if err := toml.Unmarshal(data, &tables); err != nil {
		return err
	}
	eachField(&h.config, func(key string, _ reflect.Value) {
		for table, content := range tables {
			keys, _ := content.(map[string]any) // or a list of tables
			for name := range keys {
				if strings.EqualFold(table+"."+name, key) { // as the decoder takes it
					h.origin[key] = OriginFile
				}
			}
		}
	})
	return nil
}

// Config is the config in force. The caller may change it before it runs the peer.
func (h *Home) Config() *Config { return &h.config }

// Validate reports the first fault of the config in force, and where that comes
// from: the file, a variable or a flag.
func (h *Home) Validate() error {
	err := h.config.Validate()
	if err == nil {
		return nil
	}
	where := h.ConfigPath()
	if f := new(fault); errors.As(err, &f) {
		if origin := h.origin[f.key]; origin != "" && origin != OriginFile {
			where = origin
		}
	}
	return fmt.Errorf("%s: %w", where, err)
}

// SaveConfig writes the config in force to the file, whole or not at all, and with
// it what the environment or a flag has set: see [Home.Edit]. Comments are those of
// a new file.
func (h *Home) SaveConfig() error { return h.save(&h.config) }

// Edit changes what the file says, and nothing else: what the environment or a flag
// sets does not get into it. The file is written if change succeeds and the result
// is valid; the config in force stays as it is.
func (h *Home) Edit(change func(*Config) error) error {
	path := h.ConfigPath()
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	c, err := parseConfig(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := change(&c); err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	return h.save(&c)
}

// save writes the config file. A node's URL may hold an access token.
func (h *Home) save(c *Config) error {
	data, err := c.encode()
	if err != nil {
		return err
	}
	return WriteFile(h.ConfigPath(), data, 0o600)
}

// Dir is the home's directory.
func (h *Home) Dir() string { return h.dir }

// ConfigPath is where the config file is.
func (h *Home) ConfigPath() string { return filepath.Join(h.dir, configName) }

// DataDir is where the peer's database is.
func (h *Home) DataDir() string { return filepath.Join(h.dir, dataName) }

// LogPath is the file that the config names for logs; empty if none.
func (h *Home) LogPath() string { return h.relative(h.config.Log.File) }

// SecretPath is the file with the secret of the webhook; empty if none is named.
func (h *Home) SecretPath() string { return h.relative(h.config.Delivery.SecretFile) }

// relative completes a path of the config, which may be relative to the home.
func (h *Home) relative(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(h.dir, path)
}

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
	return WriteFile(h.NetworkPath(), data, 0o644)
}
