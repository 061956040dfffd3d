package netfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/allegro-p2p/allegro/p2p/netfile/strict"
	"github.com/pelletier/go-toml/v2"
)

// maxSize bounds what is read of a file, in bytes. The largest committee takes
// about half of a MiB, so eight epochs of it fit.
const maxSize = 4 << 20

// Parse reads and checks a network file. An error names the line, or the member
// or table that is at fault, and what was probably meant.
func Parse(data []byte) (*File, error) {
	f, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("network file: %w", err)
	}
	return f, nil
}

// Load reads and checks the network file at path. The error wraps
// [fs.ErrNotExist] if there is none; else it is as that of [Parse].
func Load(path string) (*File, error) {
	data, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("network file: %w: copy it from another peer of the network", err)
	}
	if err != nil {
		return nil, fmt.Errorf("network file: %w", err)
	}
	f, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("network file %s: %w", path, err)
	}
	return f, nil
}

// Encode returns the file as TOML with a comment on every part. It fails if the
// file is not valid.
func (f *File) Encode() ([]byte, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	data, err := toml.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("network file: encoding: %w", err)
	}
	return data, nil
}

// read returns the bytes of a file, one more than allowed at most.
func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxSize+1))
}

func parse(data []byte) (*File, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("has more than %d bytes: this is not a network file", maxSize)
	}
	var f File
	if err := strict.Decode(data, &f); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return &f, nil
}
