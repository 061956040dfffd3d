package netfile

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/p2p/netfile/strict"
)

// free are the keys that peers of one network may set differently.
var free = map[string]bool{
	"name": true, "asset.symbol": true, "committee.member.name": true, "committee.member.addresses": true,
}

// Every key that peers must agree on changes the digest, and no other key does.
func TestDigestCoversFields(t *testing.T) {
	want := sample().Digest()
	eachChange(func(key string, f *File) {
		if changed := f.Digest() != want; changed == free[key] {
			t.Errorf("a change of %s changes the digest: %v", key, changed)
		}
	})
}

// Every key has an effect: on the digest or on what a lookup returns.
func TestEveryFieldHasEffect(t *testing.T) {
	want := effects(sample())
	eachChange(func(key string, f *File) {
		if effects(f) == want {
			t.Errorf("a change of %s has no effect", key)
		}
	})
}

// effects is everything that the methods of a file say.
func effects(f *File) string {
	var b strings.Builder
	fmt.Fprintln(&b, f, f.Digest())
	for _, c := range f.Committees {
		if committee, err := f.committee(c); err == nil {
			fmt.Fprintf(&b, "%+v\n", f.MembersOf(committee.ID()))
		}
	}
	for _, symbol := range []string{"pathUSD", "AlphaUSD"} {
		a, ok := f.AssetBySymbol(symbol)
		fmt.Fprintf(&b, "%+v %v\n", a, ok)
	}
	return b.String()
}

// eachChange calls visit with a sample for every value in it, each time with
// that value changed and with the key that holds it.
func eachChange(visit func(key string, f *File)) {
	for n := 0; ; n++ {
		f, at, changed := sample(), 0, ""
		leaves(reflect.ValueOf(f).Elem(), "", func(key string, v reflect.Value) {
			if at == n {
				change(v)
				changed = key
			}
			at++
		})
		if changed == "" {
			return
		}
		visit(changed, f)
	}
}

// leaves calls visit for every value of a table that is no table itself.
func leaves(table reflect.Value, place string, visit func(key string, v reflect.Value)) {
	for i := range table.NumField() {
		key := strings.TrimPrefix(place+"."+strict.KeyOf(table.Type().Field(i)), ".")
		switch v := table.Field(i); {
		case v.Kind() == reflect.Struct:
			leaves(v, key, visit)
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
			for j := range v.Len() {
				leaves(v.Index(j), key, visit)
			}
		default:
			visit(key, v)
		}
	}
}

// change gives a value another content of its type.
func change(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(v.Uint() + 1)
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Array:
		change(v.Index(0))
	case reflect.Slice:
		change(v.Index(0))
	default:
		panic("no change for a value of kind " + v.Kind().String())
	}
}
