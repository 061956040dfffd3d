// Package strict reads TOML into a struct and explains every mistake: the line, the
// key, what it takes, and for a key that does not exist the nearest one that does.
// It knows no file of its own: the network file and a peer's config are read by it.
package strict

import (
	"bytes"
	"reflect"

	"github.com/pelletier/go-toml/v2"
)

// Decode reads TOML into the struct that v points to. Every key must be one of its
// fields. The error names the line.
func Decode(data []byte, v any) error {
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return explain(reflect.TypeOf(v).Elem(), err)
	}
	return nil
}

// UnknownKey is the error about a key that the struct v points to does not have. It
// names the nearest one in dotted form, as it is written outside of a file.
func UnknownKey(v any, path []string) error {
	return unknownKey(reflect.TypeOf(v).Elem(), path, true)
}
