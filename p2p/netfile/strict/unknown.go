package strict

import (
	"fmt"
	"reflect"
	"strings"
)

// unknownKey is the error about a key that the format of root does not have. It
// names the nearest key that exists, else all keys of the table. dotted: with its
// table, also if that is the one that path names.
func unknownKey(root reflect.Type, path []string, dotted bool) error {
	table, at := root, 0
	for ; at < len(path)-1; at++ {
		field, ok := fieldOf(table, path[at])
		if !ok || element(field).Kind() != reflect.Struct {
			break
		}
		table = element(field)
	}
	key, place := strings.Join(path[:at+1], "."), strings.Join(path[:at], ".")
	if nearTable, near := nearest(root, path[at], place); near != "" {
		if dotted || nearTable != place {
			near = strings.TrimPrefix(nearTable+"."+near, ".")
		}
		return fmt.Errorf("key %s is unknown: did you mean %s?", key, near)
	}
	return fmt.Errorf("key %s is unknown: the keys there are %s", key, strings.Join(names(table), ", "))
}

// slips is how many edits a word of some length may differ from what was meant.
func slips(length int) int { return length/3 + 1 }

// nearest returns the key that is most like name and its table; place is the table
// that name stands in. "" if none is alike.
func nearest(root reflect.Type, name, place string) (bestTable, best string) {
	bestCost := slips(len(name)) + 1
	walk(root, "", func(table, key string) {
		cost := distance(strings.ToLower(name), key)
		if table != place {
			cost++ // a slip of the fingers is likelier than one of the place
		}
		if cost < bestCost {
			bestTable, best, bestCost = table, key, cost
		}
	})
	return bestTable, best
}

// Nearest returns that of some names which name was probably meant to be; "" if none
// is alike.
func Nearest(name string, names []string) string {
	best, bestCost := "", slips(len(name))+1
	for _, n := range names {
		if cost := distance(strings.ToLower(name), strings.ToLower(n)); cost < bestCost {
			best, bestCost = n, cost
		}
	}
	return best
}

// walk calls visit for every key of the format, with the table it stands in.
func walk(t reflect.Type, table string, visit func(table, key string)) {
	for i := range t.NumField() {
		key := KeyOf(t.Field(i))
		visit(table, key)
		if inner := element(t.Field(i).Type); inner.Kind() == reflect.Struct {
			walk(inner, strings.TrimPrefix(table+"."+key, "."), visit)
		}
	}
}

// typeOf returns the type of the key at a path.
func typeOf(root reflect.Type, path []string) (reflect.Type, bool) {
	t := root
	for _, name := range path {
		field, ok := fieldOf(element(t), name)
		if !ok {
			return nil, false
		}
		t = field
	}
	return t, len(path) > 0
}

// fieldOf returns the type of a table's key, whatever its case: the decoder
// takes all of them.
func fieldOf(table reflect.Type, name string) (reflect.Type, bool) {
	if table.Kind() != reflect.Struct {
		return nil, false
	}
	for i := range table.NumField() {
		if f := table.Field(i); strings.EqualFold(KeyOf(f), name) {
			return f.Type, true
		}
	}
	return nil, false
}

// element is the type of a list's elements, else t itself.
func element(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Slice {
		return t.Elem()
	}
	return t
}

// names returns the keys of a table in the order of the format.
func names(table reflect.Type) []string {
	var keys []string
	for i := range table.NumField() {
		keys = append(keys, KeyOf(table.Field(i)))
	}
	return keys
}

// KeyOf is the TOML key of a field.
func KeyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
	return name
}

// distance is the number of single-character edits between two keys.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
