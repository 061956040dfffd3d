package allegro_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sources is the text of all files of the module that say how things are called.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "node_modules":
			return fs.SkipDir
		case !slices.Contains([]string{".go", ".toml", ".yaml"}, filepath.Ext(path)):
			return nil
		}
		data, err := os.ReadFile(path)
		all.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// Every name that the glossary gives a thing is in use: a command by its words, a flag by its
// definition, anything else as it stands, a package's name aside.
func TestGlossaryNamesWhatThereIs(t *testing.T) {
	glossary, err := os.ReadFile("docs/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	all := sources(t)
	rows := regexp.MustCompile(`(?m)^\| [^|]+ \| [^|]+ \| ([^|]+) \|$`).FindAllStringSubmatch(string(glossary), -1)
	if len(rows) < 40 {
		t.Fatalf("the glossary has %d rows", len(rows))
	}
	for _, row := range rows {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			var want []string
			switch name := m[1]; {
			case strings.HasPrefix(name, "--"):
				want = []string{`Name: "` + name[2:] + `"`}
			case strings.HasPrefix(name, "allegro "):
				for _, word := range strings.Fields(name)[1:] {
					want = append(want, `"`+word+`"`)
				}
			case strings.HasPrefix(name, "[["):
				want = []string{`toml:"` + strings.Trim(name, "[]")}
			case regexp.MustCompile(`^[a-z0-9]+\.[A-Z]`).MatchString(name):
				_, name, _ = strings.Cut(name, ".")
				want = []string{name}
			case regexp.MustCompile(`^[A-Z][a-z]+\.[A-Z]`).MatchString(name): // a method
				of, method, _ := strings.Cut(name, ".")
				want = []string{" " + of + ") " + method + "("}
			case regexp.MustCompile(`^[a-z_]+$`).MatchString(name):
				want = []string{`"` + name + `"`}
			default:
				want = []string{name}
			}
			for _, text := range want {
				if !strings.Contains(all, text) {
					t.Errorf("the glossary names %s: nothing is called so: no %s", m[1], text)
				}
			}
		}
	}
}

// Every test that docs/spec.md names as the proof of a rule exists.
func TestSpecificationNamesTestsThatExist(t *testing.T) {
	spec, err := os.ReadFile("docs/spec.md")
	if err != nil {
		t.Fatal(err)
	}
	all := sources(t)
	names := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(spec), -1)
	if len(names) < 30 {
		t.Fatalf("docs/spec.md names %d tests", len(names))
	}
	for _, m := range names {
		if !strings.Contains(all, "func "+m[1]+"(") {
			t.Errorf("docs/spec.md names %s, which does not exist", m[1])
		}
	}
}
