package examples_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/allegro-p2p/allegro/fastpay"
	"github.com/stretchr/testify/require"
)

// rows are the rows of integrators.md whose first cell is a code, by a pattern for the cells
// behind its meaning.
func rows(t *testing.T, cells string) (all [][]string) {
	t.Helper()
	text, err := os.ReadFile("../integrators.md")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z_]+) \| [^|]+ \| `+cells+` \|$`).FindAllStringSubmatch(string(text), -1) {
		all = append(all, m[1:])
	}
	return all
}

// The table of refusals in integrators.md says what the code does.
func TestTableOfRefusalsIsTheCodes(t *testing.T) {
	var told []string
	for _, row := range rows(t, `(yes|no) \| (\d+) \| (\d)`) {
		told = append(told, strings.Join(row, " "))
	}
	var want []string
	for _, code := range fastpay.Codes() {
		c := fastpay.Classify(code)
		retryable := "no"
		if c.Retryable {
			retryable = "yes"
		}
		want = append(want, fmt.Sprintf("%s %s %d %d", code, retryable, c.HTTP, c.Exit))
	}
	require.Equal(t, want, told)
}

// The table of HTTP's own codes has those that the API answers with, a demo's aside.
func TestTableOfHTTPCodesIsTheAPIs(t *testing.T) {
	status := make(map[string]int)
	for n := 100; n < 600; n++ {
		status["Status"+strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(n))] = n
	}
	paths, err := filepath.Glob("../../aggregator/httpapi/*.go")
	require.NoError(t, err)
	var code string
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			code += string(data)
		}
	}
	names := make(map[string]string) // of the constants
	for _, m := range regexp.MustCompile(`(?m)^\t([A-Z]\w+) += "([A-Z_]+)"$`).FindAllStringSubmatch(code, -1) {
		names[m[1]] = m[2]
	}
	want := make(map[string]bool)
	for _, m := range regexp.MustCompile(`Status: http\.(\w+), Code: (\w+)`).FindAllStringSubmatch(code, -1) {
		if name := names[m[2]]; name != "" && !strings.Contains(name, "DEMO") {
			want[fmt.Sprintf("%s %d", name, status[m[1]])] = true
		}
	}
	told := make(map[string]bool)
	for _, row := range rows(t, `(yes|no) \| (\d+)`) {
		told[row[0]+" "+row[2]] = true
	}
	require.Equal(t, want, told)
}

// The example in TypeScript waits for what the tables call retryable.
func TestTypeScriptKnowsWhatIsRetryable(t *testing.T) {
	var want, has []string
	for _, row := range append(rows(t, `(yes|no) \| \d+ \| \d`), rows(t, `(yes|no) \| \d+`)...) {
		if row[1] == "yes" {
			want = append(want, row[0])
		}
	}
	text, err := os.ReadFile("../../aggregator/web/examples/wallet.ts")
	require.NoError(t, err)
	list := regexp.MustCompile(`RETRYABLE = \[([^\]]+)\]`).FindStringSubmatch(string(text))
	require.NotNil(t, list)
	for _, m := range regexp.MustCompile(`'([A-Z_]+)'`).FindAllStringSubmatch(list[1], -1) {
		has = append(has, m[1])
	}
	slices.Sort(want)
	slices.Sort(has)
	require.Equal(t, want, has)
}
