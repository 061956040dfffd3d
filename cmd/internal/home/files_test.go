package home

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A reader sees the old content or the new one, never a mixture or nothing.
func TestWriteFileIsAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	contents := [][]byte{bytes.Repeat([]byte("a"), 1<<16), bytes.Repeat([]byte("b"), 1<<10)}
	if err := WriteFile(path, contents[0], 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 50 {
			if err := WriteFile(path, contents[i%2], 0o644); err != nil {
				t.Error(err)
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, contents[0]) && !bytes.Equal(got, contents[1]) {
			t.Fatalf("read %d bytes that nobody wrote", len(got))
		}
	}
	onlyFile(t, path)
}

// onlyFile checks that nothing is beside a file.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	err := WriteFile(filepath.Join(dir, "none", "file"), nil, 0o600)
	wantError(t, err, fs.ErrNotExist, "writing "+filepath.Join(dir, "none", "file"))

	// A folder with something in it cannot be replaced.
	path := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(path, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	wantError(t, WriteFile(path, []byte("x"), 0o600), nil, "writing "+path)
	onlyFile(t, path)
}

func TestFileModes(t *testing.T) {
	dir := t.TempDir()
	for want, write := range map[fs.FileMode]func(path string) error{
		0o640: func(path string) error { return WriteFile(path, []byte("x"), 0o640) },
		0o600: func(path string) error { return WriteNew(path, []byte("x")) },
	} {
		path := filepath.Join(dir, want.String())
		if err := write(path); err != nil {
			t.Fatal(err)
		}
		if got := mode(t, path); got != want {
			t.Errorf("mode is %04o, want %04o", got, want)
		}
	}
}

func TestWriteNewNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := WriteNew(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := WriteNew(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error is %v", err)
	}
	if got, err := os.ReadFile(path); string(got) != "first" || err != nil {
		t.Errorf("the file has %q, %v", got, err)
	}
	onlyFile(t, path)
}

func TestReadPrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadPrivate(path); string(got) != "x" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	for _, open := range []fs.FileMode{0o644, 0o640, 0o660, 0o604} {
		if err := os.Chmod(path, open); err != nil {
			t.Fatal(err)
		}
		_, err := ReadPrivate(path)
		wantError(t, err, nil, "others can read it: chmod 600 "+path)
	}
	_, err := ReadPrivate(dir)
	wantError(t, err, nil, "is no key file")
	_, err = ReadPrivate(path + ".old")
	wantError(t, err, fs.ErrNotExist)
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxPrivate+1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = ReadPrivate(large)
	wantError(t, err, nil, "is no key file")
}
