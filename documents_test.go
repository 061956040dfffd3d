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

var (
	markdownLink    = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"`)
	markdownHeading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	codeFence       = regexp.MustCompile("(?ms)^```.*?^```$")
)

// Every link of a document within the repository leads to a file that is there, and to a
// heading of it if it names one.
func TestLinksLeadSomewhere(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	text := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return codeFence.ReplaceAllString(string(data), "")
	}
	anchors := func(path string) (all []string) {
		for _, m := range markdownHeading.FindAllStringSubmatch(text(path), -1) {
			anchor := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
			all = append(all, strings.ReplaceAll(anchor, " ", "-"))
		}
		return all
	}
	links := 0
	for _, document := range append(documents, "README.md") {
		for _, m := range markdownLink.FindAllStringSubmatch(text(document), -1) {
			target, anchor, named := strings.Cut(m[1]+m[2], "#")
			if strings.Contains(target, "://") {
				continue
			}
			links++
			path := document
			if target != "" {
				path = filepath.Join(filepath.Dir(document), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s: %v", document, m[1]+m[2], err)
			} else if named && !slices.Contains(anchors(path), anchor) {
				t.Errorf("%s links to %s: %s has no such heading", document, m[1]+m[2], path)
			}
		}
	}
	if links < 20 {
		t.Errorf("the documents have %d links within the repository", links)
	}
}
