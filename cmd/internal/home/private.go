package home

import (
	"os"
	"path/filepath"
)

// PrivatePath is a file or folder that is for its owner alone.
type PrivatePath struct {
	Path   string
	Secret bool // it holds a key or a password
}

// PrivatePaths are what in a home is for its owner alone, whether it is there or not.
func (h *Home) PrivatePaths() []PrivatePath {
	out := []PrivatePath{{h.dir, false}, {h.ConfigPath(), false}}
	for _, name := range []string{keysName, storeName, dataName, runName} {
		out = append(out, PrivatePath{filepath.Join(h.dir, name), false})
	}
	out = append(out, PrivatePath{h.IdentityPath(), true}, PrivatePath{h.VoteKeyPath(), true})
	if path := h.PasswordPath(); path != "" {
		out = append(out, PrivatePath{path, true})
	}
	// A keystore that cannot be read is told when its account is needed.
	entries, _ := os.ReadDir(filepath.Join(h.dir, storeName))
	for _, e := range entries {
		if e.Type().IsRegular() {
			out = append(out, PrivatePath{filepath.Join(h.dir, storeName, e.Name()), true})
		}
	}
	return out
}
