package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes a file so that it appears whole or not at all, and survives a
// crash once it has returned.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	if err := place(path, data, mode, os.Rename); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// WriteNew writes a private file that must not exist yet, whole or not at all, so
// that it survives a crash once it has returned. The error wraps [fs.ErrExist] if
// something is there.
func WriteNew(path string, data []byte) error {
	// A link fails where a rename would overwrite.
	return place(path, data, 0o600, os.Link)
}

// place writes a file beside its place and then puts it there.
func place(path string, data []byte, mode fs.FileMode, put func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := put(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a folder survive a crash: syncing a file does not.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// maxPrivate bounds what is read of a private file, in bytes: a key or a password.
const maxPrivate = 64 << 10

// ReadPrivate reads a small file that nobody else may read: a key or a password. The
// error says how to close one that others can read.
func ReadPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxPrivate {
		return nil, fmt.Errorf("%s is no key file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o, others can read it: chmod 600 %s", path, mode, path)
	}
	return os.ReadFile(path)
}
