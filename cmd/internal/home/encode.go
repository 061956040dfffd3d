package home

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"github.com/allegro-p2p/allegro/p2p"
	"github.com/allegro-p2p/allegro/p2p/netfile/strict"
	"github.com/pelletier/go-toml/v2"
)

// tablesOf has the tables that only some roles have a use for.
var tablesOf = map[string][]p2p.Role{
	"validator":  {p2p.RoleValidator},
	"client":     {p2p.RoleClient},
	"accept":     {p2p.RoleClient},
	"delivery":   {p2p.RoleClient},
	"aggregator": {p2p.RoleAggregator},
	"keystore":   {p2p.RoleValidator, p2p.RoleClient},
}

// uses reports whether the role of c has a use for a table.
func (c *Config) uses(table string) bool {
	roles, some := tablesOf[table]
	if !some {
		return true
	}
	for _, role := range roles {
		if role == c.Node.Role {
			return true
		}
	}
	return false
}

// CheckUse reports an error if a key is none, or is one that the role of c has no use
// for: the file does not keep it then.
func (c *Config) CheckUse(key string) error {
	if _, err := c.field(key); err != nil {
		return err
	}
	table, _, _ := strings.Cut(key, ".")
	if !c.uses(table) {
		return fmt.Errorf("%s has no effect here: this peer's role is %s", key, c.Node.Role)
	}
	return nil
}

// encode returns c as a file: the tables that its role uses, and above each key what it
// means and its default.
func (c *Config) encode() ([]byte, error) {
	var file bytes.Buffer
	file.WriteString("# What is this peer's own. `allegro config show --origin` tells where each value comes from:\n" +
		"# a flag wins over ALLEGRO_… in the environment, that over this file, this file over the default.\n")
	defaults := DefaultConfig(c.Node.Role)
	tables, defaultTables := reflect.ValueOf(*c), reflect.ValueOf(defaults)
	for i := range tables.NumField() {
		field := tables.Type().Field(i)
		name := strict.KeyOf(field)
		if !c.uses(name) {
			continue
		}
		if rules, list := tables.Field(i).Interface().([]Accept); list {
			if err := encodeAccept(&file, field.Tag.Get("comment"), rules); err != nil {
				return nil, fmt.Errorf("encoding config: %s: %w", name, err)
			}
			continue
		}
		fmt.Fprintf(&file, "\n# %s\n[%s]\n", field.Tag.Get("comment"), name)
		if err := encodeTable(&file, tables.Field(i), defaultTables.Field(i)); err != nil {
			return nil, fmt.Errorf("encoding config: %s: %w", name, err)
		}
	}
	return file.Bytes(), nil
}

// encodeTable writes the keys of a table with their comments.
func encodeTable(file *bytes.Buffer, table, defaults reflect.Value) error {
	for i := range table.NumField() {
		field := table.Type().Field(i)
		key := strict.KeyOf(field)
		normal, err := toml.Marshal(map[string]any{key: defaults.Field(i).Interface()})
		if err != nil {
			return err
		}
		fmt.Fprintf(file, "# %s\n", field.Tag.Get("comment"))
		if _, value, _ := strings.Cut(string(normal), " = "); key != "role" { // which decides the others, and has none
			file.WriteString("# Default: " + value)
		}
		e := toml.NewEncoder(file)
		e.SetArraysMultiline(true)
		if err := e.Encode(map[string]any{key: table.Field(i).Interface()}); err != nil {
			return err
		}
	}
	return nil
}
