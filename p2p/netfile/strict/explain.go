package strict

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// explain turns an error of the TOML decoder into a sentence about a file whose
// keys are the fields of root.
func explain(root reflect.Type, err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		first := &unknown.Errors[0]
		line, _ := first.Position()
		return fmt.Errorf("line %d: %w", line, unknownKey(root, first.Key(), false))
	}
	var bad *toml.DecodeError
	if !errors.As(err, &bad) {
		return err
	}
	line, _ := bad.Position()
	reason := strings.TrimPrefix(bad.Error(), "toml: ")
	key := strings.Join(bad.Key(), ".")
	switch t, known := typeOf(root, bad.Key()); {
	case key == "":
		return fmt.Errorf("line %d: %s", line, reason)
	case known && !hasText(t):
		return fmt.Errorf("line %d: key %s wants %s", line, key, wants(t))
	default:
		return fmt.Errorf("line %d: key %s: %s", line, key, reason)
	}
}

// hasText reports whether values of type t, or of a list of t, say themselves
// what is wrong with their text.
func hasText(t reflect.Type) bool {
	text := reflect.TypeFor[encoding.TextUnmarshaler]()
	return reflect.PointerTo(t).Implements(text) || t.Kind() == reflect.Slice && hasText(t.Elem())
}

// wants says what a key of type t takes.
func wants(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Uint8:
		return "a whole number from 0 to 255"
	case reflect.Uint64:
		return "a whole number from 0 to 2^63-1"
	case reflect.Pointer:
		return wants(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return "tables under [[…]]"
		}
		return "a list of texts in quotes"
	case reflect.Struct:
		return "a table under […]"
	default:
		return "a text in quotes"
	}
}
