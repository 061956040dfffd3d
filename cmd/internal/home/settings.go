package home

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/allegro-p2p/allegro/p2p/netfile"
	"github.com/allegro-p2p/allegro/p2p/netfile/strict"
)

// Origins of a setting, beside the name of the environment variable or flag that set
// it.
const (
	OriginDefault = "default"
	OriginFile    = "config.toml"
)

// Setting is one key of a config with its value as text and where that comes from.
type Setting struct {
	Key    string // dotted, such as p2p.listen
	Value  string // lists are separated by commas; no account is empty
	Origin string // OriginDefault, OriginFile, or the variable or flag
}

// EnvName is the environment variable of a key: ALLEGRO_P2P_LISTEN for p2p.listen.
func EnvName(key string) string {
	return "ALLEGRO_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// Keys returns all keys of a config, in the order of the file.
func Keys() []string {
	var keys []string
	eachField(&Config{}, func(key string, _ reflect.Value) { keys = append(keys, key) })
	return keys
}

// Get returns a key's value as text. The error names the nearest key.
func (c *Config) Get(key string) (string, error) {
	v, err := c.field(key)
	if err != nil {
		return "", err
	}
	return textOf(v), nil
}

// Set changes a key to the value that a text stands for. The error says what the key
// wants; the config as a whole is not checked.
func (c *Config) Set(key, text string) error {
	v, err := c.field(key)
	if err != nil {
		return err
	}
	if err := setText(v, text); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// field returns the field of a key.
func (c *Config) field(key string) (found reflect.Value, err error) {
	eachField(c, func(k string, v reflect.Value) {
		if k == key {
			found = v
		}
	})
	if !found.IsValid() {
		if table, _, _ := strings.Cut(key, "."); table == "accept" {
			return found, errors.New("accept is a list of rules under [[accept]]: edit config.toml")
		}
		var keys []string
		for _, k := range Keys() {
			if strings.HasPrefix(k, key+".") {
				keys = append(keys, k)
			}
		}
		if len(keys) > 0 {
			return found, fmt.Errorf("%s is a table: name one of its keys %s", key, strings.Join(keys, ", "))
		}
		return found, strict.UnknownKey(c, strings.Split(key, "."))
	}
	return found, nil
}

// eachField visits every key of a config, those of lists of tables aside.
func eachField(c *Config, visit func(key string, v reflect.Value)) {
	tables := reflect.ValueOf(c).Elem()
	for i := range tables.NumField() {
		table := tables.Field(i)
		if table.Kind() != reflect.Struct {
			continue // a list of tables: its keys have no name of their own
		}
		for j := range table.NumField() {
			visit(strict.KeyOf(tables.Type().Field(i))+"."+strict.KeyOf(table.Type().Field(j)), table.Field(j))
		}
	}
}

// textOf writes a value.
func textOf(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case []string:
		return strings.Join(value, ",")
	case netfile.Address:
		if value == (netfile.Address{}) { // no account, which is zeros in the file
			return ""
		}
	}
	return fmt.Sprint(v.Interface())
}

// setText parses a value.
func setText(v reflect.Value, text string) error {
	if _, address := v.Interface().(netfile.Address); address && text == "" {
		v.SetZero()
		return nil
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(b)
	case reflect.Slice:
		list := []string{}
		for _, item := range strings.Split(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
		v.Set(reflect.ValueOf(list))
	default:
		panic(fmt.Sprintf("home: config has a field of kind %s", v.Kind()))
	}
	return nil
}

// Settings returns every key that the peer's role has a use for, with its value and
// origin, and each rule under [[accept]] as one setting.
func (h *Home) Settings() []Setting {
	var out []Setting
	eachField(&h.config, func(key string, v reflect.Value) {
		if table, _, _ := strings.Cut(key, "."); !h.config.uses(table) {
			return
		}
		origin := h.origin[key]
		if origin == "" {
			origin = OriginDefault
		}
		out = append(out, Setting{key, textOf(v), origin})
	})
	for i, a := range h.config.Accept {
		out = append(out, Setting{fmt.Sprintf("accept.%d", i+1), a.text(), OriginFile})
	}
	return out
}

// Override sets a key for this process, from a flag or the like that is named by
// origin.
func (h *Home) Override(key, text, origin string) error {
	if err := h.config.Set(key, text); err != nil {
		return fmt.Errorf("%s: %w", origin, err)
	}
	h.origin[key] = origin
	return nil
}

// The environment variables that set log.level and log.format for all programs that log as
// libp2p does. They win over the file, and the variable of the key itself over them. An
// empty one sets nothing.
const (
	GoLogLevel  = "GOLOG_LOG_LEVEL"
	GoLogFormat = "GOLOG_LOG_FMT"
)

// goLogFormats are the formats of libp2p's log as log.format names them: a text is never
// coloured here.
var goLogFormats = map[string]string{"json": LogJSON, "nocolor": LogText, "color": LogText}

// applyGoLog takes what the environment sets of every program that logs as libp2p does.
func (h *Home) applyGoLog(lookup func(string) (string, bool)) error {
	if level, _ := lookup(GoLogLevel); level != "" {
		if _, _, err := (Log{Level: level}).Levels(); err != nil {
			return fmt.Errorf("%s: %w", GoLogLevel, err)
		}
		if err := h.Override("log.level", level, GoLogLevel); err != nil {
			return err
		}
	}
	if name, _ := lookup(GoLogFormat); name != "" {
		format, known := goLogFormats[name]
		if !known {
			return fmt.Errorf("%s is %q: want json, nocolor or color", GoLogFormat, name)
		}
		return h.Override("log.format", format, GoLogFormat)
	}
	return nil
}

// applyEnv takes what the environment sets.
func (h *Home) applyEnv(lookup func(string) (string, bool)) error {
	if err := h.applyGoLog(lookup); err != nil {
		return err
	}
	for _, key := range Keys() {
		if text, set := lookup(EnvName(key)); set {
			if err := h.Override(key, text, EnvName(key)); err != nil {
				return err
			}
		}
	}
	return nil
}
